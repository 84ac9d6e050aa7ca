//! Where kept answers lie: a table, a budget of bytes, and who goes when it is spent.
//!
//! Everything runs on one thread, so that a plain structure behind an uncontended lock is the fastest there is: a hit is
//! one look into one table and sets one bit (SIEVE: Zhang et al., NSDI 2024), where moka keeps logs of reads and writes
//! and a policy to work them off, for many threads. It also needs what no ready-made cache has: all answers to one
//! question that differ in their properties, found together.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashTable;
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::evicted::Evicted;
use super::kept::{Kept, Names, lasting};
use super::key::Key;
use super::target;
use crate::accounts::Account;

/// Answers to one question kept with different properties; past it, the oldest goes.
const PROPERTY_SETS_MAX: usize = 8;

const NOWHERE: u32 = u32::MAX;

/// Kept answers, within a budget.
pub(crate) struct Store {
    /// Places by the key's hash. Those that differ only in properties share one.
    table: HashTable<u32>,
    places: Vec<Place>,
    free: u32,
    /// The newest; answers age from here to the tail.
    head: u32,
    tail: u32,
    /// Where the next search for one to evict begins.
    hand: u32,
    bytes: usize,
    bytes_max: usize,
    last_names: Names,
    evicted: Evicted,
}

enum Place {
    Free { next: u32 },
    Taken(Box<Entry>),
}

struct Entry {
    kept: Kept,
    /// Served since the hand last passed.
    used: bool,
    newer: u32,
    older: u32,
}

impl Store {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            table: HashTable::new(),
            places: Vec::new(),
            free: NOWHERE,
            head: NOWHERE,
            tail: NOWHERE,
            hand: NOWHERE,
            bytes: 0,
            bytes_max,
            last_names: Names::default(),
            evicted: Evicted::default(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn entries(&self) -> usize {
        self.table.len()
    }

    /// The answer to exactly this question; it counts as used.
    pub(crate) fn find(&mut self, key: &Key<'_>) -> Option<(u32, &Kept)> {
        let Self { table, places, .. } = self;
        let place = *table.find(key.hash, |place| is_same(&entry(places, *place).kept, key))?;
        let entry = entry_mut(places, place);
        entry.used = true;
        Some((place, &entry.kept))
    }

    /// Every answer to this question with whatever properties, this one too.
    pub(crate) fn beside<'a>(&'a self, key: &'a Key<'_>) -> impl Iterator<Item = (u32, &'a Kept)> {
        self.table
            .iter_hash(key.hash)
            .map(|place| (*place, &entry(&self.places, *place).kept))
            .filter(move |(_, kept)| is_beside(kept, key))
    }

    pub(crate) fn use_again(&mut self, place: u32) {
        entry_mut(&mut self.places, place).used = true;
    }

    /// The names of an answer's lasting headers, shared with the last answer's where they are the same.
    pub(crate) fn names(&mut self, headers: &HeaderMap) -> Names {
        if !lasting(headers).map(|(name, _)| name).eq(self.last_names.iter().map(|(name, _)| name)) {
            let mut names = HeaderMap::with_capacity(headers.len());
            for (name, _) in lasting(headers) {
                names.append(name.clone(), HeaderValue::from_static(""));
            }
            self.last_names = Arc::new(names);
        }
        self.last_names.clone()
    }

    /// Keeps an answer in place of the one there was, and makes room for it.
    pub(crate) fn keep(&mut self, key: &Key<'_>, kept: Kept) {
        let weight = kept.weight();
        if weight > self.bytes_max {
            self.drop_exactly(key);
            return;
        }
        let places = &self.places;
        let known = self.table.find(key.hash, |place| is_same(&entry(places, *place).kept, key)).copied();
        if let Some(place) = known {
            let entry = entry_mut(&mut self.places, place);
            let bytes = self.bytes - entry.kept.weight() + weight;
            if bytes <= self.bytes_max {
                self.bytes = bytes;
                entry.kept = kept;
                return;
            }
            // It needs more room, and must not be the one to make it.
            self.remove(place);
        }
        if key.target.contains('?') {
            self.limit_property_sets(key);
        }
        self.make_room(weight);
        let place = self.take_place(kept);
        self.bytes += weight;
        let Self { table, places, .. } = self;
        table.insert_unique(key.hash, place, |place| entry(places, *place).kept.hash);
    }

    pub(crate) fn remove(&mut self, place: u32) {
        let hash = entry(&self.places, place).kept.hash;
        if let Ok(found) = self.table.find_entry(hash, |other| *other == place) {
            found.remove();
        }
        self.unlink(place);
        let freed = std::mem::replace(&mut self.places[place as usize], Place::Free { next: self.free });
        self.free = place;
        if let Place::Taken(entry) = freed {
            self.bytes -= entry.kept.weight();
        }
    }

