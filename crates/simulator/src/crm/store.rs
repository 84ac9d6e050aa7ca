//! The records of one object type, found by id, by unique value, or by an id that was merged away.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::ask::Shelf;
use super::record::{Name, Record, RecordId, Source};

/// Values a write sets, already in their stored form.
pub(super) type Changes = Vec<(Name, String)>;

#[derive(Debug, Default)]
pub(super) struct RecordStore {
    records: BTreeMap<RecordId, Record>,
    /// Unique property → value → holder. Only live records hold values.
    unique: HashMap<Name, HashMap<String, RecordId>>,
    /// Merged-away id → survivor, never chained.
    survivors: HashMap<RecordId, RecordId>,
}

impl RecordStore {
    /// From now on `property` is unique; existing values are taken into account.
    pub(super) fn index(&mut self, property: &Name) {
        let mut holders = HashMap::new();
        for record in self.records.values().filter(|record| record.archived.is_none()) {
            for value in unique_values(record, property) {
                holders.insert(value, record.id);
            }
        }
        self.unique.insert(Name::clone(property), holders);
    }

    pub(super) fn get(&self, id: RecordId, shelf: Shelf) -> Option<&Record> {
        self.records.get(&id).filter(|record| record.shelf() == shelf)
    }

    /// The record behind an id, or behind the id it was merged into.
    pub(super) fn resolve(&self, id: RecordId, shelf: Shelf) -> Option<&Record> {
        self.get(self.survivors.get(&id).copied().unwrap_or(id), shelf)
    }

    pub(super) fn holder(&self, property: &str, value: &str) -> Option<RecordId> {
        self.unique.get(property)?.get(&unique_key(value)).copied()
    }

    /// Records of one shelf from `from` on, in id order.
    pub(super) fn page(&self, from: RecordId, shelf: Shelf) -> impl Iterator<Item = &Record> {
        self.records.range(from..).map(|(_, record)| record).filter(move |record| record.shelf() == shelf)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(super) fn live_count(&self) -> usize {
        self.page(RecordId(0), Shelf::Live).count()
    }

    pub(super) fn insert(&mut self, record: Record) {
        self.hold(&record);
        self.records.insert(record.id, record);
    }

    pub(super) fn change(&mut self, id: RecordId, changes: &Changes, at: Timestamp, source: Source) {
        let Some(mut record) = self.records.remove(&id) else { return };
        self.release(&record);
        for (name, value) in changes {
            record.set(name, value.clone(), at, source);
        }
        record.touch(at);
        self.insert(record);
    }

    /// Moves a live record to the recycle bin, or back. Answers whether anything moved.
    pub(super) fn shelve(&mut self, id: RecordId, archived: Option<Timestamp>) -> bool {
        let Some(mut record) = self.records.remove(&id) else { return false };
        let moved = record.archived.is_some() != archived.is_some();
        if moved {
            self.release(&record);
            record.archived = archived;
        }
        self.insert(record);
        moved
    }

    /// Forgets a record for good.
    pub(super) fn erase(&mut self, id: RecordId) -> Option<Record> {
        let record = self.records.remove(&id)?;
        self.release(&record);
        Some(record)
    }

    /// Every id that led to `merged` now leads to `survivor`.
    pub(super) fn redirect(&mut self, merged: RecordId, survivor: RecordId) {
        for target in self.survivors.values_mut().filter(|target| **target == merged) {
            *target = survivor;
        }
        self.survivors.insert(merged, survivor);
    }

    fn hold(&mut self, record: &Record) {
        if record.archived.is_some() {
            return;
        }
        for (property, holders) in &mut self.unique {
            for value in unique_values(record, property) {
                holders.insert(value, record.id);
            }
        }
    }

    fn release(&mut self, record: &Record) {
        for (property, holders) in &mut self.unique {
            for value in unique_values(record, property) {
                if holders.get(&value) == Some(&record.id) {
                    holders.remove(&value);
                }
            }
        }
    }
}

/// The values a record holds of a unique property. Addresses in `hs_additional_emails` count as e-mail too,
/// facts §3.3 [DOC contacts guide].
fn unique_values(record: &Record, property: &str) -> Vec<String> {
    let mut values: Vec<String> = record.get(property).map(unique_key).into_iter().collect();
    if property == "email" {
        let more = record.get("hs_additional_emails").unwrap_or_default();
        values.extend(more.split(';').filter(|value| !value.is_empty()).map(unique_key));
    }
    values
}

fn unique_key(value: &str) -> String {
    value.trim().to_lowercase()
}
