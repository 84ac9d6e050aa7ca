//! Association ids that do not fit what they are called, or where they stand.

use hubspot::association::{self, Label};
use hubspot::object_type::ObjectType;

use super::rules::Direction;

/// What was read: the id, and either both ends or the record that is made with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Association<'a> {
    pub(super) from: Option<&'a str>,
    pub(super) to: Option<&'a str>,
    pub(super) object: Option<&'a str>,
    pub(super) id: u32,
}

/// What is wrong with it, in words.
pub(super) fn wrong(direction: Direction, read: Association<'_>) -> Option<String> {
    match direction {
        Direction::Reversed => reversed(read),
        Direction::Primary => primary(read),
    }
}

fn reversed(read: Association<'_>) -> Option<String> {
    let known = association::describe(read.id)?;
    let (from, to) = match (read.from, read.to, read.object) {
        (Some(from), Some(to), _) => (singular(from), singular(to)),
        // The record that is made stands at the start; whatever the id starts from must be its other end.
        (_, _, Some(object)) => (singular(object), known.from.to_owned()),
        _ => return None,
    };
    let meant = association::is_reversed(&from, &to, read.id)?;
    Some(format!("{from} → {to} is {meant}; {} is {} → {}", read.id, known.from, known.to))
}

fn primary(read: Association<'_>) -> Option<String> {
    let (from, to) = (singular(read.from?), singular(read.to?));
    let known = association::types(&from, &to).find(|known| known.id == read.id)?;
    let plain = association::default_type(&from, &to)?;
    (known.label == Label::Primary)
        .then(|| format!("{} makes it primary; the plain id of {from} → {to} is {}", known.id, plain.id))
}

/// `lineItem`, `line_items`, `0-8`: all are a line item.
fn singular(name: &str) -> String {
    let name = name.to_lowercase().replace("lineitem", "line_item").replace("postalmail", "postal_mail");
    ObjectType::parse(&name).and_then(|kind| kind.singular().map(str::to_owned)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between<'a>(from: &'a str, to: &'a str, id: u32) -> Association<'a> {
        Association { from: Some(from), to: Some(to), object: None, id }
    }

    #[test]
    fn a_reversed_id_is_told_with_the_right_one() {
        let wrong = |read| wrong(Direction::Reversed, read);
        assert_eq!(wrong(between("CONTACT", "DEAL", 3)).unwrap(), "contact → deal is 4; 3 is deal → contact");
        assert_eq!(wrong(between("0-1", "0-3", 3)).unwrap(), "contact → deal is 4; 3 is deal → contact");
        assert_eq!(wrong(between("contacts", "deals", 4)), None);
        assert_eq!(wrong(between("contacts", "deals", 9_999)), None);
        let made = |object, id| Association { from: None, to: None, object: Some(object), id };
        assert_eq!(wrong(made("deals", 4)).unwrap(), "deal → contact is 3; 4 is contact → deal");
        assert_eq!(wrong(made("notes", 202)), None);
    }

    #[test]
    fn a_primary_id_is_told_with_the_plain_one() {
        let wrong = |read| wrong(Direction::Primary, read);
        assert_eq!(
            wrong(between("contact", "company", 1)).unwrap(),
            "1 makes it primary; the plain id of contact → company is 279"
        );
        assert_eq!(wrong(between("contact", "company", 279)), None);
    }
}
