//! What an API family has answered lately, and whether that is "failing".
//!
//! A family is failing when, since its first failure,
//!
//! | rule | for whom it is |
//! |---|---|
//! | [`RUN_MAX`] failures came in a row | an outage under traffic |
//! | nothing but failures came for [`FAILING_MAX`] | an outage with few calls |
//! | at least [`RUN_MAX`] of the latest were failures, and no fewer than were successes | every other answer fails |
//!
//! One failure alone never is. The latest are the last [`LATEST`], or all of the last [`LATEST_FOR`] where those are
//! more: many calls a second take chance out of it, few calls must not take minutes.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Failures without a success between that are failing.
const RUN_MAX: usize = 5;

/// Nothing but failures for this long is failing too. Calls that come every 10 s are the rarest that are to be noticed
/// within 10 s, and a run is only seen when its next call fails: half of that leaves no rate between.
const FAILING_MAX: Duration = Duration::from_secs(5);

const LATEST: usize = 10;
const LATEST_FOR: Duration = Duration::from_secs(2);

/// Ten calls of the slowest rate we look at, 0.1 a second, and some.
const REMEMBERED_FOR: Duration = Duration::from_secs(120);

/// 25 calls a second, the largest burst limit HubSpot sells, for [`LATEST_FOR`], and some.
const REMEMBERED_MAX: usize = 64;

/// Whether an attempt was a failure of HubSpot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    Failed,
}

/// Outcomes since the first failure that is still remembered, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recent(VecDeque<(Instant, Outcome)>);

impl Recent {
    pub(super) fn note(&mut self, outcome: Outcome, now: Instant) {
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, outcome));
        let is_over = |(at, outcome): &(Instant, Outcome)| {
            *outcome == Outcome::Good || now.saturating_duration_since(*at) > REMEMBERED_FOR
        };
        while self.0.front().is_some_and(is_over) {
            self.0.pop_front();
        }
    }

    /// No failure is remembered.
    pub(super) fn is_well(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_failing(&self, now: Instant) -> bool {
        self.run_is_failing(now) || self.latest_are_failing(now)
    }

    fn run_is_failing(&self, now: Instant) -> bool {
        let run = self.0.iter().rev().take_while(|(_, outcome)| *outcome == Outcome::Failed);
        let (length, first) = run.fold((0, now), |(length, _), (at, _)| (length + 1, *at));
        length >= RUN_MAX || (length > 1 && now.saturating_duration_since(first) >= FAILING_MAX)
    }

    fn latest_are_failing(&self, now: Instant) -> bool {
        let in_time = self.0.iter().rev();
        let in_time = in_time.take_while(|(at, _)| now.saturating_duration_since(*at) < LATEST_FOR).count();
        let latest = self.0.len().min(in_time.max(LATEST));
        let failed =
            self.0.iter().rev().take(latest).filter(|(_, outcome)| *outcome == Outcome::Failed).count();
        failed >= RUN_MAX && failed * 2 >= latest
    }
}
