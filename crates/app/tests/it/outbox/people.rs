//! Dead letters, and what people do with them: by the command line and by the admin API.

use serde_json::{Value, json};

use super::Town;
use crate::house::{Ended, Start, ask};

const ASYNC: &str = "Prefer: respond-async";

async fn outbox(town: &Town, arguments: &[&str]) -> Ended {
    let start = Start::new(&["outbox"]).args(arguments).args(&["--admin", town.up.admin()]);
    start.ended().await
}

async fn dead_letter(town: &Town) -> String {
    let body = json!({"properties": {"no_such_property": "x"}});
    let accepted = town.ask("POST", "/crm/v3/objects/contacts", &[ASYNC], &body).await;
    let settled = town.settled(accepted.header("location").unwrap()).await;
    assert_eq!(settled["state"], "dead", "{settled:#}");
    settled["id"].as_str().unwrap().to_owned()
}

fn printed(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test]
async fn a_dead_letter_is_listed_shown_changed_and_replayed() {
    let town = Town::new().await;
    let id = dead_letter(&town).await;
    let listed = outbox(&town, &["list", "--state", "dead", "--json"]).await;
    assert_eq!(listed.code, Some(1), "it waits for a person: {listed:?}");
    assert_eq!(printed(&listed)["operations"][0]["id"], id.as_str());
    assert!(
        !listed.stdout.contains("no_such_property"),
        "a list tells nothing of what was written: {listed:?}"
    );
    let shown = printed(&outbox(&town, &["show", &id, "--json"]).await);
    assert_eq!(shown["body"]["properties"]["no_such_property"], "x", "{shown:#}");
    assert_eq!(shown["attempts"].as_array().unwrap().len(), 1);
    let good = town.data.path().join("good.json");
    std::fs::write(&good, json!({"properties": {"firstname": "Ada"}}).to_string()).unwrap();
    let replayed = outbox(&town, &["replay", &id, "--body", good.to_str().unwrap()]).await;
    assert_eq!((replayed.code, replayed.stdout.trim()), (Some(0), "1 replayed"), "{replayed:?}");
    let settled = town.settled(&format!("/operations/{id}")).await;
    assert_eq!(
        (&settled["state"], &settled["result"]["status"]),
        (&json!("applied"), &json!(201)),
        "{settled:#}"
    );
    assert_eq!(
        settled["attempts"].as_array().unwrap().len(),
        3,
        "its history stays: refused, replayed, applied"
    );
    let again = outbox(&town, &["replay", &id]).await;
    assert_eq!((again.code, again.stderr.contains("applied")), (Some(1), true), "{again:?}");
    let listed = outbox(&town, &["list"]).await;
    assert_eq!((listed.code, listed.stdout.contains("1 applied, 0 dead")), (Some(0), true), "{listed:?}");
}

#[tokio::test]
async fn operations_are_changed_by_filter_and_never_all_at_once() {
    let town = Town::new().await;
    for _ in 0..3 {
        dead_letter(&town).await;
    }
    assert_eq!(outbox(&town, &["drop"]).await.code, Some(2), "all at once is never meant");
    let dropped = outbox(&town, &["drop", "--state", "dead"]).await;
    assert_eq!((dropped.code, dropped.stdout.trim()), (Some(0), "3 dropped"), "{dropped:?}");
    let report = ask(town.up.admin(), "GET", "/api/v1/outbox", &[], "").await.json();
    assert_eq!(report["operations"]["dead"], 0, "{report:#}");
    let metrics = ask(town.up.admin(), "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("hubkeeper_outbox_settled_total{state=\"dead\"} 3"), "{metrics}");
    assert_eq!(outbox(&town, &["show", "not-an-id"]).await.code, Some(2));
    assert_eq!(outbox(&town, &["list", "--state", "lost"]).await.code, Some(2));
}

#[tokio::test]
async fn what_waits_is_cancelled_by_its_caller_or_by_a_person() {
    let town = Town::new().await;
    let id = town.contact().await;
    let degraded = json!({"on": true, "reason": "a drill"}).to_string();
    ask(town.up.admin(), "POST", "/api/v1/degraded", &["Content-Type: application/json"], &degraded).await;
    let target = format!("/crm/v3/objects/contacts/{id}");
    let body = json!({"properties": {"firstname": "never"}});
    // The first one is taken, and put back; those behind it wait.
    let mut locations = Vec::new();
    for _ in 0..3 {
        let accepted = town.ask("PATCH", &target, &[ASYNC], &body).await;
        locations.push(accepted.header("location").unwrap().to_owned());
    }
    let taken_back = town.ask("DELETE", &locations[2], &[], &Value::Null).await;
    assert_eq!((taken_back.status, taken_back.json()["state"].clone()), (200, json!("cancelled")));
    let cancelled = outbox(&town, &["cancel", locations[1].strip_prefix("/operations/").unwrap()]).await;
    assert_eq!((cancelled.code, cancelled.stdout.trim()), (Some(0), "1 cancelled"), "{cancelled:?}");
    let ended = town.up.stop().await;
    assert!(ended.stderr.contains("an accepted write was cancelled"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("never"), "no content in the log");
}

#[tokio::test]
async fn without_a_gateway_nothing_can_be_told() {
    let ended = Start::new(&["outbox", "list", "--admin", "http://127.0.0.1:9"]).ended().await;
    assert_eq!((ended.code, ended.stderr.contains("hubkeeper up")), (Some(3), true), "{ended:?}");
}

#[tokio::test]
async fn a_gateway_without_a_store_says_what_it_needs() {
    let up = Start::up("http://127.0.0.1:9").ready().await;
    let ended = Start::new(&["outbox", "--admin", up.admin(), "list"]).ended().await;
    assert_eq!(
        (ended.code, ended.stderr.contains("hint: start it with --data")),
        (Some(2), true),
        "{ended:?}"
    );
    up.stop().await;
}
