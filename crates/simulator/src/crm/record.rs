//! One CRM record: its values with their whole history, so that a read can also see it as it was.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::ask::Shelf;
use super::kind::KindInfo;

/// How many versions of one value are kept; the simulator's own bound.
const HISTORY_MAX: usize = 45;

/// A record's number, unique across the portal, so that an id of the wrong type is always a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RecordId(pub(super) u64);

impl RecordId {
    pub(super) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

/// Who set a value, in HubSpot's words (`sourceType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Integration,
    Import,
    Merge,
}

/// A value as it stood from `at` on; empty means cleared.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) at: Timestamp,
    pub(super) source: Source,
}

/// A property name, shared by every record that carries it.
pub(super) type Name = Arc<str>;

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: RecordId,
    pub(super) created: Timestamp,
    /// When this id came to be: later than `created` for what a merge left.
    pub(super) born: Timestamp,
    pub(super) archived: Option<Timestamp>,
    /// When it changed, oldest first, never empty.
    touched: Vec<Timestamp>,
    /// Oldest first, never empty.
    values: BTreeMap<Name, Vec<Entry>>,
}

/// What a property reads as; the computed ones stay typed until somebody needs text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    Text(&'a str),
    Instant(Timestamp),
    Number(u64),
}

impl Source {
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Integration => "INTEGRATION",
            Self::Import => "IMPORT",
            Self::Merge => "MERGE_OBJECTS",
        }
    }
}

impl Record {
    pub(super) fn new(id: RecordId, created: Timestamp) -> Self {
        Self { id, created, born: created, archived: None, touched: vec![created], values: BTreeMap::new() }
    }

    pub(super) fn shelf(&self) -> Shelf {
        if self.archived.is_some() { Shelf::Archived } else { Shelf::Live }
    }

    pub(super) fn updated(&self) -> Timestamp {
        self.updated_by(Timestamp::MAX)
    }

    /// The last change up to `horizon`.
    pub(super) fn updated_by(&self, horizon: Timestamp) -> Timestamp {
        self.touched.iter().rev().find(|at| **at <= horizon).copied().unwrap_or(self.created)
    }

    /// Marks a change that left every value as it was.
    pub(super) fn touch(&mut self, at: Timestamp) {
        if self.touched.len() == HISTORY_MAX {
            self.touched.remove(0);
        }
        self.touched.push(at);
    }

    /// Sets a value; writing the same again leaves no second entry.
    pub(super) fn set(&mut self, name: &Name, value: String, at: Timestamp, source: Source) {
        let entries = self.values.entry(Arc::clone(name)).or_default();
        if entries.last().is_some_and(|last| last.value == value) {
            return;
        }
        if entries.len() == HISTORY_MAX {
            entries.remove(0);
        }
        entries.push(Entry { value, at, source });
    }

    /// The stored value now; cleared reads as none.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name)?.last()?.value.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// Every stored value now, cleared ones left out.
    pub(super) fn current(&self) -> impl Iterator<Item = (&Name, &str)> {
        let latest = self.values.iter().filter_map(|(name, entries)| Some((name, entries.last()?)));
        latest.filter(|(_, entry)| !entry.value.is_empty()).map(|(name, entry)| (name, entry.value.as_str()))
    }

    /// Newest first, as HubSpot lists it.
    pub(super) fn history(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.values.get(name).into_iter().flat_map(|entries| entries.iter().rev())
    }

    /// Whether search knew this record at `horizon`: already made, not yet archived.
    pub(super) fn known_at(&self, horizon: Timestamp) -> bool {
        self.born <= horizon && self.archived.is_none_or(|archived| archived > horizon)
    }

    /// A property as of `horizon`, the computed ones included.
    pub(super) fn see(&self, info: &KindInfo, name: &str, horizon: Timestamp) -> Option<Seen<'_>> {
        if let Some(entries) = self.values.get(name) {
            let entry = entries.iter().rev().find(|entry| entry.at <= horizon)?;
            return (!entry.value.is_empty()).then_some(Seen::Text(&entry.value));
        }
        if name == "hs_object_id" {
            Some(Seen::Number(self.id.0))
        } else if name == info.created_property {
            Some(Seen::Instant(self.created))
        } else if name == info.modified_property {
            Some(Seen::Instant(self.updated_by(horizon)))
        } else {
            None
        }
    }
}

impl<'a> Seen<'a> {
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Instant(at) => Cow::Owned(instant_text(at)),
            Self::Number(number) => Cow::Owned(number.to_string()),
        }
    }
}

/// ISO-8601 with milliseconds and `Z`, the only form HubSpot writes.
pub(super) fn instant_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
