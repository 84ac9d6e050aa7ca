//! What one simulated HubSpot is made of; everything else follows from the seed.

use std::ops::RangeInclusive;

use jiff::{Timestamp, tz::TimeZone};

/// The subscription of a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    Free,
    Starter,
    Professional,
    Enterprise,
}

/// Limits set by hand; `None` leaves what plan and app kind give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOverrides {
    /// Calls per app and portal in any 10 s.
    pub burst: Option<u32>,
    /// Searches per portal in any 1 s.
    pub search: Option<u32>,
    /// Calls to the associations API per portal in any 10 s.
    pub associations: Option<u32>,
    /// Calls per portal until midnight there.
    pub daily: Option<u64>,
}

/// How long an answer takes, in milliseconds: evenly spread over the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latency(pub RangeInclusive<u32>);

#[derive(Debug, Clone)]
pub struct Config {
    pub seed: u64,
    /// The default portal, its plan, time zone and data hosting (`na1`, `eu1`, …).
    pub portal_id: u64,
    pub plan: Plan,
    pub time_zone: TimeZone,
    pub hosting: String,
    /// Records present from the start.
    pub contacts: u32,
    pub latency: Latency,
    pub limits: LimitOverrides,
    /// Does a request answered 429 still fill the window? Unconfirmed at HubSpot, so it is configuration; by
    /// default it does not.
    pub count_rejected: bool,
    /// The wall time at which the simulator starts.
    pub base_time: Timestamp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            portal_id: 24_601_842,
            plan: Plan::Professional,
            time_zone: TimeZone::get("US/Eastern").expect("the time zone database is bundled"),
            hosting: "na1".to_owned(),
            contacts: 0,
            latency: Latency(0..=0),
            limits: LimitOverrides::default(),
            count_rejected: false,
            base_time: "2026-10-01T12:00:00Z".parse().expect("a literal timestamp"),
        }
    }
}

/// Why a plan was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a plan: write free, starter, professional or enterprise")]
pub struct NotAPlan(String);

impl std::str::FromStr for Plan {
    type Err = NotAPlan;

    fn from_str(text: &str) -> Result<Self, NotAPlan> {
        match text {
            "free" => Ok(Self::Free),
            "starter" => Ok(Self::Starter),
            "professional" => Ok(Self::Professional),
            "enterprise" => Ok(Self::Enterprise),
            other => Err(NotAPlan(other.to_owned())),
        }
    }
}

/// Why a latency range was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a latency: write milliseconds as `40` or `20..60`")]
pub struct NotALatency(String);

impl std::str::FromStr for Latency {
    type Err = NotALatency;

    fn from_str(text: &str) -> Result<Self, NotALatency> {
        let refused = || NotALatency(text.to_owned());
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let from: u32 = from.trim().parse().map_err(|_| refused())?;
        let to: u32 = to.trim_start_matches('=').trim().parse().map_err(|_| refused())?;
        if from > to {
            return Err(refused());
        }
        Ok(Self(from..=to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("20..60", Some(20..=60))]
    #[case("40", Some(40..=40))]
    #[case("60..20", None)]
    #[case("a..b", None)]
    #[case("", None)]
    fn a_latency_is_a_range(#[case] text: &str, #[case] range: Option<RangeInclusive<u32>>) {
        assert_eq!(text.parse::<Latency>().ok().map(|latency| latency.0), range);
    }
}
