//! What comes: how many calls of a lane in a window, and how many urgent ones at one moment.
//!
//! Pure: time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use crate::lane::Lane;

/// Arrivals are counted in parts of a window.
const PARTS: u32 = 4;

/// The calls that come steadily in each lane. What came within one part alone was a crowd, and is no sign of more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    since: Instant,
    /// This part of a window, the one before, and the one before that.
    parts: [[u32; 4]; 3],
}

impl Stream {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, parts: [[0; 4]; 3] }
    }

    /// A call came.
    pub(super) fn note(&mut self, lane: Lane, window: Duration, now: Instant) {
        if now >= self.since + window / PARTS {
            *self = self.at(window, now);
        }
        self.parts[0][lane as usize] += 1;
    }

    /// How many calls of these lanes will come in a window, if they go on coming.
    pub(super) fn to_come(self, lanes: impl Iterator<Item = Lane>, window: Duration, now: Instant) -> u32 {
        let [_, previous, before] = self.at(window, now).parts;
        lanes.map(|lane| previous[lane as usize].min(before[lane as usize]) * PARTS).sum()
    }

    fn at(mut self, window: Duration, now: Instant) -> Self {
        let part = window / PARTS;
        let age = now.saturating_duration_since(self.since);
        if age >= part * 3 {
            return Self::new(now);
        }
        while now.saturating_duration_since(self.since) >= part {
            self.since += part;
            self.parts = [[0; 4], self.parts[0], self.parts[1]];
        }
        self
    }
}

/// What came within a moment is remembered for at least this long, and twice as long at most.
const REMEMBERED: Duration = Duration::from_secs(30);

/// In the time it takes for this many slots to come free, what is kept for the urgent is there again.
const MOMENT_SLOTS: u32 = 4;

/// At most one slot in so many is kept for the urgent.
const KEPT_MAX_DIVISOR: u32 = 20;

/// How many urgent calls came at one moment, lately.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    moment_began: Instant,
    in_moment: u32,
    since: Instant,
    most: u32,
    most_before: u32,
}

impl Demand {
    pub(super) fn new(now: Instant) -> Self {
        Self { moment_began: now, in_moment: 0, since: now, most: 0, most_before: 0 }
    }

    /// An urgent call came.
    pub(super) fn note(&mut self, limit: u32, window: Duration, now: Instant) {
        let moment = window * MOMENT_SLOTS / limit.max(1);
        if now.saturating_duration_since(self.moment_began) >= moment {
            self.moment_began = now;
            self.in_moment = 0;
        }
        self.in_moment += 1;
        let age = now.saturating_duration_since(self.since);
        if age >= REMEMBERED {
            self.most_before = if age < REMEMBERED * 2 { self.most } else { 0 };
            self.most = 0;
            self.since = now;
        }
        self.most = self.most.max(self.in_moment);
    }

    /// Slots to leave free for the next ones: as many as came at one moment, and one more; none where none came.
    pub(super) fn kept(&self, limit: u32, now: Instant) -> u32 {
        let age = now.saturating_duration_since(self.since);
        let most = if age < REMEMBERED { self.most.max(self.most_before) } else { self.most };
        if most == 0 || age >= REMEMBERED * 2 {
            return 0;
        }
        (most + 1).min((limit / KEPT_MAX_DIVISOR).max(1)).min(limit - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    #[test]
    fn what_comes_steadily_will_go_on_and_a_crowd_will_not() {
        let start = Instant::now();
        let interactive = || [Lane::Interactive].into_iter();
        let mut stream = Stream::new(start);
        for number in 0..200 {
            stream.note(Lane::Interactive, WINDOW, start + Duration::from_millis(number * 100));
        }
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(stream.to_come(interactive(), WINDOW, at(20)), 100);
        assert_eq!(stream.to_come([Lane::Bulk].into_iter(), WINDOW, at(20)), 0);
        assert_eq!(stream.to_come(interactive(), WINDOW, at(40)), 0, "they have stopped");

        let mut crowd = Stream::new(start);
        (0..300).for_each(|_| crowd.note(Lane::Interactive, WINDOW, start));
        for second in 0..20 {
            assert_eq!(crowd.to_come(interactive(), WINDOW, at(second)), 0, "after {second} s");
        }
    }

    #[test]
    fn as_much_is_kept_as_came_at_one_moment_and_one_more() {
        let start = Instant::now();
        let mut demand = Demand::new(start);
        assert_eq!(demand.kept(190, start), 0, "nobody came");
        demand.note(190, WINDOW, start);
        assert_eq!(demand.kept(190, start), 2);
        (0..4).for_each(|_| demand.note(190, WINDOW, start));
        assert_eq!(demand.kept(190, start), 6);
        (0..90).for_each(|_| demand.note(190, WINDOW, start));
        assert_eq!(demand.kept(190, start), 9, "never more than a twentieth");
        assert_eq!(demand.kept(1, start), 0, "nor the last one");
        assert_eq!(demand.kept(190, start + REMEMBERED * 2), 0, "and not for ever");
    }
}
