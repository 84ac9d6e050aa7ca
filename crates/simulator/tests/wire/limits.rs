//! Limits and their headers, as the wire shows them.

use http::HeaderMap;
use serde_json::{Value, json};
use simulator::Config;
use simulator::config::LimitOverrides;

use crate::bench::Bench;

const DETAILS: &str = "/account-info/v3/details";
const SEARCH: &str = "POST /crm/v3/objects/contacts/search";
const ASSOCIATIONS: &str = "POST /crm/v4/associations/contacts/companies/batch/read";

fn limit_headers(headers: &HeaderMap) -> String {
    let mut found: Vec<(&str, &str)> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-hubspot-ratelimit"))
        .map(|(name, value)| (name.as_str(), value.to_str().expect("digits")))
        .collect();
    found.sort_unstable();
    found.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
}

fn limited(burst: u32, daily: u64) -> Bench {
    let limits = LimitOverrides { burst: Some(burst), daily: Some(daily), ..LimitOverrides::default() };
    Bench::with(Config { contacts: 5, limits, ..Config::default() })
}

#[tokio::test(start_paused = true)]
async fn an_ordinary_answer_carries_all_limit_headers() {
    insta::assert_snapshot!(limit_headers(&Bench::new().get(DETAILS).await.headers), @r"
    x-hubspot-ratelimit-daily: 625000
    x-hubspot-ratelimit-daily-remaining: 624999
    x-hubspot-ratelimit-interval-milliseconds: 10000
    x-hubspot-ratelimit-max: 190
    x-hubspot-ratelimit-remaining: 189
    x-hubspot-ratelimit-secondly: 19
    x-hubspot-ratelimit-secondly-remaining: 18
    ");
}

#[tokio::test(start_paused = true)]
async fn a_public_oauth_app_has_110_and_no_daily_headers() {
    let bench = Bench::new();
    let token = bench.register(&json!({"kind": "public-oauth", "app_id": 77})).await;
    let answer = bench.get_as(token["token"].as_str().expect("a token"), DETAILS).await;
    insta::assert_snapshot!(limit_headers(&answer.headers), @r"
    x-hubspot-ratelimit-interval-milliseconds: 10000
    x-hubspot-ratelimit-max: 110
    x-hubspot-ratelimit-remaining: 109
    x-hubspot-ratelimit-secondly: 11
    x-hubspot-ratelimit-secondly-remaining: 10
    ");
}

#[tokio::test(start_paused = true)]
async fn search_has_five_per_second_and_no_headers() {
    let bench = Bench::new();
    for _ in 0..5 {
        let answer = bench.send(SEARCH, &json!({"limit": 1})).await;
        assert_eq!((answer.status, limit_headers(&answer.headers)), (200, String::new()));
    }
    let refused = bench.send(SEARCH, &json!({"limit": 1})).await;
    assert_eq!((refused.status, limit_headers(&refused.headers)), (429, String::new()));
    assert_eq!(refused.body["message"], "You have reached your secondly limit.");
    assert_eq!(bench.get(DETAILS).await.status, 200);
    bench.pass(1).await;
    assert_eq!(bench.send(SEARCH, &json!({"limit": 1})).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_burst_refusal_has_its_documented_body() {
    let bench = limited(2, 1_000);
    for _ in 0..2 {
        assert_eq!(bench.get(DETAILS).await.status, 200);
    }
    let refused = bench.get(DETAILS).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(refused.number("x-hubspot-ratelimit-remaining"), Some(0));
    insta::assert_snapshot!(refused.text, @r#"{"status":"error","message":"You have reached your ten_secondly_rolling limit.","correlationId":"db538f85-fe40-4082-9013-348958919078","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi:private_app-api-calls-ten-secondly:1042217:24601842","requestId":"7553c6a0f87f81be8ddaaa5b182eb137"}"#);
    bench.pass(10).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_daily_refusal_ends_at_midnight_in_the_portals_zone() {
    let base_time = "2025-12-13T04:59:30Z".parse().expect("a timestamp");
    let limits = LimitOverrides { daily: Some(1), ..LimitOverrides::default() };
    let bench = Bench::with(Config { base_time, limits, ..Config::default() });
    assert_eq!(bench.get(DETAILS).await.status, 200);
    let refused = bench.get(DETAILS).await;
    assert_eq!((refused.status, refused.category()), (429, "DAILY"));
    bench.pass(29).await;
    assert_eq!(bench.get(DETAILS).await.status, 429);
    bench.pass(1).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn associations_have_a_budget_of_their_own() {
    let bench = Bench::new();
    bench.sim("POST limits", &json!({"associations": 1})).await;
    let body = json!({"inputs": [{"id": "1"}]});
    assert_ne!(bench.send(ASSOCIATIONS, &body).await.status, 429);
    let refused = bench.send(ASSOCIATIONS, &body).await;
    assert_eq!((refused.status, refused.category()), (429, "TEN_SECONDLY_ROLLING"));
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn burst_is_per_app_and_the_pool_per_portal() {
    let bench = limited(3, 5);
    let other = bench.register(&json!({"app_id": 9})).await;
    let other = other["token"].as_str().expect("a token");
    for _ in 0..3 {
        assert_eq!(bench.get(DETAILS).await.status, 200);
    }
    assert_eq!(bench.get(DETAILS).await.category(), "TEN_SECONDLY_ROLLING");
    assert_eq!(bench.get_as(other, DETAILS).await.status, 200);
    assert_eq!(bench.get_as(other, DETAILS).await.number("x-hubspot-ratelimit-daily-remaining"), Some(0));
    assert_eq!(bench.get_as(other, DETAILS).await.category(), "DAILY");
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_token_cost_nothing() {
    let bench = limited(1, 1);
    for _ in 0..3 {
        let answer = bench.anonymous(&format!("GET {DETAILS}"), &Value::Null).await;
        assert_eq!((answer.status, limit_headers(&answer.headers)), (401, String::new()));
    }
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn refused_calls_fill_the_window_when_configured() {
    let limits = LimitOverrides { burst: Some(1), ..LimitOverrides::default() };
    let bench = Bench::with(Config { limits, count_rejected: true, ..Config::default() });
    assert_eq!(bench.get(DETAILS).await.status, 200);
    bench.pass(5).await;
    assert_eq!(bench.get(DETAILS).await.status, 429);
    bench.pass(6).await;
    assert_eq!(bench.get(DETAILS).await.status, 429, "the refused call is still in the window");
}
