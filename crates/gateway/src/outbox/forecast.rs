//! When the backlog will be gone, as a pure function of how it has been going.

use std::collections::VecDeque;
use std::time::Duration;

/// What is looked back on: long enough for a full window of HubSpot's limits, three times.
const LOOK_BACK_SECONDS: u64 = 30;

/// Operations by the second, lately.
#[derive(Debug, Default)]
pub(super) struct Flow {
    seconds: VecDeque<Second>,
    /// The best rate that was held over a whole look back.
    best: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    number: u64,
    accepted: u64,
    settled: u64,
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    pub accepted_per_second: f64,
    pub settled_per_second: f64,
    pub catch_up: CatchUp,
}

/// When everything that waits will have been applied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CatchUp {
    Nothing,
    In(Duration),
    /// Nothing gets through. Once it does: in about so long, as it went before, if it ever went.
    Stopped(Option<Duration>),
    /// More is accepted than applied.
    FallingBehind,
    /// It has only just begun.
    NotYet,
}

impl Flow {
    pub(super) fn accepted(&mut self, now: Duration) {
        self.second(now).accepted += 1;
    }

    pub(super) fn settled(&mut self, now: Duration) {
        self.second(now).settled += 1;
        // Over the whole look back, whenever it began: the first second of a drain is faster than what follows.
        let settled: u64 = self.lately(now).map(|second| second.settled).sum();
        self.best = self.best.max(settled as f64 / LOOK_BACK_SECONDS as f64);
    }

    fn second(&mut self, now: Duration) -> &mut Second {
        let number = now.as_secs();
        while self.seconds.front().is_some_and(|first| first.number + LOOK_BACK_SECONDS < number) {
            self.seconds.pop_front();
        }
        if self.seconds.back().is_none_or(|last| last.number < number) {
            self.seconds.push_back(Second { number, ..Second::default() });
        }
        self.seconds.back_mut().expect("it has just been put there")
    }

    fn lately(&self, now: Duration) -> impl Iterator<Item = &Second> {
        let since = now.as_secs().saturating_sub(LOOK_BACK_SECONDS);
        self.seconds.iter().filter(move |second| second.number >= since)
    }

    /// Accepted and settled by the second. A flow that has just begun is measured from its beginning.
    fn rates(&self, now: Duration) -> (f64, f64) {
        let since = now.as_secs().saturating_sub(LOOK_BACK_SECONDS);
        let (accepted, settled) = self.lately(now).fold((0, 0), |(accepted, settled), second| {
            (accepted + second.accepted, settled + second.settled)
        });
        let begun = self.lately(now).find(|second| second.settled > 0).map(|second| second.number);
        let length = |from: u64| (now.as_secs_f64() - from as f64).clamp(1.0, LOOK_BACK_SECONDS as f64);
        let settled_over = begun.map_or(1.0, length);
        (accepted as f64 / length(since.min(now.as_secs())), settled as f64 / settled_over)
    }

    /// `stopped`: no line lets anything through.
    pub(super) fn outlook(&self, waiting: u64, stopped: bool, now: Duration) -> Outlook {
        let (accepted, settled) = self.rates(now);
        let at = |rate: f64| (rate > 0.0).then(|| Duration::from_secs_f64(waiting as f64 / rate));
        let gain = settled - accepted;
        let catch_up = if waiting == 0 {
            CatchUp::Nothing
        } else if stopped {
            CatchUp::Stopped(at(self.best))
        } else if settled == 0.0 {
            CatchUp::NotYet
        } else if gain <= 0.0 {
            CatchUp::FallingBehind
        } else {
            at(gain).map_or(CatchUp::NotYet, CatchUp::In)
        };
        Outlook { accepted_per_second: accepted, settled_per_second: settled, catch_up }
    }
}

impl CatchUp {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing_waits",
            Self::In(_) => "catching_up",
            Self::Stopped(_) => "stopped",
            Self::FallingBehind => "falling_behind",
            Self::NotYet => "not_yet_known",
        }
    }

    /// How long it takes, where that can be told; counted from its return where nothing gets through.
    pub fn seconds(self) -> Option<f64> {
        match self {
            Self::Nothing => Some(0.0),
            Self::In(time) | Self::Stopped(Some(time)) => Some(time.as_secs_f64()),
            Self::Stopped(None) | Self::FallingBehind | Self::NotYet => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// `accepted` and `settled` operations in each of so many seconds.
    fn flow(lasts: u64, accepted: u64, settled: u64) -> Flow {
        let mut flow = Flow::default();
        for second in 0..lasts {
            (0..accepted).for_each(|_| flow.accepted(seconds(second)));
            (0..settled).for_each(|_| flow.settled(seconds(second)));
        }
        flow
    }

    #[rstest]
    #[case::drains(0, 20, 600, false, CatchUp::In(Duration::from_secs(30)))]
    #[case::empty(0, 20, 0, false, CatchUp::Nothing)]
    #[case::more_comes_in(30, 20, 600, false, CatchUp::FallingBehind)]
    #[case::nothing_yet(30, 0, 600, false, CatchUp::NotYet)]
    #[case::never_went(30, 0, 600, true, CatchUp::Stopped(None))]
    fn what_it_comes_to(
        #[case] accepted: u64,
        #[case] settled: u64,
        #[case] waiting: u64,
        #[case] stopped: bool,
        #[case] expected: CatchUp,
    ) {
        let found = flow(60, accepted, settled).outlook(waiting, stopped, seconds(60)).catch_up;
        match (found, expected) {
            (CatchUp::In(found), CatchUp::In(expected)) => {
                assert!(found.abs_diff(expected) < Duration::from_secs(3), "{found:?}");
            }
            (found, expected) => assert_eq!(found, expected),
        }
    }

    #[test]
    fn a_stop_is_judged_by_how_it_went_before() {
        let flow = flow(60, 0, 20);
        let CatchUp::Stopped(Some(after)) = flow.outlook(2_000, true, seconds(3_600)).catch_up else {
            panic!("it has gone before");
        };
        assert!((80..=101).contains(&after.as_secs()), "{after:?}");
    }
}
