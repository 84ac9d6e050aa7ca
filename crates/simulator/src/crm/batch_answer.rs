//! The answer to a batch call: plain when every item held, 207 with the failures otherwise, facts §2.3.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use super::record::instant_text;
use super::refusal::Refusal;
use crate::call::Reply;

/// Results, and one entry per failure.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) results: Vec<Value>,
    pub(super) errors: Vec<Value>,
}

impl Outcome {
    pub(super) fn fail(&mut self, refusal: &Refusal) {
        self.errors.push(refusal.batch_item());
    }

    /// `success` when nothing failed, else 207.
    pub(super) fn reply(self, ask: &Ask<'_>, success: StatusCode) -> Reply {
        let at = instant_text(ask.moment.now);
        let mut body = Map::new();
        body.insert("status".into(), json!("COMPLETE"));
        body.insert("results".into(), Value::Array(self.results));
        let status = if self.errors.is_empty() { success } else { StatusCode::MULTI_STATUS };
        if !self.errors.is_empty() {
            body.insert("numErrors".into(), json!(self.errors.len()));
            body.insert("errors".into(), Value::Array(self.errors));
        }
        body.insert("startedAt".into(), json!(at));
        body.insert("completedAt".into(), json!(at));
        Reply::json(status, &Value::Object(body))
    }
}

/// Refuses more inputs than a batch may carry.
pub(super) fn check_size(inputs: usize, max: usize) -> Result<(), Refusal> {
    if inputs <= max {
        return Ok(());
    }
    Err(Refusal::invalid(format!("The batch has {inputs} inputs, but the maximum is {max}")))
}
