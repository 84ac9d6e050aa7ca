//! The inputs of a batch, and the rule that decides whether one bad item spoils the rest.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use super::super::super::associations::AnyId;
use super::super::super::refusal::Refusal;
use super::super::plan::{AssociationInput, Written};

#[derive(Debug, Deserialize)]
pub(super) struct Inputs<T> {
    pub(super) inputs: Vec<T>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadBody {
    pub(super) inputs: Vec<IdItem>,
    pub(super) properties: Option<Vec<String>>,
    pub(super) properties_with_history: Option<Vec<String>>,
    pub(super) id_property: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct IdItem {
    pub(super) id: AnyId,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateItem {
    #[serde(rename = "properties", default)]
    pub(super) written: Written,
    #[serde(default, deserialize_with = "absent_or_null")]
    pub(super) associations: Vec<AssociationInput>,
    object_write_trace_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateItem {
    pub(super) id: AnyId,
    pub(super) id_property: Option<String>,
    #[serde(default)]
    pub(super) properties: Written,
    pub(super) object_write_trace_id: Option<String>,
}

/// An item of a write batch, traced or not.
pub(super) trait Traced {
    fn trace_id(&self) -> Option<&str>;
}

/// An item that may be done.
#[derive(Debug)]
pub(super) struct Judged<'a, T> {
    pub(super) trace_id: Option<&'a str>,
    pub(super) plan: T,
}

impl Traced for CreateItem {
    fn trace_id(&self) -> Option<&str> {
        self.object_write_trace_id.as_deref()
    }
}

impl Traced for UpdateItem {
    fn trace_id(&self) -> Option<&str> {
        self.object_write_trace_id.as_deref()
    }
}

/// Plans every item before any is done. When each has a trace id of its own, the bad ones become entries of a
/// 207 that name it; otherwise the first bad one fails the whole batch (facts §2.3 [DOC error-handling]).
pub(super) fn judge<I: Traced, T>(
    items: &[I],
    mut plan: impl FnMut(&I) -> Result<T, Refusal>,
) -> Result<(Vec<Judged<'_, T>>, Vec<Value>), Refusal> {
    let traces: HashSet<&str> = items.iter().filter_map(Traced::trace_id).collect();
    let tolerant = traces.len() == items.len();
    let (mut plans, mut errors) = (Vec::new(), Vec::new());
    for item in items {
        let trace_id = item.trace_id();
        match (plan(item), trace_id) {
            (Ok(plan), _) => plans.push(Judged { trace_id, plan }),
            (Err(refusal), Some(trace_id)) if tolerant => {
                errors.push(refusal.with("objectWriteTraceId", vec![trace_id.to_owned()]).batch_item());
            }
            (Err(refusal), _) => return Err(refusal),
        }
    }
    Ok((plans, errors))
}

fn absent_or_null<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Vec<AssociationInput>, D::Error> {
    Ok(Option::deserialize(input)?.unwrap_or_default())
}
