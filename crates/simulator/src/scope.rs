//! Which scopes a call needs, and the refusal when none is there (facts §5.5 [SPEC scan], §2.1).

use http::StatusCode;
use serde_json::json;

use crate::refusal::Refusal;
use crate::route::{Family, Route};

/// Everything the default token may do: the scopes this simulator ever asks for.
pub fn all() -> Vec<String> {
    let objects = ["contacts", "companies", "deals", "custom", "line_items", "products", "quotes", "leads"];
    let crm = objects
        .iter()
        .flat_map(|name| [format!("crm.objects.{name}.read"), format!("crm.objects.{name}.write")]);
    let schemas = ["contacts", "companies", "deals", "custom"]
        .iter()
        .flat_map(|name| [format!("crm.schemas.{name}.read"), format!("crm.schemas.{name}.write")]);
    let others = [
        "oauth",
        "tickets",
        "e-commerce",
        "crm.objects.owners.read",
        "crm.lists.read",
        "crm.lists.write",
        "crm.import",
        "crm.export",
        "sales-email-read",
        "automation",
    ];
    crm.chain(schemas).chain(others.map(str::to_owned)).collect()
}

/// The scopes of which any one is enough; empty where none is asked for.
pub fn required(route: &Route) -> Vec<String> {
    let access = if route.action.is_write() { "write" } else { "read" };
    let object_type = route.object_type.as_deref().unwrap_or_default();
    match route.family {
        Family::Objects | Family::Search | Family::Associations | Family::Pipelines => {
            of_object(object_type, access)
        }
        Family::Properties | Family::Schemas => of_schema(object_type, access),
        Family::Owners => vec!["crm.objects.owners.read".to_owned()],
        Family::Lists => vec![format!("crm.lists.{access}")],
        Family::Imports => vec!["crm.import".to_owned()],
        Family::Exports => vec!["crm.export".to_owned()],
        Family::Account
        | Family::Limits
        | Family::Oauth
        | Family::Webhooks
        | Family::WebhooksJournal
        | Family::Events
        | Family::Marketing
        | Family::CommunicationPreferences
        | Family::Automation
        | Family::Cms
        | Family::Other => Vec::new(),
    }
}

/// What reading the webhooks journal needs: the guide and the spec name it differently (facts §5.5).
pub const JOURNAL: [&str; 2] = ["developer.webhooks_journal.read", "webhooks-journal-data-access"];

/// 403 MISSING_SCOPES, with the acceptable scopes named.
pub fn missing(required: &[String]) -> Refusal {
    let message = "This app hasn't been granted all required scopes to make this call. Read more about required \
                   scopes here: https://developers.hubspot.com/scopes.";
    Refusal::new(StatusCode::FORBIDDEN, message)
        .category("MISSING_SCOPES")
        .field(
            "errors",
            json!([{
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": required},
            }]),
        )
        .field("links", json!({"scopes": "https://developers.hubspot.com/scopes"}))
}

fn of_object(object_type: &str, access: &str) -> Vec<String> {
    match object_type {
        // Tickets have one scope of their own; activities go with contacts.
        "tickets" => vec!["tickets".to_owned()],
        "notes" | "tasks" | "calls" | "meetings" | "communications" | "postal_mail" => {
            vec![format!("crm.objects.contacts.{access}")]
        }
        "emails" => vec![format!("crm.objects.contacts.{access}"), "sales-email-read".to_owned()],
        "products" | "line_items" => {
            vec![format!("crm.objects.{object_type}.{access}"), "e-commerce".to_owned()]
        }
        "" => Vec::new(),
        custom if custom.starts_with("2-") || custom.starts_with("p_") => {
            vec![format!("crm.objects.custom.{access}")]
        }
        name if all().contains(&format!("crm.objects.{name}.{access}")) => {
            vec![format!("crm.objects.{name}.{access}")]
        }
        _ => Vec::new(),
    }
}

/// Reading definitions accepts the object scopes; writing them needs the schema's own.
fn of_schema(object_type: &str, access: &str) -> Vec<String> {
    let mut scopes = match object_type {
        "contacts" | "companies" | "deals" => vec![format!("crm.schemas.{object_type}.{access}")],
        "" => vec![format!("crm.schemas.custom.{access}")],
        custom if custom.starts_with("2-") || custom.starts_with("p_") => {
            vec![format!("crm.schemas.custom.{access}")]
        }
        _ => return of_object(object_type, access),
    };
    if access == "read" {
        scopes.extend(of_object(object_type, access));
    }
    scopes
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::call::Call;

    #[rstest]
    #[case("GET /crm/v3/objects/contacts", &["crm.objects.contacts.read"])]
    #[case("POST /crm/v3/objects/0-3/search", &["crm.objects.deals.read"])]
    #[case("PATCH /crm/objects/2026-03/tickets/1", &["tickets"])]
    #[case("POST /crm/v3/objects/notes", &["crm.objects.contacts.write"])]
    #[case("GET /crm/v3/objects/2-77", &["crm.objects.custom.read"])]
    #[case("POST /crm/v3/properties/deals", &["crm.schemas.deals.write"])]
    #[case("GET /crm/v3/properties/deals", &["crm.schemas.deals.read", "crm.objects.deals.read"])]
    #[case("GET /crm/v3/owners", &["crm.objects.owners.read"])]
    #[case("GET /account-info/v3/details", &[])]
    fn each_call_needs_its_scopes(#[case] line: &str, #[case] scopes: &[&str]) {
        let (method, path) = line.split_once(' ').expect("method and path");
        let route = Route::of(&Call::bare(method.parse().expect("a method"), path));
        assert_eq!(required(&route), scopes);
        assert!(required(&route).iter().all(|scope| all().contains(scope)), "the default token lacks one");
    }
}
