//! The events of one object, in order.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::dispatch::item::Item;

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) items: VecDeque<Item>,
    /// Some are on their way; the others wait for them.
    pub(super) flying: bool,
    /// It stands in line, or waits for its moment.
    pub(super) placed: bool,
    /// After a failure.
    pub(super) not_before: Option<Timestamp>,
}

/// What an object gave to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Some,
    Nothing,
    /// Its next event goes by itself, in the next request.
    NotBesideOthers,
}

impl Queue {
    /// By the time of the event, as far as it has not left yet.
    pub(super) fn add(&mut self, item: Item) {
        let place = self.items.partition_point(|before| before.rank() < item.rank());
        self.items.insert(place, item);
    }

    /// Back to the front: those behind it have not overtaken it.
    pub(super) fn give_back(&mut self, item: Item) {
        self.items.push_front(item);
    }

    /// Hands out its first events, up to `most` in all.
    pub(super) fn give(&mut self, batch: &mut Vec<Item>, most: usize, settled: Timestamp) -> Given {
        let is_alone = |item: Option<&Item>| item.is_some_and(|item| item.alone);
        if !batch.is_empty() && (is_alone(self.items.front()) || is_alone(batch.last())) {
            return Given::NotBesideOthers;
        }
        let before = batch.len();
        self.placed = false;
        self.not_before = None;
        while batch.len() < most
            && batch.last().is_none_or(|last| !last.alone)
            && let Some(first) = self.items.front()
            && (first.received_at <= settled || first.attempts > 0)
            && (batch.is_empty() || !first.alone)
            && let Some(item) = self.items.pop_front()
        {
            batch.push(item);
        }
        self.flying = batch.len() > before;
        if self.flying { Given::Some } else { Given::Nothing }
    }

    /// When its first event may go.
    pub(super) fn due(&self, settle: SignedDuration) -> Option<Timestamp> {
        let first = self.items.front()?;
        let settled = if first.attempts > 0 { first.received_at } else { first.received_at + settle };
        Some(self.not_before.map_or(settled, |not_before| not_before.max(settled)))
    }

    /// When its first event came, where earlier ones may still follow it from the log.
    pub(super) fn waits_for_others_since(&self, settled: Timestamp) -> Option<Timestamp> {
        let first = self.items.front()?;
        (first.attempts == 0 && first.received_at > settled).then_some(first.received_at)
    }

    /// Takes out the older event of the same subject, if it has not left.
    pub(super) fn remove_older(&mut self, newer: &Item) -> Option<Item> {
        let older = |item: &Item| {
            item.subject == newer.subject && item.letter.is_none() && item.occurred_at <= newer.occurred_at
        };
        let place = self.items.iter().position(older)?;
        self.items.remove(place)
    }
}
