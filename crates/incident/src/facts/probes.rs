//! What the probes found, layer by layer. `None` is "not asked, or could not tell".

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::exchange::Exchange;

/// One answer per layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Probes {
    pub dns: Option<Dns>,
    pub tcp: Option<Tcp>,
    pub tls: Option<Tls>,
    /// A call without credentials: HubSpot answers 401 in its own shape.
    pub http: Option<Exchange>,
    pub auth: Option<Auth>,
    pub limits: Limits,
    pub usage: Option<Usage>,
    pub introspection: Option<Introspection>,
    pub families: Vec<FamilyProbe>,
    pub status_page: Option<StatusPage>,
    pub clock: Option<Clock>,
    pub proxy: Option<Proxy>,
    /// One line per layer, for people, bottom up.
    pub layers: Vec<Layer>,
    /// Calls made to HubSpot.
    pub calls: u32,
    /// Calls not made, because the gateway that spends the same limits had no slot for them in time.
    pub without_slot: u32,
    /// Of every answer that carried one, in the order asked.
    pub correlation_ids: Vec<String>,
}

/// One rung of the ladder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Layer {
    /// `dns`, `tcp`, `tls`, `http`, `auth`, `limits`, `status_page`, `clock`, `proxy`.
    pub layer: String,
    /// `None`: could not tell, or does not apply.
    pub ok: Option<bool>,
    pub ms: Option<u64>,
    pub detail: String,
}

/// The upstream's name, asked of two resolvers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    /// The machine's own resolver: what every call uses.
    pub system: Lookup,
    /// Another resolver, asked the same name.
    pub second: Option<Lookup>,
    /// Our own resolver, asked a name that always exists.
    pub control: Option<Lookup>,
}

/// One question to one resolver.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Lookup {
    pub resolver: String,
    /// Addresses found; none with `error`.
    pub addresses: Vec<String>,
    pub error: Option<LookupError>,
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupError {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists without an address.
    NoAddresses,
    /// SERVFAIL, REFUSED and their like.
    ServerFailed,
    TimedOut,
    /// The question could not be sent, or the answer not be read.
    Unusable,
}

/// A connection to each address of the upstream.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tcp {
    pub addresses: Vec<Connect>,
    /// A host that is not HubSpot's.
    pub control: Option<Connect>,
}

/// One attempt to connect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connect {
    pub address: String,
    pub ipv6: bool,
    pub loopback: bool,
    pub outcome: ConnectOutcome,
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectOutcome {
    Connected,
    Refused,
    Timeout,
    /// No route: normal on a machine without IPv6, and it fails at once.
    Unreachable,
    Other,
}

/// The certificate the upstream showed, and what we make of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    pub subject: Option<String>,
    /// Of the leaf.
    pub issuer: Option<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// `None`: it verifies against the roots we call HubSpot with.
    pub problem: Option<ChainProblem>,
    /// Whether the public roots built into this program know the issuer; they may be newer than the machine's.
    pub publicly_known: Option<bool>,
    pub self_signed: bool,
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainProblem {
    UnknownIssuer,
    Expired,
    NotYetValid,
    WrongHost,
    /// Revoked, malformed, bad signature, …
    Invalid,
    /// No certificate was seen: the handshake itself failed.
    Handshake,
}

/// The cheapest authenticated read: account details.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Auth {
    pub exchange: Exchange,
    pub portal_id: Option<u64>,
    pub time_zone: Option<String>,
    /// `na1`, `eu1`, …
    pub hosting: Option<String>,
}

/// The limit headers of our own calls, in the order the answers came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub readings: Vec<LimitReading>,
    /// Burst spending between the first and the last reading that cannot have been ours.
    pub burst_outside: Option<u32>,
    /// The same of the daily pool.
    pub daily_outside: Option<u64>,
}

/// The limit headers of one answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitReading {
    pub max: Option<u32>,
    pub remaining: Option<u32>,
    pub daily: Option<u64>,
    pub daily_remaining: Option<u64>,
    /// Our authenticated calls sent until then, this one included.
    pub sent: u32,
    /// Since the first probe.
    pub at_ms: u64,
}

/// The daily-usage endpoint (facts §1.8).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub exchange: Exchange,
    pub limit: Option<u64>,
    pub used: Option<u64>,
    pub resets_at: Option<Timestamp>,
}

/// What HubSpot says about the token itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Introspection {
    pub exchange: Exchange,
    pub active: Option<bool>,
    pub portal_id: Option<u64>,
    pub scopes: Vec<String>,
}

/// One call to one API family in one version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct FamilyProbe {
    pub family: String,
    pub version: Option<String>,
    pub route: String,
    pub exchange: Exchange,
    /// Of the CRM limits endpoints (facts §1.8): what is counted, and how full it is.
    pub capacities: Vec<Capacity>,
}

/// How full one CRM limit is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Capacity {
    pub what: String,
    pub used: u64,
    pub limit: u64,
}

/// HubSpot's status page. Unreachable means unknown, never "up" or "down" (facts §7).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusPage {
    pub reachable: bool,
    /// `none`, `minor`, `major`, `critical`.
    pub indicator: Option<String>,
    /// Unresolved ones.
    pub incidents: Vec<StatusIncident>,
    pub ms: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusIncident {
    pub name: String,
    pub impact: Option<String>,
    pub components: Vec<String>,
    /// It names a component that carries the API, by the configured words.
    pub concerns_api: bool,
    /// Hosting places it names (`eu1`, …); empty: everywhere, or not said.
    pub regions: Vec<String>,
    pub updated_at: Option<Timestamp>,
    pub link: Option<String>,
}

/// Our clock against others'.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// Ours minus theirs, by the `Date` header; positive when ours is ahead.
    pub offset_ms: i64,
    /// Whose `Date` it was: `upstream`, `status page`, `control`.
    pub source: String,
}

/// What stands between us and HubSpot: the unauthenticated question again, the other way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Proxy {
    /// `host:port`, without its credentials.
    pub address: String,
    /// The proxy's own status where it would not open the way: 407, 502, ….
    pub refused_status: Option<u16>,
    /// `Some(true)`: HubSpot itself answered through it.
    pub works: Option<bool>,
    /// `Some(true)`: HubSpot itself answered without it.
    pub direct_works: Option<bool>,
    /// The calls of this diagnosis went through it, or would have had to.
    pub in_use: bool,
    /// It connected us to something behind it, whatever that was.
    pub opens: bool,
    pub proxied: Option<Exchange>,
}
