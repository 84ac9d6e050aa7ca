//! The part of HubSpot's API a call belongs to.

use http::Method;

use super::path::Path;

/// The part of HubSpot's API a call belongs to: the grain of breakers, metrics and diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiFamily {
    Objects,
    Search,
    Associations,
    Properties,
    Pipelines,
    Owners,
    Schemas,
    Lists,
    Imports,
    Exports,
    Limits,
    Account,
    OAuth,
    Webhooks,
    WebhooksJournal,
    Events,
    Marketing,
    Forms,
    CommunicationPreferences,
    Automation,
    Cms,
    Files,
    Conversations,
    Settings,
    Other,
}

impl ApiFamily {
    pub const ALL: [Self; 25] = [
        Self::Objects,
        Self::Search,
        Self::Associations,
        Self::Properties,
        Self::Pipelines,
        Self::Owners,
        Self::Schemas,
        Self::Lists,
        Self::Imports,
        Self::Exports,
        Self::Limits,
        Self::Account,
        Self::OAuth,
        Self::Webhooks,
        Self::WebhooksJournal,
        Self::Events,
        Self::Marketing,
        Self::Forms,
        Self::CommunicationPreferences,
        Self::Automation,
        Self::Cms,
        Self::Files,
        Self::Conversations,
        Self::Settings,
        Self::Other,
    ];

    /// The family of that [`name`](Self::name).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// Its name in logs, metrics and diagnosis: `objects`, `webhooks_journal`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Search => "search",
            Self::Associations => "associations",
            Self::Properties => "properties",
            Self::Pipelines => "pipelines",
            Self::Owners => "owners",
            Self::Schemas => "schemas",
            Self::Lists => "lists",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::Limits => "limits",
            Self::Account => "account",
            Self::OAuth => "oauth",
            Self::Webhooks => "webhooks",
            Self::WebhooksJournal => "webhooks_journal",
            Self::Events => "events",
            Self::Marketing => "marketing",
            Self::Forms => "forms",
            Self::CommunicationPreferences => "communication_preferences",
            Self::Automation => "automation",
            Self::Cms => "cms",
            Self::Files => "files",
            Self::Conversations => "conversations",
            Self::Settings => "settings",
            Self::Other => "other",
        }
    }
}

/// Source of the paths: facts §3 to §6 and §8; the v1 and v2 ones are HubSpot's legacy reference
/// [DOC api-reference/legacy].
pub(super) fn family_of(method: &Method, path: &Path<'_>) -> ApiFamily {
    match path.words() {
        ["crm", rest @ ..] => crm(method, rest),
        ["account-info" | "appinstalls" | "integrations", ..] => ApiFamily::Account,
        ["oauth", ..] => ApiFamily::OAuth,
        ["webhooks" | "app-webhooks", ..] => ApiFamily::Webhooks,
        ["webhooks-journal", ..] => ApiFamily::WebhooksJournal,
        ["crm-object-schemas", ..] => ApiFamily::Schemas,
        ["events", ..] | ["integrators", "timeline", ..] => ApiFamily::Events,
        ["communication-preferences", ..] | ["email", "public", "subscriptions", ..] => {
            ApiFamily::CommunicationPreferences
        }
        ["marketing", "forms", ..] | ["forms" | "submissions" | "form-integrations", ..] => ApiFamily::Forms,
        ["marketing" | "marketing-emails" | "email" | "broadcast", ..] => ApiFamily::Marketing,
        ["automation", ..] => ApiFamily::Automation,
        ["cms" | "content" | "hubdb" | "blogs" | "url-mappings", ..] => ApiFamily::Cms,
        ["files" | "filemanager", ..] => ApiFamily::Files,
        ["conversations" | "visitor-identification", ..] => ApiFamily::Conversations,
        ["settings" | "business-units", ..] => ApiFamily::Settings,
        words => legacy_crm(words),
    }
}

