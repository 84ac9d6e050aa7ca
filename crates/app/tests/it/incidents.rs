//! The incident room in the real binary: from calls that fail to one message, one incident, and the people's side of it.

use serde_json::{Value, json};
use store::Store;
use store::incidents::IncidentStep;
use tempfile::TempDir;

use crate::house::{Act, Heard, PATIENCE, Program, Start, Upstream, ask, canary, json_answer};

mod channels;
mod console;
mod defaults;
mod drill;
mod in_passing;
mod inside;
mod measures;
mod several;
mod signals;
mod told;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway with an incident room before a simulated portal.
async fn up(sim: &Program, data: &TempDir, channels: &[(&str, &str)]) -> Program {
    let status_page = format!("{}/_status/api/v2/summary.json", sim.url());
    let start = Start::up(sim.url())
        .with_incidents()
        .args(&["--data", data.path().to_str().unwrap(), "--status-page", &status_page])
        .env("HUBSPOT_ACCESS_TOKEN", sim.token());
    channels.iter().fold(start, |start, (key, value)| start.env(key, value)).ready().await
}

async fn fault(sim: &Program, kind: &str) {
    let body = json!({"kind": kind}).to_string();
    let answer = ask(sim.url(), "POST", "/_sim/faults", &["content-type: application/json"], &body).await;
    assert!(answer.status < 300, "{}", answer.text());
}

/// Calls that fail, as programs would make them.
async fn calls(up: &Program, sim: &Program, count: usize) {
    let bearer = format!("Authorization: Bearer {}", sim.token());
    for _ in 0..count {
        ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[&bearer, "cache-control: no-store"], "")
            .await;
    }
}

async fn incident(up: &Program, arguments: &[&str]) -> (Option<i32>, Value) {
    let all: Vec<&str> = ["incident"]
        .into_iter()
        .chain(arguments.iter().copied())
        .chain(["--json", "--admin", up.admin()])
        .collect();
    let ended = Start::new(&all).ended().await;
    let value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| json!({"stderr": ended.stderr}));
    (ended.code, value)
}

/// Asks again and again until the answer shows something.
async fn shows(up: &Program, arguments: &[&str], what: impl Fn(&Value) -> bool) -> (Option<i32>, Value) {
    let mut told = (None, Value::Null);
    let showing = async {
        while !what(&told.1) {
            told = incident(up, arguments).await;
        }
    };
    let shown = tokio::time::timeout(PATIENCE, showing).await;
    assert!(shown.is_ok(), "it does not come to this: {:#}", told.1);
    told
}

fn body(heard: &Heard) -> Value {
    serde_json::from_slice(&heard.body).unwrap()
}

