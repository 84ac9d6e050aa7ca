//! The rules that read a method and a bare path (one without its version).

use http::Method;

use super::{Action, Draws, Family};

/// The plural name of a record type given by name or by id (facts §3.2); what is not known stays as it is.
pub fn object_name(text: &str) -> &str {
    match text {
        "0-1" | "contact" => "contacts",
        "0-2" | "company" => "companies",
        "0-3" | "deal" => "deals",
        "0-5" | "ticket" => "tickets",
        "0-7" | "product" => "products",
        "0-8" | "line_item" => "line_items",
        "0-14" | "quote" => "quotes",
        "0-27" | "task" => "tasks",
        "0-46" | "note" => "notes",
        "0-47" | "meeting" => "meetings",
        "0-48" | "call" => "calls",
        "0-49" | "email" => "emails",
        other => other,
    }
}

pub(super) fn is_version(part: &str) -> bool {
    let legacy = matches!(part, "v1" | "v2" | "v3" | "v4");
    let stable = part.strip_suffix("-beta").unwrap_or(part);
    let dated = stable.len() == 7
        && stable
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 { byte == b'-' } else { byte.is_ascii_digit() });
    legacy || dated
}

pub(super) fn family(bare: &[&str], method: &Method) -> Family {
    match bare {
        ["crm", "objects", _, "search"] if method == Method::POST => Family::Search,
        ["crm", "objects", _, _, "associations", ..] | ["crm", "associations", ..] => Family::Associations,
        ["crm", "objects", ..] => Family::Objects,
        ["crm", "properties" | "property-validations", ..] => Family::Properties,
        ["crm" | "crm-pipelines", "pipelines", ..] => Family::Pipelines,
        ["crm", "owners", ..] | ["owners", ..] => Family::Owners,
        ["crm-object-schemas", ..] | ["crm", "schemas", ..] => Family::Schemas,
        ["crm" | "contacts", "lists", ..] => Family::Lists,
        ["crm", "imports", ..] => Family::Imports,
        ["crm", "exports", ..] => Family::Exports,
        ["crm", "limits", ..] => Family::Limits,
        ["account-info", ..] => Family::Account,
        ["oauth", ..] => Family::Oauth,
        ["webhooks-journal", ..] => Family::WebhooksJournal,
        ["webhooks" | "app-webhooks", ..] => Family::Webhooks,
        ["events", ..] => Family::Events,
        ["marketing", ..] => Family::Marketing,
        ["communication-preferences", ..] => Family::CommunicationPreferences,
        ["automation", ..] => Family::Automation,
        ["cms", ..] => Family::Cms,
        _ => Family::Other,
    }
}

pub(super) fn action(method: &Method, bare: &[&str], family: Family) -> Action {
    match (method, bare) {
        (_, [.., "batch", "read"]) => Action::BatchRead,
        (_, [.., "batch", "create"] | [.., "batch", "associate", "default"]) => Action::BatchCreate,
        (_, [.., "batch", "update"]) => Action::BatchUpdate,
        (_, [.., "batch", "upsert"]) => Action::BatchUpsert,
        (_, [.., "batch", "archive"] | [.., "batch", "labels", "archive"]) => Action::BatchArchive,
        (_, [.., "merge" | "gdpr-delete"]) => Action::Archive,
        (&Method::GET, _) => Action::Read,
        (&Method::DELETE, _) => Action::Archive,
        (&Method::POST, _) if family == Family::Search => Action::Read,
        (&Method::POST, _) => Action::Create,
        _ => Action::Update,
    }
}

pub(super) fn draws(method: &Method, bare: &[&str], family: Family) -> Draws {
    match (family, bare) {
        (Family::Search, _) => Draws::Search,
        // The single-record calls under `/crm/…/objects/{from}/{id}/associations` are not exempt.
        (Family::Associations, ["crm", "associations", ..]) => Draws::Associations,
        // Or nobody could look at a spent pool. HubSpot does not say whether looking costs: unconfirmed.
        (Family::Account, ["account-info", "api-usage", ..]) => Draws::BurstOnly,
        (Family::WebhooksJournal | Family::Oauth, _) => Draws::Nothing,
        (Family::Events, ["events", "send", ..] | ["events", "custom", "send", ..]) => Draws::Nothing,
        (Family::Marketing, [.., "single-email", "send"] | [.., "single-send"]) => Draws::Nothing,
        (Family::Marketing, [.., "publish" | "unpublish"]) => Draws::DailyOnly,
        (Family::Cms, ["cms", "source-code", ..]) => Draws::DailyOnly,
        (Family::Automation, ["automation", "flows", ..]) if method != Method::GET => Draws::DailyOnly,
        _ => Draws::Ordinary,
    }
}

pub(super) fn object_type(bare: &[&str]) -> Option<String> {
    match bare {
        ["crm", "objects" | "properties" | "pipelines" | "associations", name, ..]
        | ["crm-pipelines", "pipelines", name, ..]
        | ["crm-object-schemas", "schemas", name, ..] => Some(object_name(name).to_owned()),
        _ => None,
    }
}
