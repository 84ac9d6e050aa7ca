//! Single requests refused, or half done, for what they hold; records and definitions changed behind the caller's back.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::StatusCode;
use serde_json::{Value, json};

use super::aim::DefaultAim;
use super::catalogue::{Kind, Param};
use super::{Effect, Strike};
use crate::arrival::Arrival;
use crate::capacity::Fill;
use crate::crm::Crm;
use crate::refusal::Refusal;
use crate::route::{Family, Route, object_name};
use crate::seed::{Purpose, Seed};

#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// 400 INVALID_INTEGER to writes.
    BadNumber {
        property: String,
    },
    /// 400 MISSING_REQUIRED_PROPERTY to writes through 2026-09 and later.
    RequiredProperty {
        property: String,
    },
    /// 409 to creates.
    Duplicate,
    /// 400 to creates; the limits endpoint shows the type full.
    AtLimit {
        object_type: String,
    },
    /// A share of a batch's inputs fails in a 207.
    HalfDone {
        share: f64,
    },
    PropertyGone {
        object_type: String,
        property: String,
    },
    RecordsGone {
        object_type: String,
        share: f64,
    },
}

/// How to bring back what a fault took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    ShowProperty { object_type: String, property: String },
    RestoreRecords { object_type: String, ids: Vec<String> },
}

/// The `object_type` that stands for links between records instead of records.
const ASSOCIATIONS: &str = "associations";

const OBJECT_TYPE: Param = Param { name: "object_type", meaning: "record type", default: "contacts" };

pub const KINDS: &[Kind] = &[
    Kind {
        code: "hubspot.validation_change",
        id: Some("F28"),
        seen: "400 MISSING_REQUIRED_PROPERTY to writes, on 2026-09 and later paths only",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[Param { name: "property", meaning: "what an admin made required", default: "lead_source" }],
        build: |params, _| {
            let property = params.text("property")?.unwrap_or("lead_source").to_owned();
            Ok(vec![Effect::Content(Trouble::RequiredProperty { property })])
        },
    },
    Kind {
        code: "self.bad_payload",
        id: Some("F40"),
        seen: "400 INVALID_INTEGER to writes, all accounts",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "property", meaning: "the property complained of", default: "numemployees" }],
        build: |params, _| {
            let property = params.text("property")?.unwrap_or("numemployees").to_owned();
            Ok(vec![Effect::Content(Trouble::BadNumber { property })])
        },
    },
    Kind {
        code: "account.schema",
        id: Some("F41"),
        seen: "400 PROPERTY_DOESNT_EXIST to writes that name one property, in one account; its definition is gone",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[OBJECT_TYPE, Param { name: "property", meaning: "the property removed", default: "phone" }],
        build: |params, _| {
            let object_type = object_name(params.text("object_type")?.unwrap_or("contacts")).to_owned();
            let property = params.text("property")?.unwrap_or("phone").to_owned();
            Ok(vec![Effect::Content(Trouble::PropertyGone { object_type, property })])
        },
    },
    Kind {
        code: "data.conflict",
        id: Some("F42"),
        seen: "409 CONFLICT \"Contact already exists. Existing ID: N\" to creates",
        aims_at: DefaultAim::Everyone,
        family: Some("objects"),
        params: &[],
        build: |_, _| Ok(vec![Effect::Content(Trouble::Duplicate)]),
    },
    Kind {
        code: "account.limit",
        id: Some("F43"),
        seen: "400 to creates of one type, or of associations; the /crm/v3/limits endpoints show it full",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[OBJECT_TYPE],
        build: |params, _| {
            let object_type = object_name(params.text("object_type")?.unwrap_or("contacts")).to_owned();
            Ok(vec![Effect::Content(Trouble::AtLimit { object_type })])
        },
    },
    Kind {
        code: "data.gone",
        id: Some("F44"),
        seen: "404 to ids that answered before: merged away or deleted",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[
            OBJECT_TYPE,
            Param { name: "share", meaning: "how many of the records, 0 to 1", default: "0.3" },
        ],
        build: |params, _| {
            let object_type = object_name(params.text("object_type")?.unwrap_or("contacts")).to_owned();
            let share = params.share("share")?.unwrap_or(0.3);
            Ok(vec![Effect::Content(Trouble::RecordsGone { object_type, share })])
        },
    },
    Kind {
        code: "data.partial",
        id: Some("F45"),
        seen: "207 with numErrors above 0 to batch calls; the failed inputs are not applied",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param {
            name: "share",
            meaning: "how many of a batch's inputs fail, 0 to 1",
            default: "0.3",
        }],
        build: |params, _| {
            let share = params.share("share")?.unwrap_or(0.3);
            Ok(vec![Effect::Content(Trouble::HalfDone { share })])
        },
    },
];

fn troubles(strikes: &[Strike]) -> impl Iterator<Item = (&Strike, &Trouble)> {
    strikes.iter().filter_map(|strike| {
        let Effect::Content(trouble) = &strike.effect else { return None };
        Some((strike, trouble))
    })
}