fn crm(method: &Method, rest: &[&str]) -> ApiFamily {
    match rest {
        // A GET of the same path would read a record called "search".
        ["objects", _, "search"] if method == Method::POST => ApiFamily::Search,
        ["objects", _, _, "associations", ..] | ["associations", ..] => ApiFamily::Associations,
        ["objects", ..] => ApiFamily::Objects,
        ["properties" | "property-validations", ..] => ApiFamily::Properties,
        ["pipelines", ..] => ApiFamily::Pipelines,
        ["owners", ..] => ApiFamily::Owners,
        ["schemas" | "object-schemas" | "object-library", ..] => ApiFamily::Schemas,
        ["lists", ..] => ApiFamily::Lists,
        ["imports", ..] => ApiFamily::Imports,
        ["exports", ..] => ApiFamily::Exports,
        ["limits", ..] => ApiFamily::Limits,
        ["timeline", ..] => ApiFamily::Events,
        _ => ApiFamily::Other,
    }
}

/// The CRM before v3, each API with a root of its own.
fn legacy_crm(words: &[&str]) -> ApiFamily {
    match words {
        ["contacts", "lists", ..] => ApiFamily::Lists,
        ["contacts" | "companies" | "deals" | "engagements" | "crm-objects", ..] => ApiFamily::Objects,
        ["crm-associations", ..] => ApiFamily::Associations,
        ["properties", ..] => ApiFamily::Properties,
        ["crm-pipelines", ..] => ApiFamily::Pipelines,
        ["owners", ..] => ApiFamily::Owners,
        _ => ApiFamily::Other,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/crm/v3/objects/contacts", "objects")]
    #[case("GET", "/crm/objects/2026-03/2-123/7", "objects")]
    #[case("POST", "/crm/v3/objects/0-3/batch/read", "objects")]
    #[case("POST", "/crm/v3/objects/deals/search", "search")]
    #[case("GET", "/crm/v3/objects/deals/search", "objects")]
    #[case("POST", "/crm/objects/2026-09/deals/search", "search")]
    #[case("GET", "/crm/v4/objects/contacts/1/associations/deals", "associations")]
    #[case("PUT", "/crm/objects/2026-03/contacts/1/associations/default/deals/2", "associations")]
    #[case("PUT", "/crm/v3/objects/contacts/1/associations/deals/2/4", "associations")]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/create", "associations")]
    #[case("GET", "/crm/v3/schemas", "schemas")]
    #[case("GET", "/crm-object-schemas/2026-03/schemas/2-1", "schemas")]
    #[case("GET", "/contacts/v1/lists/all/contacts/all", "lists")]
    #[case("GET", "/contacts/v1/contact/vid/1/profile", "objects")]
    #[case("GET", "/crm-pipelines/v1/pipelines/deals", "pipelines")]
    #[case("GET", "/integrations/v1/me", "account")]
    #[case("POST", "/oauth/2026-03/token", "oauth")]
    #[case("GET", "/app-webhooks/2026-09/1/settings", "webhooks")]
    #[case("GET", "/webhooks-journal/journal/2026-03/earliest", "webhooks_journal")]
    #[case("POST", "/events/custom/2026-03/send", "events")]
    #[case("GET", "/marketing/v3/forms", "forms")]
    #[case("GET", "/marketing/forms/2026-09-beta", "forms")]
    #[case("GET", "/marketing/emails/2026-03", "marketing")]
    #[case("GET", "/automation/v4/flows", "automation")]
    #[case("GET", "/cms/v3/pages/site-pages", "cms")]
    #[case("GET", "/files/v3/files", "files")]
    #[case("GET", "/conversations/v3/conversations/threads", "conversations")]
    #[case("GET", "/settings/v3/users", "settings")]
    #[case("GET", "/crm", "other")]
    #[case("GET", "/", "other")]
    fn each_path_has_its_family(#[case] method: Method, #[case] path: &str, #[case] family: &str) {
        assert_eq!(family_of(&method, &Path::read(path)).name(), family);
    }

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> =
            ApiFamily::ALL.iter().map(|family| family.name()).collect();
        assert_eq!(names.len(), ApiFamily::ALL.len());
    }
}
