//! Finding the record a call means, by its id or by a property that is unique.

use super::super::Crm;
use super::super::ask::Shelf;
use super::super::definition::Uniqueness;
use super::super::kind::Kind;
use super::super::record::{Record, RecordId};
use super::super::refusal::Refusal;

/// How a caller names records: by id unless `idProperty` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::crm) enum Handle {
    Id,
    Unique(String),
}

impl Crm {
    /// Reads `idProperty`; one whose values are not unique is refused.
    pub(in crate::crm) fn handle_of(&self, kind: Kind, id_property: Option<&str>) -> Result<Handle, Refusal> {
        let Some(name) = id_property.filter(|name| !name.is_empty() && *name != "hs_object_id") else {
            return Ok(Handle::Id);
        };
        let definition = self.definitions(kind).get(name);
        match definition.map(|definition| definition.uniqueness) {
            Some(Uniqueness::Unique) => Ok(Handle::Unique(name.to_owned())),
            Some(Uniqueness::Shared) => Err(Refusal::invalid(format!(
                "Property '{name}' cannot be used as idProperty because its values are not unique"
            ))),
            None => Err(Refusal::invalid(format!("Property '{name}' does not exist"))),
        }
    }

    /// The record behind a handle; merged-away ids lead to the survivor, facts §3.3.
    pub(in crate::crm) fn locate(
        &self,
        kind: Kind,
        handle: &Handle,
        id: &str,
        shelf: Shelf,
    ) -> Option<&Record> {
        match handle {
            Handle::Id => self.store(kind).resolve(RecordId::parse(id)?, shelf),
            Handle::Unique(property) => match shelf {
                Shelf::Live => self.store(kind).get(self.store(kind).holder(property, id)?, shelf),
                Shelf::Archived => {
                    let mut archived = self.store(kind).page(RecordId(0), shelf);
                    archived
                        .find(|record| record.get(property).is_some_and(|own| own.eq_ignore_ascii_case(id)))
                }
            },
        }
    }
}

/// 404 for a record that is not there; the text is observed, unconfirmed (facts §2.2).
pub(in crate::crm) fn missing() -> Refusal {
    Refusal::not_found("resource not found")
}
