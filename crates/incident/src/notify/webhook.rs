//! A webhook of the company's own: the message as it is, to be signed by the Standard Webhooks rules
//! (github.com/standard-webhooks/standard-webhooks).

use serde_json::{Value, json};

use crate::message::Message;

pub fn body(message: &Message) -> Value {
    json!({
        "type": format!("incident.{}", message.moment.name()),
        "timestamp": message.at.to_string(),
        "data": message,
    })
}

/// What is signed: HMAC-SHA-256 over it in base64, after `v1,`.
pub fn signed(id: &str, timestamp_s: i64, body: &str) -> String {
    format!("{id}.{timestamp_s}.{body}")
}
