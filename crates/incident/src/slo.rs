//! Objectives, and how fast the errors they allow are being spent.
//!
//! A burn rate of 1 spends a month's allowance in a month. Two windows must agree: the long one says that it matters, the
//! short one that it still goes on.

use std::ops::AddAssign;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::signal::{Calls, Wellness};
use crate::window::Window;

/// What share may go wrong, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objectives {
    pub failed_calls_percent: f64,
    pub slow_answers_percent: f64,
    pub late_webhooks_percent: f64,
    pub failed_jobs_percent: f64,
}

impl Default for Objectives {
    fn default() -> Self {
        // Errors below 0.1 %; p99 in time, so one in a hundred may not be; webhooks alike; jobs above 99.5 %.
        Self {
            failed_calls_percent: 0.1,
            slow_answers_percent: 1.0,
            late_webhooks_percent: 1.0,
            failed_jobs_percent: 0.5,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objective {
    Calls,
    Latency,
    Webhooks,
    Jobs,
}

/// How fast an allowance is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    Fast,
    Middle,
    Slow,
}

/// One pair of windows in which the rate is too high.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burn {
    pub speed: Speed,
    pub rate: f64,
    bad: u64,
    all: u64,
    hours: i64,
}

/// Speed, rate, long window and short window in minutes.
const PAIRS: [(Speed, f64, i64, i64); 3] =
    [(Speed::Fast, 14.4, 60, 5), (Speed::Middle, 6.0, 6 * 60, 30), (Speed::Slow, 1.0, 3 * 24 * 60, 6 * 60)];

/// What has stopped is not being spent any more, however long the windows are. A slow leak drips: of that an hour is now.
const NOW_FAST: SignedDuration = SignedDuration::from_mins(1);
const NOW_MIDDLE: SignedDuration = SignedDuration::from_mins(2);
const NOW_SLOW: SignedDuration = SignedDuration::from_mins(60);

/// The last minute to ten seconds: a minute by the clock would tell for up to two that it goes on.
const FINE: SignedDuration = SignedDuration::from_secs(10);
const FINE_SLOTS: usize = 6;

/// In the short window; fewer are no rate.
const BAD_MIN: u64 = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    all: u64,
    bad: u64,
}

impl AddAssign for Parts {
    fn add_assign(&mut self, other: Self) {
        self.all = self.all.saturating_add(other.all);
        self.bad = self.bad.saturating_add(other.bad);
    }
}

/// The last minute, six hours by the minute, three days by the half hour; and what of those was an incident's cost, which people were told of: a
/// slow leak is what is missed beside it.
#[derive(Debug, Clone)]
struct Kept {
    fine: Window<Parts>,
    minutes: Window<Parts>,
    half_hours: Window<Parts>,
    told: Window<Parts>,
}

/// What is kept of every objective.
#[derive(Debug, Clone)]
pub struct Slo {
    kept: [Kept; Objective::ALL.len()],
}

impl Objective {
    const ALL: [Self; 4] = [Self::Calls, Self::Latency, Self::Webhooks, Self::Jobs];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls that work",
            Self::Latency => "answers in time",
            Self::Webhooks => "webhooks in time",
            Self::Jobs => "jobs that finish",
        }
    }

    const fn allowed_percent(self, objectives: &Objectives) -> f64 {
        match self {
            Self::Calls => objectives.failed_calls_percent,
            Self::Latency => objectives.slow_answers_percent,
            Self::Webhooks => objectives.late_webhooks_percent,
            Self::Jobs => objectives.failed_jobs_percent,
        }
    }
}

impl Slo {
    pub(crate) fn new() -> Self {
        let kept = || Kept {
            fine: Window::new(FINE, FINE_SLOTS),
            minutes: Window::new(SignedDuration::from_mins(1), 6 * 60),
            half_hours: Window::new(SignedDuration::from_mins(30), 3 * 24 * 2),
            told: Window::new(SignedDuration::from_mins(30), 3 * 24 * 2),
        };
        Self { kept: std::array::from_fn(|_| kept()) }
    }

    pub(crate) fn calls(&mut self, at: Timestamp, calls: Calls) {
        self.add(Objective::Calls, at, Parts { all: calls.calls, bad: calls.failed });
        self.add(Objective::Latency, at, Parts { all: calls.sent, bad: calls.slow });
    }

    /// Of the calls that were added, these are what an incident has cost.
    pub(crate) fn told(&mut self, at: Timestamp, cost: Calls) {
        for (objective, bad) in [(Objective::Calls, cost.failed), (Objective::Latency, cost.slow)] {
            if bad > 0 {
                self.kept[objective as usize].told.add(at, Parts { all: 0, bad });
            }
        }
    }

    pub(crate) fn webhooks(&mut self, at: Timestamp, events: u64, late: u64) {
        self.add(Objective::Webhooks, at, Parts { all: events, bad: late });
    }

    pub(crate) fn job(&mut self, at: Timestamp, well: Wellness) {
        self.add(Objective::Jobs, at, Parts { all: 1, bad: u64::from(well == Wellness::Ill) });
    }

