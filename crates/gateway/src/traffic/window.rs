//! A count over the last quarter of an hour, kept by the minute.

use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 15;
const SLOT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(super) struct Count {
    origin: Instant,
    /// Which minute since the origin the newest slot holds, and when the next one begins.
    minute: u64,
    next_at: Instant,
    slots: [u32; SLOTS],
}

impl Count {
    pub(super) fn new(origin: Instant) -> Self {
        Self { origin, minute: 0, next_at: origin + SLOT, slots: [0; SLOTS] }
    }

    pub(super) fn add(&mut self, count: u32, now: Instant) {
        self.roll(now);
        let newest = &mut self.slots[slot(self.minute)];
        *newest = newest.saturating_add(count);
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

    /// Takes over what `other` counted, minute by minute as seen from `now`.
    pub(super) fn absorb(&mut self, mut other: Self, now: Instant) {
        self.roll(now);
        other.roll(now);
        for ago in 0..SLOTS as u64 {
            let (Some(mine), Some(theirs)) = (self.minute.checked_sub(ago), other.minute.checked_sub(ago))
            else {
                break; // one of them is younger: what the other counted before is gone
            };
            let kept = &mut self.slots[slot(mine)];
            *kept = kept.saturating_add(other.slots[slot(theirs)]);
        }
    }

    fn roll(&mut self, now: Instant) {
        if now < self.next_at {
            return;
        }
        let minute = now.saturating_duration_since(self.origin).as_secs() / SLOT.as_secs();
        if minute.saturating_sub(self.minute) >= SLOTS as u64 {
            self.slots = [0; SLOTS];
            self.minute = minute;
        }
        while self.minute < minute {
            self.minute += 1;
            self.slots[slot(self.minute)] = 0;
        }
        self.next_at = self.origin + SLOT * u32::try_from(minute + 1).unwrap_or(u32::MAX);
    }
}

fn slot(minute: u64) -> usize {
    usize::try_from(minute % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_pass_out_of_the_window() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let mut count = Count::new(start);
        count.add(3, at(0));
        count.add(4, at(10));
        assert_eq!((count.lately(at(10)), count.recent(at(10)), count.recent(at(11))), (7, 4, 4));
        assert_eq!((count.lately(at(15)), count.recent(at(15))), (4, 0));
        assert_eq!(count.lately(at(60)), 0);
    }

    #[test]
    fn counts_end_at_their_greatest() {
        let start = Instant::now();
        let mut count = Count::new(start);
        count.add(u32::MAX, start);
        count.add(u32::MAX, start);
        assert_eq!(count.lately(start), u64::from(u32::MAX));
    }

    #[test]
    fn what_is_absorbed_keeps_its_age() {
        let start = Instant::now();
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        let (mut elder, mut younger) = (Count::new(start), Count::new(at(5)));
        elder.add(1, at(0));
        younger.add(2, at(6));
        elder.absorb(younger, at(7));
        assert_eq!((elder.lately(at(7)), elder.recent(at(7))), (3, 2));
        assert_eq!(elder.lately(at(20)), 2);
    }
}
