//! How much CRM data the account may hold: `/crm/v3/limits/…` and `/crm/limits/{v}/…`
//! ([SPEC Limits_Tracking], [DOC limits-tracking guide]). Request rates are elsewhere.

use http::StatusCode;
use serde_json::{Value, json};

use crate::call::Reply;

/// Records of one type an account may hold (HubSpot's published technical limit of contacts and companies).
const RECORDS_MAX: u64 = 15_000_000;

/// How full one kind of thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    Ordinary,
    /// Nothing more fits.
    Full,
}

/// Answers one of the limits endpoints; `bare` is the path without its version. `fill` is asked per object type.
pub fn answer(bare: &[&str], fill: impl Fn(&str) -> Fill) -> Option<Reply> {
    let ["crm", "limits", rest @ ..] = bare else { return None };
    let body = match rest {
        ["records"] => json!({
            "customObjectTypes": {
                "byObjectType": [], "overallLimit": 1_000_000, "overallPercentage": 0.0, "overallUsage": 0,
            },
            "hubspotDefinedObjectTypes": OBJECTS.map(|object| records(object, fill(object.1))),
        }),
        ["custom-properties"] | ["calculated-properties"] => json!({
            "byObjectType": OBJECTS.map(|(id, plural, singular)| json!({
                "objectTypeId": id, "pluralLabel": label(plural), "singularLabel": label(singular),
                "limit": 1_000, "usage": 0, "percentage": 0.0,
            })),
            "overallLimit": 1_000, "overallPercentage": 0.0, "overallUsage": 0,
        }),
        ["custom-object-types"] => json!({"limit": 10, "usage": 0, "percentage": 0.0}),
        ["pipelines"] => json!({"hubspotDefinedObjectTypes": [], "customObjectTypes": {"byObjectType": []}}),
        ["associations", ..] => {
            let crowded = (fill("associations") == Fill::Full).then(crowded);
            json!({"results": crowded.into_iter().collect::<Vec<_>>()})
        }
        _ => return None,
    };
    Some(Reply::json(StatusCode::OK, &body))
}

/// Id, plural and singular name.
type Object = (&'static str, &'static str, &'static str);

const OBJECTS: [Object; 4] = [
    ("0-1", "contacts", "contact"),
    ("0-2", "companies", "company"),
    ("0-3", "deals", "deal"),
    ("0-5", "tickets", "ticket"),
];

fn records((id, plural, singular): Object, fill: Fill) -> Value {
    let usage = match fill {
        Fill::Ordinary => RECORDS_MAX / 100,
        Fill::Full => RECORDS_MAX,
    };
    json!({
        "objectTypeId": id, "pluralLabel": label(plural), "singularLabel": label(singular),
        "limit": RECORDS_MAX, "usage": usage, "percentage": usage as f64 / RECORDS_MAX as f64 * 100.0,
    })
}

/// A record whose associations are at their limit (facts §4.1: 50,000 contacts on one company).
fn crowded() -> Value {
    json!({"fromObjectTypeId": "0-2", "toObjectTypeId": "0-1", "limit": 50_000, "usage": 50_000, "percentage": 100.0})
}

fn label(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
