//! Degraded mode by switch: HubSpot is not asked, callers are told so, and it ends as it began.

use serde_json::{Value, json};

use crate::house::{Answer, Program, Start, Upstream, ask, json_answer};

const CONTACT: &str = "/crm/v3/objects/contacts/1";
const OTHER_CONTACT: &str = "/crm/v3/objects/contacts/2";
const OWNERS: &str = "/crm/v3/owners";
const TOKEN: &str = "Authorization: Bearer pat-na1-00000000-0000-4000-8000-000000000000";

async fn switch(up: &Program, wish: Value) -> Answer {
    let headers = ["Content-Type: application/json"];
    ask(up.admin(), "POST", "/api/v1/degraded", &headers, &wish.to_string()).await
}

async fn get(up: &Program, path: &str) -> Answer {
    ask(up.url(), "GET", path, &[TOKEN], "").await
}

#[tokio::test]
async fn by_switch_hubspot_is_left_alone_until_it_is_switched_back() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", r#"{"id":"1"}"#)]).await;
    let up = Start::up(&upstream.url).ready().await;
    assert_eq!(get(&up, CONTACT).await.status, 200);
    let on =
        json!({"connection": null, "family": "objects", "on": true, "reason": "records are being moved"});
    let state = switch(&up, on).await.json();
    assert_eq!(state["switches"][0]["family"], "objects", "{state}");

    let asked = || upstream.heard().iter().filter(|heard| heard.request_line().contains("/objects/")).count();
    let before = asked();
    // What is kept is served, and says so.
    let kept = get(&up, CONTACT).await;
    assert_eq!((kept.status, kept.header("x-hubkeeper-source")), (200, Some("stale")), "{kept:?}");
    assert!(kept.header("age").is_some(), "{kept:?}");
    let refused = get(&up, OTHER_CONTACT).await;
    let message = refused.refusal(503, "HUBKEEPER_DEGRADED");
    assert!(message.contains("records are being moved"), "{message}");
    assert_eq!(refused.header("retry-after"), Some("30"));
    let written = ask(up.url(), "PATCH", CONTACT, &[TOKEN, "Content-Type: application/json"], "{}").await;
    written.refusal(503, "HUBKEEPER_DEGRADED");
    assert_eq!(asked(), before, "HubSpot was asked");
    assert_eq!(get(&up, OWNERS).await.status, 200, "another family is not concerned");

    let state = switch(&up, json!({"on": false, "reason": "done"})).await.json();
    let live = get(&up, CONTACT).await;
    assert_eq!((live.status, live.header("x-hubkeeper-source")), (200, Some("live")), "{live:?}");
    assert_eq!(state["switches"], json!([]));
    let lines = state["changes"].as_array().unwrap().iter();
    let lines: Vec<_> = lines.map(|line| (line["by"].clone(), line["turned"].clone())).collect();
    assert_eq!(lines, [(json!("person"), json!("on")), (json!("person"), json!("off"))]);
    let told = up.stop().await.stderr;
    assert!(told.contains("degraded mode is on") && told.contains("degraded mode is off"), "{told}");
}

#[tokio::test]
async fn a_switch_that_makes_no_sense_is_refused_with_a_hint() {
    let up = Start::up(&Upstream::nobody().await).ready().await;
    for (wish, hint) in [
        (json!({"on": true}), "reason"),
        (json!({"on": true, "family": "serach", "reason": "x"}), "search"),
        (json!({"on": true, "reason": "x".repeat(400)}), "300"),
    ] {
        let answer = switch(&up, wish).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains(hint), "{answer:?}");
    }
    let state = ask(up.admin(), "GET", "/api/v1/degraded", &[], "").await.json();
    assert_eq!(state, json!({"schema": 1, "switches": [], "automatic": [], "changes": []}));
    up.stop().await;
}

#[tokio::test]
async fn the_configuration_may_begin_with_it() {
    let up = Start::up(&Upstream::nobody().await)
        .env("HUBKEEPER__DEGRADED__ON", "true")
        .env("HUBKEEPER__DEGRADED__REASON", "maintenance")
        .ready()
        .await;
    let message = get(&up, CONTACT).await.refusal(503, "HUBKEEPER_DEGRADED");
    assert!(message.contains("maintenance"), "{message}");
    up.stop().await;
}

/// A family that fails is left alone by itself; the admin API shows it, and so does the list of changes.
#[tokio::test]
async fn a_failing_family_is_degraded_by_itself() {
    let upstream = Upstream::start(|_| vec![json_answer("500 Internal Server Error", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("retries", "false").ready().await;
    let mut answer = get(&up, CONTACT).await;
    for _ in 0..4 {
        assert_eq!(answer.status, 500);
        answer = get(&up, CONTACT).await;
    }
    // On a slow machine its first pause is over before the next call comes, and that one asks how it is.
    for _ in 0..50 {
        if answer.status != 500 {
            break;
        }
        answer = get(&up, CONTACT).await;
    }
    answer.refusal(503, "HUBKEEPER_BREAKER_OPEN");
    let state = ask(up.admin(), "GET", "/api/v1/degraded", &[], "").await.json();
    assert_eq!(state["automatic"][0]["family"], "objects", "{state}");
    assert_eq!(state["changes"][0]["by"], "breaker", "{state}");
    up.stop().await;
}
