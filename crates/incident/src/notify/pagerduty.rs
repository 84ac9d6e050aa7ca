//! PagerDuty: Events API v2 (developer.pagerduty.com/docs/events-api-v2). One `dedup_key` for the whole incident, so that
//! what is sent twice is taken once.

use hubspot::secret::Secret;
use serde_json::{Value, json};

use super::cut;
use crate::code::Severity;
use crate::message::{Message, Moment};

const SUMMARY_MAX: usize = 1_024;

/// Where events go when nothing else is configured.
pub const URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// The JSON that is posted. An update is a trigger with the same key, which only adds to what is open.
pub fn body(message: &Message, routing_key: &Secret) -> Value {
    let action = match message.moment {
        Moment::Opened | Moment::Named | Moment::Update => "trigger",
        Moment::Acknowledged => "acknowledge",
        Moment::Resolved => "resolve",
    };
    let mut body = json!({
        "routing_key": routing_key.expose(),
        "event_action": action,
        "dedup_key": message.incident,
    });
    if action == "trigger" {
        body["client"] = "hubkeeper".into();
        body["payload"] = json!({
            "summary": cut(&message.headline(), SUMMARY_MAX),
            "source": "hubkeeper",
            "severity": severity(message.severity),
            "timestamp": message.at.to_string(),
            "component": message.families.first(),
            "class": message.code.map(crate::code::Code::id),
            "custom_details": {
                "impact": message.impact,
                "reach": message.reach,
                "evidence": message.evidence,
                "first_action": message.remedy,
                "escalation": message.escalation,
                "correlation_ids": message.correlation_ids,
                "since": message.began_at.to_string(),
            },
        });
    }
    body
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "critical",
        Severity::P2 => "error",
        Severity::P3 => "warning",
        Severity::P4 | Severity::None => "info",
    }
}
