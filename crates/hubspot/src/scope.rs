//! Which scopes a call needs.
//!
//! For diagnosis and for the scope check of a connection: HubSpot's own list, in the body of a 403, always comes
//! first where there is one ([`ApiError::required_scopes`](crate::error::ApiError)). Source: facts §5.5 [SPEC scan].

use http::Method;

use crate::endpoint::Path;
use crate::object_type::ObjectType;

mod granted;
mod objects;

pub use granted::surely_lacks;

use objects::ObjectScopes;

/// The scopes of which any one lets a call through. Empty where no scope is needed or none is known, which is not
/// the same: HubSpot asks for scopes on calls this list does not cover, associations and limits among them.
///
/// The scopes for sensitive properties are left out: they are needed for those properties only.
pub fn required_scopes(method: &Method, path: &str) -> &'static [&'static str] {
    let path = Path::read(path);
    let access = access(method, path.words());
    match path.words() {
        ["crm", "objects", _, _, "associations", ..] => &[],
        ["crm", "objects", kind, ..] => of_object(kind, |scopes| match access {
            Access::Read => scopes.read,
            Access::Write => scopes.write,
        }),
        ["crm", "properties" | "pipelines" | "property-validations", kind, ..] => {
            of_object(kind, |scopes| match access {
                Access::Read => scopes.definition_read,
                Access::Write => scopes.definition_write,
            })
        }
        ["crm", "schemas", ..] | ["crm-object-schemas", ..] => {
            access.pick(&["crm.schemas.custom.read"], &["crm.schemas.custom.write"])
        }
        ["crm", "lists", ..] => access.pick(&["crm.lists.read"], &["crm.lists.write"]),
        ["crm", "imports", ..] => &["crm.import"],
        ["crm", "exports", ..] => &["crm.export"],
        ["crm", "owners", ..] => &["crm.objects.owners.read"],
        ["account-info", "api-usage" | "details", ..] => &["oauth"],
        ["marketing", "forms", ..] => &["forms"],
        ["marketing", "emails", rest @ ..] => marketing_emails(rest, access),
        ["communication-preferences", rest @ ..] => consent(rest, access),
        ["events", "send", ..] | ["events", "custom", "send", ..] => &["analytics.behavioral_events.send"],
        ["events", "event-definitions", ..] | ["events", "custom", "event-definitions", ..] => {
            &["behavioral_events.event_definitions.read_write"]
        }
        ["automation", ..] => &["automation"],
        ["webhooks-journal", rest @ ..] => journal(rest, access),
        _ => &[],
    }
}

#[derive(Clone, Copy)]
enum Access {
    Read,
    Write,
}

impl Access {
    fn pick(self, read: &'static [&'static str], write: &'static [&'static str]) -> &'static [&'static str] {
        match self {
            Self::Read => read,
            Self::Write => write,
        }
    }
}

/// A POST reads where its path says so.
fn access(method: &Method, words: &[&str]) -> Access {
    let reads = matches!(
        words,
        [.., "search"]
            | ["communication-preferences" | "crm" | "crm-object-schemas" | "webhooks-journal", .., "read"]
    );
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS => Access::Read,
        Method::POST if reads => Access::Read,
        _ => Access::Write,
    }
}

/// Nothing for a name we do not know: it may be an account's short name of a custom type as well as a standard type
/// that came later.
fn of_object(kind: &str, pick: impl Fn(&ObjectScopes) -> &'static [&'static str]) -> &'static [&'static str] {
    match ObjectType::parse(kind) {
        Some(kind) => pick(objects::scopes_of(kind)),
        None if is_qualified_custom_name(kind) => pick(objects::scopes_of(ObjectType::Custom(0))),
        None => &[],
    }
}

/// `p<portal id>_<name>`: the name of a custom type that HubSpot accepts from anybody.
fn is_qualified_custom_name(kind: &str) -> bool {
    let portal = kind.strip_prefix('p').and_then(|rest| rest.split_once('_')).map(|(portal, _)| portal);
    portal.is_some_and(|portal| !portal.is_empty() && portal.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Publishing asks for more: facts §5.5 [SPEC Marketing_Emails].
fn marketing_emails(rest: &[&str], access: Access) -> &'static [&'static str] {
    match rest {
        [_, "publish" | "unpublish"] => &["marketing-email", "transactional-email"],
        _ => access.pick(&["content", "marketing.email.read"], &["content", "marketing.email.write"]),
    }
}

fn consent(rest: &[&str], access: Access) -> &'static [&'static str] {
    match rest {
        ["statuses", "batch", ..] => access.pick(
            &["communication_preferences.statuses.batch.read"],
            &["communication_preferences.statuses.batch.write"],
        ),
        _ => access.pick(
            &["communication_preferences.read", "communication_preferences.read_write"],
            &["communication_preferences.write", "communication_preferences.read_write"],
        ),
    }
}

