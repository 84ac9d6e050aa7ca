//! May a kept answer be served, and when is it asked for again? Pure functions of ages.

use std::time::Duration;

use super::wishes::Wishes;

/// Early refreshes begin at most this many times the last answer's own time before the end: past it, the chance is
/// under one in a million.
const EARLY_TIMES_MAX: u32 = 14;

/// How long an answer of one call lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// Served again without asking.
    pub(crate) fresh: Duration,
    /// Served, whatever the caller says, while HubSpot does not answer; counted from the answer.
    pub(crate) stale_max: Duration,
}

/// Why HubSpot's own answer is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// HubSpot fails, or is left alone because it has been failing.
    Upstream,
    /// HubSpot may be well; a limit is spent, or the portal moves. Only who said so gets an old answer.
    OutOfBudget,
}

/// Is an answer of that age served without asking HubSpot?
pub(crate) fn is_fresh(age: Duration, lifetime: Lifetime, wishes: &Wishes) -> bool {
    let young_enough = wishes.age_max.is_none_or(|max| age <= max);
    !wishes.no_cache && young_enough && age.saturating_add(wishes.fresh_for_min) < lifetime.fresh
}

/// The oldest answer that may be served although HubSpot was asked and did not answer; `None`: none at all.
///
/// What the caller said goes before what the route or the house says. `said` is whether the route said it outright.
pub(crate) fn stale_age_max(
    outage: Outage,
    lifetime: Lifetime,
    said: bool,
    wishes: &Wishes,
) -> Option<Duration> {
    match (wishes.stale_by_max, wishes.no_cache, outage) {
        (Some(by), _, _) => Some(lifetime.fresh.saturating_add(by)),
        (None, true, _) => None,
        // What is to stay fresh for a while has not gone stale.
        (None, false, _) if !wishes.fresh_for_min.is_zero() => None,
        (None, false, Outage::OutOfBudget) if !said => None,
        (None, false, Outage::Upstream | Outage::OutOfBudget) => {
            let max = wishes.age_max.map_or(lifetime.stale_max, |max| max.min(lifetime.stale_max));
            (!max.is_zero()).then_some(max)
        }
    }
}

/// May a refresh be due already, with `left` of the lifetime to go? Cheap, and nearly always no.
pub(crate) fn may_refresh_early(left: Duration, took: Duration) -> bool {
    left < took.saturating_mul(EARLY_TIMES_MAX)
}

/// Is this the reader who asks before the time is up? `random` lies in `0.0..1.0`. The closer the end and the longer an
/// answer takes, the likelier: on average one of many readers does, so that the others never find it expired (Vattani
/// et al., "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015).
pub(crate) fn refreshes_early(left: Duration, took: Duration, random: f64) -> bool {
    -took.as_secs_f64() * random.max(f64::MIN_POSITIVE).ln() >= left.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const LIFETIME: Lifetime =
        Lifetime { fresh: Duration::from_secs(60), stale_max: Duration::from_secs(600) };

    fn wishes(text: &str) -> Wishes {
        let mut wishes = Wishes::default();
        wishes.read(text.as_bytes());
        wishes
    }

    #[rstest]
    #[case(59, "", true)]
    #[case(60, "", false)]
    #[case(0, "no-cache", false)]
    #[case(10, "max-age=10", true)]
    #[case(11, "max-age=10", false)]
    #[case(50, "min-fresh=9", true)]
    #[case(50, "min-fresh=10", false)]
    #[case(70, "max-stale", false)]
    fn fresh(#[case] age: u64, #[case] said: &str, #[case] expected: bool) {
        assert_eq!(is_fresh(S(age), LIFETIME, &wishes(said)), expected);
    }

    #[rstest]
    #[case::default(Outage::Upstream, false, "", Some(600))]
    #[case::budget_unsaid(Outage::OutOfBudget, false, "", None)]
    #[case::budget_by_route(Outage::OutOfBudget, true, "", Some(600))]
    #[case::budget_by_caller(Outage::OutOfBudget, false, "max-stale=5", Some(65))]
    #[case::caller_goes_first(Outage::Upstream, true, "max-stale=5", Some(65))]
    #[case::no_cache(Outage::Upstream, true, "no-cache", None)]
    #[case::no_cache_but(Outage::Upstream, false, "no-cache, stale-if-error=5", Some(65))]
    #[case::min_fresh(Outage::Upstream, true, "min-fresh=1", None)]
    #[case::min_fresh_but(Outage::Upstream, true, "min-fresh=1, max-stale=5", Some(65))]
    #[case::max_age(Outage::Upstream, false, "max-age=30", Some(30))]
    fn stale(#[case] outage: Outage, #[case] route: bool, #[case] said: &str, #[case] expected: Option<u64>) {
        assert_eq!(stale_age_max(outage, LIFETIME, route, &wishes(said)), expected.map(S));
    }

    #[test]
    fn none_at_all_where_the_house_says_zero() {
        let lifetime = Lifetime { stale_max: Duration::ZERO, ..LIFETIME };
        assert_eq!(stale_age_max(Outage::Upstream, lifetime, false, &Wishes::default()), None);
    }

    proptest! {
        /// The cheap look rules nobody out but the one in a million.
        #[test]
        fn the_cheap_look_is_right(left_ms in 0u64..100_000, took_ms in 0u64..5_000, random in 1e-6f64..1.0) {
            let (left, took) = (Duration::from_millis(left_ms), Duration::from_millis(took_ms));
            if refreshes_early(left, took, random) && left > Duration::ZERO {
                prop_assert!(may_refresh_early(left, took));
            }
        }
    }

    #[test]
    fn early_refreshes_gather_before_the_end() {
        let took = Duration::from_millis(100);
        let share = |left_ms| {
            let left = Duration::from_millis(left_ms);
            (1..1000).filter(|n| refreshes_early(left, took, f64::from(*n) / 1000.0)).count()
        };
        assert_eq!((share(0), share(10_000)), (999, 0));
        assert!(share(100) > share(200) && share(200) > share(400));
    }
}
