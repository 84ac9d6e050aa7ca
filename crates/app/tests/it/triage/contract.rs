//! The gateway tells its traffic and the diagnosis reads it, each with types of its own. Whatever the diagnosis reads must
//! be there, under the same name and with the same value.

use incident::facts::traffic::Traffic;
use serde_json::{Value, json};

use super::house::{Gateway, Simulator};

#[tokio::test]
async fn what_the_diagnosis_reads_is_what_the_gateway_tells() {
    let sim = Simulator::start(&["--contacts", "5"]).await;
    let gateway = Gateway::start(&sim).await;
    gateway.contact_ids().await;
    gateway.call("GET", "/crm/v3/objects/contacts/1", None).await;
    gateway.note(&json!({"kind": "deploy", "what": "crm-sync 1.8.0", "caller": "crm-sync"})).await;
    sim.fault(&json!({"kind": "reset"})).await;
    gateway.call("POST", "/crm/v3/objects/contacts", Some(&json!({"properties": {}}))).await;

    let told = gateway.traffic().await;
    let read: Traffic = serde_json::from_value(told.clone()).expect("the diagnosis can read the report");
    let groups = || read.groups.iter();
    assert!(
        groups().any(|group| !group.errors.is_empty()) && groups().any(|group| !group.transport.is_empty())
    );
    assert!(!read.connections.is_empty() && !read.changes.is_empty(), "{told:#}");
    is_told(&serde_json::to_value(&read).expect("facts serialise"), &told, "report");
}

/// The gateway may tell more than is read, never less or something else.
fn is_told(read: &Value, told: &Value, place: &str) {
    match (read, told) {
        (Value::Object(read), Value::Object(told)) => {
            for (name, value) in read {
                let place = format!("{place}.{name}");
                is_told(
                    value,
                    told.get(name).unwrap_or_else(|| panic!("the gateway tells no {place}")),
                    &place,
                );
            }
        }
        (Value::Array(read), Value::Array(told)) => {
            assert_eq!(read.len(), told.len(), "{place}");
            read.iter().zip(told).for_each(|(read, told)| is_told(read, told, place));
        }
        _ => assert_eq!(read, told, "{place}"),
    }
}
