//! HubSpot itself failing, slow, moved or gone.

use std::time::Duration;

use http::StatusCode;

use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::params::{BadParam, Params};
use super::{Effect, Strike};
use crate::arrival::Arrival;
use crate::backlog::Capacity;
use crate::call::Reply;
use crate::refusal::{Refusal, page};
use crate::seed::Purpose;
use crate::status::{Impact, Incident};

#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// 5xx to every call, known or not.
    Down,
    /// 5xx to accounts hosted here.
    RegionDown { region: String },
    /// 5xx after auth and limits: one part behind the front door is broken.
    PartDown,
    /// Answers take this much longer, give or take half.
    Slow { ms: u64 },
    /// Calls stand in line for what capacity is left.
    Strained(Capacity),
    /// 477 with Retry-After.
    Migrating { retry_after_s: u64 },
    /// 404 without a HubSpot category below this path.
    Gone { path_prefix: String, body: Form },
    /// One status, whoever calls.
    Status { status: StatusCode, body: Form, retry_after_s: Option<u64> },
}

/// How an error is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Html,
}

const INCIDENT_PARAMS: &[Param] =
    &[Param { name: "component", meaning: "component the status page blames", default: "APIs" }];

pub const KINDS: &[Kind] = &[
    Kind {
        code: "hubspot.outage_known",
        id: Some("F20"),
        seen: "5xx everywhere, and the status page shows an incident on the matching component",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: INCIDENT_PARAMS,
        build: |params, _| {
            let component = params.text("component")?.unwrap_or("APIs");
            let incident = incident("Elevated API error rates", component, Impact::Critical, "all regions");
            Ok(vec![Effect::HubSpot(Trouble::Down), Effect::Status(incident)])
        },
    },
    Kind {
        code: "hubspot.outage_unlisted",
        id: Some("F21"),
        seen: "5xx everywhere while the status page is green",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::HubSpot(Trouble::Down)]),
    },
    Kind {
        code: "hubspot.partial",
        id: Some("F22"),
        seen: "one API family answers 5xx, the others 200",
        aims_at: DefaultAim::Everyone,
        family: Some("search"),
        params: &[],
        build: |_, _| Ok(vec![Effect::HubSpot(Trouble::PartDown)]),
    },
    Kind {
        code: "hubspot.region",
        id: Some("F23"),
        seen: "accounts of one hosting place fail with 5xx; the status page names the region",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "region", meaning: "hosting place", default: "that of the default portal" }],
        build: regional,
    },
    Kind {
        code: "status.unrelated_incident",
        id: Some("F24"),
        seen: "the status page shows an incident on a component these calls do not use",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "component", meaning: "the component", default: "Marketing email" }],
        build: |params, _| {
            let component = params.text("component")?.unwrap_or("Marketing email");
            let name = format!("Delays in {component}");
            Ok(vec![Effect::Status(incident(&name, component, Impact::Major, "all regions"))])
        },
    },
    Kind {
        code: "status.incident",
        id: None,
        seen: "the status page shows an incident, whatever else is or is not wrong",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: INCIDENT_PARAMS,
        build: |params, _| {
            let component = params.text("component")?.unwrap_or("APIs");
            let name = format!("Elevated error rates in {component}");
            Ok(vec![Effect::Status(incident(&name, component, Impact::Major, "all regions"))])
        },
    },
    Kind {
        code: "hubspot.slow",
        id: Some("F25"),
        seen: "answers take seconds, none fails, connecting is fast",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "ms", meaning: "added to each answer, give or take half", default: "4000" }],
        build: |params, _| {
            let ms = params.whole("ms")?.unwrap_or(4_000);
            Ok(vec![Effect::HubSpot(Trouble::Slow { ms })])
        },
    },
    Kind {
        code: "hubspot.migration",
        id: Some("F26"),
        seen: "477 with Retry-After for one account",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[Param { name: "retry_after", meaning: "seconds, up to 24 h", default: "3600" }],
        build: |params, _| {
            let retry_after_s = params.whole("retry_after")?.unwrap_or(3_600);
            Ok(vec![Effect::HubSpot(Trouble::Migrating { retry_after_s })])
        },
    },
    Kind {
        code: "hubspot.sunset",
        id: Some("F27"),
        seen: "404 without a category below one path, for every account; other versions work",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "body", meaning: "html or json", default: "html" }],
        build: sunset,
    },
];

fn incident(name: &str, component: &str, impact: Impact, place: &str) -> Incident {
    let body = format!("We are investigating an issue with {component} affecting {place}.");
    Incident { name: name.to_owned(), body, component: component.to_owned(), impact }
}

fn regional(params: Params<'_>, scene: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let region = params.text("region")?.unwrap_or(scene.hosting).to_owned();
    let place = format!("accounts hosted in {region}");
    let name = format!("Elevated API error rates ({})", region.to_uppercase());
    let incident = incident(&name, "APIs", Impact::Major, &place);
    Ok(vec![Effect::HubSpot(Trouble::RegionDown { region }), Effect::Status(incident)])
}

