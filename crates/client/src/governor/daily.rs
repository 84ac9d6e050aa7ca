//! The daily budget of one portal: a pool until midnight in the portal's time zone.
//!
//! HubSpot's headers are the truth; between them our own sends are added. Pure: time is an argument.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// With the pool empty and the reset unknown, one call in this time is let through to find out.
const RECHECK: SignedDuration = SignedDuration::from_mins(5);

/// How far answers may overtake each other: a count this much lower than the last is an older answer's.
const OVERTAKEN_MAX: u64 = 100;

/// What is known of the pool.
#[derive(Debug, Clone, Default)]
pub(crate) struct Daily {
    limit: Option<u64>,
    /// What the limit was before HubSpot changed it; our first guess does not count.
    limit_before: Option<u64>,
    /// The headers have told the limit; until then it is a guess, and no reason to refuse anybody.
    told: bool,
    used: u64,
    /// Sent and not answered yet; HubSpot may count them any moment.
    in_flight: u64,
    /// Ours since the last reset.
    sent: u64,
    zone: Option<TimeZone>,
    day_ends: Option<Timestamp>,
    /// The pool is empty; nothing more until it is new.
    exhausted_until: Option<Timestamp>,
    /// How often it has been found empty. A good answer to a call taken after the last time shows that it is not.
    exhaustions: u32,
}

/// When a call was taken, in exhaustions before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DailyMark(u32);

impl Daily {
    pub(crate) fn new(limit: Option<u64>, zone: Option<TimeZone>, now: Timestamp) -> Self {
        let mut daily = Self { limit, zone, ..Self::default() };
        daily.day_ends = daily.next_midnight(now);
        daily
    }

    /// Our sends today, HubSpot's count and the pool's size.
    pub(crate) fn spent(&self) -> (u64, Option<u64>, Option<u64>) {
        (self.sent, self.limit.map(|_| self.used), self.limit)
    }

    /// The portal's time zone has become known.
    pub(crate) fn set_zone(&mut self, zone: TimeZone, now: Timestamp) {
        self.zone = Some(zone);
        self.day_ends = self.next_midnight(now);
        if self.exhausted_until.is_some_and(|until| until > now) {
            self.exhaust(now);
        }
    }

    pub(crate) fn limit_before(&self) -> Option<u64> {
        self.limit_before
    }

    /// `Err(when to come back)` when the pool is empty.
    pub(crate) fn check(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        self.roll(now);
        let left = self.limit.map(|limit| limit.saturating_sub(self.used + self.in_flight));
        if self.exhausted_until.is_none() && self.told && left == Some(0) {
            self.exhaust(now);
        }
        match self.exhausted_until {
            Some(until) if now < until => Err(until),
            _ => Ok(()),
        }
    }

    pub(crate) fn take(&mut self, now: Timestamp) -> DailyMark {
        self.roll(now);
        self.in_flight += 1;
        self.sent += 1;
        if self.exhausted_until.is_some() {
            // This one finds out; the others go on waiting.
            self.exhausted_until = Some(now + RECHECK);
        }
        DailyMark(self.exhaustions)
    }

    pub(crate) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.sent = self.sent.saturating_sub(1);
    }

    /// A call has ended, answered or not; it counts until headers say otherwise.
    pub(crate) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.used += 1;
    }

    /// HubSpot took a call: the pool is not empty, if the call was made after it was found so.
    pub(crate) fn accepted(&mut self, mark: DailyMark) {
        if mark.0 == self.exhaustions {
            self.exhausted_until = None;
        }
    }

    /// Corrects the numbers by an answer's headers.
    pub(crate) fn observe(&mut self, limit: Option<u64>, remaining: Option<u64>, now: Timestamp) {
        if limit.is_some() && limit != self.limit {
            self.limit_before = self.limit.filter(|_| self.told);
            self.limit = limit;
        }
        self.told |= limit.is_some();
        let (Some(limit), Some(remaining)) = (limit, remaining) else { return };
        let told = limit.saturating_sub(remaining);
        self.used = if told + OVERTAKEN_MAX >= self.used { told.max(self.used) } else { told };
        if remaining == 0 {
            self.exhaust(now);
        } else if remaining > self.in_flight {
            self.exhausted_until = None;
        }
    }

    /// HubSpot refused with policy DAILY, or shows nothing remaining.
    pub(crate) fn exhaust(&mut self, now: Timestamp) {
        self.exhaustions = self.exhaustions.wrapping_add(1);
        self.exhausted_until = Some(self.day_ends.filter(|end| *end > now).unwrap_or(now + RECHECK));
    }

    fn roll(&mut self, now: Timestamp) {
        if self.day_ends.is_some_and(|end| now >= end) {
            self.used = 0;
            self.sent = 0;
            self.exhausted_until = None;
            self.day_ends = self.next_midnight(now);
        }
    }

    fn next_midnight(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.zone.clone()?);
        let midnight = today.checked_add(1.day()).ok()?.start_of_day().ok()?;
        Some(midnight.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn new_york() -> Option<TimeZone> {
        Some(TimeZone::get("America/New_York").expect("bundled"))
    }

    #[test]
    fn an_empty_pool_parks_until_midnight_in_the_portals_zone() {
        // The sample of hubspot-facts §1.2: collected 22:25Z, resets 05:00Z.
        let now = at("2025-12-12T22:25:00Z");
        let mut daily = Daily::new(Some(250_000), new_york(), now);
        daily.exhaust(now);
        assert_eq!(daily.check(now), Err(at("2025-12-13T05:00:00Z")));
        assert_eq!(daily.check(at("2025-12-13T05:00:00Z")), Ok(()));
    }

    #[test]
    fn a_day_with_a_clock_change_has_its_true_length() {
        let now = at("2026-03-08T05:30:00Z"); // 00:30 in New York; clocks go forward at 02:00
        let mut daily = Daily::new(Some(10), new_york(), now);
        daily.exhaust(now);
        assert_eq!(daily.check(now), Err(at("2026-03-09T04:00:00Z")));
    }

    #[test]
    fn without_a_known_zone_one_call_in_five_minutes_finds_out() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), None, now);
        daily.exhaust(now);
        assert_eq!(daily.check(now), Err(at("2026-01-01T12:05:00Z")));
        assert_eq!(daily.check(at("2026-01-01T12:05:00Z")), Ok(()));
    }

    #[test]
    fn headers_are_the_truth() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, new_york(), now);
        daily.take(now);
        daily.ended();
        daily.observe(Some(1000), Some(200), now);
        assert_eq!(daily.spent(), (1, Some(800), Some(1000)));
        daily.observe(Some(1000), Some(0), now);
        assert!(daily.check(now).is_err());
        daily.observe(Some(2000), Some(1000), now); // somebody bought a pack
        assert_eq!(daily.check(now), Ok(()));
    }

    #[test]
    fn what_is_under_way_counts_before_hubspot_says_so() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, new_york(), now);
        daily.observe(Some(10), Some(2), now);
        for _ in 0..2 {
            assert_eq!(daily.check(now), Ok(()));
            daily.take(now);
        }
        assert!(daily.check(now).is_err(), "two are left and two are under way");
    }

    #[test]
    fn a_good_answer_after_the_pool_was_found_empty_opens_it() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, None, now);
        let before = daily.take(now);
        daily.exhaust(now);
        daily.accepted(before);
        assert!(daily.check(now).is_err(), "an answer from before says nothing");
        let later = at("2026-01-01T12:05:00Z");
        let after = daily.take(later);
        daily.accepted(after);
        assert_eq!(daily.check(later), Ok(()));
    }
}
