//! The JSON body of a control call.

use serde_json::{Map, Value};

use super::Complaint;
use crate::call::Call;

/// The body as a JSON object; none at all is an empty one.
pub(super) fn object(call: &Call) -> Result<Map<String, Value>, Complaint> {
    if call.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Complaint::bad("the body is not a JSON object", "write {\"name\":value}")),
        Err(error) => Err(Complaint::bad(format!("the body is not JSON: {error}"), "write {\"name\":value}")),
    }
}
