//! An event of the journal in the words of a webhook, so that whoever handles the one handles the other.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// HubSpot's ids of the kinds that webhooks have names for. facts §3.2 (object type ids), §6.3 (event types).
const PREFIXES: [(&str, &str); 6] = [
    ("0-1", "contact"),
    ("0-2", "company"),
    ("0-3", "deal"),
    ("0-5", "ticket"),
    ("0-7", "product"),
    ("0-8", "line_item"),
];

/// One for each property that changed, else one; none for what webhooks have no words for.
pub(super) fn events(entry: &Value) -> Vec<Value> {
    let Some(base) = base(entry) else { return Vec::new() };
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
    match entry["action"].as_str().unwrap_or_default() {
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
                fields.shift_remove("objectId");
            }
            vec![event]
        }
        _ => Vec::new(),
    }
}

fn base(entry: &Value) -> Option<Map<String, Value>> {
    let at: Timestamp = entry["occurredAt"].as_str()?.parse().ok()?;
    let base = json!({
        "portalId": entry["portalId"],
        "occurredAt": at.as_millisecond(),
        "attemptNumber": 0,
        "objectId": entry["objectId"],
        "changeSource": "WEBHOOKS_JOURNAL",
    });
    base.as_object().cloned()
}

fn prefix(entry: &Value) -> &'static str {
    let kind = entry["objectTypeId"].as_str().unwrap_or_default();
    PREFIXES.iter().find(|(id, _)| *id == kind).map_or("object", |(_, prefix)| prefix)
}
