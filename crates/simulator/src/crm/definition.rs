//! What a property is: its type, its options, whether it may be written, whether its values are unique.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::record::Name;

/// The value types of facts §3.5 [SPEC `PropertyCreate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    Bool,
    Date,
    DateTime,
    Enumeration,
    Number,
    PhoneNumber,
    Text,
}

/// May an API caller set the value?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Writable,
    ReadOnly,
}

/// Whose definition it is: HubSpot's cannot be archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    HubSpot,
    Portal,
}

/// Whether two records may share a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uniqueness {
    Shared,
    Unique,
}

/// What an enumeration's value must be one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choices {
    /// The definition's own options.
    Listed(Vec<Choice>),
    /// The portal's pipelines of this object type.
    Pipelines,
    /// The stages of those pipelines.
    Stages,
    /// The portal's active owners.
    Owners,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) description: Option<String>,
    pub(super) display_order: i64,
    pub(super) hidden: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) name: Name,
    pub(super) label: String,
    pub(super) description: String,
    pub(super) group: String,
    pub(super) value_type: ValueType,
    /// `text`, `select`, `checkbox`, …: the wire's own word, checked on create.
    pub(super) field_type: String,
    pub(super) choices: Choices,
    pub(super) access: Access,
    pub(super) author: Author,
    pub(super) uniqueness: Uniqueness,
    pub(super) display_order: i64,
    pub(super) hidden: bool,
    pub(super) form_field: bool,
    pub(super) created: Option<Timestamp>,
    pub(super) updated: Option<Timestamp>,
    pub(super) archived: Option<Timestamp>,
}

/// A heading properties are listed under.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) display_order: i64,
    pub(super) archived: bool,
}

/// The properties of one object type.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    by_name: BTreeMap<Name, Definition>,
    pub(super) groups: Vec<Group>,
    /// Taken out of sight by an admin, values and all, until shown again.
    vanished: BTreeSet<String>,
}

impl ValueType {
    pub(super) const ALL: [Self; 7] = [
        Self::Bool,
        Self::Date,
        Self::DateTime,
        Self::Enumeration,
        Self::Number,
        Self::PhoneNumber,
        Self::Text,
    ];

    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Enumeration => "enumeration",
            Self::Number => "number",
            Self::PhoneNumber => "phone_number",
            Self::Text => "string",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value_type| value_type.wire() == word)
    }
}

impl Definition {
    /// A `;`-joined set rather than one value.
    pub(super) fn takes_many(&self) -> bool {
        self.value_type == ValueType::Enumeration && self.field_type == "checkbox"
    }
}

impl Definitions {
    /// The live definition callers may use.
    pub(super) fn get(&self, name: &str) -> Option<&Definition> {
        self.by_name
            .get(name)
            .filter(|definition| definition.archived.is_none() && !self.vanished.contains(name))
    }

    /// Live or archived, never vanished.
    pub(super) fn any(&self, name: &str) -> Option<&Definition> {
        self.by_name.get(name).filter(|_| !self.vanished.contains(name))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Definition> {
        if self.vanished.contains(name) {
            return None;
        }
        self.by_name.get_mut(name)
    }

    /// Live and archived alike, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.by_name.values().filter(|definition| !self.vanished.contains(&*definition.name))
    }

    pub(super) fn put(&mut self, definition: Definition) {
        self.by_name.insert(Arc::clone(&definition.name), definition);
    }

    pub(super) fn hide(&mut self, name: &str) {
        self.vanished.insert(name.to_owned());
    }

    pub(super) fn show(&mut self, name: &str) {
        self.vanished.remove(name);
    }
}
