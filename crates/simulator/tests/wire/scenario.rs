//! Stories of faults, and the faults that came with them.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::oauth::{form, refresh};

const DETAILS: &str = "/account-info/v3/details";

#[tokio::test(start_paused = true)]
async fn a_story_breaks_things_in_their_time() {
    let bench = Bench::new();
    let story = json!({
        "title": "t", "cause": ["hubspot.outage_unlisted"], "look_at_s": 100,
        "steps": [
            {"at_s": 10, "fault": {"kind": "hubspot.outage_unlisted", "for_seconds": 20}},
            {"at_s": 15, "change": {"kind": "deploy", "what": "x", "caller": null}},
            {"at_s": 20, "fault": {"kind": "status.incident", "component": "APIs"}},
        ],
    });
    let began = bench.sim("POST scenario", &story).await;
    assert_eq!((began.status, began.body["faults"].as_array().map(Vec::len)), (201, Some(2)));
    assert_eq!(bench.get(DETAILS).await.status, 200);
    bench.pass(12).await;
    assert!(bench.get(DETAILS).await.status >= 500);
    let page = || bench.anonymous("GET /_status/api/v2/summary.json", &Value::Null);
    assert_eq!(page().await.body["incidents"].as_array().map(Vec::len), Some(0), "the page is behind");
    bench.pass(20).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert_eq!(page().await.body["incidents"][0]["components"][0]["name"], "APIs");
    let told = bench.sim("GET scenario", &Value::Null).await;
    assert_eq!(told.body["scenario"]["cause"], json!(["hubspot.outage_unlisted"]));
}

#[tokio::test(start_paused = true)]
async fn a_story_with_one_bad_step_is_refused_whole() {
    let bench = Bench::new();
    let steps = json!([{"at_s": 0, "fault": {"kind": "F21"}}, {"at_s": 1, "fault": {"kind": "F99"}}]);
    let story = json!({"title": "t", "cause": [], "look_at_s": 1, "steps": steps});
    let refused = bench.sim("POST scenario", &story).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    assert_eq!(bench.get(DETAILS).await.status, 200);
    let odd = bench.sim("POST scenario", &json!({"title": "t"})).await;
    assert!(
        odd.body["error"].as_str().is_some_and(|error| error.starts_with("not a scenario")),
        "{}",
        odd.text
    );
}

#[tokio::test(start_paused = true)]
async fn f02_the_old_token_is_dead_and_the_new_one_works() {
    let bench = Bench::new();
    bench.break_by("F02").await;
    let refused = bench.get(DETAILS).await;
    assert_eq!((refused.status, refused.category()), (401, "INVALID_AUTHENTICATION"));
    let new = bench.register(&json!({})).await;
    assert_eq!(bench.get_as(new["token"].as_str().expect("a token"), DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f05_an_uninstalled_app_gets_neither_tokens_nor_answers() {
    let bench = Bench::new();
    let bought = refresh(&bench, "v3").await;
    let token = bought.body["access_token"].as_str().expect("a token").to_owned();
    let fault = bench.break_by("F05").await;
    assert_eq!(refresh(&bench, "v3").await.body["status"], "BAD_REFRESH_TOKEN");
    assert_eq!(bench.get_as(&token, DETAILS).await.status, 401);
    let asked = bench.anonymous("POST /oauth/v3/token/introspect", &form(&[("token", &token)])).await;
    assert_eq!(asked.status, 200, "only one account's install is gone");
    bench.mend(fault).await;
    assert_eq!(bench.get_as(&token, DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f34_only_a_connection_that_idled_is_reset() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "F34", "after_idle_ms": 2_000})).await;
    let after = |idle: Option<Duration>| {
        let request = Request::builder().uri(DETAILS).body(Bytes::new()).expect("a request");
        bench.shell.exchange_on(request, idle)
    };
    assert!(after(None).await.is_ok());
    assert!(after(Some(Duration::from_secs(1))).await.is_ok());
    assert!(after(Some(Duration::from_secs(3))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn f35_every_date_is_off() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "self.clock", "ahead_s": 600})).await;
    assert_eq!(bench.get(DETAILS).await.header("date"), Some("Thu, 01 Oct 2026 12:10:00 GMT"));
    let page = bench.anonymous("GET /_status/api/v2/summary.json", &Value::Null).await;
    assert_eq!(page.header("date"), Some("Thu, 01 Oct 2026 12:10:00 GMT"));
    let refused = bench.sim("POST faults", &json!({"kind": "self.clock", "behind_s": u64::MAX})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}
