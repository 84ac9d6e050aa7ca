//! The fixed words of HubSpot's paths.

/// The word itself, if it is one of HubSpot's.
pub(super) fn known(word: &str) -> Option<&'static str> {
    WORDS.binary_search(&word).ok().map(|index| WORDS[index])
}

/// Every fixed word of the catalogue, and the words of the APIs it does not list (CMS, files, automation,
/// conversations, v1 and v2) that tell calls apart. Sorted.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "ab-test", "access-token-info", "access-tokens", "account-info", "actions", "activity", "actors", "add",
    "add-and-remove", "add-from", "all", "api-usage", "app-webhooks", "appinstalls", "archive", "assets",
    "associate", "associated", "associations", "async", "attendance", "audit", "audit-logs", "authors",
    "automation", "batch", "batch-create", "between", "blogs", "breakdown", "broadcast", "budget",
    "business-units", "byemail", "calculated-properties", "callbacks", "calls", "campaigns", "cancel",
    "carts", "channel-accounts", "channels", "clone", "cms", "communication-preferences", "communications",
    "companies", "company", "complete", "configurations", "contact", "contacts", "content", "conversations",
    "create", "create-variation", "created", "crm", "crm-associations", "crm-object-schemas", "crm-objects",
    "crm-pipelines", "currencies", "custom", "custom-object-types", "custom-properties", "daily", "deal",
    "deals", "default", "definitions", "delete", "details", "domain", "domains", "draft", "earliest",
    "email", "email-create", "email-upsert", "emails", "enablement", "engagement", "engagements",
    "enrollments", "environment", "errors", "event-definitions", "event-occurrences", "event-templates",
    "event-types", "events", "export", "exports", "external-install", "filemanager", "files", "filters",
    "flows", "folders", "form-integrations", "forms", "from", "functions", "gdpr-delete", "generate", "get",
    "get-variation", "groups", "high-usage-report", "histogram", "hubdb", "identifiers", "idmapping",
    "import-from-url", "imports", "inboxes", "integration", "integrations", "integrators", "introspect",
    "ip-ranges", "join-order", "journal", "journal-local", "labels", "landing-pages", "latest", "leads",
    "limit", "limits", "line_items", "links", "list", "lists", "live", "login", "marketing",
    "marketing-emails", "marketing-events", "me", "meetings", "memberships", "merge", "messages", "meta",
    "metadata", "modified", "move", "move-list", "multi-language", "name", "network-origins", "next",
    "notes", "oauth", "object-library", "object-schemas", "object-type-id", "objects", "offset", "orders",
    "owners", "paged", "pages", "participations", "password-reset", "pipelines", "portals", "postal_mail",
    "posts", "private-apps", "products", "profile", "properties", "property", "property-validations",
    "public", "publish", "purge", "query", "quotes", "read", "recent", "records", "refresh-tokens",
    "remove", "rename", "reset", "restore", "restore-to-draft", "resubscribe", "revenue", "revisions",
    "revoke", "roles", "rows", "rule-type", "schedule-conversion", "schema", "schemas", "search", "secure",
    "security", "send", "sequences", "settings", "signed-url", "simple", "single-email", "single-send",
    "site-pages", "site-search", "size-and-edits-history", "smtp-tokens", "snapshots", "source-code",
    "spend", "stages", "statistics", "status", "statuses", "submissions", "submit", "subscribe",
    "subscription", "subscriptions", "tables", "tags", "tasks", "teams", "test", "threads", "tickets",
    "timeline", "to", "token", "transactional", "types", "unpublish", "unsubscribe", "unsubscribe-all",
    "update", "update-list-filters", "update-list-name", "upload", "upsert", "url-mappings",
    "url-redirects", "usage", "users", "validate", "vid", "visitor-identification", "webhook-subscriptions",
    "webhooks", "webhooks-journal", "workflows", "write",
];

#[cfg(test)]
mod tests {
    use super::super::super::catalogue;
    use super::*;

    #[test]
    fn the_words_are_sorted_and_distinct() {
        assert!(WORDS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_fixed_word_of_the_catalogue_is_known() {
        for row in catalogue::rows() {
            for word in row.path.split('/').filter(|word| !word.is_empty() && !word.starts_with('{')) {
                let is_version = crate::version::ApiVersion::parse(word).is_some();
                let is_type = crate::object_type::ObjectType::parse(word).is_some();
                assert!(is_version || is_type || known(word).is_some(), "{word} of {}", row.path);
            }
        }
    }
}
