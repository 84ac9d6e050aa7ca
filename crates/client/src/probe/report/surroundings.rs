//! What stands around the call: the status page, our clock, a proxy.

use jiff::Timestamp;
use serde::Serialize;

use super::Finding;
use super::api::Answer;
use super::network::Tls;

/// A Statuspage `summary.json` (facts §7), read tolerantly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusPage {
    pub ms: u64,
    /// none, minor, major, critical.
    pub indicator: Option<String>,
    pub updated_at: Option<Timestamp>,
    /// Unresolved ones only.
    pub incidents: Vec<StatusIncident>,
    /// Components that are not `operational`.
    pub degraded: Vec<StatusComponent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusIncident {
    pub name: String,
    /// investigating, identified, monitoring.
    pub status: Option<String>,
    /// none, minor, major, critical.
    pub impact: Option<String>,
    pub components: Vec<String>,
    pub started_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub shortlink: Option<String>,
    /// Configured words found in its components (in its name, where it lists none).
    pub matched: Vec<String>,
    /// Hosting places it names, as HubSpot's short names: `eu1`, `na1`, …; empty: everywhere, or not said.
    pub regions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatusComponent {
    pub name: String,
    pub status: String,
    pub matched: Vec<String>,
}

/// Our wall clock against the `Date` of the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// Ours minus theirs: positive means that we are ahead.
    pub offset_ms: i64,
    /// Half a round trip, and half a second because `Date` counts in seconds.
    pub uncertainty_ms: u64,
    /// Hosts whose answers were read; two that agree mean that it is us.
    pub sources: Vec<ClockSource>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockSource {
    pub host: String,
    pub offset_ms: i64,
    pub uncertainty_ms: u64,
}

/// The unauthenticated question again, the other way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proxy {
    /// `host:port`, without its credentials.
    pub address: String,
    /// The certificates shown through it: a proxy is where interception happens.
    pub tls: Finding<Tls>,
    /// To be held against the report's `http`, the direct way.
    pub answer: Finding<Answer>,
    /// The proxy's own status where it would not open the way: 407, 502, ….
    pub refused_status: Option<u16>,
    /// HubSpot itself answered through it.
    pub works: bool,
}
