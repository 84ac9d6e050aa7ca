//! Statuspage: the company's own public page (developer.statuspage.io, incidents). What customers read comes from the
//! runbook page's public text alone: no names, no evidence.

use serde_json::{Map, Value, json};

use super::cut;
use crate::code::Severity;
use crate::incident::Stage;
use crate::message::Message;

/// Where the API is when nothing else is configured.
pub const URL: &str = "https://api.statuspage.io";

const NAME_MAX: usize = 100;
const BODY_MAX: usize = 25_000;

/// What is created, or changed where it exists already.
pub fn body(message: &Message, components: &[String]) -> Value {
    let states: Map<String, Value> =
        components.iter().map(|id| (id.clone(), Value::from(component(message)))).collect();
    let mut incident = json!({
        "name": cut(name(message), NAME_MAX),
        "status": status(message),
        "impact_override": impact(message.severity),
        "body": cut(&message.outside, BODY_MAX),
        "metadata": {"hubkeeper": {"incident": message.incident}},
    });
    if !components.is_empty() {
        incident["component_ids"] = json!(components);
        incident["components"] = Value::Object(states);
    }
    json!({"incident": incident})
}

/// Customers do not know what a token is.
const fn name(message: &Message) -> &'static str {
    match message.severity {
        Severity::P1 => "Synchronisation with our CRM is interrupted",
        Severity::P2 => "Some functions that use our CRM are unavailable",
        Severity::P3 | Severity::P4 | Severity::None => "Synchronisation with our CRM is slower than usual",
    }
}

fn status(message: &Message) -> &'static str {
    match message.stage {
        Stage::Resolved => "resolved",
        Stage::Recovering => "monitoring",
        Stage::Open | Stage::Acknowledged | Stage::Mitigated if message.code.is_some() => "identified",
        Stage::Open | Stage::Acknowledged | Stage::Mitigated => "investigating",
    }
}

const fn impact(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "critical",
        Severity::P2 => "major",
        Severity::P3 => "minor",
        Severity::P4 | Severity::None => "none",
    }
}

const fn component(message: &Message) -> &'static str {
    match (message.stage, message.severity) {
        (Stage::Resolved, _) => "operational",
        (_, Severity::P1) => "major_outage",
        (_, Severity::P2) => "partial_outage",
        (_, Severity::P3 | Severity::P4 | Severity::None) => "degraded_performance",
    }
}
