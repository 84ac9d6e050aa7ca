//! May a call be sent twice?

use http::Method;

use super::path::Path;

/// Sent twice, it leaves what sending it once leaves.
///
/// HubSpot has no idempotency key (facts §0), so the method and the path decide. Of the POSTs, those that
/// only read, those that set values on named records, and those that archive are; whatever creates, merges,
/// sends or starts work (an import, an export) is not. A PATCH sets properties, and a value with a leading
/// `;` appends to a set (facts §3.5), where twice is the same as once.
pub(super) fn is_idempotent(method: &Method, path: &Path<'_>) -> bool {
    match *method {
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::PATCH => true,
        Method::POST => is_idempotent_post(path.words()),
        _ => false,
    }
}

fn is_idempotent_post(words: &[&str]) -> bool {
    match words {
        // Pairs with their labels: created twice, a pair exists once (facts §4.1).
        ["crm", "associations", "definitions", ..] => matches!(words.last(), Some(&("update" | "purge"))),
        ["crm", "associations", _, _, "batch", ..] => true,
        ["crm", "objects", _, "search" | "gdpr-delete"] | ["crm", "lists", "search" | "idmapping"] => true,
        ["oauth", "token", "introspect" | "revoke"] => true,
        ["oauth", "private-apps", "get", "access-token-info"] => true,
        [.., "batch", "read" | "update" | "upsert" | "archive"] => true,
        // Reads the consent of many (facts §3.8).
        ["communication-preferences", "statuses", "batch", "unsubscribe-all", "read"] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("GET", "/crm/v3/objects/contacts/1", true)]
    #[case("HEAD", "/crm/v3/objects/contacts/1", true)]
    #[case("PATCH", "/crm/v3/objects/contacts/1", true)]
    #[case("DELETE", "/crm/v3/objects/contacts/1", true)]
    #[case("PUT", "/crm/v4/objects/contacts/1/associations/default/deals/2", true)]
    #[case("POST", "/crm/v3/objects/contacts", false)]
    #[case("POST", "/crm/v3/objects/contacts/merge", false)]
    #[case("POST", "/crm/v3/objects/contacts/search", true)]
    #[case("POST", "/crm/v3/objects/contacts/gdpr-delete", true)]
    #[case("POST", "/crm/objects/2026-03/contacts/batch/read", true)]
    #[case("POST", "/crm/objects/2026-03/contacts/batch/update", true)]
    #[case("POST", "/crm/objects/2026-03/contacts/batch/upsert", true)]
    #[case("POST", "/crm/objects/2026-03/contacts/batch/archive", true)]
    #[case("POST", "/crm/objects/2026-03/contacts/batch/create", false)]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/create", true)]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/associate/default", true)]
    #[case("POST", "/crm/v4/associations/contacts/deals/batch/labels/archive", true)]
    #[case("POST", "/crm/v4/associations/contacts/deals/labels", false)]
    #[case("POST", "/crm/associations/v4/definitions/configurations/0-1/0-3/batch/create", false)]
    #[case("POST", "/crm/v3/properties/contacts", false)]
    #[case("POST", "/crm/v3/properties/contacts/batch/create", false)]
    #[case("POST", "/crm/v3/properties/contacts/batch/archive", true)]
    #[case("POST", "/crm/v3/imports", false)]
    #[case("POST", "/crm/v3/imports/1/cancel", false)]
    #[case("POST", "/crm/v3/exports/export/async", false)]
    #[case("POST", "/events/v3/send", false)]
    #[case("POST", "/oauth/v3/token", false)]
    #[case("POST", "/oauth/v3/token/introspect", true)]
    #[case("POST", "/oauth/v2/private-apps/get/access-token-info", true)]
    #[case("POST", "/crm/v3/lists/search", true)]
    #[case("CONNECT", "/crm/v3/objects/contacts", false)]
    fn only_what_leaves_the_same_state(#[case] method: Method, #[case] path: &str, #[case] idempotent: bool) {
        assert_eq!(is_idempotent(&method, &Path::read(path)), idempotent);
    }
}
