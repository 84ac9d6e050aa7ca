//! One budget with a rolling window: who gets in, and the record of it.

use jiff::{SignedDuration, Timestamp};

use super::window::RollingWindow;

/// The window that decides, and beside it what a judge needs to know afterwards.
#[derive(Debug)]
pub struct Meter {
    /// What fills the limit: accepted calls, and refused ones where refusals count.
    filling: RollingWindow,
    accepted: RollingWindow,
    attempted: RollingWindow,
    pub record: Record,
}

/// What happened at one budget since the last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Record {
    pub allowed: u64,
    pub rejected: u64,
    /// The most accepted calls in any one window.
    pub worst_window: u64,
    /// The most calls, accepted or not, in any one window.
    pub worst_window_attempted: u64,
}

impl Meter {
    pub const fn new(span: SignedDuration) -> Self {
        Self {
            filling: RollingWindow::new(span),
            accepted: RollingWindow::new(span),
            attempted: RollingWindow::new(span),
            record: Record { allowed: 0, rejected: 0, worst_window: 0, worst_window_attempted: 0 },
        }
    }

    /// How much of the window is full now.
    pub fn used(&mut self, now: Timestamp) -> u64 {
        self.filling.used(now)
    }

    pub const fn span(&self) -> SignedDuration {
        self.filling.span()
    }

    pub fn accept(&mut self, now: Timestamp) {
        self.filling.count(now);
        self.record.allowed += 1;
        self.record.worst_window = self.record.worst_window.max(self.accepted.count(now));
        self.attempt(now);
    }

    /// Notes a refused call; `fills` tells whether it takes room all the same.
    pub fn reject(&mut self, now: Timestamp, fills: RefusalFills) {
        match fills {
            RefusalFills::Nothing => {}
            RefusalFills::TheWindow => {
                self.filling.count(now);
            }
        }
        self.record.rejected += 1;
        self.attempt(now);
    }

    fn attempt(&mut self, now: Timestamp) {
        let attempted = self.attempted.count(now);
        self.record.worst_window_attempted = self.record.worst_window_attempted.max(attempted);
    }
}

/// Does a refused call take room in the window? Not documented by HubSpot, so it is configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalFills {
    Nothing,
    TheWindow,
}

impl Record {
    /// Two records of the same budget, kept for two apps or portals, as one.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        Self {
            allowed: self.allowed + other.allowed,
            rejected: self.rejected + other.rejected,
            worst_window: self.worst_window.max(other.worst_window),
            worst_window_attempted: self.worst_window_attempted.max(other.worst_window_attempted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).expect("in range")
    }

    #[test]
    fn the_worst_window_is_rolling_and_apart_from_attempts() {
        let mut meter = Meter::new(SignedDuration::from_secs(10));
        for ms in [0, 6_000, 9_000, 12_000] {
            meter.accept(at(ms));
        }
        meter.reject(at(12_500), RefusalFills::Nothing);
        assert_eq!(meter.used(at(12_500)), 3);
        assert_eq!(
            meter.record,
            Record { allowed: 4, rejected: 1, worst_window: 3, worst_window_attempted: 4 }
        );
    }

    #[test]
    fn refusals_fill_the_window_only_when_told_so() {
        let mut meter = Meter::new(SignedDuration::from_secs(10));
        meter.reject(at(0), RefusalFills::TheWindow);
        meter.reject(at(0), RefusalFills::Nothing);
        assert_eq!(meter.used(at(1)), 1);
    }
}