/// The path is the aim's `path_prefix`; without one the v3 objects go, while their dated versions stay.
fn sunset(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let path_prefix = params.text("path_prefix")?.unwrap_or("/crm/v3/objects").to_owned();
    let body = form(params)?.unwrap_or(Form::Html);
    Ok(vec![Effect::HubSpot(Trouble::Gone { path_prefix, body })])
}

/// The `body` parameter.
pub fn form(params: Params<'_>) -> Result<Option<Form>, BadParam> {
    let word = params.word("body", &["json", "html"])?;
    Ok(word.map(|word| if word == "html" { Form::Html } else { Form::Json }))
}

fn troubles(strikes: &[Strike]) -> impl Iterator<Item = (&Strike, &Trouble)> {
    strikes.iter().filter_map(|strike| {
        let Effect::HubSpot(trouble) = &strike.effect else { return None };
        Some((strike, trouble))
    })
}

/// Failures at the front door, before anyone asks who is calling.
pub fn before_auth(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<Reply> {
    troubles(strikes).find_map(|(strike, trouble)| match trouble {
        Trouble::Down => Some(server_error(arrival, strike.fault_id)),
        Trouble::Gone { path_prefix, body } if arrival.call.path.starts_with(path_prefix.as_str()) => {
            Some(written(StatusCode::NOT_FOUND, *body, None, arrival))
        }
        Trouble::Status { status, body, retry_after_s } => {
            Some(written(*status, *body, *retry_after_s, arrival))
        }
        Trouble::RegionDown { .. }
        | Trouble::PartDown
        | Trouble::Slow { .. }
        | Trouble::Strained(_)
        | Trouble::Migrating { .. }
        | Trouble::Gone { .. } => None,
    })
}

/// Failures of one account or one part, after auth. They come before the limits: what cannot be served is not counted.
pub fn after_auth(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<Reply> {
    troubles(strikes).find_map(|(strike, trouble)| match trouble {
        Trouble::RegionDown { region } if arrival.hosting.as_deref() == Some(region) => {
            Some(server_error(arrival, strike.fault_id))
        }
        Trouble::PartDown => Some(server_error(arrival, strike.fault_id)),
        Trouble::Migrating { retry_after_s } => {
            let status = StatusCode::from_u16(477).expect("three digits");
            let message = "This account is being migrated between data hosting locations.";
            let refusal = Refusal::new(status, message).retry_after_s(*retry_after_s);
            Some(refusal.reply(&arrival.correlation_id))
        }
        Trouble::RegionDown { .. }
        | Trouble::Down
        | Trouble::Slow { .. }
        | Trouble::Strained(_)
        | Trouble::Gone { .. }
        | Trouble::Status { .. } => None,
    })
}

/// Server time the faults add to this call.
pub fn delay(strikes: &[Strike], arrival: &Arrival<'_>) -> Duration {
    troubles(strikes)
        .filter_map(|(strike, trouble)| {
            let Trouble::Slow { ms } = trouble else { return None };
            let share = 0.5 + arrival.draw(Purpose::FaultShape, strike.fault_id);
            Some(Duration::from_secs_f64(*ms as f64 * share / 1000.0))
        })
        .sum()
}

/// What capacity the faults leave.
pub fn capacity(strikes: &[Strike]) -> Option<Capacity> {
    troubles(strikes).find_map(|(_, trouble)| {
        let Trouble::Strained(capacity) = trouble else { return None };
        Some(*capacity)
    })
}

/// An outage speaks in several voices (facts §1.7, §2.2).
fn server_error(arrival: &Arrival<'_>, fault_id: u64) -> Reply {
    let (status, message) = match arrival.draw(Purpose::FaultShape, fault_id) {
        draw if draw < 0.5 => (StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable"),
        draw if draw < 0.9 => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        _ => (StatusCode::BAD_GATEWAY, "Bad Gateway"),
    };
    Refusal::new(status, message).reply(&arrival.correlation_id)
}

fn written(status: StatusCode, form: Form, retry_after_s: Option<u64>, arrival: &Arrival<'_>) -> Reply {
    let title = status.canonical_reason().unwrap_or("Error");
    let refusal = match form {
        Form::Html => {
            let mut reply = page(status, &format!("{} {title}", status.as_u16()), title);
            if let Some(seconds) = retry_after_s {
                reply.headers.insert(http::header::RETRY_AFTER, seconds.into());
            }
            return reply;
        }
        Form::Json => Refusal::new(status, title),
    };
    let refusal = match retry_after_s {
        Some(seconds) => refusal.retry_after_s(seconds),
        None => refusal,
    };
    refusal.reply(&arrival.correlation_id)
}
