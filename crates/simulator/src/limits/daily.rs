//! The daily pool: one count per portal that starts anew at midnight in the portal's time zone (facts §1.2).

use jiff::{Timestamp, tz::TimeZone};

#[derive(Debug)]
pub struct DailyPool {
    zone: TimeZone,
    starts_at: Timestamp,
    resets_at: Timestamp,
    used: u64,
    pub allowed: u64,
    pub rejected: u64,
}

impl DailyPool {
    pub fn new(zone: TimeZone, now: Timestamp) -> Self {
        let (starts_at, resets_at) = day_around(&zone, now);
        Self { zone, starts_at, resets_at, used: 0, allowed: 0, rejected: 0 }
    }

    /// Calls counted since midnight.
    pub fn used(&mut self, now: Timestamp) -> u64 {
        self.turn(now);
        self.used
    }

    pub fn accept(&mut self, now: Timestamp) {
        self.turn(now);
        self.used += 1;
        self.allowed += 1;
    }

    /// The midnights before and after now.
    pub fn day(&mut self, now: Timestamp) -> (Timestamp, Timestamp) {
        self.turn(now);
        (self.starts_at, self.resets_at)
    }

    fn turn(&mut self, now: Timestamp) {
        if now >= self.resets_at {
            (self.starts_at, self.resets_at) = day_around(&self.zone, now);
            self.used = 0;
        }
    }
}

/// The midnight that began the day of `now` in `zone`, and the one that ends it. Where a clock change skips
/// midnight, the day begins at the first instant that exists.
pub fn day_around(zone: &TimeZone, now: Timestamp) -> (Timestamp, Timestamp) {
    let here = now.to_zoned(zone.clone());
    let start = here.start_of_day().expect("the simulator lives far from the ends of time");
    let end = here
        .tomorrow()
        .and_then(|next| next.start_of_day())
        .expect("the simulator lives far from the ends of time");
    (start.timestamp(), end.timestamp())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    #[rstest]
    // The documented sample: collected 2025-12-12T22:25Z, resets 05:00Z.
    #[case("US/Eastern", "2025-12-12T22:25:00Z", "2025-12-12T05:00:00Z", "2025-12-13T05:00:00Z")]
    // Spring forward: a day of 23 hours. Fall back: one of 25.
    #[case("US/Eastern", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")]
    #[case("US/Eastern", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")]
    // In Beirut the clocks change at midnight itself: 2026-03-29 begins at 01:00 local.
    #[case("Asia/Beirut", "2026-03-29T12:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z")]
    #[case("UTC", "2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")]
    fn a_day_ends_at_local_midnight(
        #[case] zone: &str,
        #[case] now: &str,
        #[case] from: &str,
        #[case] to: &str,
    ) {
        let zone = TimeZone::get(zone).expect("a zone");
        assert_eq!(day_around(&zone, at(now)), (at(from), at(to)));
    }

    #[test]
    fn the_count_starts_anew_at_midnight() {
        let mut pool =
            DailyPool::new(TimeZone::get("US/Eastern").expect("a zone"), at("2025-12-13T04:59:59Z"));
        pool.accept(at("2025-12-13T04:59:59.5Z"));
        assert_eq!(pool.used(at("2025-12-13T04:59:59.999Z")), 1);
        assert_eq!(pool.used(at("2025-12-13T05:00:00Z")), 0);
        assert_eq!(pool.allowed, 1);
    }
}
