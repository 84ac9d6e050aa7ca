//! Even steps over a window.
//!
//! Spent all at once, a window leaves a person's click waiting for the whole of it. Sent at even steps, slots come
//! free at even steps again, and the next one is never far.
//!
//! Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// Steps that were missed and may be made up for at once: answers take now longer and now shorter, and a slot that
/// comes free late must not cost its step.
const MISSED_STEPS_MAX: u32 = 2;

#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// The moment of the next step.
    next_at: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { next_at: now }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.next_at <= now
    }

    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// One went; the next goes a step later.
    pub(super) fn went(&mut self, step: Duration, now: Instant) {
        let made_up = now.checked_sub(step * MISSED_STEPS_MAX).unwrap_or(now);
        self.next_at = self.next_at.max(made_up) + step;
    }

    /// When one with `ahead` others before it may go.
    pub(super) fn expect(&self, ahead: u32, step: Duration, now: Instant) -> Instant {
        self.next_at.max(now) + step.saturating_mul(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(50);

    #[test]
    fn steps_are_even_and_a_few_missed_ones_are_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut went = 0;
        for millisecond in 0..=1_000 {
            let now = start + Duration::from_millis(millisecond);
            while pace.is_due(now) {
                pace.went(STEP, now);
                went += 1;
            }
        }
        assert_eq!(went, 21);

        let later = start + Duration::from_secs(10);
        let mut at_once = 0;
        while pace.is_due(later) {
            pace.went(STEP, later);
            at_once += 1;
        }
        assert_eq!(at_once, MISSED_STEPS_MAX + 1);
    }
}
