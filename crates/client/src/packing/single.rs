//! Calls on one CRM record: `/crm/v3/objects/{type}/{id}` and `/crm/objects/{version}/{type}/{id}`, facts §3.1.

use http::Method;

/// A call on one record, by its path alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Single<'a> {
    /// The path up to the type, without a slash at its end.
    pub(crate) collection: &'a str,
    /// The type, as the path words it.
    pub(crate) kind: &'a str,
    /// The record, as the path words it: percent-encoded, and not always its id.
    pub(crate) record: &'a str,
    pub(crate) deed: Deed,
}

/// What it does to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    Read,
    Update,
    /// A write that no pack can carry.
    Archive,
}

impl<'a> Single<'a> {
    pub(crate) fn read(method: &Method, path: &'a str) -> Option<Self> {
        let deed = match *method {
            Method::GET => Deed::Read,
            Method::PATCH => Deed::Update,
            Method::DELETE => Deed::Archive,
            _ => return None,
        };
        let rest = path.strip_prefix("/crm/")?;
        let (first, rest) = cut(rest)?;
        let (second, rest) = cut(rest)?;
        let versioned = match (first, second) {
            ("v3", "objects") => true,
            ("objects", version) => version.starts_with("20"),
            _ => false,
        };
        let (kind, record) = cut(rest).filter(|_| versioned)?;
        let plain = |word: &str| !word.is_empty() && cut(word).is_none();
        let kind_is_plain = !kind.is_empty() && kind.bytes().all(is_plain);
        let collection = &path[..path.len() - record.len() - 1];
        (kind_is_plain && plain(record)).then_some(Self { collection, kind, record, deed })
    }

    pub(crate) fn writes(&self) -> bool {
        match self.deed {
            Deed::Read => false,
            Deed::Update | Deed::Archive => true,
        }
    }
}

/// What stands before the first slash, and after it. By bytes: words are short, and looking for a character costs more
/// than looking at each.
fn cut(path: &str) -> Option<(&str, &str)> {
    let slash = path.bytes().position(|byte| byte == b'/')?;
    Some((&path[..slash], &path[slash + 1..]))
}

/// A byte of a word that needs no encoding in a path or in JSON.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The id as HubSpot writes it: digits, the first of them no zero. What is written otherwise might name the same record.
pub(super) fn is_canonical_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("GET", "/crm/v3/objects/contacts/1", Some(("/crm/v3/objects/contacts", "contacts", "1", Deed::Read)))]
    #[case("PATCH", "/crm/objects/2026-03/0-1/12", Some(("/crm/objects/2026-03/0-1", "0-1", "12", Deed::Update)))]
    #[case("DELETE", "/crm/v3/objects/deals/7", Some(("/crm/v3/objects/deals", "deals", "7", Deed::Archive)))]
    #[case("GET", "/crm/v3/objects/contacts/a%40b.c", Some(("/crm/v3/objects/contacts", "contacts", "a%40b.c", Deed::Read)))]
    #[case::list("GET", "/crm/v3/objects/contacts", None)]
    #[case::create("POST", "/crm/v3/objects/contacts/1", None)]
    #[case::associations("GET", "/crm/v3/objects/contacts/1/associations/deals", None)]
    #[case::v4("GET", "/crm/v4/objects/contacts/1", None)]
    #[case::other_api("GET", "/crm/v3/owners/contacts/1", None)]
    #[case::no_version("GET", "/crm/objects/contacts/0-1/1", None)]
    #[case::encoded_type("GET", "/crm/v3/objects/con%74acts/1", None)]
    #[case::no_record("GET", "/crm/v3/objects/contacts/", None)]
    fn paths(#[case] method: Method, #[case] path: &str, #[case] expected: Option<(&str, &str, &str, Deed)>) {
        let read = Single::read(&method, path);
        let read = read.map(|single| (single.collection, single.kind, single.record, single.deed));
        assert_eq!(read, expected);
    }

    #[rstest]
    #[case("1", true)]
    #[case("9223372036854775807", true)]
    #[case("01", false)]
    #[case("+1", false)]
    #[case("", false)]
    #[case("12345678901234567890", false)]
    fn ids(#[case] text: &str, #[case] canonical: bool) {
        assert_eq!(is_canonical_id(text), canonical);
    }
}
