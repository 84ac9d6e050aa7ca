//! What a read of one record selects, from its query.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// What shall be shown of a record. Two reads with equal selections can share a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Selection {
    /// In the caller's order. None: HubSpot's default set.
    pub(crate) properties: Vec<Box<str>>,
    pub(crate) with_history: Vec<Box<str>>,
    pub(crate) archived: bool,
    /// The unique property that names the record, in place of its id.
    pub(crate) id_property: Option<Box<str>>,
}

impl Selection {
    /// `None` where the query holds anything that a batch read cannot express, or that could mean more than one thing.
    pub(crate) fn read(query: &str) -> Option<Self> {
        let mut selection = Self::default();
        let mut archived = None;
        for (name, value) in pairs(query) {
            match name {
                "properties" => names(value, &mut selection.properties)?,
                "propertiesWithHistory" => names(value, &mut selection.with_history)?,
                "archived" => once(&mut archived, truth(value)?)?,
                "idProperty" => once(&mut selection.id_property, name_of(value)?)?,
                _ => return None,
            }
        }
        selection.archived = archived.unwrap_or(false);
        Some(selection)
    }

    /// Whether an answer will say which of the asked for records it is.
    pub(crate) fn names_its_record(&self) -> bool {
        match &self.id_property {
            None => true,
            // Facts §3.4: of the default properties only a contact's e-mail is a unique one.
            Some(property) if self.properties.is_empty() => &**property == "email",
            Some(property) => self.properties.contains(property),
        }
    }
}

/// The property an update names its record by; `None` where the query holds anything else.
pub(crate) fn id_property(query: &str) -> Option<Option<Box<str>>> {
    let mut found = None;
    for (name, value) in pairs(query) {
        match name {
            "idProperty" => once(&mut found, name_of(value)?)?,
            _ => return None,
        }
    }
    Some(found)
}

/// Text of a path or query, with its percent-encoding taken away. `None` where it is no text, or holds a `+`, which not
/// everyone reads alike.
pub(crate) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') { None } else { percent_decode_str(text).decode_utf8().ok() }
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Names come as `a,b`, as repeated parameters, or both.
fn names(value: &str, into: &mut Vec<Box<str>>) -> Option<()> {
    for name in decoded(value)?.split(',') {
        into.push(plain(name)?);
    }
    Some(())
}

fn name_of(value: &str) -> Option<Box<str>> {
    plain(&decoded(value)?)
}

/// A property's name; anything else is left to HubSpot to judge.
fn plain(name: &str) -> Option<Box<str>> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (!name.is_empty() && name.bytes().all(fits)).then(|| name.into())
}

/// HubSpot's Python client writes `True`.
fn truth(value: &str) -> Option<bool> {
    match value {
        "true" | "True" => Some(true),
        "false" | "False" => Some(false),
        _ => None,
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn every_way_to_write_it_is_one_selection() {
        let repeated = Selection::read("properties=email&properties=a_b&archived=False").unwrap();
        let joined = Selection::read("properties=email,a_b").unwrap();
        let encoded = Selection::read("archived=false&properties=email%2Ca%5Fb").unwrap();
        assert_eq!(repeated, joined);
        assert_eq!(joined, encoded);
        assert_ne!(joined, Selection::read("properties=a_b,email").unwrap(), "the order is the caller's");
        assert_ne!(joined, Selection::read("properties=email,a_b&archived=true").unwrap());
        assert_ne!(joined, Selection::read("properties=email&propertiesWithHistory=a_b").unwrap());
    }

    #[rstest]
    #[case::associations("associations=deals")]
    #[case::unknown("properties=email&newThing=1")]
    #[case::twice("archived=true&archived=false")]
    #[case::odd_truth("archived=1")]
    #[case::plus("properties=a+b")]
    #[case::no_name("properties=")]
    #[case::odd_name("properties=a%22b")]
    #[case::no_text("properties=%ff")]
    #[case::twice_named("idProperty=email&idProperty=id")]
    fn what_a_batch_cannot_express(#[case] query: &str) {
        assert_eq!(Selection::read(query), None);
    }

    #[rstest]
    #[case("", true)]
    #[case("idProperty=email", true)]
    #[case("idProperty=email&properties=firstname", false)]
    #[case("idProperty=email&properties=firstname,email", true)]
    #[case("idProperty=external_id", false)]
    fn an_answer_must_name_its_record(#[case] query: &str, #[case] names: bool) {
        assert_eq!(Selection::read(query).unwrap().names_its_record(), names);
    }

    #[test]
    fn an_update_takes_an_id_property_and_nothing_else() {
        assert_eq!(id_property(""), Some(None));
        assert_eq!(id_property("idProperty=email"), Some(Some("email".into())));
        assert_eq!(id_property("hapikey=1"), None);
    }
}
