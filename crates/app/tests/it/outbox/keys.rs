//! `Idempotency-Key` on writes that are sent at once, and on those that are kept.

use serde_json::{Value, json};

use super::{Town, parsed, start};
use crate::house::ask;

const CONTACTS: &str = "/crm/v3/objects/contacts";
const KEY: &str = "Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9324";

fn replayed(answer: &crate::house::Answer) -> Option<&str> {
    answer.header("idempotent-replayed")
}

#[tokio::test]
async fn the_same_write_gets_the_same_answer_and_is_made_once() {
    let town = Town::new().await;
    let body = json!({"properties": {"firstname": "Ada"}});
    let first = town.ask("POST", CONTACTS, &[KEY], &body).await;
    let again = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!((first.status, replayed(&first)), (201, Some("false")));
    assert_eq!((again.status, replayed(&again)), (201, Some("true")));
    assert_eq!(first.body, again.body);
    let other = town.ask("POST", CONTACTS, &[KEY], &json!({"properties": {"firstname": "Grace"}})).await;
    other.refusal(422, "HUBKEEPER_KEY_USED_OTHERWISE");
    assert_eq!(town.applied().await.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_an_answer_too_and_a_key_outlives_a_kill() {
    let town = Town::new().await;
    let body = json!({"properties": {"no_such_property": "x"}});
    let first = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!(first.status, 400, "{first:?}");
    let Town { sim, up, data } = town;
    up.kill().await;
    let up = start(&sim, &data).ready().await;
    let town = Town { sim, up, data };
    let again = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!((again.status, replayed(&again), &again.body), (400, Some("true"), &first.body));
}

#[tokio::test]
async fn a_key_with_an_accepted_write_names_the_same_operation() {
    let town = Town::new().await;
    let body = json!({"properties": {"firstname": "Ada"}});
    let first = town.ask("POST", CONTACTS, &[KEY, "Prefer: respond-async"], &body).await;
    let again = town.ask("POST", CONTACTS, &[KEY, "Prefer: respond-async"], &body).await;
    assert_eq!((first.status, again.status), (202, 202));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(town.settled(first.header("location").unwrap()).await["state"], "applied");
    assert_eq!(town.applied().await.len(), 1);
}

/// The answer is lost after HubSpot has made the contact: nobody may be told that it was not made, and it is not made twice.
#[tokio::test]
async fn a_create_whose_answer_was_lost_is_in_doubt_and_stays_so() {
    let town = Town::new().await;
    town.fault(json!({"kind": "reset", "applied": true, "method": "POST"})).await;
    let body = json!({"properties": {"firstname": "Ada"}});
    let first = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!(first.status, 502, "{first:?}");
    town.mend().await;
    let again = town.ask("POST", CONTACTS, &[KEY], &body).await;
    again.refusal(409, "HUBKEEPER_OUTCOME_UNKNOWN");
    assert_eq!(town.applied().await.len(), 1);
}

#[tokio::test]
async fn what_was_surely_not_sent_may_be_sent_again_with_its_key() {
    let town = Town::new().await;
    let degrade = |on: bool| json!({"on": on, "reason": "a drill"}).to_string();
    ask(town.up.admin(), "POST", "/api/v1/degraded", &["Content-Type: application/json"], &degrade(true))
        .await;
    let body = json!({"properties": {"firstname": "Ada"}});
    let refused = town.ask("POST", CONTACTS, &[KEY], &body).await;
    refused.refusal(503, "HUBKEEPER_DEGRADED");
    ask(town.up.admin(), "POST", "/api/v1/degraded", &["Content-Type: application/json"], &degrade(false))
        .await;
    let made = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!((made.status, replayed(&made)), (201, Some("false")), "{made:?}");
    assert_eq!(parsed(&made)["properties"]["firstname"], Value::from("Ada"));
}
