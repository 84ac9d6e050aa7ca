//! How much each plan and app kind may send.
//!
//! All numbers are those in force since September 2024 (facts §1.1); the older ones (150, 500,000, search
//! 4/s) still stand in many guides. They are a first guess: the headers of live answers correct them.

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
    /// Reads of the webhooks journal.
    pub journal: RollingLimit,
    /// Per portal and day; `None` for publicly distributed OAuth apps.
    pub daily: Option<u64>,
}

/// The daily allowance of a Professional account. HubSpot's own pages disagree, so it is configuration:
/// facts §1.1 [DOC usage-guidelines] against [CL increasing-our-api-limits].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DailyProfessional(pub u64);

/// The limits of `plan` and `kind` with `packs` API-limit increase packs, and the default
/// [`DailyProfessional`].
pub fn limits(plan: Plan, kind: AppKind, packs: u8) -> Limits {
    limits_with(plan, kind, packs, DailyProfessional::default())
}

/// [`limits`], with the disputed allowance given.
pub fn limits_with(plan: Plan, kind: AppKind, packs: u8, professional: DailyProfessional) -> Limits {
    Limits {
        burst: rolling(burst_count(plan, kind, packs), BURST_WINDOW),
        search: rolling(SEARCH_COUNT, SEARCH_WINDOW),
        associations: rolling(associations_count(plan, kind, packs), BURST_WINDOW),
        journal: rolling(JOURNAL_COUNT, JOURNAL_WINDOW),
        daily: daily(plan, kind, packs, professional),
    }
}

/// The associations API's own allowance per day: 500,000, or 1,000,000 with a pack. `None` for Free and
/// Starter, where HubSpot states none. Facts §1.1 [DOC associate-records].
pub fn associations_daily(plan: Plan, kind: AppKind, packs: u8) -> Option<u64> {
    match plan {
        Plan::Free | Plan::Starter => None,
        Plan::Professional | Plan::Enterprise if useful_packs(kind, packs) == 0 => Some(500_000),
        Plan::Professional | Plan::Enterprise => Some(1_000_000),
    }
}

impl DailyProfessional {
    /// What the usage page says; the lower of the two, hence the default. Facts §1.1 [DOC usage-guidelines].
    pub const USAGE_PAGE: Self = Self(625_000);
    /// What the announcement said. Facts §1.1 [CL increasing-our-api-limits].
    pub const CHANGELOG: Self = Self(650_000);
}

impl Default for DailyProfessional {
    fn default() -> Self {
        Self::USAGE_PAGE
    }
}

/// The rolling window of the burst and associations limits: facts §1.1 [DOC usage-guidelines].
pub const BURST_WINDOW: Duration = Duration::from_secs(10);
/// The window of the search limit: facts §1.1 [DOC api-reference/latest/crm/search-the-crm].
pub const SEARCH_WINDOW: Duration = Duration::from_secs(1);
/// Searches per [`SEARCH_WINDOW`] and portal, shared by all apps: facts §1.1 [DOC search-the-crm].
pub const SEARCH_COUNT: u32 = 5;
/// The window of reads of the webhooks journal: facts §1.1.
pub const JOURNAL_WINDOW: Duration = Duration::from_secs(1);
/// Reads of the webhooks journal per [`JOURNAL_WINDOW`] and app: facts §1.1.
pub const JOURNAL_COUNT: u32 = 100;
/// More packs than this add nothing: facts §1.1 [CL increasing-our-api-limits].
pub const PACKS_MAX: u8 = 2;
/// What each pack adds per day: facts §1.1 [CL increasing-our-api-limits].
pub const DAILY_PACK_BONUS: u64 = 1_000_000;
/// Records in one object batch call: facts §3.1 [DOC custom-objects guide].
pub const BATCH_INPUTS_MAX: usize = 100;
/// How long HubSpot's 423 lock lasts: facts §1.7 [DOC api-reference/error-handling].
pub const LOCK_DURATION: Duration = Duration::from_secs(2);
/// The edge gives up (524) when no answer came for so long: facts §1.7 [DOC api-reference/error-handling].
pub const EDGE_TIMEOUT: Duration = Duration::from_secs(100);
/// Certification expects errors below this share of a day's requests: facts §1.1 [DOC usage-guidelines].
pub const ERROR_SHARE_MAX: f64 = 0.05;

const fn rolling(count: u32, window: Duration) -> RollingLimit {
    RollingLimit { count, window }
}

