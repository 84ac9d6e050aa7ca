//! The highest value of late.

use std::time::Duration;

use tokio::time::Instant;

/// How long a value is remembered at least, to tell what has been …
pub(super) const LATELY: Duration = Duration::from_secs(300);

/// … and what goes on.
pub(super) const RECENTLY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(super) struct Peak {
    /// A value is remembered for at least as long and at most twice as long.
    epoch: Duration,
    since: Instant,
    current: u32,
    previous: u32,
}

impl Peak {
    pub(super) fn new(epoch: Duration, now: Instant) -> Self {
        Self { epoch, since: now, current: 0, previous: 0 }
    }

    pub(super) fn note(&mut self, value: u32, now: Instant) {
        let epochs = now.saturating_duration_since(self.since).as_secs() / self.epoch.as_secs();
        if epochs > 0 {
            self.previous = if epochs == 1 { self.current } else { 0 };
            self.current = 0;
            self.since = now;
        }
        self.current = self.current.max(value);
    }

    pub(super) fn get(mut self, now: Instant) -> u32 {
        self.note(0, now);
        self.current.max(self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_forgotten_after_ten_minutes() {
        let start = Instant::now();
        let mut peak = Peak::new(LATELY, start);
        peak.note(7, start);
        assert_eq!(peak.get(start + Duration::from_secs(301)), 7);
        peak.note(2, start + Duration::from_secs(301));
        assert_eq!(peak.get(start + Duration::from_secs(400)), 7);
        assert_eq!(peak.get(start + Duration::from_secs(610)), 2);
        assert_eq!(peak.get(start + Duration::from_secs(2000)), 0);
    }
}
