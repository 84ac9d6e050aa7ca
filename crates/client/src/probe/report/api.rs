//! What HubSpot's API, or whoever answered in its place, said.

use hubspot::error::ErrorKind;
use jiff::Timestamp;
use serde::Serialize;

use super::Finding;

/// One answer: its marks, never its records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub method: String,
    /// Path and query asked for.
    pub path: String,
    pub status: u16,
    /// To connect, TLS included where there is any.
    pub connect_ms: u64,
    /// From the request's last byte to the answer's first: the server's own time and one round trip.
    pub first_byte_ms: u64,
    pub total_ms: u64,
    pub content_type: Option<String>,
    pub server: Option<String>,
    pub via: Option<String>,
    pub cf_ray: Option<String>,
    pub date: Option<Timestamp>,
    /// From the body, else from `X-HubSpot-Correlation-Id`.
    pub correlation_id: Option<String>,
    /// The body is a JSON object as HubSpot's API writes them; an error must carry a correlation id.
    pub hubspot_shaped: bool,
    pub html: bool,
    /// `None` for a success.
    pub error: Option<ErrorMarks>,
    /// The certificate was not believed: nothing secret was sent, and only the `Date` is worth reading.
    pub unverified: bool,
}

/// The parts of an error answer that hold no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorMarks {
    pub kind: ErrorKind,
    pub category: Option<String>,
    pub sub_category: Option<String>,
    pub policy_name: Option<String>,
    pub codes: Vec<String>,
    /// Scopes named by a 403; any one is enough.
    pub required_scopes: Vec<String>,
    pub retry_after_s: Option<u64>,
}

/// facts §1.8 [SPEC Account_Info/144923].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    pub portal_id: u64,
    pub account_type: Option<String>,
    pub time_zone: Option<String>,
    /// `na1`, `eu1`, ….
    pub hosting: Option<String>,
    pub ui_domain: Option<String>,
}

/// facts §5.2, §5.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Introspection {
    /// A private app's answer does not say; an answer at all means that it is.
    pub active: bool,
    pub portal_id: Option<u64>,
    pub app_id: Option<u64>,
    pub scopes: Vec<String>,
    pub expires_in_s: Option<i64>,
}

/// facts §1.8: one pool for all privately distributed apps of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DailyUsage {
    pub limit: u64,
    pub used: u64,
    pub collected_at: Option<Timestamp>,
    /// SUCCESS, TIMEOUT, FAILURE, CACHED, NOTFOUND.
    pub fetch_status: Option<String>,
    pub resets_at: Option<Timestamp>,
}

/// One row of the family matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FamilyAnswer {
    /// `hubspot::endpoint::ApiFamily`'s name: `objects`, `search`, ….
    pub family: String,
    /// `v3`, `2026-03`, …, where the path has one.
    pub version: Option<String>,
    pub method: String,
    pub path: String,
    pub answer: Finding<Answer>,
    /// Of the CRM limits endpoints: what is counted, used, and allowed.
    pub capacities: Vec<Capacity>,
    /// Of a property list: the names defined.
    pub property_names: Vec<String>,
}

/// How full one CRM limit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capacity {
    pub what: String,
    pub used: u64,
    pub limit: u64,
}

/// The limit headers of our own calls, in the order the answers came.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    pub readings: Vec<LimitReading>,
    /// Spending in the burst window between the first and the last reading that cannot have been ours (at least so much).
    pub burst_outside: Option<u32>,
    /// The same of the daily pool.
    pub daily_outside: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitReading {
    pub path: String,
    /// The rolling window the call draws on, `hubspot::endpoint::Budget`'s name: `burst`, `associations`, `search`.
    /// Its numbers are that window's; `None` where it draws on none.
    pub budget: Option<String>,
    /// Since the run began.
    pub at_ms: u64,
    /// Our calls sent until the answer came, this one included.
    pub sent: u32,
    /// Our calls already answered when this one left: HubSpot had counted those before it.
    pub answered_before: u32,
    pub max: Option<u32>,
    pub remaining: Option<u32>,
    pub window_ms: Option<u64>,
    pub daily: Option<u64>,
    pub daily_remaining: Option<u64>,
}
