//! The ledger from one process to the next.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ENTRIES_MAX, Errand, HOURS, Kept, Ledger, method_of};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LedgerHandover {
    day_starts_s: i64,
    entries: Vec<EntryHandover>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct EntryHandover {
    caller: String,
    method: String,
    route: String,
    errand: Errand,
    calls: u64,
    hours: Vec<u32>,
    spared: u64,
}

impl LedgerHandover {
    pub(crate) fn is_sound(&self) -> bool {
        self.entries.len() <= ENTRIES_MAX && self.entries.iter().all(|entry| entry.hours.len() <= HOURS)
    }
}

impl Ledger {
    pub(crate) fn hand_over(&mut self, day_starts: Timestamp) -> LedgerHandover {
        self.turn(day_starts.as_second());
        let entry = |kept: &Kept| {
            let told = kept.told();
            EntryHandover {
                caller: told.caller.to_string(),
                method: told.method.to_owned(),
                route: told.route.to_string(),
                errand: told.errand,
                calls: told.calls,
                hours: told.hours,
                spared: told.spared,
            }
        };
        LedgerHandover { day_starts_s: self.day_starts_s, entries: self.entries.iter().map(entry).collect() }
    }

    /// The page of another day is none of today's business.
    pub(crate) fn take_over(&mut self, handed: LedgerHandover, day_starts: Timestamp) {
        if handed.day_starts_s != day_starts.as_second() {
            return;
        }
        let kept = |entry: EntryHandover| {
            let method = method_of(&entry.method);
            let mut kept = Kept::new(Arc::from(entry.caller), method, Arc::from(entry.route), entry.errand);
            kept.entry.calls = entry.calls;
            kept.entry.spared = entry.spared;
            for (place, calls) in kept.hours.iter_mut().zip(entry.hours) {
                *place = calls;
            }
            kept
        };
        let entries = handed.entries.into_iter().map(kept).collect();
        *self = Self { day_starts_s: handed.day_starts_s, entries, ..Self::default() };
    }
}
