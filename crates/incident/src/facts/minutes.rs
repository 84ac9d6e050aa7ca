//! A count that forgets: the last quarter of an hour, minute by minute. The time is handed in and never runs back.

use jiff::Timestamp;

/// A quarter of an hour, as the gateway's own memory.
pub const MINUTES: usize = 15;

const MINUTE_MS: i64 = 60_000;

/// Counts by the minute.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Minutes {
    counts: [u64; MINUTES],
    /// The minute of the newest count, since the epoch.
    newest: i64,
}

impl Minutes {
    pub fn add(&mut self, count: u64, at: Timestamp) {
        self.turn(at);
        let slot = slot(self.newest);
        self.counts[slot] = self.counts[slot].saturating_add(count);
    }

    /// In the last 15 minutes.
    pub fn lately(&self, now: Timestamp) -> u64 {
        self.sum(now, MINUTES)
    }

    /// In this minute and the last.
    pub fn recent(&self, now: Timestamp) -> u64 {
        self.sum(now, 2)
    }

    fn sum(&self, now: Timestamp, minutes: usize) -> u64 {
        let mut turned = self.clone();
        turned.turn(now);
        let back = i64::try_from(minutes).unwrap_or_default();
        (0..back).map(|ago| turned.counts[slot(turned.newest - ago)]).sum()
    }

    /// Forgets what is too old at this time.
    fn turn(&mut self, at: Timestamp) {
        let minute = at.as_millisecond().div_euclid(MINUTE_MS);
        let passed = minute.saturating_sub(self.newest);
        let emptied = usize::try_from(passed).unwrap_or_default().min(MINUTES);
        for step in 0..i64::try_from(emptied).unwrap_or_default() {
            self.counts[slot(minute - step)] = 0;
        }
        self.newest = self.newest.max(minute);
    }
}

fn slot(minute: i64) -> usize {
    let minutes = i64::try_from(MINUTES).unwrap_or(1);
    usize::try_from(minute.rem_euclid(minutes)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn it_forgets_minute_by_minute() {
        let start: Timestamp = "2026-11-02T03:00:00Z".parse().unwrap();
        let at = |minutes: i64| start + SignedDuration::from_mins(minutes);
        let mut counts = Minutes::default();
        for minute in 0..20 {
            counts.add(1, at(minute));
        }
        assert_eq!((counts.lately(at(19)), counts.recent(at(19))), (15, 2));
        assert_eq!((counts.lately(at(24)), counts.recent(at(24))), (10, 0));
        assert_eq!(counts.lately(at(60)), 0);
        counts.add(3, at(18));
        assert_eq!(counts.recent(at(19)), 5, "a late comer counts as now");
    }
}