    /// Removes every answer to a question, with whatever properties.
    pub(crate) fn remove_beside(&mut self, key: &Key<'_>) -> usize {
        let places: Vec<u32> = self.beside(key).map(|(place, _)| place).collect();
        for place in &places {
            self.remove(*place);
        }
        places.len()
    }

    /// Looks through one account's answers, and removes those that `stands` says no to.
    pub(crate) fn sweep(
        &mut self,
        account: &Arc<Account>,
        mut stands: impl FnMut(&mut Kept) -> bool,
    ) -> usize {
        let mut fallen = Vec::new();
        for (place, slot) in self.places.iter_mut().enumerate() {
            let Place::Taken(entry) = slot else { continue };
            if Arc::ptr_eq(&entry.kept.account, account) && !stands(&mut entry.kept) {
                fallen.push(u32::try_from(place).expect("places are counted in 32 bits"));
            }
        }
        for place in &fallen {
            self.remove(*place);
        }
        fallen.len()
    }

    fn drop_exactly(&mut self, key: &Key<'_>) {
        if let Some((place, _)) = self.find(key) {
            self.remove(place);
        }
    }

    fn limit_property_sets(&mut self, key: &Key<'_>) {
        let oldest = self.beside(key).min_by_key(|(_, kept)| kept.at).map(|(place, _)| place);
        if let Some(oldest) = oldest.filter(|_| self.beside(key).count() >= PROPERTY_SETS_MAX) {
            self.remove(oldest);
        }
    }

    /// Evicts until `weight` more fits: from the hand towards the newest, sparing once those that were used.
    fn make_room(&mut self, weight: usize) {
        while self.bytes + weight > self.bytes_max {
            let place = if self.hand == NOWHERE { self.tail } else { self.hand };
            if place == NOWHERE {
                return;
            }
            let entry = entry_mut(&mut self.places, place);
            if entry.used {
                entry.used = false;
                self.hand = entry.newer;
            } else {
                let Kept { hash, at, .. } = entry.kept;
                self.evicted.note(hash, at);
                self.remove(place);
            }
        }
    }

    /// The answer was here, had to make room, and would still serve.
    pub(crate) fn is_missed(&self, key: &Key<'_>, now: Instant, fresh: Duration) -> bool {
        self.evicted.would_serve(key.hash, now, fresh)
    }

    fn take_place(&mut self, kept: Kept) -> u32 {
        let entry = Place::Taken(Box::new(Entry { kept, used: false, newer: NOWHERE, older: self.head }));
        let place = if let Some(Place::Free { next }) = self.places.get(self.free as usize) {
            let place = std::mem::replace(&mut self.free, *next);
            self.places[place as usize] = entry;
            place
        } else {
            self.places.push(entry);
            u32::try_from(self.places.len() - 1).expect("the budget allows fewer than 2^32 answers")
        };
        match self.head {
            NOWHERE => self.tail = place,
            head => entry_mut(&mut self.places, head).newer = place,
        }
        self.head = place;
        place
    }

    fn unlink(&mut self, place: u32) {
        let Entry { newer, older, .. } = *entry(&self.places, place);
        match newer {
            NOWHERE => self.head = older,
            newer => entry_mut(&mut self.places, newer).older = older,
        }
        match older {
            NOWHERE => self.tail = newer,
            older => entry_mut(&mut self.places, older).newer = newer,
        }
        if self.hand == place {
            self.hand = newer;
        }
    }
}

fn entry(places: &[Place], place: u32) -> &Entry {
    match &places[place as usize] {
        Place::Taken(entry) => entry,
        Place::Free { .. } => unreachable!("the table and the list only know places that are taken"),
    }
}

fn entry_mut(places: &mut [Place], place: u32) -> &mut Entry {
    match &mut places[place as usize] {
        Place::Taken(entry) => entry,
        Place::Free { .. } => unreachable!("the table and the list only know places that are taken"),
    }
}

fn is_same(kept: &Kept, key: &Key<'_>) -> bool {
    kept.target_bytes() == key.target.as_bytes() && key.is_beside(&kept.account, kept.rights, kept.variant)
}

fn is_beside(kept: &Kept, key: &Key<'_>) -> bool {
    key.is_beside(&kept.account, kept.rights, kept.variant)
        && target::base(kept.target()).eq(target::base(key.target))
}

#[cfg(test)]
mod tests;
