//! A story of faults with its true cause, as data: when what breaks, what the status page says meanwhile, what else happens,
//! and the traffic it is told over. The simulator plays the faults; the traffic, the changes and the question "what was it?"
//! are for whoever plays along: a drill, a harness, a person.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub title: String,
    /// Diagnosis codes that are right; empty where nothing is wrong.
    pub cause: Vec<String>,
    /// What a hasty reader would say, and why it is not that.
    #[serde(default)]
    pub distractors: Vec<String>,
    #[serde(default)]
    pub traffic: Traffic,
    /// When to ask for the diagnosis.
    pub look_at_s: f64,
    pub steps: Vec<Step>,
}

/// Background traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    pub calls_per_s: f64,
    /// Further accounts, each an install of the OAuth app in a portal of its own.
    pub installs: usize,
    /// Where these are hosted, in turn.
    pub regions: Vec<String>,
    pub webhooks: bool,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { calls_per_s: 3.0, installs: 0, regions: vec!["na1".to_owned()], webhooks: false }
    }
}

/// Something happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub at_s: f64,
    /// As for `POST /_sim/faults`; `for_seconds` and `after_seconds` count from this step.
    pub fault: Option<Map<String, Value>>,
    /// Told to the gateway as `POST /api/v1/changes` takes it.
    pub change: Option<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `deploy`, `config` or `secret`.
    pub kind: String,
    pub what: String,
    pub caller: Option<String>,
}

impl Scenario {
    /// The faults, each with the moment it begins written into it.
    pub fn faults(&self) -> impl Iterator<Item = Map<String, Value>> {
        self.steps.iter().filter_map(|step| {
            let mut fault = step.fault.clone()?;
            let later = fault.get("after_seconds").and_then(Value::as_f64).unwrap_or_default();
            fault.insert("after_seconds".to_owned(), Value::from(step.at_s + later));
            Some(fault)
        })
    }
}
