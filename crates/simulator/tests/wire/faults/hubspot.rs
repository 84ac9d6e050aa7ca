//! F20–F28.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{CONTACTS, DETAILS};
use crate::bench::{Answer, Bench};

async fn status_page(bench: &Bench) -> Value {
    bench.anonymous("GET /_status/api/v2/summary.json", &Value::Null).await.body
}

fn is_server_error(answer: &Answer) -> bool {
    answer.status >= 500
}

#[tokio::test(start_paused = true)]
async fn f20_everything_fails_and_the_page_admits_it() {
    let bench = Bench::new();
    bench.break_by("F20").await;
    for path in [DETAILS, CONTACTS] {
        assert!(is_server_error(&bench.get(path).await));
    }
    assert!(is_server_error(&bench.anonymous(&format!("GET {DETAILS}"), &Value::Null).await));
    let page = status_page(&bench).await;
    assert_eq!(page["status"]["indicator"], "critical");
    assert_eq!(page["incidents"][0]["components"][0]["name"], "APIs");
    assert_eq!(page["components"][0]["status"], "major_outage");
}

#[tokio::test(start_paused = true)]
async fn f21_everything_fails_under_a_green_page() {
    let bench = Bench::new();
    bench.break_by("F21").await;
    let failed = bench.get(DETAILS).await;
    assert!(is_server_error(&failed));
    assert_eq!(failed.body["correlationId"].as_str(), failed.header("x-hubspot-correlation-id"));
    assert_eq!(status_page(&bench).await["status"]["indicator"], "none");
}

#[tokio::test(start_paused = true)]
async fn f22_one_family_fails() {
    let bench = Bench::new();
    let search = "POST /crm/v3/objects/contacts/search";
    let fault = bench.break_by("F22").await;
    assert!(is_server_error(&bench.send(search, &json!({})).await));
    assert_eq!(bench.get(CONTACTS).await.status, 200);
    bench.mend(fault).await;
    bench.fault(&json!({"kind": "F22", "family": "deals"})).await;
    assert!(is_server_error(&bench.get("/crm/v3/objects/deals").await));
    assert_eq!(bench.send(search, &json!({})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f23_accounts_of_one_region_fail() {
    let bench = Bench::new();
    let european = bench.register(&json!({"portal_id": 900, "hosting": "eu1", "app_id": 3})).await;
    bench.break_by("F23").await;
    assert!(is_server_error(&bench.get(DETAILS).await));
    assert_eq!(bench.get_as(european["token"].as_str().expect("a token"), DETAILS).await.status, 200);
    assert_eq!(bench.anonymous(&format!("GET {DETAILS}"), &Value::Null).await.status, 401);
    let page = status_page(&bench).await;
    assert!(page["incidents"][0]["name"].as_str().is_some_and(|name| name.contains("NA1")), "{page}");
}

#[tokio::test(start_paused = true)]
async fn f24_an_incident_elsewhere_changes_nothing() {
    let bench = Bench::new();
    bench.break_by("F24").await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
    let page = status_page(&bench).await;
    assert_eq!(page["status"]["indicator"], "major");
    assert_eq!(page["incidents"][0]["components"][0]["name"], "Marketing email");
    let healthy = page["components"].as_array().expect("a list").iter().find(|one| one["name"] == "APIs");
    assert_eq!(healthy.expect("the component")["status"], "operational");
}

#[tokio::test(start_paused = true)]
async fn f25_answers_are_slow_and_right() {
    let bench = Bench::new();
    let fault = bench.break_by("F25").await;
    let started = Instant::now();
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert!((2_000..=6_000).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    bench.mend(fault).await;
    let started = Instant::now();
    bench.get(DETAILS).await;
    assert_eq!(started.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn f26_one_account_is_moving() {
    let bench = Bench::new();
    let other = bench.register(&json!({"portal_id": 900})).await;
    bench.break_by("F26").await;
    let refused = bench.get(CONTACTS).await;
    assert_eq!((refused.status, refused.header("retry-after")), (477, Some("3600")));
    assert_eq!(bench.get_as(other["token"].as_str().expect("a token"), CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f27_one_path_is_gone_and_its_other_version_is_not() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "F27", "after_seconds": 60})).await;
    assert_eq!(bench.get(CONTACTS).await.status, 200);
    bench.pass(60).await;
    let gone = bench.get(CONTACTS).await;
    assert_eq!((gone.status, gone.is_html(), gone.category()), (404, true, ""));
    assert_eq!(bench.get("/crm/objects/2026-03/contacts").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f27_can_speak_json_without_a_category() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "F27", "path_prefix": "/crm/v3/owners", "body": "json"})).await;
    let gone = bench.get("/crm/v3/owners").await;
    assert_eq!((gone.status, gone.category()), (404, ""));
    assert!(gone.body["correlationId"].is_string());
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f28_only_the_newest_version_is_stricter() {
    let bench = Bench::new();
    bench.break_by("F28").await;
    let body = json!({"properties": {"firstname": "A"}});
    let refused = bench.send("POST /crm/objects/2026-09/contacts", &body).await;
    assert_eq!(
        (refused.status, refused.category(), refused.code()),
        (400, "VALIDATION_ERROR", "MISSING_REQUIRED_PROPERTY")
    );
    assert_eq!(bench.send("POST /crm/objects/2026-03/contacts", &body).await.status, 201);
    assert_eq!(bench.get("/crm/objects/2026-09/contacts").await.status, 200);
}
