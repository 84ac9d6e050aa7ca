//! Whether more calls arrive than the window sustains: a bucket that leaks one call in the time the window sustains one.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once are nobody's flood.
const DEPTH: f64 = 5.0;

/// What arrives under pressure raises the level no further, so that pressure ends soon after the flood.
const LEVEL_MAX: f64 = 10.0;

#[derive(Debug)]
pub(super) struct Pressure {
    level: f64,
    at: Instant,
}

impl Pressure {
    pub(super) fn new(now: Instant) -> Self {
        Self { level: 0.0, at: now }
    }

    /// The pace was another than it was thought to be: what was counted so far tells nothing.
    pub(super) fn forget(&mut self) {
        self.level = 0.0;
    }

    /// Counts an arrival. `true` when more arrive than one in each `pace`.
    pub(super) fn arrives(&mut self, pace: Duration, now: Instant) -> bool {
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() / pace.as_secs_f64().max(1e-6);
        self.level = ((self.level - leaked).max(0.0) + 1.0).min(LEVEL_MAX);
        self.at = now;
        self.level > DEPTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Duration = Duration::from_millis(50);

    fn pressed(arrivals_ms: impl Iterator<Item = u64>) -> Vec<bool> {
        let start = Instant::now();
        let mut pressure = Pressure::new(start);
        arrivals_ms.map(|at| pressure.arrives(PACE, start + Duration::from_millis(at))).collect()
    }

    #[test]
    fn what_the_window_sustains_is_no_pressure() {
        assert_eq!(pressed((0..1000).map(|n| n * 50)), vec![false; 1000]);
    }

    #[test]
    fn a_handful_at_once_is_none_and_a_crowd_is() {
        assert_eq!(pressed([0; 7].into_iter()), [false, false, false, false, false, true, true]);
    }

    #[test]
    fn a_little_more_than_it_sustains_becomes_pressure_and_ends_soon_after() {
        let told = pressed((0..100).map(|n| n * 40));
        assert!(told[30..].iter().all(|pressed| *pressed), "{told:?}");
        let after = pressed((0..100).map(|n| n * 10).chain([2_000, 2_040]));
        assert_eq!(after[99..], [true, false, false]);
    }
}