    /// The fastest burn of each objective, where there is one and it goes on. What burnt fast until just now is no slower burn.
    pub(crate) fn burning(&self, objectives: &Objectives, now: Timestamp) -> Vec<(Objective, Burn)> {
        let burning = |objective: Objective| {
            let allowed = objective.allowed_percent(objectives) / 100.0;
            let burn = PAIRS.iter().find_map(|pair| self.burn(objective, allowed, *pair, now))?;
            let lately = self.kept[objective as usize].lately(burn.speed, now);
            rate(lately, allowed).filter(|rate| *rate > 1.0)?;
            Some((objective, burn))
        };
        Objective::ALL.into_iter().filter_map(burning).collect()
    }

    fn add(&mut self, objective: Objective, at: Timestamp, parts: Parts) {
        if parts.all > 0 {
            let kept = &mut self.kept[objective as usize];
            kept.fine.add(at, parts);
            kept.minutes.add(at, parts);
            kept.half_hours.add(at, parts);
        }
    }

    fn burn(
        &self,
        objective: Objective,
        allowed: f64,
        (speed, rate_max, long, short): (Speed, f64, i64, i64),
        now: Timestamp,
    ) -> Option<Burn> {
        let kept = &self.kept[objective as usize];
        let of = |minutes: i64| kept.sum(speed, now, SignedDuration::from_mins(minutes));
        let (long_parts, short_parts) = (of(long), of(short));
        let rate = rate(long_parts, allowed)?.min(rate(short_parts, allowed)?);
        let Parts { all, bad } = long_parts;
        (rate > rate_max && short_parts.bad >= BAD_MIN).then_some(Burn {
            speed,
            rate,
            bad,
            all,
            hours: long / 60,
        })
    }
}

impl Kept {
    fn lately(&self, speed: Speed, now: Timestamp) -> Parts {
        match speed {
            Speed::Fast => self.fine.sum(now, NOW_FAST),
            Speed::Middle => self.sum(speed, now, NOW_MIDDLE),
            Speed::Slow => self.sum(speed, now, NOW_SLOW),
        }
    }

    fn sum(&self, speed: Speed, now: Timestamp, span: SignedDuration) -> Parts {
        match speed {
            Speed::Fast | Speed::Middle => self.minutes.sum(now, span),
            Speed::Slow => {
                let Parts { all, bad } = self.half_hours.sum(now, span);
                Parts { all, bad: bad.saturating_sub(self.told.sum(now, span).bad) }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of some days' calls")]
fn rate(parts: Parts, allowed: f64) -> Option<f64> {
    (parts.all > 0 && allowed > 0.0).then(|| parts.bad as f64 / parts.all as f64 / allowed)
}

impl Burn {
    pub(crate) fn tell(&self) -> String {
        format!(
            "{} of {} missed in {} h, {:.1} times what the objective allows",
            self.bad, self.all, self.hours, self.rate
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    /// `bad` of a thousand calls in each of the last minutes.
    fn burning(bad: u64, minutes: i64) -> Vec<Speed> {
        let mut slo = Slo::new();
        for minute in 0..minutes {
            slo.calls(at(minute), Calls { calls: 1_000, failed: bad, ..Calls::default() });
        }
        slo.burning(&Objectives::default(), at(minutes - 1)).into_iter().map(|(_, burn)| burn.speed).collect()
    }

    #[test]
    fn the_faster_it_burns_the_sooner_it_is_told() {
        assert_eq!(burning(0, 100), []);
        assert_eq!(burning(1, 4_000), [], "a tenth of a percent is allowed");
        assert_eq!(burning(2, 72 * 60), [Speed::Slow]);
        assert_eq!(burning(7, 6 * 60), [Speed::Middle]);
        assert_eq!(burning(15, 60), [Speed::Fast]);
    }

    #[test]
    fn what_has_stopped_is_not_told_at_all() {
        let mut slo = Slo::new();
        (0..10).for_each(|minute| {
            let calls = Calls { calls: 1_000, failed: 500, ..Calls::default() };
            slo.calls(at(minute), calls);
            slo.told(at(minute), calls);
        });
        (10..13).for_each(|minute| slo.calls(at(minute), Calls { calls: 1_000, ..Calls::default() }));
        assert_eq!(slo.burning(&Objectives::default(), at(12)).len(), 0);
    }

    #[test]
    fn a_leak_goes_on_between_two_drops_and_what_an_incident_cost_is_none() {
        let leak = |told: u64, minutes: i64| {
            let mut slo = Slo::new();
            for minute in 0..minutes {
                // One of 400 fails, every twenty minutes.
                let failed = u64::from(minute % 20 == 0);
                slo.calls(at(minute), Calls { calls: 20, failed, ..Calls::default() });
                slo.told(at(minute), Calls { failed: failed * told, ..Calls::default() });
            }
            slo.burning(&Objectives::default(), at(minutes - 1)).len()
        };
        assert_eq!((leak(0, 360), leak(0, 375), leak(0, 379)), (1, 1, 1), "whenever somebody looks");
        assert_eq!((leak(1, 360), leak(1, 361)), (0, 0));
    }

    #[test]
    fn a_lone_error_is_no_burn() {
        let mut slo = Slo::new();
        slo.calls(at(0), Calls { calls: 3, failed: 1, ..Calls::default() });
        assert_eq!(slo.burning(&Objectives::default(), at(0)).len(), 0);
    }
}
