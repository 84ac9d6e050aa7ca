//! When a partial pack goes. Pure: time is an argument.
//!
//! A full pack goes at once. A partial one waits for those who are expected: callers that ask again as soon as they are
//! answered come back all at about the same time, and packs that leave before the last of them is here fall apart into
//! ever smaller ones. How many are expected is told by how many were inside lately.

use std::time::Duration;

use tokio::time::Instant;

/// Arrivals this close belong together, while nobody in particular is expected.
const QUIET: Duration = Duration::from_millis(2);

/// Likewise at most, while more are expected. Packs that leave too early cost more than they gain: once calls are split
/// over many, each of them takes a slot, and a full window keeps them split.
const QUIET_MAX: Duration = Duration::from_millis(25);

/// A slower window is not waited for.
const PACE_MAX: Duration = Duration::from_millis(200);

/// How long it is remembered how many were inside: at least, and at most twice as long.
const MEMORY: Duration = Duration::from_millis(500);

/// How often a partial pack may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The window sustains one request in this time.
    pub(crate) every: Duration,
    /// Most of the window is taken: partial packs keep to the pace.
    pub(crate) scarce: bool,
}

/// Who is where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd {
    /// Waiting, beyond what packs already decided upon will take.
    pub(super) unclaimed: usize,
    /// Waiting or under way, alone or in packs.
    pub(super) inside: usize,
    /// A pack is under way, or decided upon.
    pub(super) others: bool,
    pub(super) full: usize,
}

/// Whether the pack that is being collected goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readiness {
    Ready,
    /// Not before this, unless something happens.
    At(Instant),
    /// There is nobody to collect.
    Nobody,
}

/// What happened lately.
#[derive(Debug)]
pub(super) struct Settle {
    expected: Recent,
    collecting_since: Instant,
    arrived_at: Instant,
    landed_at: Instant,
    left_at: Option<Instant>,
}

impl Settle {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            expected: Recent { since: now, current: 0, previous: 0 },
            collecting_since: now,
            arrived_at: now,
            landed_at: now,
            left_at: None,
        }
    }

    pub(super) fn collecting(&mut self, now: Instant) {
        self.collecting_since = now;
    }

    /// Somebody joined. While a crowd first gathers it tells nothing about how large it will be.
    pub(super) fn arrived(&mut self, crowd: Crowd, now: Instant) {
        self.arrived_at = now;
        if crowd.others {
            self.expected.note(crowd.inside, now);
        }
    }

    pub(super) fn left(&mut self, inside: usize, now: Instant) {
        self.left_at = Some(now);
        self.expected.note(inside, now);
    }

    pub(super) fn landed(&mut self, now: Instant) {
        self.landed_at = now;
    }

    /// How many were inside lately.
    pub(super) fn expected(&self, now: Instant) -> usize {
        self.expected.get(now)
    }

    /// Everyone who was here lately is here again.
    pub(super) fn all_here(&self, crowd: Crowd, now: Instant) -> bool {
        let expected = self.expected.get(now);
        expected > 0 && crowd.inside >= expected
    }

    pub(super) fn readiness(&self, crowd: Crowd, pace: Pace, now: Instant) -> Readiness {
        if crowd.unclaimed == 0 {
            return Readiness::Nobody;
        }
        if crowd.unclaimed >= crowd.full {
            return Readiness::Ready;
        }
        let every = pace.every.min(PACE_MAX);
        let collected = if crowd.others {
            // Those under way will be back; should HubSpot be slow, they are not waited for.
            self.collecting_since + every * 2
        } else if self.all_here(crowd, now) {
            now
        } else {
            let quiet = if self.expected.get(now) > 0 { (every / 2).clamp(QUIET, QUIET_MAX) } else { QUIET };
            let calm_at = self.arrived_at.max(self.landed_at) + quiet;
            calm_at.min(self.collecting_since.max(self.landed_at) + every)
        };
        let paced = self.left_at.filter(|_| pace.scarce).map_or(now, |left_at| left_at + every);
        let at = collected.max(paced);
        if at <= now { Readiness::Ready } else { Readiness::At(at) }
    }
}

