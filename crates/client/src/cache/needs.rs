//! What an answer depends on: which writes make it untrue.

use hubspot::endpoint::{ApiFamily, Cacheable, Endpoint, Path};

use super::kind::{Kind, Kinds};
use super::target;

/// What one answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// One record, under up to two ids (a merged one leads to its survivor), and which records of other kinds are linked
    /// to it.
    Record { kind: Kind, id: u64, also: u64, links: Kinds },
    /// Any record of a kind: lists, searches, records under a name that is no id, and what was not there.
    Collection { kind: Kind, links: Kinds },
    /// Properties, pipelines, owners, schemas, labels.
    Definitions,
    /// Whatever is written in a part of the API, and which records of some kinds there are.
    Area { family: ApiFamily, links: Kinds },
    /// Anything at all in the CRM: what shows its records, and does not say which.
    Crm,
}

impl Needs {
    /// What the answer to a read depends on, as far as its path and query tell.
    pub(crate) fn of_read(path: &str, query: Option<&str>, endpoint: &Endpoint) -> Self {
        match endpoint.cacheable {
            Cacheable::Definition => return Self::Definitions,
            Cacheable::Record | Cacheable::LastGood | Cacheable::No => {}
        }
        let query = query.unwrap_or_default();
        let words = Path::read(path);
        match (endpoint.family, words.words()) {
            (ApiFamily::Objects, ["crm", "objects", kind, id]) => {
                Self::of_record(kind, id, query, linked(query))
            }
            (ApiFamily::Associations, ["crm", "objects", kind, id, "associations", to, ..]) => {
                Self::of_record(kind, id, query, Kinds::NONE.with(Kind::parse(to)))
            }
            (
                ApiFamily::Objects | ApiFamily::Search,
                ["crm", "objects", kind] | ["crm", "objects", kind, "search"],
            ) => Self::Collection { kind: Kind::parse(kind), links: linked(query) },
            // Whom HubSpot puts on a list, it works out later.
            (ApiFamily::Lists, _) => Self::Area { family: ApiFamily::Lists, links: Kinds::ALL },
            (ApiFamily::Objects | ApiFamily::Search | ApiFamily::Associations, _)
            | (ApiFamily::Other, ["crm", ..]) => Self::Crm,
            (family, _) => Self::Area { family, links: Kinds::NONE },
        }
    }

    fn of_record(kind: &str, id: &str, query: &str, links: Kinds) -> Self {
        let kind = Kind::parse(kind);
        match record_id(id).filter(|_| target::parameter(query, "idProperty").is_none()) {
            Some(id) => Self::Record { kind, id, also: id, links },
            None => Self::Collection { kind, links },
        }
    }

    /// What the whole answer adds: the record's own id, whatever it was asked for as.
    #[must_use]
    pub(crate) fn with_answer(self, is_record: bool, body: &[u8]) -> Self {
        match (self, is_record.then(|| id_of_answer(body))) {
            (Self::Record { kind, id, links, .. }, Some(Some(also))) => {
                Self::Record { kind, id, also, links }
            }
            (Self::Collection { kind, links }, Some(Some(id))) => Self::Record { kind, id, also: id, links },
            (Self::Record { kind, links, .. }, Some(None)) => Self::Collection { kind, links },
            (other, _) => other,
        }
    }

    /// What an answer that says "not there" depends on: any record of the kind may be the one that comes.
    #[must_use]
    pub(crate) fn of_absence(self) -> Self {
        match self {
            Self::Record { kind, links, .. } => Self::Collection { kind, links },
            other @ (Self::Collection { .. } | Self::Definitions | Self::Area { .. } | Self::Crm) => other,
        }
    }
}

/// A record's id as HubSpot gives it out: a plain number.
pub(crate) fn record_id(text: &str) -> Option<u64> {
    let plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// `{"id":"151",…`: HubSpot writes a record's id first.
pub(crate) fn id_of_answer(body: &[u8]) -> Option<u64> {
    let rest = body.trim_ascii_start().strip_prefix(br#"{"id":""#)?;
    let end = rest.iter().take(24).position(|byte| *byte == b'"')?;
    record_id(std::str::from_utf8(&rest[..end]).ok()?)
}

/// The kinds whose links a read shows: its `associations` parameter.
fn linked(query: &str) -> Kinds {
    target::parameters(query, "associations").fold(Kinds::NONE, |kinds, names| {
        if names.contains('%') {
            Kinds::ALL
        } else {
            names.split(',').fold(kinds, |kinds, name| kinds.with(Kind::parse(name)))
        }
    })
}

#[cfg(test)]
mod tests {
    use http::Method;
    use rstest::rstest;

    use super::*;

    fn needs(target: &str) -> Needs {
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Needs::of_read(path, query, &hubspot::endpoint::classify(&Method::GET, path))
    }

    const DEAL: fn() -> Kind = || Kind::parse("deals");

    fn record(id: u64, links: Kinds) -> Needs {
        Needs::Record { kind: Kind::CONTACT, id, also: id, links }
    }

    fn collection(links: Kinds) -> Needs {
        Needs::Collection { kind: Kind::CONTACT, links }
    }

    fn area(family: ApiFamily, links: Kinds) -> Needs {
        Needs::Area { family, links }
    }

    #[rstest]
    #[case("/crm/v3/objects/contacts/151", record(151, Kinds::NONE))]
    #[case("/crm/objects/2026-03/0-1/151?properties=a", record(151, Kinds::NONE))]
    #[case("/crm/v3/objects/contacts/151?associations=deals", record(151, Kinds::NONE.with(DEAL())))]
    #[case("/crm/v3/objects/contacts/151?associations=deals%2Cnotes", record(151, Kinds::ALL))]
    #[case("/crm/v4/objects/contacts/151/associations/deals", record(151, Kinds::NONE.with(DEAL())))]
    #[case("/crm/v3/objects/contacts/a%40b.c?idProperty=email", collection(Kinds::NONE))]
    #[case("/crm/v3/objects/contacts/151?idProperty=number", collection(Kinds::NONE))]
    #[case("/crm/v3/objects/contacts/0151", collection(Kinds::NONE))]
    #[case("/crm/v3/objects/contacts?limit=5", collection(Kinds::NONE))]
    #[case("/crm/v3/properties/contacts", Needs::Definitions)]
    #[case("/crm/v3/owners", Needs::Definitions)]
    #[case("/crm/v3/lists/1/memberships", area(ApiFamily::Lists, Kinds::ALL))]
    #[case("/contacts/v1/contact/vid/1/profile", Needs::Crm)]
    #[case("/crm/v3/brand-new/1", Needs::Crm)]
    #[case("/brand/new/1", area(ApiFamily::Other, Kinds::NONE))]
    #[case("/cms/v3/pages/site-pages", area(ApiFamily::Cms, Kinds::NONE))]
    fn reads(#[case] target: &str, #[case] expected: Needs) {
        assert_eq!(needs(target), expected);
    }

    #[test]
    fn the_answer_tells_the_id() {
        let found = collection(Kinds::NONE).with_answer(true, br#"{"id":"7","properties":{}}"#);
        assert_eq!(found, record(7, Kinds::NONE));
        let merged = record(5, Kinds::NONE).with_answer(true, br#"{"id":"7"}"#);
        assert_eq!(merged, Needs::Record { kind: Kind::CONTACT, id: 5, also: 7, links: Kinds::NONE });
        assert_eq!(record(5, Kinds::NONE).with_answer(true, b"[]"), collection(Kinds::NONE));
    }
}
