//! May an answer be kept, and is it one page of many?

use http::Method;

use super::family::ApiFamily;
use super::path::Path;

/// May an answer be kept?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cacheable {
    No,
    /// Properties, pipelines, owners, schemas, account details: changes rarely.
    Definition,
    /// A record or a list of records.
    Record,
}

/// Only GETs are kept: the answer to a POST depends on its body. Never kept are consent (an old "subscribed"
/// is a breach), usage, capacity and audit figures (only fresh ones mean anything), tokens, and what is not known.
pub(super) fn cacheable(method: &Method, path: &Path<'_>, family: ApiFamily) -> Cacheable {
    if method != Method::GET {
        return Cacheable::No;
    }
    match (family, path.words()) {
        (ApiFamily::Pipelines, [.., "audit"]) => Cacheable::No,
        (ApiFamily::Properties | ApiFamily::Pipelines | ApiFamily::Owners | ApiFamily::Schemas, _)
        | (ApiFamily::Account, ["account-info", "details"])
        | (ApiFamily::Associations, ["crm", "associations", ..])
        | (ApiFamily::Forms, ["marketing", "forms", ..])
        | (
            ApiFamily::Events,
            ["events", "event-definitions", ..] | ["events", "custom", "event-definitions", ..],
        )
        | (ApiFamily::CommunicationPreferences, ["communication-preferences", "definitions"]) => {
            Cacheable::Definition
        }
        (ApiFamily::Objects | ApiFamily::Associations | ApiFamily::Lists, _) => Cacheable::Record,
        _ => Cacheable::No,
    }
}

/// May the answer carry `paging.next.link`? Lists of records do, single records may carry one inside
/// `associations` (facts §3.1), search and association batch reads as well. Definitions come whole, and so
/// do tokens, subscriptions and journal entries. What is not known may.
pub(super) fn is_paged(method: &Method, path: &Path<'_>, family: ApiFamily) -> bool {
    match family {
        ApiFamily::Search => true,
        ApiFamily::Properties
        | ApiFamily::Pipelines
        | ApiFamily::Schemas
        | ApiFamily::OAuth
        | ApiFamily::Webhooks
        | ApiFamily::WebhooksJournal => false,
        ApiFamily::Account => method == Method::GET && path.words().contains(&"activity"),
        ApiFamily::Associations if method == Method::POST => path.words().ends_with(&["batch", "read"]),
        ApiFamily::Objects
        | ApiFamily::Associations
        | ApiFamily::Owners
        | ApiFamily::Lists
        | ApiFamily::Imports
        | ApiFamily::Exports
        | ApiFamily::Limits
        | ApiFamily::Events
        | ApiFamily::Marketing
        | ApiFamily::Forms
        | ApiFamily::CommunicationPreferences
        | ApiFamily::Automation
        | ApiFamily::Cms
        | ApiFamily::Files
        | ApiFamily::Conversations
        | ApiFamily::Settings
        | ApiFamily::Other => method == Method::GET,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::classify;
    use super::*;

    #[rstest]
    #[case("GET", "/crm/v3/properties/contacts", Cacheable::Definition, false)]
    #[case("GET", "/crm/v3/pipelines/deals", Cacheable::Definition, false)]
    #[case("GET", "/crm/v3/pipelines/deals/1/audit", Cacheable::No, false)]
    #[case("GET", "/crm/owners/2026-03", Cacheable::Definition, true)]
    #[case("GET", "/crm-object-schemas/v3/schemas", Cacheable::Definition, false)]
    #[case("GET", "/account-info/v3/details", Cacheable::Definition, false)]
    #[case("GET", "/account-info/v3/api-usage/daily/private-apps", Cacheable::No, false)]
    #[case("GET", "/account-info/v3/activity/audit-logs", Cacheable::No, true)]
    #[case("GET", "/crm/associations/v4/contacts/deals/labels", Cacheable::Definition, true)]
    #[case("GET", "/crm/v3/objects/contacts", Cacheable::Record, true)]
    #[case("GET", "/crm/v3/objects/contacts/1", Cacheable::Record, true)]
    #[case("GET", "/crm/v4/objects/contacts/1/associations/deals", Cacheable::Record, true)]
    #[case("GET", "/crm/v3/lists/1/memberships", Cacheable::Record, true)]
    #[case("POST", "/crm/v3/objects/contacts/search", Cacheable::No, true)]
    #[case("POST", "/crm/v3/objects/contacts/batch/read", Cacheable::No, false)]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/read", Cacheable::No, true)]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/create", Cacheable::No, false)]
    #[case("PATCH", "/crm/v3/objects/contacts/1", Cacheable::No, false)]
    #[case("GET", "/communication-preferences/v3/status/email/a@b.c", Cacheable::No, true)]
    #[case("GET", "/oauth/v1/access-tokens/abc", Cacheable::No, false)]
    #[case("GET", "/something/new", Cacheable::No, true)]
    fn kept_and_paged(
        #[case] method: Method,
        #[case] path: &str,
        #[case] cacheable: Cacheable,
        #[case] paged: bool,
    ) {
        let endpoint = classify(&method, path);
        assert_eq!((endpoint.cacheable, endpoint.paged), (cacheable, paged));
    }
}
