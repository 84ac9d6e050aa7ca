//! The webhooks journal: changes of the last three days, to be fetched instead of waited for. Facts §6.7.
//!
//! Documented are the paths, the entry (`url`, `expiresAt`, `currentOffset`) and the retention; the file behind `url` is
//! known from a copy of the docs and a public tool that reads it. Its events are written so:
//! `{"type":"crmObject","portalId","occurredAt" (ISO),"action","objectTypeId","objectId","propertyChanges":{name: value}}`.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::crm::change::{Change, What};
use crate::limits::window::RollingWindow;
use crate::seed::{Purpose, Seed};

mod api;
mod subscription;

pub use api::JournalAsk;
use subscription::{Action, JournalSubscription};

/// Facts §6.7.
const KEPT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// How long an entry takes up changes before it is published.
const GATHERING: SignedDuration = SignedDuration::from_secs(1);

/// Events of one entry at most; what HubSpot puts into one is not documented.
const EVENTS_MAX: usize = 500;

/// All apps' journals in one: this simulator has one app that polls.
pub struct Journal {
    seed: Seed,
    entries: VecDeque<Entry>,
    made: u64,
    subscriptions: Vec<JournalSubscription>,
    subscribed: u64,
    reads: RollingWindow,
}

struct Entry {
    /// A uuid on the wire.
    offset: String,
    /// Not seen before.
    published_at: Timestamp,
    events: Vec<Value>,
}

impl Journal {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            seed,
            entries: VecDeque::new(),
            made: 0,
            subscriptions: Vec::new(),
            subscribed: 0,
            reads: RollingWindow::new(SignedDuration::from_secs(1)),
        }
    }

    pub(super) fn is_watching(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Takes up a change that somebody subscribed to.
    pub(super) fn note(&mut self, portal_id: u64, change: &Change) {
        if !self.subscriptions.iter().any(|subscription| subscription.wants(portal_id, change)) {
            return;
        }
        let event = event(portal_id, change);
        let merges = |entry: &&mut Entry| {
            change.at < entry.published_at
                && entry.events.len() < EVENTS_MAX
                && entry.events.first().is_some_and(|first| first["portalId"] == portal_id)
        };
        if let Some(entry) = self.entries.back_mut().filter(merges) {
            // Values set together by one write are one event.
            if let Some(last) = entry.events.last_mut()
                && is_same_write(last, &event)
            {
                add_changes(last, &event);
                return;
            }
            entry.events.push(event);
            return;
        }
        self.made += 1;
        self.entries.push_back(Entry {
            offset: self.seed.uuid(Purpose::JournalOffset, self.made),
            published_at: change.at + GATHERING,
            events: vec![event],
        });
    }

    /// What is published and not yet forgotten.
    fn published(&mut self, now: Timestamp) -> impl DoubleEndedIterator<Item = &Entry> {
        while self.entries.front().is_some_and(|entry| now.duration_since(entry.published_at) > KEPT) {
            self.entries.pop_front();
        }
        self.entries.iter().filter(move |entry| entry.published_at <= now)
    }
}

/// The event of a change in the journal's words.
fn event(portal_id: u64, change: &Change) -> Value {
    let kind = match &change.what {
        What::AssociationChange { .. } => "association",
        What::PrivacyDeletion => "gdprPrivacyDeletion",
        What::Creation | What::Deletion | What::PropertyChange { .. } | What::Merge { .. } => "crmObject",
    };
    let mut event = json!({
        "type": kind,
        "portalId": portal_id,
        "occurredAt": change.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "action": Action::of(&change.what).name(),
        "objectTypeId": change.object_type_id,
        "objectId": change.object_id,
    });
    match &change.what {
        What::PropertyChange { name, value } => event["propertyChanges"] = json!({name.as_str(): value}),
        What::Merge { primary, merged, .. } => {
            event["primaryObjectId"] = json!(primary);
            event["mergedObjectIds"] = json!(merged);
        }
        What::AssociationChange { to_object_id, to_prefix, .. } => {
            event["associatedObjectId"] = json!(to_object_id);
            let kinds = format!("{}_TO_{}", change.prefix.to_uppercase(), to_prefix.to_uppercase());
            event["associationType"] = json!(kinds);
        }
        What::Creation | What::Deletion | What::PrivacyDeletion => {}
    }
    event
}

fn is_same_write(last: &Value, event: &Value) -> bool {
    let same = |field: &str| last[field] == event[field];
    event["propertyChanges"].is_object()
        && last["propertyChanges"].is_object()
        && ["portalId", "occurredAt", "objectTypeId", "objectId"].into_iter().all(same)
}

fn add_changes(last: &mut Value, event: &Value) {
    if let (Some(known), Some(more)) =
        (last["propertyChanges"].as_object_mut(), event["propertyChanges"].as_object())
    {
        known.extend(more.clone());
    }
}

#[cfg(test)]
mod tests;
