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

/// One line of OpenMetrics: `name{label="value",…} number`. Gives name and labels.
fn sample(line: &str) -> (String, Vec<(String, String)>) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
    value.parse::<f64>().unwrap_or_else(|_| panic!("no number in {line:?}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("open labels in {line:?}"));
    let labels = labels.split_terminator("\",").map(|label| {
        let (key, value) = label.split_once("=\"").unwrap_or_else(|| panic!("no label in {line:?}"));
        (key.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect())
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    ask(up.url(), "GET", "/crm/v3/objects/contacts/404", &[&token], "").await;
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &["Authorization: Bearer wrong"], "").await;
    let answer = ask(up.admin(), "GET", "/metrics", &[], "").await;
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let text = answer.text();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut seen = std::collections::BTreeSet::new();
    let mut families = std::collections::BTreeMap::new();
    for line in text.lines().take_while(|line| *line != "# EOF") {
        if let Some(told) = line.strip_prefix("# TYPE ") {
            let (name, kind) = told.split_once(' ').unwrap();
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is told twice");
        } else if !line.starts_with("# ") {
            let (name, labels) = sample(line);
            let family = name.strip_suffix("_total").unwrap_or(&name);
            let kind = families.get(family).unwrap_or_else(|| panic!("{name} has no TYPE"));
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(seen.insert((name, labels)), "the same series twice: {line}");
        }
    }
    let total = |name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(total("hubkeeper_calls_total"), 3, "{text}");
    assert_eq!(total("hubkeeper_calls_ok_total"), 1);
    assert_eq!(total("hubkeeper_errors_total"), 2);
    up.stop().await;
    sim.stop().await;
}

const CONNECTION: [&str; 14] = [
    "name",
    "portal_id",
    "configured_portal_id",
    "hosting",
    "burst_max",
    "burst_max_before",
    "daily_max",
    "daily_max_before",
    "limits_changed_at",
    "burst_sent_peak",
    "burst_outside_peak",
    "daily_sent",
    "daily_used",
    "refused_by_us",
];

const GROUP: [&str; 19] = [
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
    "sent_recent_per_s",
    "errors",
    "transport",
    "failed_items",
];

const ERROR: [&str; 13] = [
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
    }
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