/// facts §1.1 [DOC usage-guidelines] [CL increasing-our-api-limits]. A second pack does not raise it.
fn burst_count(plan: Plan, kind: AppKind, packs: u8) -> u32 {
    match (kind, plan) {
        (AppKind::PublicOauth, _) => 110,
        (AppKind::PrivateApp | AppKind::ServiceKey | AppKind::PrivateOauth, _) if packs > 0 => 250,
        (_, Plan::Free | Plan::Starter) => 100,
        (_, Plan::Professional | Plan::Enterprise) => 190,
    }
}

/// facts §1.1 [DOC associate-records]. A pack is documented for Professional and Enterprise only.
fn associations_count(plan: Plan, kind: AppKind, packs: u8) -> u32 {
    match plan {
        Plan::Free | Plan::Starter => 100,
        Plan::Professional | Plan::Enterprise if useful_packs(kind, packs) == 0 => 150,
        Plan::Professional | Plan::Enterprise => 200,
    }
}

fn daily(plan: Plan, kind: AppKind, packs: u8, professional: DailyProfessional) -> Option<u64> {
    let own = match plan {
        Plan::Free | Plan::Starter => 250_000,
        Plan::Professional => professional.0,
        Plan::Enterprise => 1_000_000,
    };
    match kind {
        AppKind::PublicOauth => None,
        AppKind::PrivateApp | AppKind::ServiceKey | AppKind::PrivateOauth => {
            Some(own + u64::from(useful_packs(kind, packs)) * DAILY_PACK_BONUS)
        }
    }
}

/// Packs do nothing for publicly distributed apps: facts §1.1 [CL increasing-our-api-limits].
fn useful_packs(kind: AppKind, packs: u8) -> u8 {
    match kind {
        AppKind::PublicOauth => 0,
        AppKind::PrivateApp | AppKind::ServiceKey | AppKind::PrivateOauth => packs.min(PACKS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Plan::Free, AppKind::PrivateApp, 0, 100, 100, Some(250_000))]
    #[case(Plan::Starter, AppKind::ServiceKey, 0, 100, 100, Some(250_000))]
    #[case(Plan::Professional, AppKind::PrivateApp, 0, 190, 150, Some(625_000))]
    #[case(Plan::Enterprise, AppKind::PrivateOauth, 0, 190, 150, Some(1_000_000))]
    #[case(Plan::Enterprise, AppKind::PrivateApp, 1, 250, 200, Some(2_000_000))]
    #[case(Plan::Enterprise, AppKind::PrivateApp, 2, 250, 200, Some(3_000_000))]
    #[case(Plan::Enterprise, AppKind::PrivateApp, 9, 250, 200, Some(3_000_000))]
    #[case(Plan::Enterprise, AppKind::PublicOauth, 0, 110, 150, None)]
    #[case(Plan::Enterprise, AppKind::PublicOauth, 2, 110, 150, None)]
    #[case(Plan::Free, AppKind::PublicOauth, 0, 110, 100, None)]
    fn plan_and_kind_decide(
        #[case] plan: Plan,
        #[case] kind: AppKind,
        #[case] packs: u8,
        #[case] burst: u32,
        #[case] associations: u32,
        #[case] daily: Option<u64>,
    ) {
        let limits = limits(plan, kind, packs);
        assert_eq!((limits.burst.count, limits.burst.window), (burst, Duration::from_secs(10)));
        assert_eq!((limits.search.count, limits.search.window), (5, Duration::from_secs(1)));
        assert_eq!(
            (limits.associations.count, limits.associations.window),
            (associations, Duration::from_secs(10))
        );
        assert_eq!(limits.daily, daily);
    }

    #[test]
    fn the_disputed_allowance_is_configuration() {
        let given = limits_with(Plan::Professional, AppKind::PrivateApp, 1, DailyProfessional::CHANGELOG);
        assert_eq!(given.daily, Some(1_650_000));
    }

    #[rstest]
    #[case(Plan::Free, AppKind::PrivateApp, 0, None)]
    #[case(Plan::Professional, AppKind::PrivateApp, 0, Some(500_000))]
    #[case(Plan::Professional, AppKind::PrivateApp, 2, Some(1_000_000))]
    #[case(Plan::Professional, AppKind::PublicOauth, 2, Some(500_000))]
    fn associations_have_their_own_day(
        #[case] plan: Plan,
        #[case] kind: AppKind,
        #[case] packs: u8,
        #[case] daily: Option<u64>,
    ) {
        assert_eq!(associations_daily(plan, kind, packs), daily);
    }

    #[test]
    fn names_in_configuration() {
        assert_eq!(serde_json::to_string(&AppKind::PublicOauth).unwrap(), r#""public-oauth""#);
        assert_eq!(serde_json::from_str::<Plan>(r#""enterprise""#).unwrap(), Plan::Enterprise);
    }
}
