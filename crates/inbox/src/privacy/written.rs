//! What people here wrote themselves, where an address of somebody's may stand: the lines of incidents. Only an address is looked
//! for. A name or a number in a sentence may be anybody's.

use serde_json::Value;
use store::Store;
use store::failure::StoreError;
use store::privacy::NumberedLine;

use super::kept::PAGE;

/// What stands in an address's place.
const GONE: &str = "[removed]";

/// How many lines hold one of these addresses.
pub(super) async fn count(store: &Store, emails: &[String]) -> Result<u64, StoreError> {
    let (mut after, mut count) = (0, 0);
    while let Some(page) = page(store, &mut after, emails).await? {
        count += page.iter().filter(|it| without(&it.line.document, emails).is_some()).count() as u64;
    }
    Ok(count)
}

/// Takes them out; how many lines there were.
pub(super) async fn take_out(store: &Store, emails: &[String]) -> Result<u64, StoreError> {
    let (mut after, mut count) = (0, 0);
    while let Some(page) = page(store, &mut after, emails).await? {
        for mut numbered in page {
            let Some(document) = without(&numbered.line.document, emails) else { continue };
            numbered.line.document = document;
            store.rewrite_line(&numbered).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// The lines behind `after`, which moves on. `None` at the end, and where there is nothing to look for.
async fn page(
    store: &Store,
    after: &mut i64,
    emails: &[String],
) -> Result<Option<Vec<NumberedLine>>, StoreError> {
    if emails.is_empty() {
        return Ok(None);
    }
    let page = store.timeline_lines(*after, PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = last.seq;
    Ok(Some(page))
}

/// A line's document without these addresses, which are in lower case; `None` where none of them is in it.
fn without(document: &[u8], emails: &[String]) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(document).ok()?;
    rewrite(&mut value, emails).then(|| value.to_string().into_bytes())
}

/// Whether anything was.
fn rewrite(value: &mut Value, emails: &[String]) -> bool {
    match value {
        Value::String(text) => match cleaned(text, emails) {
            Some(cleaned) => {
                *text = cleaned;
                true
            }
            None => false,
        },
        Value::Array(all) => all.iter_mut().fold(false, |any, one| rewrite(one, emails) | any),
        Value::Object(all) => all.values_mut().fold(false, |any, one| rewrite(one, emails) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn cleaned(text: &str, emails: &[String]) -> Option<String> {
    let mut cleaned = text.to_owned();
    for email in emails {
        let mut from = 0;
        while let Some(at) = found(&cleaned, email, from) {
            cleaned.replace_range(at..at + email.len(), GONE);
            from = at + GONE.len();
        }
    }
    (cleaned != text).then_some(cleaned)
}

/// Where the address stands by itself: it may be a part of somebody else's.
fn found(text: &str, email: &str, from: usize) -> Option<usize> {
    // Letters that are not ASCII keep their length, so that places stay what they are.
    let lower = text.to_ascii_lowercase();
    let mut from = from;
    while let Some(at) = lower.get(from..)?.find(email).map(|at| from + at) {
        let goes_on = |letter: char| letter.is_alphanumeric() || "_%+-".contains(letter);
        let before = lower[..at].chars().next_back();
        let mut after = lower[at + email.len()..].chars();
        let next = after.next();
        let is_part = before.is_some_and(|letter| goes_on(letter) || letter == '.')
            || next.is_some_and(goes_on)
            // A point ends a sentence, unless a domain goes on behind it.
            || (next == Some('.') && after.next().is_some_and(char::is_alphanumeric));
        if !is_part {
            return Some(at);
        }
        from = at + email.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Jane.Doe@Example.com called", Some("[removed] called"))]
    #[case("<jane.doe@example.com>, jane.doe@example.com.", Some("<[removed]>, [removed]."))]
    #[case("größer: jane.doe@example.com", Some("größer: [removed]"))]
    #[case("mary-jane.doe@example.com", None)]
    #[case("jane.doe@example.com.au", None)]
    #[case("jane.doe@example.community", None)]
    #[case("Jane Doe of example.com", None)]
    fn an_address_goes_where_it_stands_by_itself(#[case] text: &str, #[case] left: Option<&str>) {
        let document = serde_json::json!({"at": 1, "what": {"text": text, "numbers": [1, null, true]}});
        let found = without(document.to_string().as_bytes(), &["jane.doe@example.com".to_owned()]);
        let expected = left.map(|left| {
            serde_json::json!({"at": 1, "what": {"text": left, "numbers": [1, null, true]}})
                .to_string()
                .into_bytes()
        });
        assert_eq!(found, expected);
    }
}
