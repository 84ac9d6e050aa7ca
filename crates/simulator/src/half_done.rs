//! A batch of which a part fails: the failed inputs never reach the records, the answer is a 207 (facts §2.3).

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::route::Action;

/// A batch call without the inputs that are to fail, and those inputs.
#[derive(Debug)]
pub struct Split {
    pub call: Call,
    pub failed: Vec<Value>,
}

/// Takes out the last `share` of the inputs, at least one. `None` where there is no batch to spoil.
pub fn split(call: &Call, action: Action, share: f64) -> Option<Split> {
    match action {
        Action::BatchRead | Action::BatchCreate | Action::BatchUpdate | Action::BatchUpsert => {}
        Action::BatchArchive | Action::Read | Action::Create | Action::Update | Action::Archive => {
            return None;
        }
    }
    let mut body: Value = serde_json::from_slice(&call.body).ok()?;
    let inputs = body.get_mut("inputs")?.as_array_mut().filter(|inputs| !inputs.is_empty())?;
    let count = ((inputs.len() as f64 * share).round() as usize).clamp(1, inputs.len());
    let failed = inputs.split_off(inputs.len() - count);
    let call = Call { body: Bytes::from(body.to_string()), ..call.clone() };
    Some(Split { call, failed })
}

/// The answer to the part that went through, told to hold the failures too.
pub fn join(reply: Reply, failed: &[Value], action: Action) -> Reply {
    let parsed = serde_json::from_slice::<Value>(&reply.body).ok().filter(Value::is_object);
    let Some(mut body) = parsed.filter(|_| reply.status.is_success()) else { return reply };
    let mut errors = body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    errors.extend(failed.iter().map(|input| error(input, action)));
    body["numErrors"] = errors.len().into();
    body["errors"] = errors.into();
    let mut joined = Reply::json(StatusCode::MULTI_STATUS, &body);
    joined.headers.extend(reply.headers);
    joined
}

/// A `StandardError`: reads say which id, writes which trace id.
fn error(input: &Value, action: Action) -> Value {
    let id = input.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let trace_id = input.get("objectWriteTraceId").and_then(Value::as_str);
    let (category, message) = match action {
        Action::BatchRead => {
            ("OBJECT_NOT_FOUND", "Could not get some objects, they may be deleted or not exist.")
        }
        Action::BatchCreate
        | Action::BatchUpdate
        | Action::BatchUpsert
        | Action::BatchArchive
        | Action::Read
        | Action::Create
        | Action::Update
        | Action::Archive => ("VALIDATION_ERROR", "Property values were not valid."),
    };
    let mut context = serde_json::Map::new();
    if let Some(id) = id {
        context.insert("ids".to_owned(), json!([id]));
    }
    if let Some(trace_id) = trace_id {
        context.insert("objectWriteTraceId".to_owned(), json!([trace_id]));
    }
    json!({"status": "error", "category": category, "message": message, "context": context, "errors": [], "links": {}})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(inputs: &Value) -> Call {
        let mut call = Call::bare(http::Method::POST, "/crm/v3/objects/contacts/batch/update");
        call.body = Bytes::from(json!({"inputs": inputs}).to_string());
        call
    }

    #[test]
    fn the_last_inputs_fail_and_the_answer_says_which() {
        let call = batch(&json!([{"id": "1"}, {"id": "2"}, {"id": "3", "objectWriteTraceId": "t"}]));
        let split = split(&call, Action::BatchUpdate, 0.3).expect("a batch");
        assert_eq!(split.call.body, r#"{"inputs":[{"id":"1"},{"id":"2"}]}"#);
        let done = Reply::json(StatusCode::OK, &json!({"status": "COMPLETE", "results": [1, 2]}));
        let reply = join(done, &split.failed, Action::BatchUpdate);
        assert_eq!(reply.status, StatusCode::MULTI_STATUS);
        insta::assert_snapshot!(String::from_utf8_lossy(&reply.body), @r#"{"status":"COMPLETE","results":[1,2],"numErrors":1,"errors":[{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid.","context":{"ids":["3"],"objectWriteTraceId":["t"]},"errors":[],"links":{}}]}"#);
    }

    #[test]
    fn a_refusal_stays_a_refusal() {
        let refused = Reply::json(StatusCode::BAD_REQUEST, &json!({"status": "error"}));
        assert_eq!(join(refused, &[json!({})], Action::BatchUpdate).status, StatusCode::BAD_REQUEST);
    }
}
