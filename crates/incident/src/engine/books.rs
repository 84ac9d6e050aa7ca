//! What passed since when: sums by caller and family, with marks of the last minutes, so that an incident's cost can be
//! counted from its first symptom although it was noticed later.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::signal::{Calls, Place, Seen, Signal};

/// As many as the ledger tells apart.
const PLACES_MAX: usize = 2_048;

const BETWEEN_MARKS: SignedDuration = SignedDuration::from_secs(30);

/// Eleven minutes: further back than the longest window of a rule.
const MARKS_MAX: usize = 22;

type Sums = BTreeMap<Place, Calls>;

#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    sums: Sums,
    marks: VecDeque<(Timestamp, Sums)>,
}

impl Books {
    pub(super) fn note(&mut self, signal: &Signal) {
        if let Seen::Calls(calls) = &signal.seen
            && (self.sums.len() < PLACES_MAX || self.sums.contains_key(&signal.place))
        {
            *self.sums.entry(signal.place.clone()).or_default() += *calls;
        }
    }

    /// Makes a mark where it is time for one.
    pub(super) fn mark(&mut self, now: Timestamp) {
        if self.marks.back().is_some_and(|(at, _)| now.duration_since(*at) < BETWEEN_MARKS) {
            return;
        }
        if self.marks.len() == MARKS_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back((now, self.sums.clone()));
    }

    /// What came where since the last mark before `began`, or since the first there is.
    pub(super) fn since(&self, began: Timestamp) -> Vec<(Place, Calls)> {
        let nothing = Sums::new();
        let before = self.marks.iter().rev().find(|(at, _)| *at <= began);
        let before = before.map_or(&nothing, |(_, sums)| sums);
        let more = self.sums.iter().map(|(place, now)| {
            let then = before.get(place).copied().unwrap_or_default();
            (place.clone(), now.since(&then))
        });
        more.filter(|(_, more)| !more.is_empty()).collect()
    }
}
