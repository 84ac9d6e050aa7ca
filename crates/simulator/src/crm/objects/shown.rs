//! A record as HubSpot writes it out: `SimplePublicObject`, facts §3.1.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::ask::Shelf;
use super::super::kind::Kind;
use super::super::record::{Record, Seen, instant_text};
use super::super::{Crm, Vacant};

/// Associations a read shows at most per type before it pages; observed, unconfirmed.
const ASSOCIATIONS_SHOWN_MAX: usize = 100;

/// What a read shall show.
#[derive(Debug, Clone)]
pub(in crate::crm) struct Selection {
    /// None given: the default set, facts §3.3.
    pub(in crate::crm) properties: Vec<String>,
    pub(in crate::crm) with_history: Vec<String>,
    pub(in crate::crm) associations: Vec<Kind>,
    /// Later changes are not shown; search sets it back.
    pub(in crate::crm) horizon: Timestamp,
}

impl Selection {
    /// Only the named properties, or the default ones, as they are now.
    pub(in crate::crm) fn of(properties: Vec<String>) -> Self {
        Self { properties, with_history: Vec::new(), associations: Vec::new(), horizon: Timestamp::MAX }
    }
}

impl Crm {
    pub(in crate::crm) fn shown(&self, kind: Kind, record: &Record, selection: &Selection) -> Value {
        let mut body = bare(record, self.shown_properties(kind, record, selection), selection.horizon);
        if !selection.with_history.is_empty() {
            body.insert("propertiesWithHistory".into(), self.history(kind, record, &selection.with_history));
        }
        if !selection.associations.is_empty() {
            let associations = self.shown_associations(kind, record, &selection.associations);
            if !associations.is_empty() {
                body.insert("associations".into(), Value::Object(associations));
            }
        }
        Value::Object(body)
    }

    /// The answer to a write: what was written, and what HubSpot adds by itself.
    pub(in crate::crm) fn echoed(
        &self,
        kind: Kind,
        record: &Record,
        written: &[impl AsRef<str>],
    ) -> Map<String, Value> {
        let info = self.kinds.info(kind);
        let computed = ["hs_object_id", info.created_property, info.modified_property];
        let names = computed.iter().copied().chain(written.iter().map(AsRef::as_ref));
        let mut properties = Map::new();
        for name in sorted(names) {
            let seen = record.see(info, name, Timestamp::MAX);
            properties.insert(name.to_owned(), json!(seen.map_or_else(Default::default, Seen::text)));
        }
        bare(record, properties, Timestamp::MAX)
    }

    fn shown_properties(&self, kind: Kind, record: &Record, selection: &Selection) -> Map<String, Value> {
        let info = self.kinds.info(kind);
        let computed = ["hs_object_id", info.created_property, info.modified_property];
        let asked =
            if selection.properties.is_empty() { &info.default_properties } else { &selection.properties };
        let names = computed.iter().copied().chain(asked.iter().map(String::as_str));
        let mut properties = Map::new();
        for name in sorted(names).into_iter().filter(|name| self.definitions(kind).get(name).is_some()) {
            match (record.see(info, name, selection.horizon), self.vacant) {
                (Some(seen), _) => {
                    properties.insert(name.to_owned(), json!(seen.text()));
                }
                (None, Vacant::Null) => {
                    properties.insert(name.to_owned(), Value::Null);
                }
                (None, Vacant::LeftOut) => {}
            }
        }
        properties
    }

    fn history(&self, kind: Kind, record: &Record, names: &[String]) -> Value {
        let mut history = Map::new();
        let names = sorted(names.iter().map(String::as_str));
        for name in names.into_iter().filter(|name| self.definitions(kind).get(name).is_some()) {
            let entries = record.history(name).map(|entry| {
                json!({
                    "value": entry.value,
                    "timestamp": instant_text(entry.at),
                    "sourceType": entry.source.wire(),
                })
            });
            history.insert(name.to_owned(), entries.collect());
        }
        Value::Object(history)
    }

    fn shown_associations(&self, kind: Kind, record: &Record, wanted: &[Kind]) -> Map<String, Value> {
        let mut associations = Map::new();
        for to in wanted {
            let mut results = Vec::new();
            let mut live = self
                .links
                .of((kind, record.id), *to)
                .filter(|(id, _)| self.store(*to).get(*id, Shelf::Live).is_some());
            for (id, types) in live.by_ref().take(ASSOCIATIONS_SHOWN_MAX) {
                let names = types.iter().filter_map(|key| self.link_types.get(*key));
                results.extend(names.map(|link_type| json!({"id": id.to_string(), "type": link_type.name})));
            }
            if results.is_empty() {
                continue;
            }
            let mut shown = json!({"results": results});
            if let Some((next, _)) = live.next() {
                shown["paging"] = json!({"next": {"after": next.to_string()}});
            }
            associations.insert(self.kinds.info(*to).association_key(), shown);
        }
        associations
    }
}

/// Everything but what was asked for.
fn bare(record: &Record, properties: Map<String, Value>, horizon: Timestamp) -> Map<String, Value> {
    let archived = record.archived.filter(|archived| *archived <= horizon);
    let mut body = Map::new();
    body.insert("id".into(), json!(record.id.to_string()));
    body.insert("properties".into(), Value::Object(properties));
    body.insert("createdAt".into(), json!(instant_text(record.created)));
    body.insert("updatedAt".into(), json!(instant_text(record.updated_by(horizon))));
    body.insert("archived".into(), json!(archived.is_some()));
    if let Some(archived) = archived {
        body.insert("archivedAt".into(), json!(instant_text(archived)));
    }
    body
}

/// HubSpot lists properties by name, each once.
fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
