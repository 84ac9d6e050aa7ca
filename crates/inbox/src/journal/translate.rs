//! An event of the journal in the words of a webhook, so that whoever handles the one handles the other.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::event::kind_name;

/// One for each property that changed, else one; none for what webhooks have no words for. `None` where it does not tell
/// when it occurred: then it is nothing that we know.
pub(super) fn events(entry: &Value, app_id: Option<u64>) -> Option<Vec<Value>> {
    let base = base(entry, app_id)?;
    let prefix = prefix(entry);
    let of = |what: &str, more: &[(&str, Value)]| {
        let mut event = base.clone();
        event.insert("subscriptionType".into(), Value::from(format!("{prefix}.{what}")));
        if prefix == "object" {
            event.insert("objectTypeId".into(), entry["objectTypeId"].clone());
        }
        event.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(event)
    };
    Some(match entry["action"].as_str().unwrap_or_default() {
        "CREATE" => vec![of("creation", &[("changeFlag", json!("NEW"))])],
        "DELETE" => vec![of("deletion", &[("changeFlag", json!("DELETED"))])],
        "RESTORE" => vec![of("restore", &[])],
        "GDPR_DELETE" => vec![of("privacyDeletion", &[("changeFlag", json!("DELETED"))])],
        "MERGE" => {
            let fields = ["primaryObjectId", "mergedObjectIds"].map(|name| (name, entry[name].clone()));
            vec![of("merge", &fields)]
        }
        "UPDATE" => {
            let changes = entry["propertyChanges"].as_object().into_iter().flatten();
            let change = |(name, value): (&String, &Value)| {
                of("propertyChange", &[("propertyName", json!(name)), ("propertyValue", value.clone())])
            };
            changes.map(change).collect()
        }
        action @ ("ASSOCIATION_ADDED" | "ASSOCIATION_REMOVED") => {
            let mut event = of(
                "associationChange",
                &[
                    ("associationType", entry["associationType"].clone()),
                    ("fromObjectId", entry["objectId"].clone()),
                    ("toObjectId", entry["associatedObjectId"].clone()),
                    ("associationRemoved", json!(action == "ASSOCIATION_REMOVED")),
                ],
            );
            if let Some(fields) = event.as_object_mut() {
                fields.remove("objectId");
            }
            vec![event]
        }
        _ => Vec::new(),
    })
}

fn base(entry: &Value, app_id: Option<u64>) -> Option<Map<String, Value>> {
    let at: Timestamp = entry["occurredAt"].as_str()?.parse().ok()?;
    let mut base = json!({
        "portalId": entry["portalId"],
        "occurredAt": at.as_millisecond(),
        "attemptNumber": 0,
        "objectId": entry["objectId"],
        "changeSource": "WEBHOOKS_JOURNAL",
    });
    if let Some(app_id) = app_id {
        base["appId"] = json!(app_id);
    }
    base.as_object().cloned()
}

/// The word that a subscription to this very kind would have.
fn prefix(entry: &Value) -> &'static str {
    kind_name(entry["objectTypeId"].as_str().unwrap_or_default()).unwrap_or("object")
}
