//! What a write changed, told to whoever watches: the stuff of webhook events.

use jiff::Timestamp;

use super::Crm;
use super::ask::Ask;
use super::kind::Kind;
use super::record::RecordId;
use super::store::Changes;

/// One change of a record, after it took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    /// `contact`, or `object` for types that have no events of their own.
    pub prefix: String,
    /// `0-1`, `2-1234`.
    pub object_type_id: String,
    pub object_id: u64,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Creation,
    Deletion,
    PrivacyDeletion,
    PropertyChange { name: String, value: String },
    Merge { primary: u64, merged: Vec<u64>, properties_moved: usize },
    AssociationChange { to_object_id: u64, to_prefix: String, removed: bool },
}

/// Types with events of their own name (facts §6.3); the others have `object.*`.
const OWN_EVENTS: [&str; 6] = ["contact", "company", "deal", "ticket", "product", "line_item"];

/// Never told of: facts §6.2 [DOC api/webhooks].
pub const NEVER_TOLD: [&str; 2] = ["num_unique_conversion_events", "hs_lastmodifieddate"];

impl Crm {
    /// From now on changes are kept until they are taken.
    pub fn watch(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// Changes since the last time; none where nobody watches.
    pub fn take_changes(&mut self) -> Vec<Change> {
        self.changes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn tell(&mut self, ask: &Ask<'_>, kind: Kind, id: RecordId, what: What) {
        let prefix = self.event_prefix(kind);
        let object_type_id = self.kinds.info(kind).type_id.clone();
        if let Some(changes) = &mut self.changes {
            changes.push(Change { at: ask.moment.now, prefix, object_type_id, object_id: id.0, what });
        }
    }

    pub(super) fn tell_properties(&mut self, ask: &Ask<'_>, kind: Kind, id: RecordId, changes: &Changes) {
        if self.changes.is_none() {
            return;
        }
        for (name, value) in changes.iter().filter(|(name, _)| !NEVER_TOLD.contains(&&**name)) {
            let what = What::PropertyChange { name: name.to_string(), value: value.clone() };
            self.tell(ask, kind, id, what);
        }
    }

    pub(super) fn event_prefix(&self, kind: Kind) -> String {
        let singular = self.kinds.info(kind).singular.as_str();
        if OWN_EVENTS.contains(&singular) { singular.to_owned() } else { "object".to_owned() }
    }
}
