//! The configuration: a file, the environment over it, and defaults below both. All of it is checked before anything
//! binds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::governor::Reserves;
use client::stack::Feature;
use gateway::rights::{Role, Verb};
use hubspot::limits::{AppKind, Plan};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::secret_reference::SecretReference;

mod admin;
mod callers;
mod check;
mod connections;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod incidents;
mod journal;
mod load;
mod oidc;
mod quote;
mod secrets;
mod store;
mod telemetry;
mod tls;
mod treatment;
mod webhooks;

pub(crate) use admin::AdminSection;
pub(crate) use check::is_loopback;
pub(crate) use connections::{ConnectionSection, OauthSection};
#[cfg(fuzzing)]
pub(crate) use fuzz::fuzz;
pub(crate) use incidents::{
    Address, DependencySection, EmailSection, IncidentsSection, NotifySection, StartTls, StatuspageSection,
    needed,
};
pub(crate) use oidc::OidcSection;
pub(crate) use secrets::CheckSection;
pub(crate) use store::{StoreAddress, StoreSection};
pub(crate) use telemetry::{LogFormat, LogSection, OtelSection};
pub(crate) use tls::TlsFiles;
pub(crate) use webhooks::{SubscriberSection, WebhooksSection};

/// The default file, which is the manual.
pub(crate) const DEFAULT_FILE: &str = include_str!("../hubkeeper.default.toml");

/// Everything that can be set. Key by key the manual is `hubkeeper.default.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) gateway: GatewaySection,
    pub(crate) limits: LimitsSection,
    pub(crate) cache: CacheSection,
    pub(crate) daily: DailySection,
    pub(crate) admin: AdminSection,
    pub(crate) log: LogSection,
    pub(crate) otel: OtelSection,
    pub(crate) degraded: DegradedSection,
    pub(crate) incidents: IncidentsSection,
    pub(crate) notify: NotifySection,
    pub(crate) triage: TriageSection,
    pub(crate) store: StoreSection,
    pub(crate) outbox: OutboxSection,
    pub(crate) audit: AuditSection,
    pub(crate) check: CheckSection,
    pub(crate) webhooks: WebhooksSection,
    pub(crate) oauth: OauthSection,
    pub(crate) connections: Vec<ConnectionSection>,
    pub(crate) callers: Vec<CallerSection>,
    pub(crate) lanes: LanesSection,
    pub(crate) routes: Vec<RouteSection>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GatewaySection {
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) status_page: String,
    pub(crate) mode: Mode,
    pub(crate) public_url: Option<String>,
    pub(crate) deadline_ms: u64,
    pub(crate) deadline_ms_max: u64,
    pub(crate) attempt_timeout_ms: u64,
    pub(crate) body_bytes_max: u64,
    pub(crate) connections_max: usize,
    pub(crate) waiting_max: usize,
    pub(crate) governor: bool,
    pub(crate) retries: bool,
    pub(crate) breaker: bool,
    pub(crate) adaptive: bool,
    pub(crate) packing: bool,
    pub(crate) check_scopes: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) tls_client_ca: Option<PathBuf>,
}

/// Whose token calls are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// The caller's own.
    Passthrough,
    /// Ours; callers present a gateway key.
    Managed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsSection {
    pub(crate) plan: Option<Plan>,
    pub(crate) kind: AppKind,
    pub(crate) packs: u8,
    pub(crate) burst: Option<u32>,
    pub(crate) search: Option<u32>,
    pub(crate) associations: Option<u32>,
}

/// How a portal's daily pool is shared out. Shares of the pool, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DailySection {
    pub(crate) shedding: bool,
    pub(crate) reserve_interactive: f64,
    pub(crate) reserve_sync: f64,
    pub(crate) reserve_probe: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CacheSection {
    pub(crate) enabled: bool,
    pub(crate) definitions_seconds: u64,
    pub(crate) not_found_seconds: u64,
    pub(crate) max_stale_seconds: u64,
    pub(crate) bytes_max: usize,
    pub(crate) answer_bytes_max: usize,
}

/// Degraded mode from the start; the admin API turns it on and off later.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DegradedSection {
    pub(crate) on: bool,
    pub(crate) connections: Vec<String>,
    pub(crate) families: Vec<String>,
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TriageSection {
    pub(crate) dns_servers: Vec<SocketAddr>,
    pub(crate) system_dns: Vec<SocketAddr>,
    pub(crate) control_host: Option<String>,
    pub(crate) runbooks: Option<PathBuf>,
}

/// What the audit log is signed with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AuditSection {
    pub(crate) key: Option<SecretReference>,
}

