//! How long a family's answers usually take, learned from its good ones, and what is slow beside that.
//!
//! Learning is slow on purpose: in a brownout of a minute the memory of better times must last, while a change that stays
//! is the new usual within a few minutes. Reads, single writes and batches are told apart: a batch of a hundred may well
//! take a hundred times as long as a read.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::Method;
use tokio::time::Instant;

/// Answers after which there is a usual time; until then only half of the attempt's whole time is slow.
const LEARNED_FROM: u32 = 8;

/// After those, one answer in this time teaches.
const LESSON_EVERY: Duration = Duration::from_secs(3);

/// The share of the way that one answer moves the usual time.
const LESSON: f64 = 1.0 / 16.0;

/// One that is very far off counts as this many times off.
const FAR: f64 = 2.0;

/// This many times the usual, and this long, is a failure in all but name.
const SLOW_TIMES: u32 = 20;
const SLOW_MIN: Duration = Duration::from_secs(3);

/// This many times the usual, and this long, is a sign that too much is under way.
const CONGESTED_TIMES: u32 = 8;
const CONGESTED_MIN: Duration = Duration::from_secs(1);

/// In this many times the usual, nearly every answer is here.
const NEARLY_ALL_TIMES: u32 = 2;

/// Calls of one family that take about as long as each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Read,
    One,
    Batch,
}

/// When an answer counts as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slowness {
    /// No answer in this time means something, where the caller had no more of it.
    pub(crate) hurried: Duration,
    pub(crate) congested: Duration,
    pub(crate) failed: Duration,
}

impl Slowness {
    /// Nothing is slow.
    pub(crate) const NEVER: Self =
        Self { hurried: Duration::MAX, congested: Duration::MAX, failed: Duration::MAX };
}

/// The usual time of each kind of work.
pub(crate) struct Latency {
    usual: [Usual; 3],
    since: Instant,
}

#[derive(Default)]
struct Usual {
    us: AtomicU32,
    answers: AtomicU32,
    /// Milliseconds from the start to the last lesson.
    taught_at_ms: AtomicU32,
}

impl Work {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        match *method {
            Method::GET => Self::Read,
            _ if path.contains("/batch/") => Self::Batch,
            _ => Self::One,
        }
    }
}

impl Latency {
    pub(crate) fn new(now: Instant) -> Self {
        Self { usual: Default::default(), since: now }
    }

    /// A good answer arrived at `now`. Concurrent ones may overwrite each other: one lesson is as good as another.
    pub(crate) fn good(&self, work: Work, took: Duration, now: Instant) {
        let usual = &self.usual[work as usize];
        let answers = usual.answers.load(Ordering::Relaxed);
        let now_ms = millis(now.saturating_duration_since(self.since));
        let taught_at_ms = usual.taught_at_ms.load(Ordering::Relaxed);
        let rests = now_ms.saturating_sub(taught_at_ms) < millis(LESSON_EVERY);
        if answers >= LEARNED_FROM && rests {
            return;
        }
        let took_us = f64::from(micros(took));
        let before_us = f64::from(usual.us.load(Ordering::Relaxed));
        let after_us = if answers < LEARNED_FROM {
            usual.answers.store(answers + 1, Ordering::Relaxed);
            before_us + (took_us - before_us) / f64::from(answers + 1)
        } else {
            let near_us = took_us.clamp(before_us / FAR, before_us * FAR);
            before_us + (near_us - before_us) * LESSON
        };
        usual.us.store(micros(Duration::from_secs_f64(after_us / 1e6)).max(1), Ordering::Relaxed);
        usual.taught_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Nearly every answer is here by then; nothing where that is not known.
    pub(crate) fn needs(&self, work: Work) -> Duration {
        self.usual(work).unwrap_or_default() * NEARLY_ALL_TIMES
    }

    /// What is slow for such work, where an attempt is given up after `timeout`.
    pub(crate) fn slowness(&self, work: Work, timeout: Duration) -> Slowness {
        let max = timeout / 2;
        let within = |times: u32, min: Duration| {
            self.usual(work).map_or(max, |usual| usual.saturating_mul(times).max(min).min(max))
        };
        Slowness {
            hurried: within(SLOW_TIMES, CONGESTED_MIN),
            congested: within(CONGESTED_TIMES, CONGESTED_MIN),
            failed: within(SLOW_TIMES, SLOW_MIN),
        }
    }

    fn usual(&self, work: Work) -> Option<Duration> {
        let usual = &self.usual[work as usize];
        let learned = usual.answers.load(Ordering::Relaxed) >= LEARNED_FROM;
        learned.then(|| Duration::from_micros(usual.us.load(Ordering::Relaxed).into()))
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(60);

    /// `seconds` of one answer every 50 ms.
    fn live(latency: &Latency, from: Instant, seconds: u64, took: Duration) -> Instant {
        (0..seconds * 20).fold(from, |now, _| {
            latency.good(Work::Read, took, now);
            now + Duration::from_millis(50)
        })
    }

    fn slow_after(latency: &Latency) -> Duration {
        latency.slowness(Work::Read, TIMEOUT).failed
    }

    #[test]
    fn nothing_is_slow_before_anything_is_known_but_half_the_timeout() {
        let latency = Latency::new(Instant::now());
        assert_eq!(slow_after(&latency), TIMEOUT / 2);
        assert_eq!(latency.slowness(Work::Batch, Duration::from_secs(2)).failed, Duration::from_secs(1));
    }

    #[test]
    fn a_family_that_is_slow_by_nature_is_not_slow() {
        let latency = Latency::new(Instant::now());
        live(&latency, Instant::now(), 10, Duration::from_secs(4));
        assert_eq!(slow_after(&latency), TIMEOUT / 2);
    }

    #[test]
    fn a_hundred_times_slower_is_slow_for_the_minute_it_lasts_and_usual_if_it_stays() {
        let latency = Latency::new(Instant::now());
        let (usual, brownout) = (Duration::from_millis(40), Duration::from_secs(4));
        let now = live(&latency, Instant::now(), 60, usual);
        assert_eq!(slow_after(&latency), SLOW_MIN);
        let now = live(&latency, now, 60, brownout);
        assert!(slow_after(&latency) < brownout, "{:?}", slow_after(&latency));
        let now = live(&latency, now, 120, brownout);
        assert!(slow_after(&latency) > brownout, "{:?}", slow_after(&latency));
        live(&latency, now, 600, usual);
        assert_eq!(slow_after(&latency), SLOW_MIN);
    }

    #[test]
    fn batches_do_not_teach_what_reads_take() {
        let latency = Latency::new(Instant::now());
        let now = live(&latency, Instant::now(), 10, Duration::from_millis(40));
        (0..100).for_each(|_| latency.good(Work::Batch, Duration::from_secs(5), now));
        assert_eq!(slow_after(&latency), SLOW_MIN);
        assert_eq!(latency.slowness(Work::Batch, TIMEOUT).failed, TIMEOUT / 2);
        assert_eq!(Work::of(&Method::POST, "/crm/v3/objects/contacts/batch/read"), Work::Batch);
    }
}
