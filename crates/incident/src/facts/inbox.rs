//! Webhooks as they came in. Counts cover the last 15 minutes, `recent` ones this minute and the last.

pub mod ledger;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inbox {
    /// When the receiver began to listen.
    pub since: Option<Timestamp>,
    /// Our apps, one line per connection.
    pub senders: Vec<Sender>,
    pub strangers: Strangers,
    /// What became of refused deliveries of our apps when they were verified in other ways.
    pub quarantine: Quarantine,
    /// A delivery of our own, sent to our public address from outside.
    pub doorbell: Option<Doorbell>,
    /// What HubSpot says it should send us.
    pub subscription: Option<Subscription>,
    /// Events in HubSpot's journal that never came here, since the last one that did.
    pub journal_missed: Option<u64>,
}

/// Deliveries of one app to us.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sender {
    pub connection: String,
    pub portal_id: Option<u64>,
    /// Events taken, and those of them that had come before.
    pub events: u64,
    pub events_recent: u64,
    pub repeated: u64,
    /// Repeated although they say that it is their first attempt.
    pub repeated_at_first: u64,
    pub repeated_at_first_recent: u64,
    /// Sent again by HubSpot because we had not taken them (`attemptNumber` above 0).
    pub retried: u64,
    /// Older than a minute when they came, though sent for the first time or again.
    pub late: u64,
    pub oldest_s: u64,
    /// Older than what had come before for the same property of the same record.
    pub overtaken: u64,
    /// Refused because the signature does not fit, though they name our app.
    pub refused: u64,
    pub refused_recent: u64,
    /// Of these, such as came after a genuine one that had itself come after a refusal: good and bad come mixed.
    pub refused_amid: u64,
    pub first_refused_at: Option<Timestamp>,
    /// Refused as too old, or as from the future.
    pub untimely: u64,
    /// Genuine, and not kept by our store.
    pub not_kept: u64,
    pub last_taken_at: Option<Timestamp>,
    /// Events in an ordinary minute, from before the last quarter of an hour; `None` while that is not known.
    pub usual_per_min: Option<f64>,
    /// From the request to our answer: the slowest of twenty.
    pub ack_p95_ms: u64,
}

/// Deliveries that no app of ours can have sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Strangers {
    pub refused: u64,
    pub refused_recent: u64,
    /// Different addresses they came from, as far as they are told apart.
    pub sources: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quarantine {
    pub tried: u64,
    /// Verified with a secret that we are not using: one we had before, or one that is newer than ours.
    pub fits_other_secret: u64,
    /// Verified with our secret and another address than the configured one.
    pub fits_other_address: u64,
}

/// Did our own delivery arrive?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Doorbell {
    pub at: Option<Timestamp>,
    /// Through the public address, into the receiver.
    pub arrived: bool,
    /// What stopped it, in a few words without addresses: `connection refused`, `certificate expired`, `status 404`.
    pub stopped_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    pub active: Option<bool>,
    /// HubSpot sends to the address we listen at.
    pub target_is_ours: Option<bool>,
}

impl Sender {
    /// Deliveries, or what stands for them, that were judged lately.
    pub(crate) fn judged(&self) -> u64 {
        self.events + self.refused
    }
}
