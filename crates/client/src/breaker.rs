//! Leaves an API family of an account alone while it fails, and asks it again with one real request.
//!
//! Pure: time is an argument. Failures are 5xx, timeouts and broken connections, never 4xx or 429.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES_MAX: u32 = 5;

/// Failing for this long without one success opens it too, however few calls there were.
const FAILING_MAX: Duration = Duration::from_secs(10);

/// How long the first pause lasts; each failed try doubles it.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// One breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaker {
    Closed {
        failures: u32,
        failing_since: Option<Instant>,
    },
    Open {
        until: Instant,
        pause: Duration,
    },
    /// One real request is out to find out.
    Asking {
        pause: Duration,
    },
}

/// May this request go?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Go,
    Refused { retry_after: Duration },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0, failing_since: None }
    }
}

impl Breaker {
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match *self {
            Self::Closed { .. } => Admission::Go,
            Self::Open { until, pause } if now >= until => {
                *self = Self::Asking { pause };
                Admission::Go
            }
            Self::Open { until, .. } => Admission::Refused { retry_after: until - now },
            Self::Asking { pause } => Admission::Refused { retry_after: pause },
        }
    }

    /// A success needs no word here: the family's breaker starts anew as [`Breaker::default`].
    pub(crate) fn failed(&mut self, now: Instant) {
        *self = match *self {
            Self::Closed { failures, failing_since } => {
                let (failures, since) = (failures + 1, failing_since.unwrap_or(now));
                if failures >= FAILURES_MAX || (failures > 1 && now - since >= FAILING_MAX) {
                    Self::Open { until: now + PAUSE_FIRST, pause: PAUSE_FIRST }
                } else {
                    Self::Closed { failures, failing_since: Some(since) }
                }
            }
            Self::Asking { pause } => {
                let pause = (pause * 2).min(PAUSE_MAX);
                Self::Open { until: now + pause, pause }
            }
            // A request sent before it opened; it tells nothing new.
            open @ Self::Open { .. } => open,
        };
    }

    /// The request that went to find out came to nothing, neither good nor bad.
    pub(crate) fn withdrawn(&mut self, now: Instant) {
        if let Self::Asking { pause } = *self {
            *self = Self::Open { until: now, pause };
        }
    }

    /// How long an open one still wants to be left alone.
    pub(crate) fn closed_to_others(&self, now: Instant) -> Option<Duration> {
        match *self {
            Self::Closed { .. } => None,
            Self::Open { until, .. } => Some(until.saturating_duration_since(now)),
            Self::Asking { pause } => Some(pause),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Self::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: u64) -> Instant {
        // Instants cannot be made from nothing; tests share one origin.
        thread_local!(static ORIGIN: Instant = Instant::now());
        ORIGIN.with(|origin| *origin) + Duration::from_secs(n)
    }

    #[test]
    fn five_failures_in_a_row_open_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(second(0));
            assert_eq!(breaker.admit(second(0)), Admission::Go);
        }
        breaker.failed(second(0));
        assert_eq!(breaker.admit(second(0)), Admission::Refused { retry_after: PAUSE_FIRST });
    }

    #[test]
    fn a_success_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        (0..4).for_each(|_| breaker.failed(second(0)));
        breaker = Breaker::default();
        (0..4).for_each(|_| breaker.failed(second(1)));
        assert!(!breaker.is_open());
    }

    #[test]
    fn ten_failing_seconds_open_it_at_any_rate() {
        let mut breaker = Breaker::default();
        breaker.failed(second(0));
        breaker.failed(second(9));
        assert!(!breaker.is_open());
        breaker.failed(second(10));
        assert!(breaker.is_open());
    }

    #[test]
    fn one_request_finds_out_and_the_pause_grows() {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.failed(second(0)));
        assert_eq!(breaker.admit(second(1)), Admission::Go);
        assert!(matches!(breaker.admit(second(1)), Admission::Refused { .. }), "only one goes");
        breaker.failed(second(1));
        assert_eq!(breaker.admit(second(2)), Admission::Refused { retry_after: Duration::from_secs(1) });
        assert_eq!(breaker.admit(second(3)), Admission::Go);
        breaker = Breaker::default();
        assert_eq!(breaker.admit(second(3)), Admission::Go);
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_request_that_was_cancelled_lets_the_next_one_ask() {
        let mut breaker = Breaker::default();
        (0..5).for_each(|_| breaker.failed(second(0)));
        assert_eq!(breaker.admit(second(1)), Admission::Go);
        breaker.withdrawn(second(1));
        assert_eq!(breaker.admit(second(1)), Admission::Go);
    }
}
