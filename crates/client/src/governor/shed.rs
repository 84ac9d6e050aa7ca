//! Who must stop before the daily pool is empty: `bulk` before `sync` before `interactive`. Pure.
//!
//! Each lane leaves something for those above it: a reserve that shrinks with the day, and, once half of the pool is
//! gone, what the forecast says they and other apps will still need. The last calls are for our own questions.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::exhaustion::Forecast;
use crate::lane::Lane;

/// Shares of the daily pool that are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reserves {
    /// For interactive calls: neither `sync` nor `bulk` touches it.
    pub interactive: f64,
    /// For `sync`, on top of that: `bulk` does not touch it.
    pub sync: f64,
    /// For our own questions; the whole day long.
    pub probe: f64,
}

impl Default for Reserves {
    fn default() -> Self {
        Self { interactive: 0.10, sync: 0.05, probe: 0.001 }
    }
}

impl Reserves {
    /// Nothing is kept: first come, first served.
    pub const NONE: Self = Self { interactive: 0.0, sync: 0.0, probe: 0.0 };
}

/// While more of the pool is left, no forecast stops anybody: it is early, and much may change.
const FORECAST_BINDS_BELOW: f64 = 0.5;

/// A lane that had to stop goes on when there is so much of the pool to spare, not for one call at a time.
const SPARE: f64 = 0.005;

/// For how long a plan holds.
pub(crate) const PLAN_LASTS: Duration = Duration::from_secs(30);

/// The day's end is too far off, or not known, to be waited for: look again after this.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// What the pool and the day look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool {
    pub(crate) limit: u64,
    pub(crate) left: u64,
    pub(crate) now: Timestamp,
    /// Midnights before and after, where they are known.
    pub(crate) day: Option<(Timestamp, Timestamp)>,
}

/// What each lane must leave, and when it may go on once it had to stop.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Plan {
    leave: [u64; 4],
    resumes: [Option<Timestamp>; 4],
    /// It had to stop.
    stopped: [bool; 4],
}

impl Plan {
    /// The plan for the next moments. Who had to stop goes on only with some to spare.
    pub(crate) fn make(&self, pool: &Pool, reserves: &Reserves, forecast: Option<&Forecast>) -> Self {
        let mut plan = *self;
        for lane in Lane::ALL {
            let leave = leave(lane, pool, reserves, forecast);
            let spare = if lane >= Lane::Sync { pool.limit as f64 * SPARE } else { 0.0 };
            let index = lane as usize;
            plan.leave[index] = leave.all().round() as u64;
            plan.resumes[index] = Some(leave.resumes(pool, spare));
            plan.stopped[index] &= (pool.left as f64) < leave.all() + spare;
        }
        plan
    }

    /// `Err(when to come back)` where a lane must leave what is left to others.
    pub(crate) fn check(&mut self, lane: Lane, left: u64) -> Result<(), Option<Timestamp>> {
        let index = lane as usize;
        self.stopped[index] |= left <= self.leave[index] && self.leave[index] > 0;
        if self.stopped[index] { Err(self.resumes[index]) } else { Ok(()) }
    }

    /// Lanes that had to stop.
    pub(crate) fn stopped(&self) -> Vec<Lane> {
        Lane::ALL.into_iter().filter(|lane| self.stopped[*lane as usize]).collect()
    }

    /// What a lane leaves to those above it.
    pub(crate) fn leaves(&self, lane: Lane) -> u64 {
        self.leave[lane as usize]
    }
}

/// What a lane must leave.
struct Leave {
    /// Calls that others will make.
    needed: f64,
    /// At the beginning of a day; it shrinks to nothing.
    reserve: f64,
    share_of_day_left: f64,
}

fn leave(lane: Lane, pool: &Pool, reserves: &Reserves, forecast: Option<&Forecast>) -> Leave {
    let limit = pool.limit as f64;
    let probe = (reserves.probe * limit).floor();
    let early = pool.left as f64 >= FORECAST_BINDS_BELOW * limit;
    let [interactive, sync, _bulk, others] =
        forecast.filter(|_| !early).map_or([0.0; 4], |forecast| forecast.to_come_by_whose);
    let (needed, reserve) = match lane {
        Lane::Probe => (0.0, 0.0),
        Lane::Interactive => (probe, 0.0),
        Lane::Sync => (probe + interactive + others, reserves.interactive),
        Lane::Bulk => (probe + interactive + others + sync, reserves.interactive + reserves.sync),
    };
    let share_of_day_left = pool.day.map_or(1.0, |(starts, ends)| {
        let (rest, day) = (ends.duration_since(pool.now), ends.duration_since(starts));
        (rest.as_secs_f64() / day.as_secs_f64()).clamp(0.0, 1.0)
    });
    Leave { needed, reserve: reserve * limit, share_of_day_left }
}

impl Leave {
    fn all(&self) -> f64 {
        self.needed + self.reserve * self.share_of_day_left
    }

