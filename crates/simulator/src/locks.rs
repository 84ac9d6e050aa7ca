//! Which records were written just now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::arrival::Arrival;
use crate::fault::quota::LOCK;
use crate::route::{Action, Family};

/// The last write to each record, kept for as long as it locks.
#[derive(Debug, Default)]
pub struct Locks {
    written: BTreeMap<(Option<u64>, String), Timestamp>,
}

impl Locks {
    /// Is one of the records this call writes still locked? If not, the call locks them all.
    pub fn touch(&mut self, arrival: &Arrival<'_>) -> bool {
        let now = arrival.now;
        self.written.retain(|_, at| now.duration_since(*at) < LOCK);
        let records: Vec<_> = records(arrival).into_iter().map(|id| (arrival.portal_id, id)).collect();
        if records.iter().any(|record| self.written.contains_key(record)) {
            return true;
        }
        self.written.extend(records.into_iter().map(|record| (record, now)));
        false
    }
}

/// `type/id` of every record a write names.
fn records(arrival: &Arrival<'_>) -> Vec<String> {
    let route = &arrival.route;
    let object_type = route.object_type.as_deref().unwrap_or_default();
    if route.family != Family::Objects {
        return Vec::new();
    }
    let ids: Vec<String> = match route.action {
        Action::Update | Action::Archive => match route.bare().as_slice() {
            ["crm", "objects", _, id] => vec![(*id).to_owned()],
            _ => Vec::new(),
        },
        Action::BatchUpdate | Action::BatchUpsert | Action::BatchArchive => input_ids(&arrival.call.body),
        Action::Read | Action::Create | Action::BatchRead | Action::BatchCreate => Vec::new(),
    };
    ids.into_iter().map(|id| format!("{object_type}/{id}")).collect()
}

fn input_ids(body: &[u8]) -> Vec<String> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let inputs = body.get("inputs").and_then(Value::as_array);
    let id = |input: &Value| match input.get("id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    inputs.into_iter().flatten().filter_map(id).collect()
}