/// Refuses a call for what it holds.
pub fn refuse(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<Refusal> {
    let route = &arrival.route;
    let on_records = route.family == Family::Objects;
    let writes = on_records && route.action.sets_values();
    let creates = on_records && route.action.is_create();
    troubles(strikes).find_map(|(strike, trouble)| match trouble {
        Trouble::BadNumber { property } if writes => Some(bad_number(property)),
        Trouble::RequiredProperty { property } if writes && route.enforces_required_properties() => {
            Some(missing_property(property))
        }
        Trouble::Duplicate if creates => {
            let id = holder(&arrival.call.body, arrival.seed, strike.fault_id);
            Some(duplicate(route.object_type.as_deref().unwrap_or("contacts"), id))
        }
        Trouble::AtLimit { object_type } if adds(route, object_type) => Some(full(object_type)),
        Trouble::BadNumber { .. }
        | Trouble::RequiredProperty { .. }
        | Trouble::Duplicate
        | Trouble::AtLimit { .. }
        | Trouble::HalfDone { .. }
        | Trouble::PropertyGone { .. }
        | Trouble::RecordsGone { .. } => None,
    })
}

/// Does the call add a record of this type, or a link where links are meant?
fn adds(route: &Route, object_type: &str) -> bool {
    if object_type == ASSOCIATIONS {
        return route.family == Family::Associations && route.action.sets_values();
    }
    route.family == Family::Objects && route.action.is_create() && route.is_about(object_type)
}

/// The share of a batch's inputs that fails.
pub fn failing_share(strikes: &[Strike]) -> Option<f64> {
    troubles(strikes).find_map(|(_, trouble)| {
        let Trouble::HalfDone { share } = trouble else { return None };
        Some(*share)
    })
}

/// How full the account is with records of one type.
pub fn fill(strikes: &[Strike], name: &str) -> Fill {
    let full = troubles(strikes)
        .any(|(_, trouble)| matches!(trouble, Trouble::AtLimit { object_type } if object_type == name));
    if full { Fill::Full } else { Fill::Ordinary }
}

/// Carries out what an effect does to records and definitions; `None` where it does nothing to them.
pub fn inflict(effect: &Effect, crm: &mut Crm) -> Option<Undo> {
    let Effect::Content(trouble) = effect else { return None };
    match trouble {
        Trouble::PropertyGone { object_type, property } => {
            crm.hide_property(object_type, property);
            Some(Undo::ShowProperty { object_type: object_type.clone(), property: property.clone() })
        }
        Trouble::RecordsGone { object_type, share } => {
            let ids = crm.remove_records(object_type, *share);
            Some(Undo::RestoreRecords { object_type: object_type.clone(), ids })
        }
        Trouble::BadNumber { .. }
        | Trouble::RequiredProperty { .. }
        | Trouble::Duplicate
        | Trouble::AtLimit { .. }
        | Trouble::HalfDone { .. } => None,
    }
}

impl Undo {
    pub fn carry_out(&self, crm: &mut Crm) {
        match self {
            Self::ShowProperty { object_type, property } => crm.show_property(object_type, property),
            Self::RestoreRecords { object_type, ids } => crm.restore_records(object_type, ids),
        }
    }
}

fn bad_number(property: &str) -> Refusal {
    let text = format!("x was not a valid integer for {property}.");
    let embedded = json!([{
        "isValid": false, "message": text, "error": "INVALID_INTEGER", "name": property,
        "localizedErrorMessage": text,
    }]);
    let detail = json!({"message": text, "code": "INVALID_INTEGER", "context": {"propertyName": [property]}});
    Refusal::validation(format!("Property values were not valid: {embedded}"), &detail)
}

fn missing_property(property: &str) -> Refusal {
    let text = format!("Property \"{property}\" is required by a rule of this account.");
    let context = json!({"propertyName": [property]});
    Refusal::validation(
        text.clone(),
        &json!({
            "message": text, "code": "MISSING_REQUIRED_PROPERTY", "context": context,
        }),
    )
}

/// The one record that has what a create wants to have for itself: a contact's address, and of others all they hold. Of a batch
/// HubSpot names the first alone (facts §2.2).
fn holder(body: &[u8], seed: Seed, fault_id: u64) -> u64 {
    let read: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = read.pointer("/inputs/0").unwrap_or(&read);
    let wanted = first.pointer("/properties/email").unwrap_or(first).to_string().to_lowercase();
    let mut value = DefaultHasher::new();
    wanted.hash(&mut value);
    1 + (seed.share(Purpose::FaultShape, (fault_id << 32) | (value.finish() & 0xffff_ffff)) * 1e9) as u64
}

fn duplicate(object_type: &str, id: u64) -> Refusal {
    let name = match object_type {
        "contacts" => "Contact",
        "companies" => "Company",
        _ => "Object",
    };
    Refusal::new(StatusCode::CONFLICT, format!("{name} already exists. Existing ID: {id}"))
        .category("CONFLICT")
}

/// Its wording is unconfirmed; what tells it apart is the limits endpoint.
fn full(object_type: &str) -> Refusal {
    let text = format!("The limit of {object_type} has been reached. No more can be created.");
    Refusal::validation(text.clone(), &json!({"message": text, "code": "LIMIT_EXCEEDED"}))
}
