//! HubSpot's deliveries to a real `hubkeeper up`: what was acknowledged outlives the process.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use simulator::webhooks::sign;

use crate::house::{Program, Start, Upstream, ask, json_answer};

mod days;
mod desk;
mod forwarding;
mod looking_on;
mod privacy;
mod several;
mod workflows;

const SECRET: &str = "11111111-2222-3333-4444-555555555555";
const PUBLIC: &str = "https://hooks.example.com";
const TARGET: &str = "/webhooks/hubspot";
const NOBODY: &str = "http://127.0.0.1:9";

fn now() -> jiff::Timestamp {
    client::clock::WallClock::system().now()
}

/// A gateway that takes webhooks and keeps them in `data`.
async fn up(data: &tempfile::TempDir) -> Program {
    let start = Start::up(NOBODY).args(&["--data", data.path().to_str().unwrap()]);
    start.env("HUBKEEPER__WEBHOOKS__PUBLIC_URL", PUBLIC).env("HUBSPOT_CLIENT_SECRET", SECRET).ready().await
}

fn event(id: u64) -> serde_json::Value {
    json!({"eventId": id, "subscriptionId": 1, "portalId": 62515, "appId": 54321, "occurredAt": now().as_millisecond(),
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 9_007_199_254_740_993_u64})
}

/// Delivers as HubSpot does, and tells what was answered.
async fn deliver(up: &Program, secret: &str, body: &str) -> (u16, String) {
    let signed = sign::headers(secret, &format!("{PUBLIC}{TARGET}"), body.as_bytes(), now());
    let lines: Vec<String> =
        signed.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = ask(up.url(), "POST", TARGET, &lines, body).await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn what_was_acknowledged_is_known_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let body = json!([event(1), event(2)]).to_string();
    let first = up(&data).await;
    let (status, said) = deliver(&first, SECRET, &body).await;
    assert_eq!((status, said.contains("2 of them new")), (200, true), "{said}");
    for name in ["hubkeeper.db", "hubkeeper.db-wal"] {
        let rights = std::fs::metadata(data.path().join(name)).unwrap().permissions();
        assert_eq!(rights.mode() & 0o777, 0o600, "{name} is for nobody else");
    }
    first.kill().await;
    let second = up(&data).await;
    let (status, said) = deliver(&second, SECRET, &body).await;
    assert_eq!((status, said.contains("0 of them new")), (200, true), "{said}");
    second.stop().await;
}

#[tokio::test]
async fn what_nobody_we_know_signed_is_refused_and_calls_go_on() {
    let data = tempfile::tempdir().unwrap();
    let up = up(&data).await;
    let body = json!([event(1)]).to_string();
    assert_eq!(deliver(&up, "another-secret", &body).await.0, 401);
    assert_eq!(deliver(&up, SECRET, "[1]").await.0, 400);
    assert_eq!(ask(up.url(), "GET", TARGET, &[], "").await.status, 405);
    assert_eq!(ask(up.url(), "POST", "/webhooks/hubspot/nobody", &[], &body).await.status, 404);
    assert_eq!(deliver(&up, SECRET, &body).await.0, 200);
    up.stop().await;
}

#[tokio::test]
async fn after_a_rotation_both_secrets_count_also_over_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let start = |more: &str| {
        let connection = format!("[[connections]]\nname = \"main\"\ntoken = \"env:TOKEN\"\n{more}");
        let file = format!("[webhooks]\npublic_url = \"{PUBLIC}\"\n{connection}");
        let start = Start::up(NOBODY).args(&["--data", data.path().to_str().unwrap()]);
        let start =
            start.env("TOKEN", "pat-na1-11111111-2222-3333-4444-555555555555").env("NEW", "new-secret");
        start.env("HUBSPOT_CLIENT_SECRET", SECRET).file("hubkeeper.toml", &file)
    };
    let up = start("client_secret = \"env:NEW\"\nprevious_client_secret = \"env:HUBSPOT_CLIENT_SECRET\"\n")
        .ready()
        .await;
    for secret in [SECRET, "new-secret"] {
        assert_eq!(deliver(&up, secret, &json!([event(1)]).to_string()).await.0, 200, "{secret}");
    }
    up.stop().await;
    let none = start("").ended().await;
    let hint = "client_secret = \"env:HUBSPOT_CLIENT_SECRET\"";
    assert_eq!((none.code, none.stderr.contains(hint)), (Some(2), true), "{none:?}");
}

#[tokio::test]
async fn webhooks_that_nobody_asked_for_are_passed_on_to_nobody() {
    let hubspot = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&hubspot.url).ready().await;
    let (status, said) = deliver(&up, SECRET, &json!([event(1)]).to_string()).await;
    assert_eq!((status, said.contains("public_url")), (503, true), "HubSpot comes again: {said}");
    assert_eq!(ask(up.url(), "GET", "/webhooks/v3/1/settings", &[], "").await.status, 200);
    let passed: Vec<String> = hubspot.heard().into_iter().map(|heard| heard.head).collect();
    assert!(passed.iter().all(|head| !head.contains(TARGET)), "{passed:?}");
    up.stop().await;
}

#[tokio::test]
async fn webhooks_without_a_secret_or_a_store_are_a_mistake_told_at_the_start() {
    let start = || Start::up(NOBODY).env("HUBKEEPER__WEBHOOKS__PUBLIC_URL", PUBLIC);
    let ended = start().ended().await;
    assert_eq!((ended.code, ended.stderr.contains("HUBSPOT_CLIENT_SECRET")), (Some(2), true), "{ended:?}");
    let ended = start().env("HUBSPOT_CLIENT_SECRET", SECRET).ended().await;
    assert_eq!((ended.code, ended.stderr.contains("--data")), (Some(2), true), "{ended:?}");
}
