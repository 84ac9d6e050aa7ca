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
