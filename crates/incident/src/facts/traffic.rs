//! What the gateway saw: the JSON of `GET /api/v1/traffic`. Every field may be missing, so that an older or newer
//! gateway still says what it can. All counts cover the last 15 minutes, `recent` ones this minute and the last.

use hubspot::error::ErrorKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error_kind;
use super::exchange::Failure;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Traffic {
    pub since: Option<Timestamp>,
    pub now: Option<Timestamp>,
    /// The governor was on.
    pub governed: bool,
    pub connections: Vec<Connection>,
    pub groups: Vec<Group>,
    pub changes: Vec<Change>,
    /// 404s on records that answered 200 earlier.
    pub known_ids_gone: u64,
}

/// One way to call one portal, and its budgets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    pub name: String,
    /// That answers now.
    pub portal_id: Option<u64>,
    /// That answered until the token was exchanged, where it is another.
    pub portal_id_before: Option<u64>,
    pub configured_portal_id: Option<u64>,
    pub hosting: Option<String>,
    pub burst_max: Option<u64>,
    pub burst_max_before: Option<u64>,
    pub daily_max: Option<u64>,
    pub daily_max_before: Option<u64>,
    pub limits_changed_at: Option<Timestamp>,
    /// Most of our sends in one rolling window of the last 5 minutes.
    pub burst_sent_peak: u64,
    /// Most spending in a window that was not ours.
    pub burst_outside_peak: u64,
    /// And in this minute or the last; `None` where nobody counted.
    pub burst_outside_recent: Option<u64>,
    /// Ours today.
    pub daily_sent: u64,
    /// Everybody's today, by HubSpot's count.
    pub daily_used: Option<u64>,
    pub refused_by_us: u64,
    /// Calls that wait for a slot now.
    pub waiting: u64,
}

/// Calls alike in connection, caller, family, method and version; their routes are told with their errors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    pub connection: String,
    pub caller: String,
    pub family: String,
    pub method: String,
    pub version: Option<String>,
    pub calls: u64,
    pub ok: u64,
    pub attempts: u64,
    pub retries: u64,
    /// Given up by the caller.
    pub cancelled: u64,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub p50_ms: u64,
    pub p99_ms: u64,
    pub last_ok_at: Option<Timestamp>,
    pub calls_recent: u64,
    pub ok_recent: u64,
    pub retries_recent: u64,
    pub sent_recent_per_s: f64,
    pub errors: Vec<ErrorCount>,
    pub transport: Vec<TransportCount>,
    pub refused: Vec<RefusedCount>,
    /// Items refused inside answers that said 207.
    pub failed_items: u64,
}

/// Error answers alike.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorCount {
    pub status: u16,
    #[serde(with = "error_kind")]
    pub kind: Option<ErrorKind>,
    pub category: Option<String>,
    pub sub_category: Option<String>,
    pub policy_name: Option<String>,
    pub code: Option<String>,
    pub html: bool,
    /// Ids masked: `/crm/v3/objects/contacts/{id}`.
    pub route: String,
    pub count: u64,
    pub recent: u64,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    pub correlation_ids: Vec<String>,
    /// Distinct paths hit, by hash (of a 409, the record that is there already); few of them is a hot spot.
    pub subjects: u64,
    /// The most on one of them in a quarter of an hour.
    pub most_of_one: u64,
}

/// Exchanges without a whole answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TransportCount {
    pub kind: Failure,
    #[serde(default)]
    pub count: u64,
    #[serde(default)]
    pub recent: u64,
    #[serde(default)]
    pub last_at: Option<Timestamp>,
}

/// Calls the gateway did not send, because a limit would not have allowed them in time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusedCount {
    /// `burst`, `search`, `associations`, `daily`.
    pub budget: String,
    pub count: u64,
    pub recent: u64,
}

/// Something people did.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Change {
    pub at: Timestamp,
    /// `deploy`, `config`, `secret`.
    pub kind: String,
    pub what: String,
    pub caller: Option<String>,
}
