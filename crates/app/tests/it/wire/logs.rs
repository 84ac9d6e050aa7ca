//! The log: each line is whole, and none tells what is nobody's business.

use serde_json::Value;

use crate::house::{Act, Start, Upstream, ask, json_answer};

const TOKEN: &str = "pat-na1-c0ffee00-1111-2222-3333-444455556666";
const CORRELATION_ID: &str = "8f2d4c1e-3b6a-4e57-9d10-2c5b7a9e0f31";

/// What must not show: the token, the person, the query.
const FORBIDDEN: [&str; 6] = ["c0ffee00", "jane", "example.com", "hapikey", "idProperty", "s3cr3t"];

/// Answers that try to get something into a log: names, line ends, quotes, ends of objects.
fn hostile(count: usize) -> Vec<Act> {
    let body = format!(
        r#"{{"status":"error","category":"RATE_LIMITS\n{{}}","message":"jane.doe@example.com \" }} {TOKEN}","correlationId":"{CORRELATION_ID}","errors":[{{"code":"jane@example.com"}}]}}"#
    );
    match count % 5 {
        0 => vec![json_answer("200 OK", "{}")],
        1 => vec![json_answer("500 Internal Server Error", &body)],
        2 => vec![json_answer("403 Forbidden", &body)],
        3 => vec![
            Act::Say(
                format!("HTTP/1.1 200 jane.doe@example.com {TOKEN}\r\nX-{TOKEN}: {TOKEN}\r\n").into_bytes(),
            ),
            Act::Close,
        ],
        _ => vec![Act::Reset],
    }
}

async fn log_of(format: Option<&str>, level: &str, retries: &str) -> String {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let upstream =
        Upstream::start(move |_| hostile(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed))).await;
    let up = Start::up(&upstream.url).env("HUBKEEPER__LOG__LEVEL", level).gateway("breaker", "false");
    let up = up.gateway("retries", retries);
    let up = match format {
        Some(format) => up.env("HUBKEEPER__LOG__FORMAT", format),
        None => up,
    };
    let up = up.ready().await;
    let headers = [
        format!("Authorization: Bearer {TOKEN}"),
        "User-Agent: jane \"}{".to_owned(),
        "Cookie: s3cr3t".to_owned(),
        "traceparent: 00-jane.doe@example.com-s3cr3t-01".to_owned(),
        "X-Hubkeeper-Lane: bulk".to_owned(),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    for round in 0..15 {
        let method = ["GET", "PATCH", "POST"][round % 3];
        let target =
            "/crm/v3/objects/contacts/jane.doe@example.com?idProperty=email&hapikey=s3cr3t%0A%7B%22x%22";
        ask(up.url(), method, target, &headers, "").await;
    }
    up.stop().await.stderr
}

fn is_clean(log: &str) {
    for forbidden in FORBIDDEN {
        assert!(!log.contains(forbidden), "the log tells `{forbidden}`:\n{log}");
    }
}

/// At every level: `trace` is what libraries would say, too.
#[tokio::test]
async fn every_line_is_an_object_and_none_tells_a_secret() {
    for level in ["info", "debug", "trace"] {
        let log = log_of(Some("json"), level, "false").await;
        is_clean(&log);
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}")))
            .collect();
        assert!(!lines.is_empty());
        for line in &lines {
            let has = |field: &str| line[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(has("timestamp") && has("level") && has("target") && has("message"), "{line}");
        }
        let failed: Vec<_> = lines.iter().filter(|line| line["correlation_id"] == CORRELATION_ID).collect();
        assert!(!failed.is_empty(), "a failed call is told with its correlation id:\n{log}");
        assert_eq!(failed[0]["route"], "/crm/v3/objects/contacts/{id}");
    }
}

/// `debug` tells of each call and each attempt.
#[tokio::test]
async fn calls_and_attempts_are_told_at_debug() {
    let log = log_of(None, "client::call=debug", "true").await;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let spans = |name: &str| -> Vec<&Value> {
        lines.iter().map(|line| &line["span"]).filter(|span| span["name"] == name).collect()
    };
    let (calls, attempts) = (spans("call"), spans("attempt"));
    assert_eq!(calls.len(), 15, "{log}");
    assert!(attempts.iter().any(|attempt| attempt["number"] == 2), "some are sent again: {log}");
    let good = calls.iter().find(|call| call["status"] == 200).unwrap();
    let fields =
        ["connection", "caller", "lane", "family", "method", "route", "source", "attempts", "waited_ms"];
    assert!(fields.iter().all(|field| !good[*field].is_null()), "{good}");
    assert_eq!((&good["family"], &good["source"]), (&"objects".into(), &"live".into()));
    assert!(good["traceparent"].is_null(), "what is none is not repeated: {good}");
    let bad = attempts.iter().find(|attempt| attempt["status"] == 500).unwrap();
    assert_eq!((&bad["correlation_id"], &bad["category"]), (&CORRELATION_ID.into(), &"internal".into()));
}

#[tokio::test]
async fn text_is_for_people() {
    let log = log_of(Some("text"), "info", "false").await;
    is_clean(&log);
    let failed = log.lines().find(|line| line.contains("call failed")).unwrap();
    assert!(
        failed.contains("WARN") && failed.contains(CORRELATION_ID) && !failed.starts_with('{'),
        "{failed}"
    );
    assert!(!log.contains('\u{1b}'), "no colours where nobody looks: {log}");
}

#[tokio::test]
async fn a_level_that_is_none_is_named() {
    let ended = Start::new(&["config", "check"]).env("HUBKEEPER__LOG__LEVEL", "client=loud").ended().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("client=loud"), "{ended:#?}");
}

/// The control: what is looked for would be found.
#[test]
#[should_panic(expected = "tells `c0ffee00`")]
fn control_a_leak_is_seen() {
    is_clean(&format!("{{\"message\":\"calling with {TOKEN}\"}}"));
}
