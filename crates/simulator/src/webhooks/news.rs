//! Events and deliveries as they happen, for a file.

use serde_json::Value;

use super::Sent;

#[derive(Debug, Clone, serde::Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum News {
    /// An event came to be; how often and when it is delivered is told apart from it.
    Emitted { app_id: u64, event: Value },
    /// A delivery was tried.
    Delivered {
        number: u64,
        app_id: u64,
        attempt: u32,
        status: Option<u16>,
        given_up: bool,
        forged: bool,
        event_ids: Vec<Value>,
    },
}

impl News {
    pub(super) fn of_delivery(sent: &Sent) -> Self {
        let event_ids = sent.events.iter().map(|event| event["eventId"].clone()).collect();
        Self::Delivered {
            number: sent.number,
            app_id: sent.app_id,
            attempt: sent.attempt,
            status: sent.status,
            given_up: sent.given_up,
            forged: sent.forged,
            event_ids,
        }
    }
}
