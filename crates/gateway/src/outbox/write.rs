//! Which calls are writes, what records they change, and whether one may be sent twice: from method and path alone.

use http::Method;
use http::uri::PathAndQuery;
use hubspot::endpoint::{ApiFamily, Endpoint};
use hubspot::object_type::ObjectType;
use serde_json::Value;

/// POSTs that only read.
const READS: [&str; 4] = ["search", "read", "idmapping", "introspect"];

/// Words of a query that would bring a credential into the store.
const CREDENTIALS: [&str; 4] = ["hapikey=", "access_token=", "client_secret=", "refresh_token="];

/// May the call be kept for later? Reads have nothing to gain, and calls that carry a credential must not be stored.
pub(crate) fn can_be_kept(method: &Method, target: &PathAndQuery, endpoint: &Endpoint) -> bool {
    let last = target.path().rsplit('/').next().unwrap_or_default();
    let writes = match *method {
        Method::POST => !READS.contains(&last),
        Method::PUT | Method::PATCH | Method::DELETE => true,
        _ => false,
    };
    let query = target.query().unwrap_or_default().to_ascii_lowercase();
    let credential =
        endpoint.family == ApiFamily::OAuth || CREDENTIALS.iter().any(|word| query.contains(word));
    writes && !credential
}

/// A create of one record: `POST /crm/v3/objects/{type}`, `POST /crm/objects/{version}/{type}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Create<'a> {
    /// The path up to the type.
    pub(crate) collection: &'a str,
    /// As the path words it.
    pub(crate) kind: &'a str,
}

impl<'a> Create<'a> {
    pub(crate) fn read(method: &str, path: &'a str) -> Option<Self> {
        let (kind, rest) = objects(path)?;
        (method == "POST" && rest.is_none()).then_some(Self { collection: path, kind })
    }

    pub(crate) fn is_of_contacts(&self) -> bool {
        ObjectType::parse(self.kind) == Some(ObjectType::Contact)
    }
}

/// What the path says after `/crm/v3/objects/` or `/crm/objects/{version}/`: the type, and what follows it. The v4 paths
/// lead to associations of a record.
fn objects(path: &str) -> Option<(&str, Option<&str>)> {
    let rest = path.strip_prefix("/crm/")?;
    let (first, rest) = rest.split_once('/')?;
    let (second, rest) = rest.split_once('/')?;
    let versioned = match (first, second) {
        ("v3" | "v4", "objects") => true,
        ("objects", version) => version.starts_with("20"),
        _ => false,
    };
    let (kind, rest) = rest.split_once('/').map_or((rest, None), |(kind, rest)| (kind, Some(rest)));
    (versioned && !kind.is_empty()).then_some((kind, rest))
}

/// The record that a write is about, so that writes on it keep their order: `contacts/7`, `contacts/email=ada@example.com`,
/// else the path itself. `None` where no record is named, as in most creates and in batches.
pub(crate) fn record(method: &Method, target: &PathAndQuery, body: &[u8]) -> Option<String> {
    let path = target.path();
    let Some((kind, rest)) = objects(path) else {
        return (*method != Method::POST).then(|| path.to_owned());
    };
    let kind = ObjectType::parse(kind).map_or_else(|| kind.to_ascii_lowercase(), |kind| kind.to_string());
    let Some(rest) = rest else {
        let email = Create::read(method.as_str(), path)?.is_of_contacts().then(|| email(body))??;
        return Some(format!("{kind}/email={email}"));
    };
    let (first, further) = rest.split_once('/').map_or((rest, None), |(first, more)| (first, Some(more)));
    if *method == Method::POST && (first == "batch" || further.is_none()) {
        return None; // a batch, a merge, a deletion for privacy
    }
    let named = first.to_ascii_lowercase();
    Some(match id_property(target.query().unwrap_or_default()) {
        Some(property) => format!("{kind}/{property}={}", named.replace("%40", "@").replace("%2b", "+")),
        None => format!("{kind}/{named}"),
    })
}

fn id_property(query: &str) -> Option<&str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "idProperty").map(|(_, value)| value).find(|value| !value.is_empty())
}

/// The e-mail address that a contact is created with: HubSpot allows each once, in any letter case.
pub(crate) fn email(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let email = body.get("properties")?.get("email")?.as_str()?.trim();
    (!email.is_empty()).then(|| email.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("PATCH", "/crm/v3/objects/contacts/7", Some("contacts/7"))]
    #[case("PATCH", "/crm/objects/2026-03/0-1/7", Some("contacts/7"))]
    #[case("DELETE", "/crm/v3/objects/deals/7", Some("deals/7"))]
    #[case("PATCH", "/crm/v3/objects/contacts/Ada%40b.c?idProperty=email", Some("contacts/email=ada@b.c"))]
    #[case("POST", "/crm/v3/objects/contacts", Some("contacts/email=ada@b.c"))]
    #[case("POST", "/crm/v3/objects/deals", None)]
    #[case("POST", "/crm/v3/objects/contacts/batch/update", None)]
    #[case("POST", "/crm/v3/objects/contacts/merge", None)]
    #[case("PUT", "/crm/v4/objects/contacts/7/associations/default/deals/2", Some("contacts/7"))]
    #[case("PATCH", "/crm/v3/objects/2-123/9", Some("2-123/9"))]
    #[case("PATCH", "/crm/v3/properties/contacts/x", Some("/crm/v3/properties/contacts/x"))]
    #[case("POST", "/crm/v3/imports", None)]
    fn records(#[case] method: Method, #[case] target: &str, #[case] expected: Option<&str>) {
        let body = br#"{"properties":{"email":" Ada@b.c "}}"#;
        assert_eq!(record(&method, &target.parse().unwrap(), body).as_deref(), expected);
    }

    #[rstest]
    #[case("POST", "/crm/v3/objects/contacts", true)]
    #[case("POST", "/crm/v3/objects/contacts/batch/archive", true)]
    #[case("POST", "/crm/v3/objects/contacts/search", false)]
    #[case("POST", "/crm/v3/objects/contacts/batch/read", false)]
    #[case("GET", "/crm/v3/objects/contacts/1", false)]
    #[case::the_body_is_a_secret("POST", "/oauth/v1/token", false)]
    #[case::so_is_the_query("PATCH", "/crm/v3/objects/contacts/1?hapikey=x", false)]
    fn only_writes_without_credentials_are_kept(
        #[case] method: Method,
        #[case] target: PathAndQuery,
        #[case] kept: bool,
    ) {
        let endpoint = hubspot::endpoint::classify(&method, target.path());
        assert_eq!(can_be_kept(&method, &target, &endpoint), kept);
    }
}