/// The guide and the spec name them differently, and which is right is unconfirmed; both are given: facts §5.5.
fn journal(rest: &[&str], access: Access) -> &'static [&'static str] {
    match rest {
        ["journal" | "journal-local", ..] => {
            &["developer.webhooks_journal.read", "webhooks-journal-data-access"]
        }
        ["subscriptions", ..] => access.pick(
            &["developer.webhooks_journal.subscriptions.read", "webhooks-journal-subscription-read"],
            &["developer.webhooks_journal.subscriptions.write", "webhooks-journal-subscription-management"],
        ),
        ["snapshots", ..] => access.pick(
            &["developer.webhooks_journal.snapshots.read", "webhooks-journal-snapshot-management"],
            &["developer.webhooks_journal.snapshots.write", "webhooks-journal-snapshot-management"],
        ),
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/crm/v3/objects/contacts", &["crm.objects.contacts.read"])]
    #[case("GET", "/crm/objects/2026-03/0-1/5", &["crm.objects.contacts.read"])]
    #[case("POST", "/crm/v3/objects/contacts/search", &["crm.objects.contacts.read"])]
    #[case("POST", "/crm/v3/objects/contacts/batch/read", &["crm.objects.contacts.read"])]
    #[case("POST", "/crm/v3/objects/contacts", &["crm.objects.contacts.write"])]
    #[case("PATCH", "/crm/v3/objects/companies/1", &["crm.objects.companies.write"])]
    #[case("POST", "/crm/v3/objects/contacts/gdpr-delete", &["crm.objects.contacts.write"])]
    #[case("GET", "/crm/v3/objects/tickets/1", &["tickets"])]
    #[case("DELETE", "/crm/v3/objects/tickets/1", &["tickets"])]
    #[case("GET", "/crm/v3/objects/notes", &["crm.objects.contacts.read"])]
    #[case("POST", "/crm/v3/objects/tasks", &["crm.objects.contacts.write"])]
    #[case("GET", "/crm/v3/objects/emails", &["crm.objects.contacts.read", "sales-email-read"])]
    #[case("GET", "/crm/v3/objects/2-99", &["crm.objects.custom.read"])]
    #[case("POST", "/crm/v3/objects/p1_cars", &["crm.objects.custom.write"])]
    #[case("POST", "/crm/v3/objects/deal_splits", &[])]
    #[case("GET", "/crm/v3/objects/goal_targets", &["crm.objects.goals.read"])]
    #[case("GET", "/crm/v4/objects/contacts/1/associations/deals", &[])]
    #[case("POST", "/crm/v3/properties/contacts", &["crm.schemas.contacts.write"])]
    #[case("POST", "/crm/v3/properties/tickets", &["tickets"])]
    #[case("PATCH", "/crm/pipelines/2026-03/deals/1", &["crm.schemas.deals.write"])]
    #[case("GET", "/crm-object-schemas/v3/schemas", &["crm.schemas.custom.read"])]
    #[case("POST", "/crm/v3/schemas", &["crm.schemas.custom.write"])]
    #[case("POST", "/crm/v3/lists/search", &["crm.lists.read"])]
    #[case("PUT", "/crm/lists/2026-03/1/memberships/add", &["crm.lists.write"])]
    #[case("GET", "/crm/v3/imports", &["crm.import"])]
    #[case("POST", "/crm/v3/exports/export/async", &["crm.export"])]
    #[case("GET", "/crm/v3/owners", &["crm.objects.owners.read"])]
    #[case("GET", "/account-info/v3/api-usage/daily/private-apps", &["oauth"])]
    #[case("GET", "/account-info/2026-03/details", &["oauth"])]
    #[case("GET", "/account-info/v3/activity/login", &[])]
    #[case("GET", "/marketing/v3/forms", &["forms"])]
    #[case("POST", "/marketing/v3/emails/1/publish", &["marketing-email", "transactional-email"])]
    #[case("POST", "/communication-preferences/v4/statuses/batch/read", &["communication_preferences.statuses.batch.read"])]
    #[case("POST", "/events/v3/send", &["analytics.behavioral_events.send"])]
    #[case("GET", "/automation/v4/flows", &["automation"])]
    #[case("POST", "/oauth/v3/token", &[])]
    #[case("GET", "/new/thing", &[])]
    fn each_call_has_its_scopes(#[case] method: Method, #[case] path: &str, #[case] scopes: &[&str]) {
        assert_eq!(required_scopes(&method, path), scopes);
    }

    #[test]
    fn definitions_may_be_read_with_any_right_to_the_object() {
        let scopes = required_scopes(&Method::GET, "/crm/v3/properties/contacts");
        assert_eq!(
            scopes,
            ["crm.schemas.contacts.read", "crm.objects.contacts.read", "crm.objects.contacts.write"]
        );
    }

    /// Names printed in guides that HubSpot does not have (facts §5.5, §10 item 25).
    #[test]
    fn no_scope_is_invented() {
        let invented = [
            "crm.objects.tickets.read",
            "crm.objects.tickets.write",
            "crm.objects.notes.write",
            "crm.objects.marketing.emails.read",
        ];
        for kind in ObjectType::standard_types() {
            for root in ["objects", "properties"] {
                for method in [Method::GET, Method::PATCH] {
                    for scope in required_scopes(&method, &format!("/crm/v3/{root}/{kind}/1")) {
                        assert!(!invented.contains(scope), "{scope} for {kind}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(path in ".*") {
            let _ = required_scopes(&Method::POST, &path);
        }
    }
}
