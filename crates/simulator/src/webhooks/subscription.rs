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
