//! Webhook events as they went on to subscribers. Counts cover the last 15 minutes, `recent` ones this minute and the last.

pub mod ledger;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Forwarding {
    pub subscribers: Vec<Subscriber>,
}

/// One receiver of events.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscriber {
    /// Its host, without path or credentials.
    pub name: String,
    pub delivered: u64,
    pub delivered_recent: u64,
    pub failed: u64,
    pub failed_recent: u64,
    pub last_ok_at: Option<Timestamp>,
    pub last_failed_at: Option<Timestamp>,
    /// Events that wait for it, and the age of the oldest.
    pub waiting: u64,
    pub oldest_s: u64,
    /// Events handed on after a newer one of the same property of the same record.
    pub out_of_order: u64,
    pub out_of_order_recent: u64,
}
