//! One rolling-window limit, kept by slots.
//!
//! A slot is taken when a request is sent and is free again one window *after its answer arrived*. HubSpot counted
//! the request at some moment before the answer, so when the slot is used again that count has left the server's
//! window: no rolling window at the server can hold more than `capacity` of ours, whatever the jitter between.
//! The price is throughput of W/(W + latency).
//!
//! Pure: time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use hubspot::endpoint::Budget;
use hubspot::limits::RollingLimit;
use tokio::time::Instant;

use super::level::Level;
use super::peak::{LATELY, Peak, RECENTLY};

mod handover;

pub(crate) use handover::SlotsHandover;

/// Added to every window: timers are kept to the millisecond, and nobody has said whether a window's edge belongs
/// to it.
const EDGE: Duration = Duration::from_millis(2);

/// What is believed of a window's length; HubSpot's is 10 s, search's 1 s.
const WINDOWS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Slots that come free within this of each other are kept as one entry, at the later time.
const GRAIN: Duration = Duration::from_millis(4);

/// How long a request that we stopped listening to may still be under way before HubSpot counts it. After a
/// timeout it has had its time already; after a caller hung up it may have just left.
pub(crate) const UNANSWERED_GRACE: Duration = Duration::from_secs(10);

/// The slots of one budget.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    limit: RollingLimit,
    /// The owner's own ceiling; HubSpot's headers never raise the limit above it.
    ceiling: Option<u32>,
    in_flight: u32,
    /// When answered slots are free again, in order, those of a few milliseconds together: however large the limit,
    /// memory is bounded by the window.
    cooling: VecDeque<Cooling>,
    /// All that cool.
    cooling_count: u32,
    /// How many have ever come free after cooling.
    freed: u64,
    /// Spending that was not ours, as the headers reveal it, and until when it counts.
    outside: Outside,
    /// Until the headers tell what ran before us, or that has left the window: one request at a time.
    cold_until: Option<Instant>,
    /// Most of ours, and most of others', in one window.
    peak: Peak,
    outside_peak: Peak,
    outside_recent: Peak,
    /// What the limit was before the headers changed it, and when.
    before: Option<(u32, Instant)>,
    /// The headers have told the limit; until then it was our guess.
    told: bool,
}

#[derive(Debug, Clone, Copy)]
struct Cooling {
    free_at: Instant,
    count: u32,
}

/// When a slot was taken, in slots come free before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mark(u64);

#[derive(Debug, Clone, Copy)]
struct Outside {
    count: u32,
    until: Instant,
}

impl Slots {
    pub(crate) fn new(limit: RollingLimit, ceiling: Option<u32>, now: Instant) -> Self {
        let count = ceiling.map_or(limit.count, |ceiling| ceiling.min(limit.count)).max(1);
        Self {
            limit: RollingLimit { count, ..limit },
            ceiling,
            in_flight: 0,
            cooling: VecDeque::new(),
            cooling_count: 0,
            freed: 0,
            outside: Outside { count: 0, until: now },
            cold_until: None,
            peak: Peak::new(LATELY, now),
            outside_peak: Peak::new(LATELY, now),
            outside_recent: Peak::new(RECENTLY, now),
            before: None,
            told: false,
        }
    }

    /// Starts with one request at a time, until headers tell what is left of the window.
    pub(crate) fn cold(mut self, now: Instant) -> Self {
        self.cold_until = Some(now + self.limit.window + EDGE);
        self
    }

    /// Starts as if the window were full: for a budget without headers, when what ran before us is unknown.
    pub(crate) fn spent(mut self, now: Instant) -> Self {
        self.outside = Outside { count: self.limit.count, until: now + self.limit.window + EDGE };
        self
    }

    pub(crate) fn limit(&self) -> RollingLimit {
        self.limit
    }

    /// The most of others' in one window, in this minute or the last.
    pub(crate) fn outside_recent(&self, now: Instant) -> u32 {
        self.outside_recent.get(now)
    }

    /// Most of ours and most of others' in one window, lately.
    pub(crate) fn peaks(&self, now: Instant) -> (u32, u32) {
        (self.peak.get(now), self.outside_peak.get(now))
    }

    /// What the limit was before HubSpot changed it, and when it did.
    pub(crate) fn before(&self) -> Option<(u32, Instant)> {
        self.before
    }

    pub(crate) fn outside(&self, now: Instant) -> u32 {
        if self.outside.until > now { self.outside.count } else { 0 }
    }

    pub(crate) fn level(&mut self, budget: Budget, now: Instant) -> Level {
        let free = self.free(now);
        Level {
            budget,
            limit: self.limit.count,
            window: self.limit.window,
            in_flight: self.in_flight,
            cooling: self.cooling_count,
            outside: self.outside(now),
            free,
        }
    }

    /// Ours that may lie in the server's window.
    pub(crate) fn ours(&self) -> u32 {
        self.in_flight + self.cooling_count
    }

