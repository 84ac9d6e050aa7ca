//! What is open, how far that lets the position move, and what is to be kept.

use std::collections::BTreeMap;

use store::dispatch::{LetterEnding, Progress};

use crate::dispatch::item::Item;

/// What has happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events.
    pub delivered: u64,
    /// Requests.
    pub failed: u64,
    /// Events taken out of the line, to be sent later.
    pub parked: u64,
    pub dead: u64,
    /// Left out, because a later one of their subject was there.
    pub superseded: u64,
    /// Requests answered with 410.
    pub gone: u64,
}

pub(super) struct Books {
    read_to: i64,
    /// Deliveries with events that are not done with, and how many.
    open: BTreeMap<i64, usize>,
    events: usize,
    bytes: usize,
    /// The position that is kept.
    kept: i64,
    /// The one being kept.
    keeping: i64,
    pub(super) progress: Progress,
    pub(super) counts: Counts,
}

impl Books {
    pub(super) fn new(position: i64) -> Self {
        Self {
            read_to: position,
            open: BTreeMap::new(),
            events: 0,
            bytes: 0,
            kept: position,
            keeping: position,
            progress: Progress::default(),
            counts: Counts::default(),
        }
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn read_to(&self) -> i64 {
        self.read_to
    }

    pub(super) fn read(&mut self, seq: i64) {
        self.read_to = seq;
    }

    pub(super) fn open(&mut self, item: &Item) {
        *self.open.entry(item.seq).or_default() += 1;
        self.events += 1;
        self.bytes += item.body.len();
    }

    /// It is done with.
    pub(super) fn close(&mut self, item: &Item) {
        if let Some(count) = self.open.get_mut(&item.seq) {
            self.events = self.events.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(item.body.len());
            *count -= 1;
            if *count == 0 {
                self.open.remove(&item.seq);
            }
        }
    }

    /// It is done with as far as the log goes, and becomes a letter.
    pub(super) fn write(&mut self, item: Item, standing: LetterEnding) {
        self.close(&item);
        self.progress.letters.push(item.into_letter(standing));
    }

    /// Everything up to it is done with, kept or not.
    pub(super) fn done_to(&self) -> i64 {
        self.open.keys().next().map_or(self.read_to, |first| first - 1)
    }

    pub(super) fn progress(&mut self) -> &Progress {
        self.keeping = self.done_to();
        self.progress.position = (self.keeping > self.kept).then_some(self.keeping);
        &self.progress
    }

    pub(super) fn kept(&mut self) {
        self.kept = self.keeping.max(self.kept);
        self.progress = Progress::default();
    }
}
