//! The control API.

use rstest::rstest;
use serde_json::{Value, json};
use simulator::Config;

use crate::bench::Bench;

const DETAILS: &str = "/account-info/v3/details";

#[rstest]
#[case("POST faults", json!({"kind": "auth.token_revokd"}), "unknown kind `auth.token_revokd`", "auth.token_revoked")]
#[case("POST faults", json!({}), "`kind` is missing", "F01")]
#[case("POST faults", json!({"kind": "F01", "rat": 1}), "`auth.token_revoked` takes no `rat`", "kinds")]
#[case("POST faults", json!({"kind": "F22", "rate": 2}), "`rate` must be a number from 0 to 1", "kinds")]
#[case("POST faults", json!({"kind": "F29", "behaviour": "odd"}), "`behaviour` must be one of nxdomain", "kinds")]
#[case("POST faults", json!({"kind": "status", "status": 99}), "`status` must be an HTTP status", "kinds")]
#[case("POST faults", json!({"kind": "F22", "family": "nonsense-"}), "`family` must be an object type", "kinds")]
#[case("POST faults", Value::String("{".to_owned()), "the body is not JSON", "name")]
#[case("POST faults", json!([1]), "the body is not a JSON object", "name")]
#[case("POST seed", json!({"contacts": -1}), "`contacts` must be a whole number", "10000")]
#[case("POST limits", json!({"bursts": 1}), "not limits", "burst")]
#[case("POST clock/advance", json!({"seconds": -1}), "`seconds` must be a number", "3600")]
#[case("POST tokens", json!({"kind": "odd"}), "not a token", "private-app")]
#[case("GET log?after=x", Value::Null, "`after` must be a whole number", "after=120")]
#[tokio::test(start_paused = true)]
async fn bad_input_is_refused_with_a_hint(
    #[case] line: &str,
    #[case] body: Value,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let answer = Bench::new().sim(line, &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let text = |name: &str| answer.body[name].as_str().unwrap_or_default().to_owned();
    assert!(text("error").contains(message), "{}", answer.text);
    assert!(text("hint").contains(hint), "{}", answer.text);
}

#[rstest]
#[case("GET nothing", 404)]
#[case("DELETE faults/77", 404)]
#[case("DELETE tokens/none", 404)]
#[case("POST webhooks/none", 404)]
#[tokio::test(start_paused = true)]
async fn what_is_not_there_says_so(#[case] line: &str, #[case] status: u16) {
    let answer = Bench::new().sim(line, &Value::Null).await;
    assert_eq!(answer.status, status);
    assert!(answer.body["hint"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_listed_without_its_token_and_ends_when_deleted() {
    let bench = Bench::new();
    let id = bench.fault(&json!({"kind": "F01", "token": bench.token})).await;
    let list = bench.sim("GET faults", &Value::Null).await;
    assert!(!list.text.contains(&bench.token), "{}", list.text);
    assert_eq!(list.body["faults"][0]["kind"], "auth.token_revoked");
    assert_eq!(bench.get(DETAILS).await.status, 401);
    bench.mend(id).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert_eq!(bench.sim("GET faults", &Value::Null).await.body, json!({"faults": []}));
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_documented_and_can_be_made_and_unmade() {
    let bench = Bench::new();
    let kinds = bench.sim("GET faults/kinds", &Value::Null).await.body["kinds"].clone();
    let kinds = kinds.as_array().expect("a list");
    assert!(kinds.len() >= 36, "{}", kinds.len());
    for kind in kinds {
        assert!(kind["seen"].as_str().is_some_and(|seen| !seen.is_empty()));
        bench.fault(&json!({"kind": kind["kind"]})).await;
    }
    assert_eq!(bench.sim("DELETE faults", &Value::Null).await.status, 204);
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_begin_and_end_by_themselves() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "status", "status": 503, "after_seconds": 10, "for_seconds": 20})).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.get(DETAILS).await.status);
        bench.pass(10).await;
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
}

#[tokio::test(start_paused = true)]
async fn aims_narrow_a_fault() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "status", "status": 500, "family": "deals", "method": "get"})).await;
    assert_eq!(bench.get("/crm/v3/objects/deals").await.status, 500);
    assert_eq!(bench.get("/crm/objects/2026-03/0-3").await.status, 500);
    assert_eq!(bench.get("/crm/v3/objects/contacts").await.status, 200);
    assert_ne!(bench.send("POST /crm/v3/objects/deals/search", &json!({})).await.status, 500);
}