    /// How many requests may be sent now.
    pub(crate) fn free(&mut self, now: Instant) -> u32 {
        while let Some(first) = self.cooling.front().filter(|first| first.free_at <= now) {
            self.cooling_count -= first.count;
            self.freed += u64::from(first.count);
            self.cooling.pop_front();
        }
        if self.is_cold(now) && self.in_flight > 0 {
            return 0;
        }
        self.limit.count.saturating_sub(self.ours().saturating_add(self.outside(now)))
    }

    fn is_cold(&self, now: Instant) -> bool {
        self.cold_until.is_some_and(|until| now < until)
    }

    /// Takes a slot; the caller has seen that one is free. The mark goes with the request to [`Self::observe`].
    pub(crate) fn take(&mut self, now: Instant) -> Mark {
        self.in_flight += 1;
        self.peak.note(self.ours(), now);
        Mark(self.freed)
    }

    /// Gives a slot back whose request was never sent.
    pub(crate) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The answer arrived, or its timeout passed: the slot cools for one window.
    pub(crate) fn answered(&mut self, now: Instant) {
        self.cool_until(now + self.limit.window + EDGE);
    }

    /// Nobody listens any more and no answer came: the request may still be counted for a while.
    pub(crate) fn abandoned(&mut self, now: Instant) {
        self.cool_until(now + UNANSWERED_GRACE + self.limit.window + EDGE);
    }

    fn cool_until(&mut self, free_at: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.cooling_count += 1;
        // Nearly always the latest; an abandoned one may push it forward a few places.
        let place = self.cooling.partition_point(|other| other.free_at < free_at);
        match self.cooling.get_mut(place) {
            // It comes free within the grain of this one: free them together, at the later time.
            Some(next) if next.free_at - free_at <= GRAIN => next.count += 1,
            Some(_) | None => self.cooling.insert(place, Cooling { free_at: free_at + GRAIN, count: 1 }),
        }
    }

    /// Corrects the numbers by an answer's headers: `max` is the truth about the limit, and what is used beyond
    /// all that could be ours was spent by somebody else. HubSpot counted at some moment between send and answer, so
    /// slots that came free in that time could be ours too.
    pub(crate) fn observe(
        &mut self,
        max: Option<u32>,
        remaining: Option<u32>,
        window: Option<Duration>,
        mark: Mark,
        now: Instant,
    ) {
        if let Some(max) = max.filter(|max| *max > 0) {
            let count = self.ceiling.map_or(max, |ceiling| ceiling.min(max)).max(1);
            if count != self.limit.count {
                if self.told {
                    self.before = Some((self.limit.count, now));
                }
                self.limit.count = count;
            }
            self.told = true;
        }
        if let Some(window) = window.filter(|window| *window != self.limit.window && WINDOWS.contains(window))
        {
            self.set_window(window);
        }
        let (Some(max), Some(remaining)) = (max, remaining) else { return };
        self.cold_until = None;
        let freed = u32::try_from(self.freed - mark.0).unwrap_or(u32::MAX);
        let outside = max.saturating_sub(remaining).saturating_sub(self.ours().saturating_add(freed));
        self.outside_peak.note(outside, now);
        self.outside_recent.note(outside, now);
        if outside > 0 && outside >= self.outside(now) {
            self.outside = Outside { count: outside, until: now + self.limit.window + EDGE };
        }
    }

    /// A longer window holds what cools in it for longer.
    fn set_window(&mut self, window: Duration) {
        let longer = window.saturating_sub(self.limit.window);
        for cooling in &mut self.cooling {
            cooling.free_at += longer;
        }
        self.limit.window = window;
    }

    /// HubSpot said no all the same: the window is full of somebody else's calls. Hold everything for `wait`, but for
    /// one window at least, after which it must have room, and for two at most.
    pub(crate) fn full(&mut self, now: Instant, wait: Duration) {
        let until = now + wait.clamp(self.limit.window, self.limit.window * 2);
        let until = if self.outside(now) >= self.limit.count { until.max(self.outside.until) } else { until };
        self.outside = Outside { count: self.limit.count, until };
    }

