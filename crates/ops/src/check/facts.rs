//! What was found out about an integration. `None` is "not asked, or could not tell".

use jiff::Timestamp;

use crate::scopes::ConnectionScopes;

/// Everything a point may be judged by.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub now: Timestamp,
    pub credentials: Vec<Credential>,
    /// What HubSpot said to the token, and of it.
    pub token: Option<Token>,
    pub webhooks: Option<Webhooks>,
    pub gateway: Gateway,
    /// Names of the channels that are told of incidents.
    pub channels: Vec<&'static str>,
    /// The incident room is open.
    pub incidents: bool,
    /// Of the running gateway; `None`: there is none to ask.
    pub running: Option<Running>,
    pub disk: Option<Disk>,
    /// Where writes, webhooks and incidents are kept; `None`: nowhere.
    pub store: Option<&'static str>,
    /// Ours before HubSpot's, in seconds.
    pub clock_ahead_s: Option<f64>,
}

/// A secret that the configuration names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its key, such as `connections.token`.
    pub key: String,
    /// The reference, such as `env:HUBSPOT_ACCESS_TOKEN`.
    pub reference: String,
    /// Others than the owner may read its file.
    pub readable_by_others: bool,
    /// When its file was last written.
    pub changed_at: Option<Timestamp>,
    /// It could not be had.
    pub missing: bool,
}

/// The token, as HubSpot sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub well_formed: bool,
    /// The status of a cheap read with it; `None`: no answer.
    pub status: Option<u16>,
    /// `None`: HubSpot did not tell.
    pub scopes: Option<Vec<String>>,
}

/// How HubSpot reaches us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhooks {
    pub public_url: String,
    /// Apps, each with how many secrets it may be signed with.
    pub secrets: Vec<(String, usize)>,
    /// Apps whose secret is read again while we run: another takes effect without a gap.
    pub reread: Vec<String>,
    /// What an empty, rightly signed delivery to the public address came to; `None`: not tried.
    pub delivery: Option<Delivered>,
    pub subscribers: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    Answered(u16),
    NotReached(String),
}

/// As it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gateway {
    pub managed: bool,
    pub callers: usize,
    /// Callers with no role and no finer rule.
    pub callers_unlimited: Vec<String>,
    pub deadline_ms: u64,
    pub attempt_timeout_ms: u64,
    pub governor: bool,
    pub retries: bool,
    pub packing: bool,
    pub admin_listen: String,
    pub admin_is_loopback: bool,
    pub admin_has_key: bool,
    pub admin_has_tls: bool,
}

/// What the running gateway tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Running {
    pub health: bool,
    pub ready: bool,
    /// Method and route of today's calls, with how many.
    pub routes: Vec<(String, String, u64)>,
    /// Calls answered out of batches with others.
    pub packed: u64,
    /// Requests that callers sent again by themselves, and all their requests.
    pub callers_retries: u64,
    pub calls: u64,
    /// Connections, each with how it stands.
    pub connections: Vec<(String, String)>,
    /// What their tokens may do, held against what calls needed.
    pub scopes: Vec<ConnectionScopes>,
    /// Portals whose daily pool will not last.
    pub exhausted: usize,
}

/// Where the store lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    pub free_bytes: u64,
    pub size_bytes: u64,
}
