//! Has HubSpot fallen silent? Told from how many events usually come: one quiet hour at night is none, one quiet minute at
//! noon may be.
//!
//! Pure. Two averages are kept, of the last quarter of an hour and of the last day; the lower one is what is expected, so
//! that neither a quiet evening nor the end of an import is taken for an outage. Events are taken as independent of each
//! other; that is not quite so, and the bar is high for that reason.

use jiff::{SignedDuration, Timestamp};

const SHORT: SignedDuration = SignedDuration::from_mins(15);
const LONG: SignedDuration = SignedDuration::from_hours(24);

/// That so many expected events are missing by chance happens once in 10^13 (e^-30).
const MISSING_MIN: f64 = 30.0;

/// Shorter is no silence.
const SILENCE_MIN: SignedDuration = SignedDuration::from_mins(2);

/// Fewer events make no habit.
const EVENTS_MIN: u64 = 100;

#[derive(Debug, Clone, PartialEq)]
pub struct Silence {
    events: u64,
    short: Average,
    long: Average,
    last: Timestamp,
    since: Timestamp,
}

/// What can be said now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Nothing has come for so long.
    pub quiet_for: SignedDuration,
    /// Events that should have come meanwhile.
    pub missing: f64,
    pub silent: bool,
}

/// Events a second, the past fading.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Average {
    rate: f64,
    at: Timestamp,
    over: SignedDuration,
}

impl Silence {
    pub fn new(now: Timestamp) -> Self {
        let average = |over| Average { rate: 0.0, at: now, over };
        Self { events: 0, short: average(SHORT), long: average(LONG), last: now, since: now }
    }

    pub fn note(&mut self, events: u64, now: Timestamp) {
        self.events = self.events.saturating_add(events);
        self.short.note(events, now);
        self.long.note(events, now);
        self.last = self.last.max(now);
    }

    pub fn verdict(&self, now: Timestamp) -> Verdict {
        let quiet_for = now.duration_since(self.last);
        // At the last event: the silence itself must not lower what is expected.
        let known_for = self.last.duration_since(self.since);
        let expected = self.short.rate_at(self.last, known_for).min(self.long.rate_at(self.last, known_for));
        let missing = expected * quiet_for.as_secs_f64().max(0.0);
        let silent = self.events >= EVENTS_MIN && quiet_for >= SILENCE_MIN && missing >= MISSING_MIN;
        Verdict { quiet_for, missing, silent }
    }
}

impl Average {
    fn note(&mut self, events: u64, now: Timestamp) {
        self.rate = self.faded(now) + events as f64 / self.over.as_secs_f64();
        self.at = self.at.max(now);
    }

    fn faded(&self, now: Timestamp) -> f64 {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.rate * (-passed / self.over.as_secs_f64()).exp()
    }

    /// A young average knows only part of its time.
    fn rate_at(&self, now: Timestamp, known_for: SignedDuration) -> f64 {
        let known = 1.0 - (-known_for.as_secs_f64().max(1.0) / self.over.as_secs_f64()).exp();
        self.faded(now) / known
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn start() -> Timestamp {
        "2026-03-01T00:00:00Z".parse().unwrap()
    }

    /// Events by a rate that depends on the time; the moment at which silence is told, if it is.
    fn first_alarm(seed: u64, hours: i64, rate: impl Fn(f64) -> f64) -> Option<SignedDuration> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut silence = Silence::new(start());
        for second in 0..hours * 3600 {
            let now = start() + SignedDuration::from_secs(second);
            if random.random::<f64>() < rate(second as f64) {
                silence.note(1, now);
            }
            if silence.verdict(now).silent {
                return Some(now.duration_since(start()));
            }
        }
        None
    }

    #[test]
    fn a_steady_trickle_and_a_daily_tide_are_no_silence() {
        for seed in 0..5 {
            assert_eq!(first_alarm(seed, 72, |_| 0.02), None, "seed {seed}");
            let tide = |second: f64| 0.15 + 0.14 * (second / 86_400.0 * std::f64::consts::TAU).sin();
            assert_eq!(first_alarm(seed, 72, tide), None, "seed {seed}");
        }
    }

    #[test]
    fn when_nothing_comes_any_more_it_is_told_within_minutes() {
        for seed in 0..5 {
            let stops = 30.0 * 3600.0;
            let alarm = first_alarm(seed, 40, |second| if second < stops { 0.2 } else { 0.0 }).unwrap();
            let after = alarm.as_secs_f64() - stops;
            assert!((120.0..400.0).contains(&after), "seed {seed}: {after} s after the last");
        }
    }

    #[test]
    fn a_few_events_make_no_habit() {
        assert_eq!(first_alarm(1, 48, |second| if second < 60.0 { 1.0 } else { 0.0 }), None);
    }
}