    /// When the next slot may come free, if none is now. `None` when that waits for an answer.
    pub(crate) fn next_free_at(&self, now: Instant) -> Option<Instant> {
        let outside = (self.outside(now) > 0).then_some(self.outside.until);
        match (self.cooling.front().map(|first| first.free_at), outside) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// When a request with `ahead` others before it can expect its slot.
    pub(crate) fn expect(&mut self, ahead: u32, now: Instant) -> Instant {
        let is_full = self.outside(now) >= self.limit.count;
        if self.is_cold(now) && !is_full && ahead < self.limit.count {
            return now; // as soon as the one request under way has told what is left
        }
        let free = self.free(now);
        if ahead < free {
            return now;
        }
        // Slots come free in the order they cool, then those under way, and a window later in the same order again.
        let behind = ahead - free;
        let window = self.limit.window + EDGE;
        let held_until = if is_full { self.outside.until } else { now };
        let outside = Some(self.outside(now)).filter(|outside| *outside < self.limit.count);
        let in_a_round = self.limit.count - outside.unwrap_or(0);
        let (rounds, mut behind) = (behind / in_a_round, behind % in_a_round);
        let mut at = now + window;
        for cooling in &self.cooling {
            if behind < cooling.count {
                at = cooling.free_at;
                break;
            }
            behind -= cooling.count;
        }
        (at + window.saturating_mul(rounds)).max(held_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(count: u32) -> RollingLimit {
        RollingLimit { count, window: Duration::from_secs(10) }
    }

    #[test]
    fn a_slot_is_free_one_window_after_its_answer() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(2), None, start);
        slots.take(start);
        slots.take(start);
        assert_eq!(slots.free(start), 0);
        slots.answered(start + Duration::from_millis(300));
        assert_eq!(slots.free(start + Duration::from_secs(10)), 0, "one window after sending is too early");
        assert_eq!(slots.free(start + Duration::from_millis(10_306)), 1);
    }

    #[test]
    fn the_headers_reveal_what_others_spend() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(100), None, start);
        slots.take(start);
        slots.answered(start);
        slots.observe(Some(100), Some(40), None, Mark::default(), start);
        assert_eq!(slots.outside(start), 59);
        assert_eq!(slots.free(start), 40);
        assert_eq!(slots.free(start + Duration::from_secs(11)), 100);
    }

    #[test]
    fn a_lower_limit_in_the_headers_binds_at_once_and_a_ceiling_is_never_passed() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(190), Some(150), start);
        assert_eq!(slots.free(start), 150);
        slots.observe(Some(100), None, None, Mark::default(), start);
        assert_eq!(slots.free(start), 100);
        slots.observe(Some(250), None, None, Mark::default(), start);
        assert_eq!(slots.free(start), 150);
    }

    #[test]
    fn an_abandoned_request_cools_longer_and_keeps_the_order() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(3), None, start);
        (0..3).for_each(|_| {
            slots.take(start);
        });
        slots.abandoned(start);
        slots.answered(start);
        slots.answered(start);
        assert_eq!(slots.free(start + Duration::from_millis(10_006)), 2);
        assert_eq!(slots.free(start + Duration::from_millis(20_006)), 3);
    }

    #[test]
    fn cold_means_one_at_a_time_until_headers_tell() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(100), None, start).cold(start);
        assert_eq!(slots.free(start), 100);
        slots.take(start);
        assert_eq!(slots.free(start), 0);
        slots.answered(start);
        assert_eq!(slots.free(start), 99);
        let mark = slots.take(start);
        assert_eq!(slots.free(start), 0, "an answer without headers told nothing");
        slots.answered(start);
        slots.observe(Some(100), Some(98), None, mark, start);
        slots.take(start);
        assert_eq!(slots.free(start), 97);
    }

    #[test]
    fn slots_that_came_free_on_the_way_are_not_somebody_elses() {
        let start = Instant::now();
        let mut slots = Slots::new(limit(2), None, start);
        slots.take(start);
        slots.answered(start);
        let mark = slots.take(start + Duration::from_secs(9));
        let answered = start + Duration::from_secs(11);
        assert_eq!(
            slots.free(answered),
            1,
            "the first slot came free while the second request was under way"
        );
        slots.answered(answered);
        slots.observe(Some(2), Some(0), None, mark, answered);
        assert_eq!(slots.outside(answered), 0);
    }

    proptest! {
        /// The proof as a property: requests sent whenever a slot is free, each counted by the server at any moment
        /// between send and answer, never put more than N into one rolling window.
        #[test]
        fn no_rolling_window_holds_more_than_the_limit(
            count in 1u32..40,
            trips in prop::collection::vec((0u64..400, 0u64..400, 0u64..200), 1..400),
        ) {
            let start = Instant::now();
            let mut slots = Slots::new(limit(count), None, start);
            let mut pending: Vec<u64> = Vec::new();
            let mut counted: Vec<u64> = Vec::new();
            let mut now_ms = 0;
            for (to_server, from_server, pause) in trips {
                now_ms += pause;
                loop {
                    pending.sort_unstable();
                    while pending.first().is_some_and(|at| *at <= now_ms) {
                        slots.answered(start + Duration::from_millis(pending.remove(0)));
                    }
                    let now = start + Duration::from_millis(now_ms);
                    if slots.free(now) > 0 { break }
                    let next_slot = slots.next_free_at(now).map_or(u64::MAX, |at| (at - start).as_millis() as u64);
                    now_ms = next_slot.min(pending.first().copied().unwrap_or(u64::MAX)).max(now_ms + 1);
                }
                slots.take(start);
                counted.push(now_ms + to_server);
                pending.push(now_ms + to_server + from_server);
            }
            counted.sort_unstable();
            for (index, at) in counted.iter().enumerate() {
                let in_window = counted[index..].iter().take_while(|later| **later - at < 10_000).count();
                prop_assert!(in_window <= count as usize, "{in_window} in one window of {count}");
            }
        }
    }
}