#[tokio::test]
async fn a_revoked_token_is_named_told_once_and_taken_by_a_person() {
    let (sim, data) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
    let slack = Upstream::saying(OK).await;
    let url = format!("{}/services/T0/B0/secret", slack.url);
    let up = up(&sim, &data, &[("HUBKEEPER__NOTIFY__SLACK__URL", &url)]).await;
    calls(&up, &sim, 3).await;
    fault(&sim, "auth.token_revoked").await;
    calls(&up, &sim, 8).await;
    slack.hears(1).await;
    let message = body(&slack.only());
    assert!(message["text"].as_str().unwrap().starts_with("P1 "), "{message:#}");
    assert!(message.to_string().contains("auth.token_revoked"), "{message:#}");

    // Every failed call is counted, and no other; those that came after the look which opened it at the next one.
    let failed = |listed: &Value| listed["incidents"][0]["impact"]["total"]["failed"] == 8;
    let (code, listed) = shows(&up, &["list"], failed).await;
    assert_eq!(code, Some(1), "an incident is open");
    let all = listed["incidents"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{listed:#}");
    let id = all[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(all[0]["diagnosis"]["code"], "auth.token_revoked");

    assert_eq!(incident(&up, &["ack", &id, "--by", "ada"]).await.1["incident"]["stage"], "acknowledged");
    let (code, refused) = incident(&up, &["ack", &id, "--by", "bob"]).await;
    assert_eq!(code, Some(1));
    assert!(refused["stderr"].as_str().unwrap().contains("ada"), "{refused}");
    incident(&up, &["note", &id, "asked", "the", "owner", "--by", "ada"]).await;
    let (_, replayed) = incident(&up, &["replay", &id]).await;
    assert_eq!(replayed["diagnoses"][0]["code"], "auth.token_revoked", "the same facts, the same answer");

    let (_, done) = incident(&up, &["resolve", &id, "--by", "ada"]).await;
    assert_eq!(done["incident"]["stage"], "resolved");
    let told: Vec<_> = done["timeline"].as_array().unwrap().iter().map(|line| line["kind"].clone()).collect();
    for kind in ["opened", "symptom", "cause", "acknowledged", "note", "resolved"] {
        assert!(told.contains(&kind.into()), "{kind} is missing: {told:?}");
    }
    let (_, report) = incident(&up, &["postmortem", &id]).await;
    let report = report["markdown"].as_str().unwrap();
    assert!(report.contains("| all |") && report.contains("asked the owner"), "{report}");
    assert_eq!(incident(&up, &["list"]).await.0, Some(0), "none is open");
    assert!(!report.contains(sim.token()) && !done.to_string().contains(sim.token()), "no secret");
    can_be_played_again(&up, &id).await;
    up.stop().await;
    takes_a_note_long_after(&sim, &data, &id).await;
}

/// The room forgets what has been over for a day; the store does not.
async fn takes_a_note_long_after(sim: &Program, data: &TempDir, id: &str) {
    let store = Store::open(&format!("sqlite:{}", data.path().join("hubkeeper.db").display())).await.unwrap();
    let mut kept = store.incident(id).await.unwrap().unwrap();
    let mut document: Value = serde_json::from_slice(&kept.document).unwrap();
    assert!(document["resolved_at"].is_string(), "{document:#}");
    document["resolved_at"] = "2026-01-01T00:00:00Z".into();
    kept.document = document.to_string().into_bytes();
    store.keep_incidents(IncidentStep { incidents: vec![kept], ..IncidentStep::default() }).await.unwrap();
    drop(store);
    let up = up(sim, data, &[]).await;
    several::after_a_look_by(&up, "nightly").await;
    let (code, noted) = incident(&up, &["note", id, "it was the proxy", "--by", "ada"]).await;
    assert_eq!(code, Some(0), "{noted}");
    assert!(noted["timeline"].to_string().contains("it was the proxy"), "{noted:#}");
    up.stop().await;
}

/// What is exported of it breaks another simulator in the same way.
async fn can_be_played_again(up: &Program, id: &str) {
    let (_, all) = incident(up, &["export", id]).await;
    assert_eq!(all["incident"]["id"], id);
    assert!(!all["recordings"].as_array().unwrap().is_empty() && all["timeline"].is_array(), "{all:#}");
    let story = Start::new(&["incident", "export", id, "--scenario", "--admin", up.admin()]).ended().await;
    assert_eq!((story.code, story.stdout.contains("auth.token_revoked")), (Some(0), true), "{story:?}");
    let again =
        Start::sim().args(&["--scenario", "story.toml"]).file("story.toml", &story.stdout).ready().await;
    let faults = ask(again.url(), "GET", "/_sim/faults", &[], "").await.json();
    assert_eq!(faults["faults"][0]["kind"], "auth.token_revoked", "{faults:#}");
}

#[tokio::test]
async fn killed_and_started_again_it_is_the_same_incident_under_the_same_key() {
    let (sim, data) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
    // Takes the first event and loses its answer, as a server that goes down does.
    let pager = Upstream::start({
        let first = std::sync::atomic::AtomicBool::new(true);
        move |_| {
            if first.swap(false, std::sync::atomic::Ordering::SeqCst) {
                vec![Act::Reset]
            } else {
                vec![json_answer("202 Accepted", r#"{"status":"success"}"#)]
            }
        }
    })
    .await;
    let url = format!("{}/v2/enqueue", pager.url);
    let channels = [
        ("HUBKEEPER__NOTIFY__PAGERDUTY__URL", url.as_str()),
        ("HUBKEEPER__NOTIFY__PAGERDUTY__ROUTING_KEY", "env:PAGER_KEY"),
        ("PAGER_KEY", "R0123456789"),
    ];
    let first = up(&sim, &data, &channels).await;
    calls(&first, &sim, 2).await;
    fault(&sim, "auth.token_revoked").await;
    calls(&first, &sim, 6).await;
    pager.hears(1).await;
    first.kill().await;
    let second = up(&sim, &data, &channels).await;
    calls(&second, &sim, 6).await;
    let (_, listed) = incident(&second, &["list", "--all"]).await;
    let all = listed["incidents"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{listed:#}");
    let (_, taken) = incident(&second, &["ack", all[0]["id"].as_str().unwrap()]).await;
    assert_eq!(taken["incident"]["stage"], "acknowledged");
    second.stop().await;
    for event in pager.heard() {
        assert_eq!(body(&event)["dedup_key"], all[0]["id"], "one key for all");
    }
}

#[tokio::test]
async fn jobs_are_told_of_and_what_is_wrong_is_said() {
    let (sim, data) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
    let up = up(&sim, &data, &[]).await;
    let post = async |path: &str, body: &str| {
        ask(up.admin(), "POST", path, &["content-type: application/json"], body).await
    };
    assert_eq!(post("/api/v1/jobs/nightly/start", "").await.status, 201);
    assert_eq!(post("/api/v1/jobs/nightly/pause", "").await.status, 400);
    assert_eq!(post("/api/v1/maintenance", r#"{"minutes":10}"#).await.status, 200);
    assert_eq!(post("/api/v1/maintenance", r#"{"minutes":100000}"#).await.status, 400);
    let (code, missing) = incident(&up, &["show", "20260101-000000"]).await;
    assert_eq!(code, Some(1), "{missing}");
    assert_eq!(incident(&up, &["show", "../x"]).await.0, Some(2));
    up.stop().await;
}

#[tokio::test]
async fn without_a_gateway_it_cannot_tell() {
    let nobody = Upstream::nobody().await;
    let ended = Start::new(&["incident", "list", "--admin", &nobody]).ended().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[tokio::test]
async fn who_does_not_take_it_is_tried_again_and_what_is_refused_is_written_down() {
    let (sim, data) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
    // The pager refuses for good; the company's own webhook is down, then busy, then well.
    let pager =
        Upstream::start(|_| vec![json_answer("400 Bad Request", r#"{"status":"invalid event"}"#)]).await;
    let tries = std::sync::atomic::AtomicU32::new(0);
    let hook = Upstream::start(move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => vec![json_answer("503 Service Unavailable", "{}")],
        1 => vec![Act::Say(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )],
        _ => vec![json_answer("200 OK", "{}")],
    })
    .await;
    let (pager_url, hook_url) = (format!("{}/v2/enqueue", pager.url), format!("{}/hook", hook.url));
    let channels = [
        ("HUBKEEPER__NOTIFY__PAGERDUTY__URL", pager_url.as_str()),
        ("HUBKEEPER__NOTIFY__PAGERDUTY__ROUTING_KEY", "env:PAGER_KEY"),
        ("HUBKEEPER__NOTIFY__WEBHOOK__URL", hook_url.as_str()),
        ("HUBKEEPER__NOTIFY__WEBHOOK__SECRET", "env:HOOK_SECRET"),
        ("HUBKEEPER__NOTIFY__WEBHOOK__MILDEST", "P4"),
        ("PAGER_KEY", "R0123456789"),
        ("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let up = up(&sim, &data, &channels).await;
    fault(&sim, "auth.token_revoked").await;
    calls(&up, &sim, 8).await;
    pager.hears(1).await;
    hook.hears(3).await;
    let heard = hook.heard();
    assert!(heard.iter().all(|one| one.head.to_lowercase().contains("webhook-signature: v1,")), "{heard:#?}");
    let ids: std::collections::BTreeSet<_> =
        heard.iter().map(|one| body(one)["data"]["incident"].to_string()).collect();
    assert_eq!(ids.len(), 1, "one key for all tries");
    let (_, listed) = incident(&up, &["list"]).await;
    let id = listed["incidents"][0]["id"].as_str().unwrap();
    // That the pager refused is written down.
    let refused = |shown: &Value| {
        let mut lines = shown["timeline"].as_array().into_iter().flatten();
        lines.any(|line| line["kind"] == "not_told")
    };
    shows(&up, &["show", id], refused).await;
    up.stop().await;
}

#[tokio::test]
async fn a_bundle_holds_what_support_needs_and_no_secret() {
    let (sim, data) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
    let up = up(&sim, &data, &[]).await;
    calls(&up, &sim, 2).await;
    let path = data.path().join("bundle.tar");
    let status_page = format!("{}/_status/api/v2/summary.json", sim.url());
    let made = Start::new(&["bundle", "--json", "--admin", up.admin(), "--output", path.to_str().unwrap()])
        .env("HUBSPOT_ACCESS_TOKEN", sim.token())
        .env("HUBKEEPER__GATEWAY__UPSTREAM", sim.url())
        .env("HUBKEEPER__GATEWAY__STATUS_PAGE", &status_page)
        .ended()
        .await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let manifest: Value = serde_json::from_str(&made.stdout).unwrap();
    let names: Vec<_> =
        manifest["files"].as_array().unwrap().iter().map(|file| file["name"].clone()).collect();
    for name in
        ["environment.json", "config.toml", "triage.json", "traffic.json", "incidents.json", "metrics.txt"]
    {
        assert!(names.contains(&name.into()), "{name} is missing: {manifest:#}");
    }
    let archive = std::fs::read(&path).unwrap();
    assert!(String::from_utf8_lossy(&archive).contains("auth"));
    canary::assert_absent("the archive", &archive);
    let other = data.path().join("other.tar");
    let wrong = Start::new(&["bundle", "--without-triage", "--admin", up.admin(), "--incident", "nobodys"])
        .args(&["--output", other.to_str().unwrap()])
        .ended()
        .await;
    assert_eq!((wrong.code, wrong.stderr.contains("nobodys")), (Some(1), true), "{wrong:?}");
    assert!(other.exists(), "the rest is there all the same");
    up.stop().await;
}
