//! `Prefer: respond-async` and the operation behind it.

use serde_json::{Value, json};

use super::{Town, parsed, start};
use crate::house::{Start, ask};

const ASYNC: &str = "Prefer: respond-async";

fn named(name: &str) -> Value {
    json!({"properties": {"firstname": name}})
}

#[tokio::test]
async fn a_write_is_accepted_applied_and_told_of() {
    let town = Town::new().await;
    let id = town.contact().await;
    let target = format!("/crm/v3/objects/contacts/{id}");
    let accepted = town.ask("PATCH", &target, &[ASYNC], &named("Ada")).await;
    assert_eq!((accepted.status, accepted.header("preference-applied")), (202, Some("respond-async")));
    let location = accepted.header("location").unwrap().to_owned();
    assert_eq!(location, format!("/operations/{}", parsed(&accepted)["id"].as_str().unwrap()));
    let settled = town.settled(&location).await;
    assert_eq!(
        (&settled["state"], &settled["result"]["status"]),
        (&json!("applied"), &json!(200)),
        "{settled:#}"
    );
    assert_eq!(settled["attempts"][0]["outcome"], "applied");
    let read = town.ask("GET", &target, &[], &Value::Null).await;
    assert_eq!(parsed(&read)["properties"]["firstname"], "Ada");
    town.up.stop().await;
}

#[tokio::test]
async fn what_hubspot_refuses_is_a_dead_letter_with_its_reason() {
    let town = Town::new().await;
    let accepted = town.ask("PATCH", "/crm/v3/objects/contacts/999999", &[ASYNC], &named("Ada")).await;
    let settled = town.settled(accepted.header("location").unwrap()).await;
    assert_eq!(settled["state"], "dead", "{settled:#}");
    assert!(settled["reason"].as_str().unwrap().starts_with("not_found"), "{settled:#}");
    assert!(settled["attempts"][0]["correlation_id"].is_string(), "{settled:#}");
}

/// Longer than what is kept, it would go on as it comes, and break off at the limit.
#[tokio::test]
async fn a_write_over_the_limit_is_refused_before_hubspot_sees_any_of_it() {
    let town = Town::with(|start| start.gateway("body_bytes_max", "5000000")).await;
    let long = named(&"x".repeat(5_000_000));
    for headers in [&[ASYNC][..], &[]] {
        let answer = town.ask("POST", "/crm/v3/objects/contacts", headers, &long).await;
        answer.refusal(413, "HUBKEEPER_BODY_TOO_LARGE");
    }
    town.up.stop().await;
}

#[tokio::test]
async fn an_operation_is_its_callers_alone() {
    let town = Town::new().await;
    let id = town.contact().await;
    let accepted =
        town.ask("PATCH", &format!("/crm/v3/objects/contacts/{id}"), &[ASYNC], &named("Ada")).await;
    let location = accepted.header("location").unwrap();
    let other = ask(town.up.url(), "GET", location, &["Authorization: Bearer pat-na1-another"], "").await;
    other.refusal(404, "HUBKEEPER_NO_SUCH_OPERATION");
    ask(town.up.url(), "GET", location, &[], "").await.refusal(401, "HUBKEEPER_UNKNOWN_CALLER");
}

/// RFC 7240: a preference may be left alone. Without the token there is nothing to apply the write with later.
#[tokio::test]
async fn a_write_with_a_token_that_is_not_ours_goes_at_once() {
    let sim = Start::sim().ready().await;
    let data = tempfile::tempdir().unwrap();
    let up = start(&sim, &data).env("HUBSPOT_ACCESS_TOKEN", "pat-na1-another").ready().await;
    let authorization = format!("Authorization: Bearer {}", sim.token());
    let body = named("Ada").to_string();
    let made = ask(up.url(), "POST", "/crm/v3/objects/contacts", &[&authorization, ASYNC], &body).await;
    assert_eq!((made.status, made.header("preference-applied")), (201, None));
}

#[tokio::test]
async fn without_a_store_nothing_is_kept_and_calls_go_as_ever() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).env("HUBSPOT_ACCESS_TOKEN", sim.token()).ready().await;
    let authorization = format!("Authorization: Bearer {}", sim.token());
    let body = named("Ada").to_string();
    let made = ask(up.url(), "POST", "/crm/v3/objects/contacts", &[&authorization, ASYNC], &body).await;
    assert_eq!((made.status, made.header("preference-applied")), (201, None));
    let ended = up.stop().await;
    assert!(ended.stderr.contains("--data"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_was_accepted_outlives_a_kill_and_an_outage() {
    let Town { sim, up, data } = Town::new().await;
    let town = Town { sim, up, data };
    let id = town.contact().await;
    town.fault(json!({"kind": "hubspot.outage_unlisted"})).await;
    let target = format!("/crm/v3/objects/contacts/{id}");
    let mut locations = Vec::new();
    for name in ["one", "two", "three"] {
        let accepted = town.ask("PATCH", &target, &[ASYNC], &named(name)).await;
        assert_eq!(accepted.status, 202, "{accepted:?}");
        locations.push(accepted.header("location").unwrap().to_owned());
    }
    let Town { sim, up, data } = town;
    up.kill().await;
    let up = start(&sim, &data).ready().await;
    let town = Town { sim, up, data };
    town.mend().await;
    for location in &locations {
        assert_eq!(town.settled(location).await["state"], "applied");
    }
    let updates = town.applied().await.iter().filter(|one| one["action"] == "update").count();
    assert_eq!(updates, 3);
    let read = town.ask("GET", &format!("{target}?propertiesWithHistory=firstname"), &[], &Value::Null).await;
    let history = parsed(&read)["propertiesWithHistory"]["firstname"].clone();
    let values: Vec<_> =
        history.as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["three", "two", "one", "a"], "in the order of their acceptance, the latest first");
}

#[tokio::test]
async fn on_a_route_with_queue_a_write_waits_while_hubspot_is_away_and_is_not_overtaken() {
    let town = Town::with(|start| start.file("hubkeeper.toml", QUEUE)).await;
    let id = town.contact().await;
    let target = format!("/crm/v3/objects/contacts/{id}");
    let degrade = |on: bool| json!({"on": on, "reason": "a drill"}).to_string();
    let json = ["Content-Type: application/json"];
    assert_eq!(town.ask("PATCH", &target, &[], &named("live")).await.status, 200, "HubSpot is there");
    ask(town.up.admin(), "POST", "/api/v1/degraded", &json, &degrade(true)).await;
    let kept = town.ask("PATCH", &target, &[], &named("kept")).await;
    assert_eq!((kept.status, kept.header("preference-applied")), (202, Some("respond-async")), "{kept:?}");
    let memory_alone = ["Cache-Control: only-if-cached"];
    let unsent = town.ask("PATCH", &target, &memory_alone, &named("unsent")).await;
    unsent.refusal(504, "HUBKEEPER_NOT_KEPT");
    ask(town.up.admin(), "POST", "/api/v1/degraded", &json, &degrade(false)).await;
    let later = town.ask("PATCH", &target, &[], &named("later")).await;
    if later.status == 202 {
        town.settled(later.header("location").unwrap()).await;
    }
    assert_eq!(town.settled(kept.header("location").unwrap()).await["state"], "applied");
    let read = town.ask("GET", &target, &[], &Value::Null).await;
    assert_eq!(parsed(&read)["properties"]["firstname"], "later", "what was asked for last is there");
}

const QUEUE: &str = r#"
[[routes]]
path = "/crm/v3/objects/**"
on_outage = "queue"
"#;
