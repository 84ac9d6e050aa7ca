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
    assert_eq!((first.header("x-hubkeeper-source"), first.header("age")), (Some("live"), None));
    assert_eq!(
        again.header("x-hubkeeper-source"),
        Some("cache"),
        "it says that it is not HubSpot's word of now"
    );
    assert!(
        again.header("age").is_some_and(|age| age.parse::<u64>().is_ok()),
        "and how old it is: {again:?}"
    );
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

/// It is looked for by what HubSpot lets exist once, and answered as if nothing had happened.
#[tokio::test]
async fn a_create_whose_answer_was_lost_is_found_when_its_key_comes_again() {
    let town = Town::new().await;
    town.fault(json!({"kind": "reset", "applied": true, "method": "POST"})).await;
    let body = json!({"properties": {"firstname": "Ada", "email": "ada@example.com"}});
    assert_eq!(town.ask("POST", CONTACTS, &[KEY], &body).await.status, 502);
    town.mend().await;
    let again = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!((again.status, replayed(&again)), (201, Some("true")), "{again:?}");
    assert_eq!(parsed(&again)["properties"]["email"], "ada@example.com");
    assert_eq!(town.ask("POST", CONTACTS, &[KEY], &body).await.body, again.body, "and that is its answer");
    assert_eq!(town.applied().await.len(), 1);
}

/// A caller's own token is nowhere when its write's answer is lost; who comes with the key again brings it along.
#[tokio::test]
async fn a_token_that_is_no_connections_finds_what_it_made_too() {
    let another = "pat-na1-00000000-0000-4000-8000-00000000000f";
    let adjust = |start: crate::house::Start| {
        let start = start.env("HUBKEEPER__OUTBOX__STAMP_PROPERTY", "hubkeeper_stamp");
        start.env("HUBSPOT_ACCESS_TOKEN", another)
    };
    let town = Town::with(adjust).await;
    let property = json!({"name": "hubkeeper_stamp", "label": "Stamp", "groupName": "companyinformation",
        "type": "string", "fieldType": "text", "hasUniqueValue": true});
    assert_eq!(town.ask("POST", "/crm/v3/properties/companies", &[], &property).await.status, 201);
    let found = [
        (CONTACTS, json!({"properties": {"firstname": "Ada", "email": "ada@example.com"}})),
        ("/crm/v3/objects/companies", json!({"properties": {"name": "Analytical Engines"}})),
    ];
    for (path, body) in found {
        let key = format!("Idempotency-Key: {path}");
        town.fault(json!({"kind": "reset", "applied": true, "method": "POST", "path_prefix": path})).await;
        assert_eq!(town.ask("POST", path, &[&key], &body).await.status, 502);
        town.mend().await;
        let again = town.ask("POST", path, &[&key], &body).await;
        assert_eq!((again.status, replayed(&again)), (201, Some("true")), "{again:?}");
        let id = parsed(&again)["id"].clone();
        let of_this = |one: &Value| one["id"] == id && one["action"] == "create";
        let log = town.applied().await;
        let creates = log.iter().filter(|one| one["action"] == "create").count();
        assert_eq!(log.iter().filter(|one| of_this(one)).count(), 1, "{log:?}");
        assert!(creates <= 2, "nothing was made twice: {log:?}");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_made_when_its_key_comes_again() {
    let town = Town::new().await;
    town.fault(json!({"kind": "reset", "method": "POST"})).await;
    let body = json!({"properties": {"firstname": "Ada", "email": "ada@example.com"}});
    assert_eq!(town.ask("POST", CONTACTS, &[KEY], &body).await.status, 502);
    town.mend().await;
    let made = town.ask("POST", CONTACTS, &[KEY], &body).await;
    assert_eq!((made.status, replayed(&made)), (201, Some("false")), "{made:?}");
    assert_eq!(town.applied().await.len(), 1);
}

/// With a property for stamps that holds for every kind of record, and across a kill.
#[tokio::test]
async fn a_create_with_a_stamp_is_made_once_for_its_key_though_its_answer_was_lost_with_us() {
    let adjust =
        |start: crate::house::Start| start.env("HUBKEEPER__OUTBOX__STAMP_PROPERTY", "hubkeeper_stamp");
    let town = Town::with(adjust).await;
    let property = json!({"name": "hubkeeper_stamp", "label": "Stamp", "groupName": "companyinformation",
        "type": "string", "fieldType": "text", "hasUniqueValue": true});
    assert_eq!(town.ask("POST", "/crm/v3/properties/companies", &[], &property).await.status, 201);
    let companies = "/crm/v3/objects/companies";
    let body = json!({"properties": {"name": "Analytical Engines"}});
    town.fault(json!({"kind": "reset", "applied": true, "method": "POST", "path_prefix": companies})).await;
    assert_eq!(town.ask("POST", companies, &[KEY], &body).await.status, 502);
    town.mend().await;
    let Town { sim, up, data } = town;
    up.kill().await;
    let up = adjust(start(&sim, &data)).ready().await;
    let town = Town { sim, up, data };
    let again = town.ask("POST", companies, &[KEY], &body).await;
    assert_eq!((again.status, replayed(&again)), (201, Some("true")), "{again:?}");
    let made = town.applied().await.into_iter().filter(|one| one["object_type"] == "companies");
    // The property is in the log as well; records have numbers.
    let is_record = |id: &String| id.parse::<u64>().is_ok();
    let ids = made.filter_map(|one| one["id"].as_str().map(str::to_owned)).filter(is_record);
    let ids: std::collections::BTreeSet<String> = ids.collect();
    assert_eq!(ids, [parsed(&again)["id"].as_str().unwrap().to_owned()].into());
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
