//! Spending that is not the caller's: other processes with the same token, other apps of the same portal.
//!
//! Each is a pure function of time, so it moves between two calls without anyone having to move it.

use jiff::{SignedDuration, Timestamp};

use crate::seed::{Purpose, Seed};

/// What others leave of each budget, for one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pressure {
    pub burst: Spent,
    pub search: Spent,
    pub daily: Spent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    pub by_others: u64,
    /// A fault refuses the call whatever is left.
    pub full: bool,
}

/// Another process that fills between `from` and `to` (shares of the limit) of every rolling window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OtherProcess {
    pub from: f64,
    pub to: f64,
}

impl OtherProcess {
    /// Its sends in the 10 s window that ends `now`, having begun at `since`. It changes its pace every second.
    pub fn in_window(self, seed: Seed, limit: u64, since: Timestamp, now: Timestamp) -> u64 {
        let end_ms = now.as_millisecond();
        let begin_ms = (end_ms - 10_000).max(since.as_millisecond());
        let sent: f64 = (begin_ms.div_euclid(1000)..=end_ms.div_euclid(1000))
            .map(|second| {
                let overlap_ms = end_ms.min(second * 1000 + 1000) - begin_ms.max(second * 1000);
                self.per_second(seed, limit, second) * overlap_ms.max(0) as f64 / 1000.0
            })
            .sum();
        sent.round() as u64
    }

    fn per_second(self, seed: Seed, limit: u64, second: i64) -> f64 {
        let share = seed.share(Purpose::OtherProcess, second.unsigned_abs());
        limit as f64 * (self.from + (self.to - self.from) * share) / 10.0
    }
}

/// Another app that eats the portal's daily pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HungryApp {
    /// Share of the pool gone at once.
    pub start: f64,
    /// Share of the pool eaten per second after that.
    pub per_second: f64,
}

/// Where its eating slows to a trickle: nearly all calls find the pool empty, yet the count still moves.
const EXHAUSTED: f64 = 0.999;
/// Calls per second of the trickle.
const TRICKLE_PER_SECOND: i64 = 2;

impl HungryApp {
    /// What it has eaten of a pool of `limit`, having begun at `since`.
    pub fn eaten(self, limit: u64, since: Timestamp, now: Timestamp) -> u64 {
        let elapsed = now.duration_since(since).max(SignedDuration::ZERO);
        let limit_share = |share: f64| (limit as f64 * share) as u64;
        let greedy = self.start + self.per_second * elapsed.as_secs_f64();
        if greedy < EXHAUSTED {
            return limit_share(greedy);
        }
        let greedy_s = ((EXHAUSTED - self.start).max(0.0) / self.per_second.max(f64::EPSILON)).ceil() as i64;
        let trickle = (elapsed.as_secs() - greedy_s).max(0) * TRICKLE_PER_SECOND;
        (limit_share(EXHAUSTED) + trickle.unsigned_abs()).min(limit)
    }

    /// Is the pool all but gone?
    pub fn has_exhausted(limit: u64, eaten: u64) -> bool {
        eaten >= (limit as f64 * EXHAUSTED) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).expect("in range")
    }

    #[test]
    fn another_process_keeps_within_its_shares_once_its_window_is_full() {
        let process = OtherProcess { from: 0.6, to: 0.95 };
        let seen: Vec<u64> = (10..200)
            .map(|second| process.in_window(Seed::new(3), 100, at(0), at(second * 777 + 10_000)))
            .collect();
        assert!(seen.iter().all(|count| (60..=95).contains(count)), "{seen:?}");
        assert!(seen.windows(2).any(|pair| pair[0] != pair[1]), "its pace never changes: {seen:?}");
        assert_eq!(process.in_window(Seed::new(3), 100, at(0), at(0)), 0);
    }

    #[test]
    fn a_hungry_app_eats_fast_then_trickles() {
        let app = HungryApp { start: 0.9, per_second: 0.01 };
        assert_eq!(app.eaten(100_000, at(0), at(0)), 90_000);
        assert_eq!(app.eaten(100_000, at(0), at(5_000)), 95_000);
        let (dry, later) = (app.eaten(100_000, at(0), at(10_000)), app.eaten(100_000, at(0), at(20_000)));
        assert!(HungryApp::has_exhausted(100_000, dry));
        assert!(later > dry && later <= 100_000, "{dry} then {later}");
        assert_eq!(app.eaten(100_000, at(0), at(10_000_000)), 100_000);
    }
}
