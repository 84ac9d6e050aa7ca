//! When a subscriber is left alone: after a few failures in a row, and then asked again with one event at a time.

use jiff::{SignedDuration, Timestamp};

/// Failures in a row that are no coincidence.
const FAILURES_MAX: u32 = 5;

/// How long it is left alone the first time.
const ALONE_FIRST: SignedDuration = SignedDuration::from_secs(1);

/// And at most: who comes back is served again within this time.
const ALONE_MAX: SignedDuration = SignedDuration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    times: u32,
    until: Timestamp,
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    Freely,
    /// One event, and nothing beside it.
    One,
    Nothing,
}

impl Breaker {
    pub fn leave(&self, now: Timestamp) -> Leave {
        match self.open {
            None => Leave::Freely,
            Some(open) if open.until <= now => Leave::One,
            Some(_) => Leave::Nothing,
        }
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When to ask again.
    pub fn until(&self) -> Option<Timestamp> {
        self.open.map(|open| open.until)
    }

    /// `true` where it had been left alone until now.
    pub fn good(&mut self) -> bool {
        std::mem::take(self).is_open()
    }

    /// `share`, from 0 to 1, spreads the next question over the second half of the time.
    pub fn bad(&mut self, now: Timestamp, share: f64) {
        self.failures = self.failures.saturating_add(1);
        let times = match self.open {
            // Several were on their way when it opened.
            Some(open) if open.until > now => return,
            Some(open) => open.times.saturating_add(1),
            None if self.failures >= FAILURES_MAX => 0,
            None => return,
        };
        let longest =
            (ALONE_FIRST.as_secs_f64() * 2f64.powi(times.min(10) as i32)).min(ALONE_MAX.as_secs_f64());
        let alone = SignedDuration::from_secs_f64(longest * (0.5 + share.clamp(0.0, 1.0) / 2.0));
        self.open = Some(Open { times, until: now + alone });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn it_opens_after_five_in_a_row_and_asks_with_one() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.bad(at(0), 1.0);
        }
        assert_eq!(breaker.leave(at(0)), Leave::Freely);
        breaker.good();
        for _ in 0..5 {
            breaker.bad(at(0), 1.0);
        }
        assert_eq!((breaker.leave(at(0)), breaker.leave(at(1))), (Leave::Nothing, Leave::One));
        assert!(breaker.good());
        assert_eq!(breaker.leave(at(1)), Leave::Freely);
    }

    #[test]
    fn it_asks_every_fifteen_seconds_however_long_it_lasts() {
        let mut breaker = Breaker::default();
        let mut now = at(0);
        for _ in 0..40 {
            breaker.bad(now, 1.0);
            now = breaker.until().unwrap_or(now);
        }
        let before = now;
        breaker.bad(now, 1.0);
        assert_eq!(breaker.until().unwrap().duration_since(before), ALONE_MAX);
    }
}