#[tokio::test(start_paused = true)]
async fn a_rate_strikes_its_share() {
    let bench = Bench::new();
    bench.fault(&json!({"kind": "status", "status": 500, "rate": 0.25})).await;
    let mut struck = 0;
    for _ in 0..1_000 {
        struck += u32::from(bench.anonymous("GET /x", &Value::Null).await.status == 500);
    }
    assert!((200..300).contains(&struck), "{struck}");
}

#[tokio::test(start_paused = true)]
async fn advancing_the_clock_empties_windows_and_shows_in_dates() {
    let bench = Bench::new();
    bench.sim("POST limits", &json!({"burst": 1})).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert_eq!(bench.get(DETAILS).await.status, 429);
    let moved = bench.sim("POST clock/advance", &json!({"seconds": 3_600})).await;
    assert_eq!(moved.body["now"], "2026-10-01T13:00:00Z");
    let answer = bench.get(DETAILS).await;
    assert_eq!((answer.status, answer.header("date")), (200, Some("Thu, 01 Oct 2026 13:00:00 GMT")));
}

#[tokio::test(start_paused = true)]
async fn limits_are_set_one_by_one_and_given_back() {
    let bench = Bench::new();
    bench.sim("POST limits", &json!({"burst": 7, "daily": 70})).await;
    bench.sim("POST limits", &json!({"burst": null})).await;
    let answer = bench.get(DETAILS).await;
    let levels = ["max", "daily"].map(|name| answer.number(&format!("x-hubspot-ratelimit-{name}")));
    assert_eq!(levels, [Some(190), Some(70)]);
}

#[tokio::test(start_paused = true)]
async fn stats_tell_what_was_allowed_and_the_worst_window() {
    let bench = Bench::new();
    bench.sim("POST limits", &json!({"burst": 3})).await;
    for _ in 0..5 {
        bench.get(DETAILS).await;
    }
    bench.pass(10).await;
    bench.get(DETAILS).await;
    let stats = bench.stats().await;
    assert_eq!(
        stats["budgets"]["burst"],
        json!({"limit": 3, "used": 1, "allowed": 4, "rejected": 2, "worst_window": 3, "worst_window_attempted": 5})
    );
    assert_eq!(stats["budgets"]["daily"]["used"], 4);
    assert_eq!(stats["statuses"], json!({"200": 4, "429": 2}));
    let ours = stats["tokens"].as_array().expect("a list").iter().find(|token| token["calls"] == 6);
    assert_eq!(ours.expect("our token")["rejected"], 2);
    assert!(!stats.to_string().contains(&bench.token));
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_what_took_effect_in_order() {
    let bench = Bench::new();
    for name in ["a", "b"] {
        let created = bench
            .send(
                "POST /crm/v3/objects/contacts",
                &json!({"properties": {"email": format!("{name}@x.example")}}),
            )
            .await;
        assert_eq!(created.status, 201, "{}", created.text);
    }
    let log = bench.sim("GET log", &Value::Null).await.body;
    let next = log["next"].as_u64().expect("a number");
    let creates =
        log["applied"].as_array().expect("a list").iter().filter(|one| one["action"] == "create").count();
    assert!(creates >= 2, "{log}");
    let rest = bench.sim(&format!("GET log?after={}", next - 1), &Value::Null).await.body;
    assert_eq!(rest["applied"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn reset_forgets_everything_but_the_time() {
    let bench = Bench::with(Config { contacts: 3, ..Config::default() });
    bench.fault(&json!({"kind": "F21"})).await;
    bench.sim("POST clock/advance", &json!({"seconds": 60})).await;
    assert_eq!(bench.get(DETAILS).await.status / 100, 5);
    let reset = bench.sim("POST reset", &Value::Null).await;
    assert_eq!(reset.body["now"], "2026-10-01T12:01:00Z");
    assert_eq!(bench.get(DETAILS).await.status, 200);
    assert_eq!(bench.stats().await["calls"], 1);
    assert_eq!(bench.contact_ids(100).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn seeding_adds_records() {
    let bench = Bench::with(Config::default());
    assert_eq!(bench.contact_ids(100).await.len(), 0);
    assert_eq!(bench.sim("POST seed", &json!({"contacts": 12})).await.status, 200);
    assert_eq!(bench.contact_ids(100).await.len(), 12);
}
