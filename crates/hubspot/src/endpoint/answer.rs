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
    /// Anything else that is read, known or not: an old answer is better than none.
    LastGood,
}

/// Only GETs are kept: the answer to a POST depends on its body.
pub(super) fn cacheable(method: &Method, path: &Path<'_>, family: ApiFamily) -> Cacheable {
    if method != Method::GET {
        return Cacheable::No;
    }
    match (family, path.words()) {
        (ApiFamily::Pipelines, [.., "audit"]) => Cacheable::LastGood,
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
        (family, words) if is_of_the_moment(family, words) => Cacheable::No,
        _ => Cacheable::LastGood,
    }
}

/// What an old answer would lie about, or what is not to lie in memory: consent (an old "subscribed" is a breach), what is spent
/// of a limit, how far a task has come, tokens, links that expire, and the journal, whose entries are read once.
fn is_of_the_moment(family: ApiFamily, words: &[&str]) -> bool {
    match family {
        ApiFamily::CommunicationPreferences
        | ApiFamily::OAuth
        | ApiFamily::Imports
        | ApiFamily::Exports
        | ApiFamily::WebhooksJournal => true,
        ApiFamily::Objects
        | ApiFamily::Search
        | ApiFamily::Associations
        | ApiFamily::Properties
        | ApiFamily::Pipelines
        | ApiFamily::Owners
        | ApiFamily::Schemas
        | ApiFamily::Lists
        | ApiFamily::Limits
        | ApiFamily::Account
        | ApiFamily::Webhooks
        | ApiFamily::Events
        | ApiFamily::Marketing
        | ApiFamily::Forms
        | ApiFamily::Automation
        | ApiFamily::Cms
        | ApiFamily::Files
        | ApiFamily::Conversations
        | ApiFamily::Settings
        | ApiFamily::Other => {
            let asks_how_it_stands = matches!(words, [.., "status"] | ["integrations", "limit", ..]);
            asks_how_it_stands || words.iter().any(|word| says_of_the_moment(word))
        }
    }
}

fn says_of_the_moment(word: &str) -> bool {
    matches!(word, "api-usage" | "send-statuses" | "token" | "tokens" | "access-tokens" | "smtp-tokens")
        || word.starts_with("signed-url")
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
    #[case("GET", "/crm/v3/pipelines/deals/1/audit", Cacheable::LastGood, false)]
    #[case("GET", "/crm/owners/2026-03", Cacheable::Definition, true)]
    #[case("GET", "/crm-object-schemas/v3/schemas", Cacheable::Definition, false)]
    #[case("GET", "/account-info/v3/details", Cacheable::Definition, false)]
    #[case("GET", "/account-info/v3/api-usage/daily/private-apps", Cacheable::No, false)]
    #[case("GET", "/account-info/v3/activity/audit-logs", Cacheable::LastGood, true)]
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
    #[case("GET", "/crm/v3/imports/1", Cacheable::No, true)]
    #[case("GET", "/crm/v3/exports/export/async/tasks/1/status", Cacheable::No, true)]
    #[case("GET", "/webhooks-journal/journal/2026-03/earliest", Cacheable::No, false)]
    #[case("GET", "/integrations/v1/limit/daily", Cacheable::No, false)]
    #[case("GET", "/files/v3/files/1/signed-url", Cacheable::No, true)]
    #[case("GET", "/form-integrations/v1/uploaded-files/signed-url-redirect/1", Cacheable::No, true)]
    #[case("GET", "/files/v3/files/import-from-url/async/tasks/1/status", Cacheable::No, true)]
    #[case("GET", "/marketing/v3/transactional/smtp-tokens/1", Cacheable::No, true)]
    #[case("GET", "/brand/new/tokens", Cacheable::No, true)]
    #[case("GET", "/files/v3/files/1", Cacheable::LastGood, true)]
    #[case("GET", "/cms/v3/pages/site-pages", Cacheable::LastGood, true)]
    #[case("GET", "/marketing/v3/emails", Cacheable::LastGood, true)]
    #[case("GET", "/automation/v4/flows", Cacheable::LastGood, true)]
    #[case("GET", "/conversations/v3/conversations/threads", Cacheable::LastGood, true)]
    #[case("GET", "/settings/v3/users", Cacheable::LastGood, true)]
    #[case("GET", "/crm/v3/limits/records", Cacheable::LastGood, true)]
    #[case("GET", "/webhooks/v3/1/subscriptions", Cacheable::LastGood, false)]
    #[case("GET", "/something/new", Cacheable::LastGood, true)]
    #[case("HEAD", "/something/new", Cacheable::No, false)]
    #[case("POST", "/something/new", Cacheable::No, false)]
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
