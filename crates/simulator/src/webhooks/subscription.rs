//! What an app wants to be told of, facts §6.3 [SPEC Webhooks/147891/v3].

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::crm::change::{Change, What};

#[derive(Debug, Clone)]
pub struct Subscription {
    pub id: u64,
    /// `contact.propertyChange`
    pub event_type: String,
    pub property_name: Option<String>,
    /// For `object.*`.
    pub object_type_id: Option<String>,
    pub active: bool,
    pub created_at: Timestamp,
}

/// Prefixes and what can happen to them.
const PREFIXES: [&str; 7] = ["contact", "company", "deal", "ticket", "product", "line_item", "object"];
const HAPPENINGS: [&str; 5] = ["creation", "deletion", "propertyChange", "merge", "restore"];
const OTHERS: [&str; 7] = [
    "contact.privacyDeletion",
    "conversation.creation",
    "conversation.deletion",
    "conversation.newMessage",
    "conversation.privacyDeletion",
    "conversation.propertyChange",
    "event.completed",
];

/// One of the 48 event types.
pub(super) fn is_event_type(name: &str) -> bool {
    let (prefix, happening) = name.split_once('.').unwrap_or_default();
    let ordinary = PREFIXES.contains(&prefix) && HAPPENINGS.contains(&happening);
    let association = happening == "associationChange" && PREFIXES.contains(&prefix) && prefix != "product";
    ordinary || association || OTHERS.contains(&name)
}

impl Subscription {
    pub(super) fn wants(&self, change: &Change) -> bool {
        let (happening, property) = match &change.what {
            What::Creation => ("creation", None),
            What::Deletion => ("deletion", None),
            What::PrivacyDeletion => ("privacyDeletion", None),
            What::PropertyChange { name, .. } => ("propertyChange", Some(name)),
            What::Merge { .. } => ("merge", None),
            What::AssociationChange { .. } => ("associationChange", None),
        };
        let (prefix, wanted) = self.event_type.split_once('.').unwrap_or_default();
        let of_this_type = match prefix {
            "object" => self.object_type_id.as_ref() == Some(&change.object_type_id),
            other => other == change.prefix,
        };
        of_this_type
            && wanted == happening
            && property.is_none_or(|name| self.property_name.as_ref() == Some(name))
    }

    pub(super) fn shown(&self) -> Value {
        let mut shown = json!({
            "id": self.id.to_string(),
            "createdAt": self.created_at.to_string(),
            "eventType": self.event_type,
            "active": self.active,
        });
        if let Some(name) = &self.property_name {
            shown["propertyName"] = json!(name);
        }
        if let Some(id) = &self.object_type_id {
            shown["objectTypeId"] = json!(id);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_48_event_types() {
        let ordinary =
            PREFIXES.iter().flat_map(|prefix| HAPPENINGS.iter().map(move |name| format!("{prefix}.{name}")));
        let associations = PREFIXES.iter().map(|prefix| format!("{prefix}.associationChange"));
        let others = OTHERS.iter().map(|name| (*name).to_owned());
        let all = ordinary.chain(associations).chain(others);
        assert_eq!(all.filter(|name| is_event_type(name)).count(), 48);
        assert!(
            !is_event_type("product.associationChange")
                && !is_event_type("contact")
                && !is_event_type("x.creation")
        );
    }
}
