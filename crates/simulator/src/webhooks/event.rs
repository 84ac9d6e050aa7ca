//! An event as HubSpot writes it, facts §6.4 [DOC api/webhooks].

use serde_json::{Value, json};

use super::subscription::Subscription;
use crate::crm::change::{Change, What};

/// The event of a change for a subscription.
pub(super) fn of_change(
    change: &Change,
    subscription: &Subscription,
    event_id: u64,
    app_id: u64,
    portal_id: u64,
) -> Value {
    let mut event = json!({
        "eventId": event_id,
        "subscriptionId": subscription.id,
        "portalId": portal_id,
        "appId": app_id,
        "occurredAt": change.at.as_millisecond(),
        "subscriptionType": subscription.event_type,
        "attemptNumber": 0,
        "objectId": change.object_id,
        "changeSource": "INTEGRATION",
        "sourceId": app_id.to_string(),
    });
    if subscription.event_type.starts_with("object.") {
        event["objectTypeId"] = json!(change.object_type_id);
    }
    match &change.what {
        What::Creation => event["changeFlag"] = json!("NEW"),
        What::Deletion | What::PrivacyDeletion => event["changeFlag"] = json!("DELETED"),
        What::PropertyChange { name, value } => {
            event["propertyName"] = json!(name);
            event["propertyValue"] = json!(value);
            event["isSensitive"] = json!(false);
        }
        What::Merge { primary, merged, properties_moved } => {
            event["primaryObjectId"] = json!(primary);
            event["mergedObjectIds"] = json!(merged);
            event["newObjectId"] = json!(change.object_id);
            event["numberOfPropertiesMoved"] = json!(properties_moved);
        }
        What::AssociationChange { to_object_id, to_prefix, removed } => {
            if let Some(fields) = event.as_object_mut() {
                fields.shift_remove("objectId");
            }
            let kinds = format!("{}_TO_{}", change.prefix.to_uppercase(), to_prefix.to_uppercase());
            event["associationType"] = json!(kinds);
            event["fromObjectId"] = json!(change.object_id);
            event["toObjectId"] = json!(to_object_id);
            event["associationRemoved"] = json!(removed);
            event["isPrimaryAssociation"] = json!(false);
        }
    }
    event
}

/// The same event, delivered once more.
pub(super) fn with_attempt(mut event: Value, attempt: u32) -> Value {
    event["attemptNumber"] = json!(attempt);
    event
}