    /// When the reserve will have shrunk so far that there is some to spare. What others are expected to need shrinks as
    /// they spend it, so that only the reserve counts.
    fn resumes(&self, pool: &Pool, spare: f64) -> Timestamp {
        let Some((starts, ends)) = pool.day else { return pool.now + LOOK_AGAIN };
        let surplus = pool.left as f64 - self.needed - spare;
        if surplus <= 0.0 || self.reserve <= 0.0 {
            return ends;
        }
        let share_left = (surplus / self.reserve).min(self.share_of_day_left);
        let before_end = ends.duration_since(starts).as_secs_f64() * share_left;
        // A whole second at least: a plan is not made more often.
        (ends - SignedDuration::from_secs_f64(before_end)).max(pool.now + SignedDuration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governor::exhaustion::Likely;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn pool(left: u64, now: &str) -> Pool {
        let day = Some((at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z")));
        Pool { limit: 100_000, left, now: at(now), day }
    }

    fn to_come(each: [f64; 4]) -> Forecast {
        let sum = each.iter().sum();
        Forecast {
            exhausted_at: None,
            earliest: None,
            latest: None,
            to_come: Likely { low: sum, middle: sum, high: sum },
            to_come_by_whose: each,
            days_before: 0,
        }
    }

    /// Who may still go, by the letters of the lanes.
    fn go(left: u64, now: &str, forecast: Option<&Forecast>) -> String {
        let mut plan = Plan::default().make(&pool(left, now), &Reserves::default(), forecast);
        let mut goes = |lane: &Lane| plan.check(*lane, left).is_ok();
        Lane::ALL.iter().filter(|lane| goes(lane)).map(|lane| &lane.name()[..1]).collect()
    }

    #[test]
    fn bulk_stops_before_sync_before_interactive_before_probe() {
        let midnight = "2026-01-01T00:00:00Z";
        let steps = [100_000, 15_101, 15_100, 10_101, 10_100, 101, 100, 1];
        let who: Vec<String> = steps.iter().map(|left| go(*left, midnight, None)).collect();
        assert_eq!(who, ["pisb", "pisb", "pis", "pis", "pi", "pi", "p", "p"]);
    }

    #[test]
    fn reserves_shrink_with_the_day() {
        assert_eq!(go(5_000, "2026-01-01T12:00:00Z", None), "pi");
        assert_eq!(go(5_000, "2026-01-01T13:00:00Z", None), "pis");
        assert_eq!(go(5_000, "2026-01-01T18:00:00Z", None), "pisb");
    }

    #[test]
    fn what_those_above_will_need_is_left_to_them() {
        let noon = "2026-01-01T12:00:00Z";
        let forecast = to_come([10_000.0, 10_000.0, 90_000.0, 5_000.0]);
        // 25,100 for the others and 7,500 in reserve.
        assert_eq!(go(32_700, noon, Some(&forecast)), "pisb");
        assert_eq!(go(32_500, noon, Some(&forecast)), "pis");
        // 15,100 for interactive calls and others, and 5,000 in reserve.
        assert_eq!(go(20_000, noon, Some(&forecast)), "pi");
        assert_eq!(go(50_001, noon, Some(&to_come([90_000.0, 0.0, 0.0, 0.0]))), "pisb", "it is early");
    }

    #[test]
    fn who_had_to_stop_is_told_when_there_will_be_some_to_spare_and_goes_on_then() {
        let reserves = Reserves::default();
        let noon = "2026-01-01T12:00:00Z";
        let mut plan = Plan::default().make(&pool(7_000, noon), &reserves, None);
        // 6,400 beyond the probe's and the spare ones: 0.427 of a reserve of 15,000, when 10 h 14 min are left.
        assert_eq!(plan.check(Lane::Bulk, 7_000), Err(Some(at("2026-01-01T13:45:36Z"))));
        let mut before = plan.make(&pool(7_000, "2026-01-01T13:44:00Z"), &reserves, None);
        assert!(before.check(Lane::Bulk, 7_000).is_err());
        let mut after = plan.make(&pool(7_000, "2026-01-01T13:46:00Z"), &reserves, None);
        assert_eq!(after.check(Lane::Bulk, 7_000), Ok(()));
    }

    #[test]
    fn who_finds_nothing_left_for_the_day_waits_for_the_reset() {
        let forecast = to_come([50_000.0, 0.0, 0.0, 0.0]);
        let mut plan = Plan::default().make(
            &pool(40_000, "2026-01-01T12:00:00Z"),
            &Reserves::default(),
            Some(&forecast),
        );
        assert_eq!(plan.check(Lane::Sync, 40_000), Err(Some(at("2026-01-02T00:00:00Z"))));
        assert_eq!(plan.check(Lane::Interactive, 40_000), Ok(()));
    }

    #[test]
    fn without_reserves_everybody_goes_until_the_pool_is_empty() {
        let mut plan = Plan::default().make(&pool(1, "2026-01-01T00:00:00Z"), &Reserves::NONE, None);
        assert_eq!(Lane::ALL.map(|lane| plan.check(lane, 1)), [Ok(()); 4]);
    }
}
