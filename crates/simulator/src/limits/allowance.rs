//! How much each plan and kind of app may send (facts §1.1, HubSpot's usage guidelines [USAGE]).

use jiff::SignedDuration;

use crate::config::{LimitOverrides, Plan};

/// How an app is distributed; it decides which limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppKind {
    PrivateApp,
    ServiceKey,
    PublicOauth,
    PrivateOauth,
}

/// What one app may spend in one portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub burst: u64,
    pub search: u64,
    pub associations: u64,
    /// `None` for publicly distributed OAuth apps: they are outside the pool.
    pub daily: Option<u64>,
}

/// facts §1.1 [USAGE]: "rolling 10 s".
pub const BURST_SPAN: SignedDuration = SignedDuration::from_secs(10);
/// facts §1.1 [DOC search-the-crm]: five per second per account.
pub const SEARCH_SPAN: SignedDuration = SignedDuration::from_secs(1);
/// facts §1.1 [DOC associate-records].
pub const ASSOCIATIONS_SPAN: SignedDuration = SignedDuration::from_secs(10);

const SEARCH_PER_SECOND: u64 = 5;
const BURST_PUBLIC_OAUTH: u64 = 110;

impl AppKind {
    pub const fn is_oauth(self) -> bool {
        match self {
            Self::PublicOauth | Self::PrivateOauth => true,
            Self::PrivateApp | Self::ServiceKey => false,
        }
    }

    /// How the app's calls are named in a 429's `groupName` (facts §1.5).
    pub const fn group(self) -> &'static str {
        match self {
            Self::PrivateApp | Self::ServiceKey => "private_app",
            Self::PublicOauth | Self::PrivateOauth => "oauth",
        }
    }
}

pub fn allowance(plan: Plan, kind: AppKind, overrides: LimitOverrides) -> Allowance {
    let (burst, associations, daily) = match plan {
        Plan::Free | Plan::Starter => (100, 100, 250_000),
        // The usage page says 625,000, a changelog of September 2024 650,000: the page is the newer.
        Plan::Professional => (190, 150, 625_000),
        Plan::Enterprise => (190, 150, 1_000_000),
    };
    let (burst, daily) = match kind {
        AppKind::PublicOauth => (BURST_PUBLIC_OAUTH, None),
        AppKind::PrivateApp | AppKind::ServiceKey | AppKind::PrivateOauth => {
            (burst, Some(overrides.daily.unwrap_or(daily)))
        }
    };
    Allowance {
        burst: overrides.burst.map_or(burst, u64::from),
        search: overrides.search.map_or(SEARCH_PER_SECOND, u64::from),
        associations: overrides.associations.map_or(associations, u64::from),
        daily,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Plan::Free, AppKind::PrivateApp, 100, 100, Some(250_000))]
    #[case(Plan::Professional, AppKind::ServiceKey, 190, 150, Some(625_000))]
    #[case(Plan::Enterprise, AppKind::PrivateOauth, 190, 150, Some(1_000_000))]
    #[case(Plan::Free, AppKind::PublicOauth, 110, 100, None)]
    #[case(Plan::Enterprise, AppKind::PublicOauth, 110, 150, None)]
    fn per_plan_and_kind(
        #[case] plan: Plan,
        #[case] kind: AppKind,
        #[case] burst: u64,
        #[case] associations: u64,
        #[case] daily: Option<u64>,
    ) {
        let expected = Allowance { burst, search: 5, associations, daily };
        assert_eq!(allowance(plan, kind, LimitOverrides::default()), expected);
    }
}
