//! L5: no secret and no personal data in anything we write: logs, answers of our own, admin API, metrics, triage.

use crate::house::{Act, Conversation, Start, Upstream, ask, json_answer};

const TOKEN: &str = "pat-na1-c0ffee00-1111-2222-3333-444455556666";
const SECRET_PART: &str = "c0ffee00";
const PERSON: &str = "jane.doe@example.com";
const PERSON_PATH: &str =
    "/crm/v3/objects/contacts/jane.doe@example.com?idProperty=email&hapikey=pat-na1-c0ffee00";

/// Every way things go wrong, with a token in the header and a person in the path.
fn misbehaving(count: usize) -> Vec<Act> {
    match count % 7 {
        0 => vec![json_answer("200 OK", "{}")],
        1 => vec![json_answer(
            "404 Not Found",
            &format!(r#"{{"category":"OBJECT_NOT_FOUND","message":"{PERSON}"}}"#),
        )],
        2 => vec![json_answer(
            "401 Unauthorized",
            &format!(r#"{{"category":"EXPIRED_AUTHENTICATION","message":"{TOKEN}"}}"#),
        )],
        3 => vec![json_answer(
            "500 Internal Server Error",
            &format!(r#"{{"message":"{PERSON} {TOKEN}","errors":[{{"code":"{PERSON}"}}]}}"#),
        )],
        4 => vec![Act::Say(format!("rubbish {TOKEN} {PERSON}\r\n\r\n").into_bytes()), Act::Close],
        5 => vec![Act::Reset],
        _ => vec![Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_vec()), Act::Close],
    }
}

fn is_clean(what: &str, text: &str) {
    for forbidden in [SECRET_PART, "jane.doe", "example.com"] {
        assert!(!text.contains(forbidden), "{what} tells `{forbidden}`:\n{text}");
    }
}

#[tokio::test]
async fn nothing_we_write_holds_a_secret_or_a_person() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let upstream =
        Upstream::start(move |_| misbehaving(count.fetch_add(1, std::sync::atomic::Ordering::Relaxed))).await;
    // As talkative as it gets.
    let up = Start::up(&upstream.url)
        .env("HUBSPOT_ACCESS_TOKEN", TOKEN)
        .env("HUBKEEPER_LOG", "trace")
        .gateway("breaker", "false")
        .ready()
        .await;
    let authorization = format!("Authorization: Bearer {TOKEN}");
    for round in 0..21 {
        let method = ["GET", "PATCH", "DELETE"][round % 3];
        let answer = ask(up.url(), method, PERSON_PATH, &[&authorization], "").await;
        if answer.text().contains("HUBKEEPER_") {
            is_clean("an error of ours", &answer.text());
        }
    }
    let mut broken = Conversation::open(up.url()).await;
    broken.say(format!("GET {PERSON_PATH} HTTP/1.1\r\n{authorization}\r\nHost: a\r\nHost: b\r\n\r\n")).await;
    is_clean("a refusal", &broken.answer().await.text());
    let late = "X-Hubkeeper-Deadline-Ms: pat-na1-c0ffee00";
    is_clean("a refusal", &ask(up.url(), "GET", PERSON_PATH, &[&authorization, late], "").await.text());
    drop(broken);

    for path in ["/metrics", "/api/v1/traffic", "/health", "/readiness", "/nothing"] {
        let answer = ask(up.admin(), "GET", path, &[], "").await;
        is_clean(path, &answer.text());
    }
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.text();
    assert!(traffic.contains("OBJECT_NOT_FOUND"), "the errors are there to be told: {traffic}");
    for format in [&["--json"][..], &[]] {
        let triage = Start::new(&["triage", "--upstream", &upstream.url, "--admin", up.admin()])
            .args(&["--status-page", &upstream.url])
            .args(format)
            .env("HUBSPOT_ACCESS_TOKEN", TOKEN)
            .env("HUBKEEPER_LOG", "trace")
            .ended()
            .await;
        assert!(!triage.stdout.is_empty(), "{triage:#?}");
        is_clean("triage", &triage.stdout);
        is_clean("triage's stderr", &triage.stderr);
    }
    let ended = up.stop().await;
    is_clean("stderr", &ended.stderr);
}

/// The control: what is looked for would be found.
#[test]
#[should_panic(expected = "tells `c0ffee00`")]
fn control_a_leak_is_seen() {
    is_clean("a log", &format!("calling with {TOKEN}"));
}
