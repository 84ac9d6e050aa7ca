//! What to probe, with what, and for how long.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hubspot::secret::Secret;

use super::gate::Gate;
use super::terrain::Terrain;

/// Calls to HubSpot in one run, all told. A diagnosis must not become load.
pub const HUBSPOT_CALLS_MAX: u32 = 8;

/// A shorter one is none.
const SECRET_CHARS_MIN: usize = 8;

/// Where the evidence is to be gathered. Only the upstream is needed.
#[derive(Clone)]
pub struct Target {
    /// `https://api.hubapi.com`, or a simulator's address; its path is ignored.
    pub upstream: Uri,
    /// A Statuspage `summary.json`.
    pub status_page: Option<Uri>,
    /// The access token of one portal.
    pub token: Option<Secret>,
    /// Lets an OAuth token be introspected; a private app's (`pat-…`) needs none.
    pub oauth_app: Option<OAuthApp>,
    /// Asked in place of the system's resolver.
    pub system_dns: Option<Vec<SocketAddr>>,
    /// Second resolvers, asked the same.
    pub dns_servers: Vec<SocketAddr>,
    /// Addresses to use without asking any resolver.
    pub resolve_override: Option<Vec<IpAddr>>,
    /// A name, or `name:port`, that should answer whatever HubSpot does. Port 443 where none is given.
    pub control_host: Option<String>,
    /// Further roots to trust: PEM, one file's bytes.
    pub extra_roots: Option<Vec<u8>>,
    /// `http://[user:password@]host:port`.
    pub proxy: Option<Uri>,
    /// Hosts, domains (`.example.com`) or `*` that are not to be proxied.
    pub no_proxy: Vec<String>,
    /// Words of status-page components that concern us; a word of the page must begin with one.
    pub status_words: Vec<String>,
    /// What traffic shows failing: asked first among the family calls.
    pub focus: Vec<Focus>,
    pub timeouts: Timeouts,
    /// Whose leave calls with the token need; `None` where nobody else spends its limits.
    pub gate: Option<Arc<dyn Gate>>,
    /// A network in place of the machine's own.
    pub terrain: Option<Arc<dyn Terrain>>,
}

/// An OAuth app's own credential.
#[derive(Debug, Clone)]
pub struct OAuthApp {
    pub client_id: String,
    pub client_secret: Secret,
}

/// Something worth one of the family calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Focus {
    /// A failing route, as traffic names it: `/crm/v3/objects/{type}/{id}`. The nearest harmless read is asked, where there is one.
    Route(String),
    /// A route of failing reads. Where no harmless read is known nearby, it is asked itself, or the list above its first placeholder.
    Read(String),
    /// The property definitions of an object type.
    Properties(String),
    /// How full the account's record limits are.
    RecordLimits,
    /// How full the association limits of records are.
    AssociationLimits,
}

/// How long to wait for each layer; `overall` ends everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub dns: Duration,
    pub tcp: Duration,
    pub tls: Duration,
    /// From sending a request to the last byte of its answer.
    pub http: Duration,
    /// How long the family calls wait for the authenticated one before they go without knowing its answer.
    pub auth_head_start: Duration,
    /// How far into the run a call may still wait for its slot; then it is not made.
    pub slot: Duration,
    pub overall: Duration,
}

impl Target {
    /// Only the upstream: no token, no status page, the system's resolver.
    pub fn new(upstream: Uri) -> Self {
        Self {
            upstream,
            status_page: None,
            token: None,
            oauth_app: None,
            system_dns: None,
            dns_servers: Vec::new(),
            resolve_override: None,
            control_host: None,
            extra_roots: None,
            proxy: None,
            no_proxy: Vec::new(),
            status_words: ["API", "CRM", "Auth", "OAuth", "Login", "Platform"].map(String::from).to_vec(),
            focus: Vec::new(),
            timeouts: Timeouts::default(),
            gate: None,
            terrain: None,
        }
    }
}

impl Target {
    /// What no answer may repeat into a report. A word too short to be a secret would blot out ordinary text.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let app = self.oauth_app.as_ref().map(|app| app.client_secret.expose());
        let token = self.token.as_ref().map(Secret::expose);
        token.into_iter().chain(app).filter(|secret| secret.len() >= SECRET_CHARS_MIN).collect()
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(2),
            tcp: Duration::from_secs(2),
            tls: Duration::from_secs(3),
            http: Duration::from_secs(5),
            auth_head_start: Duration::from_secs(1),
            slot: Duration::from_secs(5),
            overall: Duration::from_millis(9_500),
        }
    }
}

/// Shows no credential: not the token, not the app's, not a proxy's.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("upstream", &self.upstream.host())
            .field("status_page", &self.status_page.as_ref().and_then(Uri::host))
            .field("token", &self.token)
            .field("oauth_app", &self.oauth_app)
            .field("dns_servers", &self.dns_servers)
            .field("proxy", &self.proxy.as_ref().and_then(Uri::host))
            .field("focus", &self.focus)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
