//! Leaves an API family of an account alone while it fails, and asks it again with one real request.
//!
//! Pure: time and jitter are arguments. Failures are 5xx, timeouts, broken connections and answers slower than the family
//! ever is, never 4xx or 429. What "failing" means stands in [`recent`].

use std::time::Duration;

use tokio::time::Instant;

mod recent;

pub(crate) use recent::Outcome;
use recent::Recent;

/// How long the first pause lasts; each question that fails doubles it.
const PAUSE_FIRST: Duration = Duration::from_secs(1);

/// With a question that may itself take a few seconds, service is back well within 30 s of the end of a fault.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The share of a pause that is drawn, so that many gateways do not ask at the same moment.
const JITTER: f64 = 0.25;

/// One breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Breaker {
    Closed(Recent),
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
    /// It is the one that asks whether the family is well again.
    Ask,
    Refused {
        retry_after: Duration,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed(Recent::default())
    }
}

impl Breaker {
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match *self {
            Self::Closed(_) => Admission::Go,
            Self::Open { until, pause } if now >= until => {
                *self = Self::Asking { pause };
                Admission::Ask
            }
            Self::Open { until, .. } => Admission::Refused { retry_after: until - now },
            Self::Asking { pause } => Admission::Refused { retry_after: pause },
        }
    }

    /// An attempt ended that was let go. `jitter` lies in `0.0..1.0`.
    pub(crate) fn note(&mut self, outcome: Outcome, now: Instant, jitter: f64) {
        // What was sent before it opened tells nothing new.
        let Self::Closed(recent) = self else { return };
        recent.note(outcome, now);
        if recent.is_failing(now) {
            *self = Self::opened(PAUSE_FIRST, now, jitter);
        }
    }

    /// The request that went to find out has.
    pub(crate) fn found_out(&mut self, outcome: Outcome, now: Instant, jitter: f64) {
        let Self::Asking { pause } = *self else { return };
        *self = match outcome {
            Outcome::Good => Self::default(),
            Outcome::Failed => Self::opened((pause * 2).min(PAUSE_MAX), now, jitter),
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
            Self::Closed(_) => None,
            Self::Open { until, .. } => Some(until.saturating_duration_since(now)),
            Self::Asking { pause } => Some(pause),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Self::Closed(_))
    }

    /// Closed, with no failure in mind.
    pub(crate) fn is_well(&self) -> bool {
        matches!(self, Self::Closed(recent) if recent.is_well())
    }

    fn opened(pause: Duration, now: Instant, jitter: f64) -> Self {
        Self::Open { until: now + pause.mul_f64(1.0 - JITTER * jitter), pause }
    }
}

#[cfg(test)]
mod tests;
