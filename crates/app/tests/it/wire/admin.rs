//! The admin API: is it alive, is it ready, what passes through, what changed.

use serde_json::{Value, json};

use crate::house::{Conversation, Start, Upstream, ask, json_answer};

#[tokio::test]
async fn health_never_looks_upstream() {
    let up = Start::up(&Upstream::nobody().await).ready().await;
    let answer = ask(up.admin(), "GET", "/health", &[], "").await;
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")));
    assert_eq!(ask(up.admin(), "GET", "/readiness", &[], "").await.json(), json!({"status": "ready"}));
    assert_eq!(ask(up.admin(), "GET", "/nothing", &[], "").await.status, 404);
    assert_eq!(ask(up.admin(), "POST", "/health", &[], "{}").await.status, 405);
    up.stop().await;
}

const CONNECTION: [&str; 16] = [
    "name",
    "portal_id",
    "portal_id_before",
    "configured_portal_id",
    "hosting",
    "burst_max",
    "burst_max_before",
    "daily_max",
    "daily_max_before",
    "limits_changed_at",
    "burst_sent_peak",
    "burst_outside_peak",
    "burst_outside_recent",
    "daily_sent",
    "daily_used",
    "refused_by_us",
];

const GROUP: [&str; 20] = [
    "connection",
    "caller",
    "family",
    "method",
    "version",
    "calls",
    "ok",
    "retries",
    "first_at",
    "last_at",
    "p50_ms",
    "p99_ms",
    "last_ok_at",
    "calls_recent",
    "ok_recent",
    "retries_recent",
    "sent_recent_per_s",
    "errors",
    "transport",
    "failed_items",
];

const ERROR: [&str; 14] = [
    "status",
    "kind",
    "category",
    "sub_category",
    "policy_name",
    "code",
    "html",
    "count",
    "recent",
    "first_at",
    "last_at",
    "correlation_ids",
    "subjects",
    "most_of_one",
];

/// Every field of the contract that triage reads.
#[tokio::test]
async fn traffic_has_the_shape_that_triage_reads() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    ask(up.url(), "POST", "/crm/v3/objects/contacts", &[&token], r#"{"properties":{"nope":"1"}}"#).await;
    // Whose account it is becomes known in a quiet moment.
    let traffic = loop {
        let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
        if !traffic["connections"][0]["portal_id"].is_null() {
            break traffic;
        }
    };
    assert_eq!(traffic["schema"], 1);
    assert_eq!(traffic["governed"], true);
    assert_eq!(traffic["known_ids_gone"], 0);
    let connection = &traffic["connections"][0];
    assert_eq!(connection["portal_id"], 24_601_842);
    let errors: Vec<&Value> = traffic["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["errors"].as_array().unwrap())
        .collect();
    assert_eq!(errors.len(), 1, "{traffic:#}");
    assert_eq!((&errors[0]["status"], &errors[0]["kind"]), (&json!(400), &json!("validation")));
    has(connection, &CONNECTION);
    for group in traffic["groups"].as_array().unwrap() {
        has(group, &GROUP);
    }
    has(errors[0], &ERROR);
    for time in ["since", "now"] {
        assert!(traffic[time].as_str().unwrap().ends_with('Z'), "{traffic:#}");
    }
    up.stop().await;
    sim.stop().await;
}

fn has(object: &Value, fields: &[&str]) {
    let missing: Vec<_> = fields.iter().filter(|field| object.get(**field).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?} missing in {object:#}");
}

#[tokio::test]
async fn changes_are_noted() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).ready().await;
    let change = r#"{"kind":"deploy","what":"billing 2.4.1","caller":"billing"}"#;
    let noted = ask(up.admin(), "POST", "/api/v1/changes", &[], change).await;
    assert_eq!(noted.status, 201, "{noted:?}");
    assert_eq!(noted.json()["what"], "billing 2.4.1");
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
    assert_eq!(traffic["changes"], json!([noted.json()]));
    for bad in [
        r#"{"kind":"party","what":"x"}"#,
        r#"{"kind":"deploy"}"#,
        "[]",
        "{",
        r#"{"kind":"deploy","what":"x","y":1}"#,
    ] {
        let answer = ask(up.admin(), "POST", "/api/v1/changes", &[], bad).await;
        assert!((400..500).contains(&answer.status), "{bad}: {answer:?}");
        assert_eq!(answer.json()["status"], "error", "{bad}: {answer:?}");
    }
    let asked = ask(up.admin(), "GET", "/api/v1/changes", &[], "").await;
    assert_eq!((asked.status, &asked.json()["status"]), (405, &json!("error")), "{asked:?}");
    assert_eq!(asked.header("allow"), Some("POST"));
    let long = format!(r#"{{"kind":"deploy","what":"{}"}}"#, "x".repeat(1_001));
    assert_eq!(ask(up.admin(), "POST", "/api/v1/changes", &[], &long).await.status, 400);
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
    assert_eq!(traffic["changes"].as_array().map(Vec::len), Some(1));
    up.stop().await;
}

/// A page may know our address, and may point its own name at it; it gets nothing, whatever its visitor's browser sends.
#[tokio::test]
async fn web_pages_of_others_get_nothing() {
    let up = Start::up(&Upstream::nobody().await).ready().await;
    for (headers, category) in [
        ("Host: evil.example:8401", "HUBKEEPER_UNKNOWN_HOST"),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site", "HUBKEEPER_CROSS_SITE"),
        ("Host: localhost\r\nOrigin: https://evil.example", "HUBKEEPER_CROSS_SITE"),
    ] {
        let mut conversation = Conversation::open(up.admin()).await;
        conversation.say(format!("GET /api/v1/traffic HTTP/1.1\r\n{headers}\r\n\r\n")).await;
        conversation.answer().await.refusal(403, category);
        conversation.ends().await;
    }
    let own = ["Origin: http://localhost:8401", "Sec-Fetch-Site: same-origin"];
    assert_eq!(ask(up.admin(), "GET", "/api/v1/traffic", &own, "").await.status, 200);
    up.stop().await;
}

/// A metrics scraper comes by a name that only the configuration knows.
#[tokio::test]
async fn a_scraper_may_come_by_a_further_name() {
    let up = Start::up(&Upstream::nobody().await)
        .file("hubkeeper.toml", "[admin]\nnames = [\"hubkeeper.internal.example\"]\n")
        .ready()
        .await;
    let scrape = |host: &'static str| format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let mut conversation = Conversation::open(up.admin()).await;
    conversation.say(scrape("HUBKEEPER.internal.example:8401")).await;
    assert_eq!(conversation.answer().await.status, 200);
    let mut conversation = Conversation::open(up.admin()).await;
    conversation.say(scrape("internal.example")).await;
    conversation.answer().await.refusal(403, "HUBKEEPER_UNKNOWN_HOST");
    up.stop().await;
}
