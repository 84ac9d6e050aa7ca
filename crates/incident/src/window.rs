//! Counts over the last while, in slots: what is old falls out by itself, and memory does not grow.

use std::collections::VecDeque;
use std::ops::AddAssign;

use jiff::{SignedDuration, Timestamp};

/// Sums by slots of one length; the oldest slot goes when a new one is needed.
#[derive(Debug, Clone)]
pub(crate) struct Window<T> {
    slot_seconds: i64,
    slots_max: usize,
    /// Number of the slot and its sum, oldest first; slots without anything are not there.
    slots: VecDeque<(i64, T)>,
}

impl<T: AddAssign + Copy + Default> Window<T> {
    pub(crate) fn new(slot: SignedDuration, slots_max: usize) -> Self {
        Self { slot_seconds: slot.as_secs().max(1), slots_max, slots: VecDeque::new() }
    }

    pub(crate) fn add(&mut self, at: Timestamp, amount: T) {
        let number = self.number(at);
        match self.slots.iter().rposition(|(slot, _)| *slot <= number) {
            Some(place) if self.slots[place].0 == number => self.slots[place].1 += amount,
            Some(place) => self.slots.insert(place + 1, (number, amount)),
            None => self.slots.push_front((number, amount)),
        }
        let oldest = self.slots.back().map_or(number, |(slot, _)| *slot) - self.reach() + 1;
        while self.slots.front().is_some_and(|(slot, _)| *slot < oldest) {
            self.slots.pop_front();
        }
    }

    /// Over the `span` that ends at `now`, in whole slots, this one included.
    pub(crate) fn sum(&self, now: Timestamp, span: SignedDuration) -> T {
        let newest = self.number(now);
        let slots = (span.as_secs() / self.slot_seconds).max(1);
        let mut total = T::default();
        for (slot, amount) in &self.slots {
            if *slot > newest - slots && *slot <= newest {
                total += *amount;
            }
        }
        total
    }

    /// Nothing has been added for as long as it reaches back.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        self.slots.back().is_none_or(|(slot, _)| *slot <= self.number(now) - self.reach())
    }

    fn number(&self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.slot_seconds)
    }

    fn reach(&self) -> i64 {
        i64::try_from(self.slots_max).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn what_is_old_falls_out() {
        let mut window = Window::<u64>::new(SignedDuration::from_secs(10), 6);
        window.add(at(0), 3);
        window.add(at(55), 4);
        let minute = SignedDuration::from_secs(60);
        assert_eq!(window.sum(at(59), minute), 7);
        assert_eq!(window.sum(at(60), minute), 4);
        assert_eq!(window.sum(at(59), SignedDuration::from_secs(10)), 4);
        assert!(!window.is_over(at(100)) && window.is_over(at(120)));
    }

    #[test]
    fn one_that_comes_late_counts_where_it_belongs() {
        let mut window = Window::<u64>::new(SignedDuration::from_secs(10), 6);
        window.add(at(50), 1);
        window.add(at(5), 2);
        window.add(at(25), 4);
        assert_eq!(window.sum(at(59), SignedDuration::from_secs(60)), 7);
        assert_eq!(window.sum(at(29), SignedDuration::from_secs(10)), 4);
    }

    #[test]
    fn memory_does_not_grow() {
        let mut window = Window::<u64>::new(SignedDuration::from_secs(10), 6);
        (0..100_000).for_each(|second| window.add(at(second), 1));
        assert!(window.slots.len() <= 6);
    }
}