/// The highest number of the last moments.
#[derive(Debug)]
struct Recent {
    since: Instant,
    current: usize,
    previous: usize,
}

impl Recent {
    fn note(&mut self, number: usize, now: Instant) {
        let age = now.saturating_duration_since(self.since);
        if age >= MEMORY {
            self.previous = if age < MEMORY * 2 { self.current } else { 0 };
            self.current = 0;
            self.since = now;
        }
        self.current = self.current.max(number);
    }

    fn get(&self, now: Instant) -> usize {
        let age = now.saturating_duration_since(self.since);
        if age < MEMORY {
            self.current.max(self.previous)
        } else if age < MEMORY * 2 {
            self.current
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { every: Duration::from_millis(50), scarce: false };

    fn crowd(unclaimed: usize, inside: usize) -> Crowd {
        Crowd { unclaimed, inside, others: inside > unclaimed, full: 100 }
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_full_pack_goes_at_once_and_nobody_waits_for_nobody() {
        let start = Instant::now();
        let settle = Settle::new(start);
        assert_eq!(settle.readiness(crowd(100, 300), PACE, start), Readiness::Ready);
        assert_eq!(settle.readiness(crowd(0, 300), PACE, start), Readiness::Nobody);
    }

    #[test]
    fn a_first_crowd_goes_once_it_is_quiet() {
        let start = Instant::now();
        let mut settle = Settle::new(start);
        for after in 0..10 {
            settle.arrived(crowd(1, 1), start + ms(after));
        }
        assert_eq!(settle.readiness(crowd(10, 10), PACE, start + ms(9)), Readiness::At(start + ms(11)));
        assert_eq!(settle.readiness(crowd(10, 10), PACE, start + ms(11)), Readiness::Ready);
    }

    #[test]
    fn those_who_were_here_are_waited_for_but_not_for_long() {
        let start = Instant::now();
        let mut settle = Settle::new(start);
        settle.left(50, start);
        let landed = start + ms(40);
        settle.landed(landed);
        settle.arrived(crowd(1, 1), landed + ms(5));
        let missing = settle.readiness(crowd(49, 49), PACE, landed + ms(5));
        assert_eq!(missing, Readiness::At(landed + ms(30)), "one is missing");
        assert_eq!(settle.readiness(crowd(50, 50), PACE, landed + ms(5)), Readiness::Ready);
    }

    #[test]
    fn what_trickles_in_is_bounded_by_the_pace() {
        let start = Instant::now();
        let mut settle = Settle::new(start);
        settle.left(90, start);
        for after in 1..50 {
            settle.arrived(crowd(after as usize, after as usize), start + ms(after));
        }
        assert_eq!(settle.readiness(crowd(60, 60), PACE, start + ms(50)), Readiness::Ready);
    }

    #[test]
    fn beside_a_pack_under_way_a_partial_one_waits_for_two_paces() {
        let start = Instant::now();
        let mut settle = Settle::new(start);
        settle.left(30, start);
        settle.collecting(start + ms(10));
        assert_eq!(settle.readiness(crowd(20, 50), PACE, start + ms(10)), Readiness::At(start + ms(110)));
    }

    #[test]
    fn in_a_scarce_window_partial_packs_keep_the_pace() {
        let start = Instant::now();
        let mut settle = Settle::new(start);
        settle.left(5, start);
        settle.landed(start + ms(10));
        let scarce = Pace { scarce: true, ..PACE };
        assert_eq!(settle.readiness(crowd(5, 5), PACE, start + ms(12)), Readiness::Ready);
        assert_eq!(settle.readiness(crowd(5, 5), scarce, start + ms(12)), Readiness::At(start + ms(50)));
    }

    #[test]
    fn who_was_here_is_forgotten_within_a_second() {
        let start = Instant::now();
        let mut recent = Recent { since: start, current: 0, previous: 0 };
        recent.note(7, start);
        assert_eq!(recent.get(start + ms(499)), 7);
        assert_eq!(recent.get(start + ms(999)), 7);
        assert_eq!(recent.get(start + ms(1000)), 0);
        recent.note(3, start + ms(600));
        assert_eq!(recent.get(start + ms(700)), 7);
        assert_eq!(recent.get(start + ms(1200)), 3);
    }
}
