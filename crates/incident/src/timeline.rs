//! What happened in an incident, in order: written once, never changed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::blast::Blast;
use crate::code::{Code, Severity};
use crate::detector::RuleId;
use crate::mitigation::{Mitigation, Turn};
use crate::signal::Place;
use crate::triage::Evidence;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub at: Timestamp,
    pub by: By,
    #[serde(flatten)]
    pub what: What,
}

/// Who did or noticed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Hubkeeper,
    Person(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Opened {
        title: String,
        severity: Severity,
    },
    Symptom {
        rule: RuleId,
        place: Place,
        observed: String,
    },
    SymptomGone {
        rule: RuleId,
        place: Place,
    },
    /// The cause has a name, or another one than before.
    Cause {
        code: Code,
        title: String,
        before: Option<Code>,
        confidence: f64,
        evidence: Vec<Evidence>,
        correlation_ids: Vec<String>,
        blast: Blast,
    },
    Severity {
        from: Severity,
        to: Severity,
    },
    StatusPage {
        name: String,
        link: Option<String>,
        behind_us_seconds: i64,
    },
    Acknowledged,
    Note {
        text: String,
    },
    Measure {
        mitigation: Mitigation,
        turn: Turn,
        place: Place,
        why: String,
    },
    /// No symptom shows any more.
    Recovering,
    Relapsed,
    /// What speaks for its end.
    Proof {
        holds: bool,
        observed: String,
    },
    Resolved {
        by_hand: bool,
    },
    Told {
        channel: String,
        moment: String,
        attempts: u32,
    },
    NotTold {
        channel: String,
        moment: String,
        why: String,
    },
}

impl By {
    pub fn name(&self) -> &str {
        match self {
            Self::Hubkeeper => "hubkeeper",
            Self::Person(name) => name,
        }
    }
}

impl Entry {
    pub(crate) fn ours(at: Timestamp, what: What) -> Self {
        Self { at, by: By::Hubkeeper, what }
    }

    /// In a line, for people.
    pub fn tell(&self) -> String {
        match &self.what {
            What::Opened { title, severity } => format!("opened as {}: {title}", severity.name()),
            What::Symptom { rule, place, observed } => {
                format!("{} ({}): {observed}", rule.title(), place.tell())
            }
            What::SymptomGone { rule, place } => format!("no longer: {} ({})", rule.title(), place.tell()),
            What::Cause { code, title, before, confidence, evidence, .. } => {
                cause(*code, title, *before, *confidence, evidence)
            }
            What::Severity { from, to } => format!("severity is {} instead of {}", to.name(), from.name()),
            What::StatusPage { name, behind_us_seconds, .. } => status_page(name, *behind_us_seconds),
            What::Acknowledged => "acknowledged".into(),
            What::Note { text } => format!("note: {text}"),
            What::Measure { mitigation, turn, place, why } => {
                format!("{} {} ({}): {why}", mitigation.name(), turn.name(), place.tell())
            }
            What::Recovering => "no symptom shows; waiting for proof".into(),
            What::Relapsed => "it is back".into(),
            What::Proof { holds, observed } => {
                format!("{}: {observed}", if *holds { "proof of recovery" } else { "not over" })
            }
            What::Resolved { by_hand } => if *by_hand { "resolved by hand" } else { "resolved" }.into(),
            What::Told { channel, moment, attempts } => {
                let tries = if *attempts > 1 { format!(" at attempt {attempts}") } else { String::new() };
                format!("told {channel} ({moment}){tries}")
            }
            What::NotTold { channel, moment, why } => format!("{channel} was not told ({moment}): {why}"),
        }
    }
}

fn cause(code: Code, title: &str, before: Option<Code>, confidence: f64, evidence: &[Evidence]) -> String {
    let before = before.map(|before| format!(", no longer {}", before.id())).unwrap_or_default();
    let rests_on: Vec<&str> =
        evidence.iter().filter(|it| it.supports).take(3).map(|it| it.observed.as_str()).collect();
    let rests_on = if rests_on.is_empty() { String::new() } else { format!(" [{}]", rests_on.join("; ")) };
    format!("the cause is {}{before}: {title} (confidence {confidence}){rests_on}", code.id())
}

fn status_page(name: &str, behind_us_seconds: i64) -> String {
    let order = if behind_us_seconds >= 0 {
        format!("{behind_us_seconds} s after we had noticed")
    } else {
        format!("{} s before we noticed", -behind_us_seconds)
    };
    format!("HubSpot's status page says \"{name}\", {order}")
}
