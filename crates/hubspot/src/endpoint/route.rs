//! A label for a path: few values, no ids, no personal data.

use std::fmt::Write as _;

use http::Method;

use crate::object_type::ObjectType;

use super::family::{ApiFamily, family_of};
use super::path::Path;

mod vocabulary;

/// The label of a call in logs and metrics: `/crm/v3/objects/contacts/{id}`,
/// `/crm/objects/2026-03/{type}/{id}/associations/{to}`.
///
/// Words of HubSpot's API and the names of standard types stay; ids of standard types become their name; custom
/// types become `{type}` or `{to}`, everything else `{id}`. A path of no known family is `/{path}` as a whole.
pub fn route(method: &Method, path: &str) -> String {
    let path = Path::read(path);
    if family_of(method, &path) == ApiFamily::Other {
        return "/{path}".to_owned();
    }
    let mut label = String::with_capacity(64);
    for (position, word) in path.words().iter().enumerate() {
        write_version(&mut label, &path, position);
        label.push('/');
        label.push_str(shown(&path.words()[..position], word));
    }
    write_version(&mut label, &path, path.words().len());
    label
}

fn write_version(label: &mut String, path: &Path<'_>, position: usize) {
    if path.version_position() == Some(position)
        && let Some(version) = path.version()
    {
        write!(label, "/{version}").expect("writing to a String does not fail");
    }
}

/// What stands in a place of a path.
enum Place {
    /// An object type, else the placeholder; or one of HubSpot's words.
    Type(&'static str),
    /// An id or a name, unless it is one of these words.
    Id(&'static [&'static str]),
    /// One of HubSpot's words, or an id.
    Open,
}

fn shown(before: &[&str], word: &str) -> &'static str {
    match place(before) {
        Place::Type(placeholder) => type_or_word(word).unwrap_or(placeholder),
        Place::Id(words) => words.iter().find(|known| **known == word).copied().unwrap_or("{id}"),
        Place::Open => vocabulary::known(word).unwrap_or("{id}"),
    }
}

fn type_or_word(word: &str) -> Option<&'static str> {
    match ObjectType::parse(word) {
        Some(kind) => kind.name(),
        None => vocabulary::known(word),
    }
}

/// Where names chosen by people stand, the vocabulary must not decide: a property may be called `email`.
fn place(before: &[&str]) -> Place {
    match before {
        ["crm", "objects" | "properties" | "pipelines" | "property-validations" | "schemas"]
        | ["crm-object-schemas", "schemas"]
        | ["crm", "lists", "object-type-id" | "records"]
        | ["crm", "limits", "associations", "records"]
        | ["crm", "associations"]
        | ["crm", "associations", "definitions", "configurations"] => Place::Type("{type}"),
        ["crm", "associations", "definitions" | "usage"] => Place::Open,
        ["crm", "objects", _, _, "associations"]
        | ["crm", "objects", _, _, "associations", "default"]
        | ["crm", "limits", "associations", "records", _]
        | ["crm", "associations", _]
        | ["crm", "associations", "definitions", "configurations", _] => Place::Type("{to}"),
        ["crm", "objects", _] => Place::Id(&["batch", "gdpr-delete", "merge", "search"]),
        ["crm", "properties", _] => Place::Id(&["batch", "groups"]),
        ["crm", "properties", _, "groups"]
        | ["crm", "property-validations", _]
        | ["communication-preferences", "status", "email"]
        | ["oauth", "access-tokens" | "refresh-tokens"]
        | ["events", "event-definitions"]
        | ["events", "custom", "event-definitions"] => Place::Id(&[]),
        ["communication-preferences", "statuses"] => Place::Id(&["batch"]),
        _ => Place::Open,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/crm/v3/objects/contacts", "/crm/v3/objects/contacts")]
    #[case("/crm/v3/objects/contacts/151", "/crm/v3/objects/contacts/{id}")]
    #[case("/crm/v3/objects/0-1/151", "/crm/v3/objects/contacts/{id}")]
    #[case("/crm/v3/objects/contact/jane@example.com", "/crm/v3/objects/contacts/{id}")]
    #[case("/crm/v3/objects/2-55/1/associations/2-56", "/crm/v3/objects/{type}/{id}/associations/{to}")]
    #[case("/crm/v3/objects/p7_cars/1", "/crm/v3/objects/{type}/{id}")]
    #[case("/crm/objects/2026-03/deals/batch/read", "/crm/objects/2026-03/deals/batch/read")]
    #[case(
        "/crm/v4/objects/contacts/1/associations/default/0-3/2",
        "/crm/v4/objects/contacts/{id}/associations/default/deals/{id}"
    )]
    #[case(
        "/crm/v4/associations/contacts/2-9/batch/labels/archive",
        "/crm/v4/associations/contacts/{to}/batch/labels/archive"
    )]
    #[case(
        "/crm/associations/2026-03/definitions/configurations/0-1/2-2/batch/create",
        "/crm/associations/2026-03/definitions/configurations/contacts/{to}/batch/create"
    )]
    #[case("/crm/v3/properties/contacts/email", "/crm/v3/properties/contacts/{id}")]
    #[case("/crm/v3/properties/contacts/groups/groups", "/crm/v3/properties/contacts/groups/{id}")]
    #[case("/crm/v3/owners/12/", "/crm/v3/owners/{id}")]
    #[case("/crm/v3/lists/5/memberships/add", "/crm/v3/lists/{id}/memberships/add")]
    #[case("/oauth/v1/access-tokens/CJSP5qf1", "/oauth/v1/access-tokens/{id}")]
    #[case(
        "/communication-preferences/v3/status/email/jane@example.com",
        "/communication-preferences/v3/status/email/{id}"
    )]
    #[case("/marketing/marketing-events/v3", "/marketing/marketing-events/v3")]
    #[case("/webhooks/v3/77/subscriptions", "/webhooks/v3/{id}/subscriptions")]
    #[case("/contacts/v1/contact/email/jane@example.com/profile", "/contacts/v1/contact/email/{id}/profile")]
    #[case("/jane@example.com/secret", "/{path}")]
    #[case("/", "/{path}")]
    fn a_label_has_no_ids(#[case] path: &str, #[case] label: &str) {
        assert_eq!(route(&Method::GET, path), label);
    }

    proptest! {
        #[test]
        fn nothing_a_person_wrote_is_shown(
            root in "/crm/v3/objects|/crm/v3/objects/contacts|/crm/v3/properties|/files/v3|/contacts/v1",
            secret in "[A-Z][A-Za-z0-9@.%+]{7,20}Q",
        ) {
            let label = route(&Method::GET, &format!("{root}/{secret}/{secret}"));
            prop_assert!(!label.contains(&secret), "{}", label);
        }

        #[test]
        fn nothing_panics(path in ".*") {
            let _ = route(&Method::POST, &path);
        }
    }
}