/// How accepted writes are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OutboxSection {
    pub(crate) stamp_property: Option<String>,
    pub(crate) keep_days: u64,
    pub(crate) keep_bytes_max: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallerSection {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) key: Option<SecretReference>,
    #[serde(default)]
    pub(crate) key_sha256: Option<String>,
    #[serde(default)]
    pub(crate) role: Option<Role>,
    #[serde(default)]
    pub(crate) objects: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) verbs: Option<Vec<Verb>>,
    #[serde(default)]
    pub(crate) properties: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) portals: Option<Vec<u64>>,
    #[serde(default)]
    pub(crate) connection: Option<String>,
    #[serde(default)]
    pub(crate) lane: Option<LaneName>,
    #[serde(default)]
    pub(crate) weight: Option<u16>,
    #[serde(default)]
    pub(crate) packing: Option<bool>,
}

/// What each lane is promised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LanesSection {
    pub(crate) enabled: bool,
    pub(crate) default: LaneName,
    pub(crate) interactive_floor_percent: u8,
    pub(crate) sync_floor_percent: u8,
    pub(crate) bulk_floor_percent: u8,
}

/// A lane that people may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LaneName {
    Interactive,
    Sync,
    Bulk,
}

/// How calls of one route are to be treated.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteSection {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) method: Option<String>,
    #[serde(default)]
    pub(crate) caller: Option<String>,
    #[serde(default)]
    pub(crate) lane: Option<LaneName>,
    #[serde(default)]
    pub(crate) weight: Option<u16>,
    #[serde(default)]
    pub(crate) packing: Option<bool>,
    #[serde(default)]
    pub(crate) cache_seconds: Option<u64>,
    #[serde(default)]
    pub(crate) on_outage: Option<OnOutage>,
    #[serde(default)]
    pub(crate) max_stale_seconds: Option<u64>,
    #[serde(default)]
    pub(crate) respond_async: Option<bool>,
}

/// What a caller gets while HubSpot does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnOutage {
    /// The last good answer, with its age.
    Stale,
    /// An error, at once.
    Fail,
    /// Reads get the last good answer, writes are kept and applied later.
    Queue,
}

impl Config {
    /// Reads the file (named, or `./hubkeeper.toml` where there is one) and the environment, and checks the whole.
    ///
    /// # Errors
    /// A usage failure that points at the place, with one hint.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self, Failure> {
        Self::read(file)?.checked()
    }

    /// Not checked yet: the command line has its say first.
    ///
    /// # Errors
    /// A file that cannot be read, or holds what is no key.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, Failure> {
        load::read(file)
    }

    /// # Errors
    /// What makes no sense, or would not be safe.
    pub(crate) fn checked(self) -> Result<Self, Failure> {
        check::check(&self)?;
        Ok(self)
    }
}

impl GatewaySection {
    pub(crate) fn check_scopes(&self) -> Feature {
        if self.check_scopes { Feature::On } else { Feature::Off }
    }

    pub(crate) fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8400".into(),
            upstream: "https://api.hubapi.com".into(),
            status_page: "https://status.hubspot.com/api/v2/summary.json".into(),
            mode: Mode::Passthrough,
            public_url: None,
            deadline_ms: 300_000,
            deadline_ms_max: 900_000,
            attempt_timeout_ms: 60_000,
            body_bytes_max: 32 * 1024 * 1024,
            connections_max: 12_288,
            waiting_max: 10_000,
            governor: true,
            retries: true,
            breaker: true,
            adaptive: true,
            packing: true,
            check_scopes: true,
            ca_file: None,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
        }
    }
}

impl Default for OutboxSection {
    fn default() -> Self {
        Self { stamp_property: None, keep_days: 7, keep_bytes_max: 4 * 1024 * 1024 * 1024 }
    }
}

impl Default for LanesSection {
    fn default() -> Self {
        Self {
            enabled: true,
            default: LaneName::Interactive,
            interactive_floor_percent: 20,
            sync_floor_percent: 10,
            bulk_floor_percent: 5,
        }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            plan: None,
            kind: AppKind::PrivateApp,
            packs: 0,
            burst: None,
            search: None,
            associations: None,
        }
    }
}

impl Default for CacheSection {
    fn default() -> Self {
        Self {
            enabled: true,
            definitions_seconds: 300,
            not_found_seconds: 10,
            max_stale_seconds: 4 * 3600,
            bytes_max: 64 * 1024 * 1024,
            answer_bytes_max: 1024 * 1024,
        }
    }
}

impl DailySection {
    pub(crate) fn reserves(&self) -> Reserves {
        Reserves { interactive: self.reserve_interactive, sync: self.reserve_sync, probe: self.reserve_probe }
    }
}

impl Default for DailySection {
    fn default() -> Self {
        let Reserves { interactive, sync, probe } = Reserves::default();
        Self { shedding: true, reserve_interactive: interactive, reserve_sync: sync, reserve_probe: probe }
    }
}
