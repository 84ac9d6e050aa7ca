//! A count over the last quarter of an hour, kept by the minute, and of all time.

use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 15;
const SLOT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    origin: Instant,
    /// Which minute since the origin the newest slot holds.
    minute: u64,
    slots: [u32; SLOTS],
    total: u64,
}

impl Count {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, minute: 0, slots: [0; SLOTS], total: 0 }
    }

    pub(super) fn add(&mut self, count: u32, now: Instant) {
        self.roll(now);
        self.slots[slot(self.minute)] += count;
        self.total += u64::from(count);
    }

    /// Over the last quarter of an hour.
    pub(super) fn lately(mut self, now: Instant) -> u64 {
        self.roll(now);
        self.slots.iter().map(|count| u64::from(*count)).sum()
    }

    /// Over this minute and the last.
    pub(super) fn recent(mut self, now: Instant) -> u64 {
        self.roll(now);
        let last = self.minute.checked_sub(1).map_or(0, |minute| self.slots[slot(minute)]);
        u64::from(self.slots[slot(self.minute)]) + u64::from(last)
    }

    pub(super) fn total(self) -> u64 {
        self.total
    }

    fn roll(&mut self, now: Instant) {
        let minute = now.saturating_duration_since(self.origin).as_secs() / SLOT.as_secs();
        if minute.saturating_sub(self.minute) >= SLOTS as u64 {
            self.slots = [0; SLOTS];
            self.minute = minute;
        }
        while self.minute < minute {
            self.minute += 1;
            self.slots[slot(self.minute)] = 0;
        }
    }
}

fn slot(minute: u64) -> usize {
    usize::try_from(minute % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_pass_out_of_the_window_and_stay_in_the_total() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let mut count = Count::new(start);
        count.add(3, at(0));
        count.add(4, at(10));
        assert_eq!((count.lately(at(10)), count.recent(at(10)), count.recent(at(11))), (7, 4, 4));
        assert_eq!((count.lately(at(15)), count.recent(at(15))), (4, 0));
        assert_eq!((count.lately(at(60)), count.total()), (0, 7));
    }
}
