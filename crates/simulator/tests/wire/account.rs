//! Account endpoints, CRM limits, methods, sunset paths and the status page.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::Config;

use crate::bench::Bench;

#[rstest]
#[case("v3")]
#[case("2025-09")]
#[case("2026-03")]
#[case("2026-09")]
#[tokio::test(start_paused = true)]
async fn details_and_usage_answer_in_every_version(#[case] version: &str) {
    let bench = Bench::new();
    let details = bench.get(&format!("/account-info/{version}/details")).await;
    assert_eq!(details.body["portalId"], 24_601_842);
    assert_eq!(details.body["timeZone"], "US/Eastern");
    let usage = bench.get(&format!("/account-info/{version}/api-usage/daily/private-apps")).await;
    assert_eq!(usage.status, 200);
    insta::allow_duplicates! {
        insta::assert_snapshot!(usage.text, @r#"{"results":[{"name":"private-apps-api-calls-daily","usageLimit":625000,"currentUsage":1,"collectedAt":"2026-10-01T12:00:00Z","fetchStatus":"SUCCESS","resetsAt":"2026-10-02T04:00:00Z"}]}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_names_its_correlation() {
    let bench = Bench::new();
    let refused = bench.anonymous("GET /account-info/v3/details", &Value::Null).await;
    assert_eq!(refused.status, 401);
    let id = refused.header("x-hubspot-correlation-id").expect("the header");
    assert_eq!(refused.body["correlationId"], id);
    assert!(refused.header("cf-ray").is_some());
    assert_eq!(refused.header("date"), Some("Thu, 01 Oct 2026 12:00:00 GMT"));
    let next = bench.get("/account-info/v3/details").await;
    assert_ne!(next.header("x-hubspot-correlation-id"), Some(id));
}

#[rstest]
#[case("HEAD /crm/v3/objects/contacts", 405)]
#[case("GET /nothing/here", 404)]
#[case("GET /contacts/v1/lists/all", 404)]
#[case("GET /crm/v3/limits/records", 200)]
#[case("GET /crm/limits/2026-03/custom-properties", 200)]
#[case("GET /crm/v3/limits/nonsense", 404)]
#[tokio::test(start_paused = true)]
async fn paths_and_methods(#[case] line: &str, #[case] status: u16) {
    assert_eq!(Bench::new().send(line, &Value::Null).await.status, status);
}

#[tokio::test(start_paused = true)]
async fn pipelines_v1_dies_on_its_day() {
    let base_time = "2026-12-03T23:59:50Z".parse().expect("a timestamp");
    let bench = Bench::with(Config { base_time, ..Config::default() });
    assert_eq!(bench.get("/crm-pipelines/v1/pipelines/deals").await.status, 200);
    bench.pass(10).await;
    assert_eq!(bench.get("/crm-pipelines/v1/pipelines/deals").await.status, 404);
    assert_eq!(bench.get("/crm/v3/pipelines/deals").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_call_needs_a_scope_for_what_it_touches() {
    let bench = Bench::new();
    let token = bench.register(&json!({"scopes": ["oauth", "crm.objects.contacts.read"]})).await;
    let token = token["token"].as_str().expect("a token");
    assert_eq!(bench.get_as(token, "/crm/v3/objects/contacts").await.status, 200);
    let refused = bench.get_as(token, "/crm/v3/objects/deals").await;
    assert_eq!((refused.status, refused.category()), (403, "MISSING_SCOPES"));
    assert_eq!(
        refused.body["errors"][0]["context"]["requiredGranularScopes"],
        json!(["crm.objects.deals.read"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_healthy_status_page_is_green() {
    let page = Bench::new().anonymous("GET /_status/api/v2/summary.json", &Value::Null).await;
    assert_eq!(page.body["status"], json!({"indicator": "none", "description": "All Systems Operational"}));
    assert_eq!(page.body["incidents"], json!([]));
    assert!(
        page.body["components"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "APIs"))
    );
}
