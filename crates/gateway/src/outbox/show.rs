//! An operation, as its caller reads it.

use serde_json::{Value, json};
use store::outbox::{Attempt, Operation};

/// Everything but the request, which the caller knows.
pub fn of(operation: &Operation) -> Value {
    let asked = &operation.asked;
    let mut shown = json!({
        "id": asked.id.to_string(),
        "state": operation.state.name(),
        "accepted_at": asked.accepted_at.to_string(),
        "method": asked.method,
        "target": asked.target,
        "attempts": operation.attempts.iter().map(attempt).collect::<Vec<_>>(),
    });
    if let Some(settled_at) = operation.settled_at {
        shown["settled_at"] = json!(settled_at.to_string());
    } else {
        shown["due_at"] = json!(operation.due_at.to_string());
    }
    if let Some(reason) = &operation.reason {
        shown["reason"] = json!(reason);
    }
    if let Some(answer) = &operation.answer {
        shown["result"] = json!({"status": answer.status, "body": body(&answer.body)});
    }
    shown
}

fn attempt(attempt: &Attempt) -> Value {
    let mut shown = json!({
        "at": attempt.at.to_string(),
        "status": (attempt.status > 0).then_some(attempt.status),
        "correlation_id": attempt.correlation_id,
        "outcome": attempt.outcome,
    });
    if attempt.doubtful {
        shown["doubtful"] = json!(true);
    }
    if attempt.requests > 1 {
        shown["requests"] = json!(attempt.requests);
    }
    if attempt.not_kept > 0 {
        shown["more_not_kept"] = json!(attempt.not_kept);
    }
    shown
}

/// JSON where it is JSON, else text.
pub(super) fn body(bytes: &[u8]) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

/// The operation in a list: without what may tell about a person.
pub fn line(operation: &Operation) -> Value {
    let asked = &operation.asked;
    json!({
        "id": asked.id.to_string(),
        "seq": operation.seq,
        "state": operation.state.name(),
        "accepted_at": asked.accepted_at.to_string(),
        "settled_at": operation.settled_at.map(|at| at.to_string()),
        "due_at": (!operation.state.is_settled()).then(|| operation.due_at.to_string()),
        "connection": asked.connection,
        "caller": asked.caller,
        "family": asked.family,
        "lane": asked.lane,
        "method": asked.method,
        "route": route(operation),
        "attempts": operation.attempts.iter().map(|attempt| 1 + u64::from(attempt.not_kept)).sum::<u64>(),
        "outcome": operation.attempts.last().map(|attempt| attempt.outcome.as_str()),
        "status": operation.answer.as_ref().map(|answer| answer.status),
        "correlation_id": operation.attempts.iter().rev().find_map(|attempt| attempt.correlation_id.as_deref()),
    })
}

/// The target without ids and without what tells about a person.
fn route(operation: &Operation) -> String {
    let method = operation.asked.method.parse().unwrap_or(http::Method::POST);
    hubspot::endpoint::route(&method, operation.asked.target.split('?').next().unwrap_or_default())
}

/// All that is kept, the request too, for whoever runs the gateway.
pub fn whole(operation: &Operation) -> Value {
    let asked = &operation.asked;
    let mut shown = of(operation);
    let more = json!({
        "seq": operation.seq,
        "connection": asked.connection,
        "caller": asked.caller,
        "family": asked.family,
        "lane": asked.lane,
        "record": asked.record,
        "stamp": asked.stamp,
        "headers": asked.headers,
        "body": body(&asked.body),
    });
    if let (Some(shown), Value::Object(more)) = (shown.as_object_mut(), more) {
        shown.extend(more);
    }
    shown
}
