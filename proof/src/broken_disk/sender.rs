//! HubSpot's side: deliveries one after the other, and a receipt for each that is acknowledged.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use simulator::webhooks::sign;

use crate::http::Client;
use crate::town::Town;

/// Once there is room again, deliveries must be taken again after at most this.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// How long it waits before it asks again.
const PAUSE: Duration = Duration::from_millis(20);

/// HubSpot's side, one delivery after the other.
pub(super) struct Sender<'a> {
    town: &'a Town,
    client: Client,
    number: u64,
}

impl<'a> Sender<'a> {
    pub(super) fn new(town: &'a Town) -> Self {
        Self { town, client: Client::new(town.gateway), number: 0 }
    }

    /// The status; 0 where none came. With a 2xx there is a receipt.
    pub(super) fn deliver(&mut self, filling: usize) -> u16 {
        self.number += 1;
        let id = self.number;
        let object = 9_007_199_254_740_993_u64 + id % 7;
        let event = json!([{
            "eventId": id, "subscriptionId": 1, "portalId": 1, "appId": 1, "occurredAt": Timestamp::now().as_millisecond(),
            "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": object,
            "propertyName": "firstname", "propertyValue": "v".repeat(filling),
        }]);
        let body = event.to_string();
        let hook = &self.town.load.hook;
        let signed = sign::headers(&hook.secret, &hook.signed_url, body.as_bytes(), Timestamp::now());
        let headers: Vec<(&str, &str)> =
            signed.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())).collect();
        let answer = self.client.ask("POST", &hook.target, &headers, body.as_bytes());
        let status = answer.map_or(0, |answer| answer.status());
        if status == 200 {
            let receipt = json!({"what": "event", "id": id, "object": object, "place": id});
            self.town.load.receipts.write(&[receipt]);
        }
        status
    }

    /// Whether deliveries are taken again in time.
    pub(super) fn recovers(&mut self) -> bool {
        let until = Instant::now() + RECOVERY_MAX;
        while Instant::now() < until {
            if self.deliver(10) == 200 {
                return true;
            }
            std::thread::sleep(PAUSE);
        }
        false
    }
}
