//! Answers from memory look like HubSpot's, say where they come from, and lead back through the gateway.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use crate::house::{Answer, Program, Start, Upstream, ask, json_answer};

const OWNERS: &str = "/crm/v3/owners?limit=1";

#[tokio::test]
async fn a_kept_page_has_its_label_its_age_and_its_links() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    let asked_at = Instant::now();
    let live = ask(up.url(), "GET", OWNERS, &[&token], "").await;
    assert_eq!(
        (live.status, live.header("x-hubkeeper-source"), live.header("age")),
        (200, Some("live"), None)
    );
    let kept = ask(up.url(), "GET", OWNERS, &[&token], "").await;
    assert_eq!((kept.status, kept.header("x-hubkeeper-source")), (200, Some("cache")));
    let age: u64 = kept.header("age").unwrap().parse().unwrap();
    assert!(age <= asked_at.elapsed().as_secs(), "nothing is older than its question: {age} s");
    assert_eq!(kept.header("x-hubkeeper-attempts"), Some("0"));
    assert_eq!(kept.json(), live.json());
    let link = kept.json()["paging"]["next"]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("http://localhost/"), "{link}");
    assert_eq!(kept.header("content-type"), live.header("content-type"));
    assert_eq!(
        kept.header("x-hubspot-ratelimit-remaining"),
        None,
        "what was left then is not what is left now"
    );
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn when_hubspot_is_gone_the_last_answer_stays() {
    let sim = Start::sim().args(&["--contacts", "3"]).ready().await;
    let up = Start::up(sim.url()).gateway("deadline_ms", "3000").ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    let list = "/crm/v3/objects/contacts?limit=2";
    let live = ask(up.url(), "GET", list, &[&token], "").await;
    assert_eq!((live.status, live.header("x-hubkeeper-source")), (200, Some("live")));
    sim.stop().await;
    let old = ask(up.url(), "GET", list, &[&token], "").await;
    assert_eq!((old.status, old.header("x-hubkeeper-source")), (200, Some("stale")));
    assert!(old.header("age").is_some());
    assert_eq!(old.json(), live.json());
    let denied = ask(up.url(), "GET", list, &[&token, "Cache-Control: no-cache"], "").await;
    assert!(denied.status >= 500, "{}", denied.status);
    up.stop().await;
}

/// A HubSpot with every part there is, and one that nobody has heard of, until it is down.
async fn hubspot() -> (Upstream, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = down.clone();
    let upstream = Upstream::start(move |heard| {
        if is_down.load(Ordering::Relaxed) {
            return vec![json_answer("503 Service Unavailable", r#"{"status":"error"}"#)];
        }
        let target = heard.request_line().split(' ').nth(1).unwrap_or_default().to_owned();
        vec![json_answer("200 OK", &serde_json::json!({"portalId": 7, "asked": target}).to_string())]
    });
    (upstream.await, down)
}

const BEARER: &str = "Authorization: Bearer pat-na1-of-a-page";

async fn get(up: &Program, path: &str, cache_control: &str) -> Answer {
    ask(up.url(), "GET", path, &[BEARER, &format!("Cache-Control: {cache_control}")], "").await
}

fn source(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.header("x-hubkeeper-source"))
}

#[tokio::test]
async fn every_part_of_hubspot_has_a_last_good_answer() {
    let (hubspot, down) = hubspot().await;
    let file = "[[routes]]\npath = \"/events/**\"\non_outage = \"fail\"\n";
    let up =
        Start::up(&hubspot.url).file("hubkeeper.toml", file).gateway("deadline_ms", "3000").ready().await;
    let parts = [
        "/cms/v3/pages/site-pages?limit=2",
        "/marketing/v3/emails/1",
        "/automation/v4/flows",
        "/files/v3/files/1",
        "/brand/new/thing?x=1",
    ];
    let errors = ["/events/v3/events", "/files/v3/files/1/signed-url", "/crm/v3/imports/1"];
    for path in parts.iter().chain(&errors) {
        let live = get(&up, path, "max-age=60").await;
        assert_eq!((source(&live), live.json()["asked"].as_str()), ((200, Some("live")), Some(*path)));
    }
    // Written since it was read.
    let patch = ask(up.url(), "PATCH", "/automation/v4/flows/1", &[BEARER], "").await;
    assert_eq!(patch.status, 200);
    down.store(true, Ordering::Relaxed);
    for path in parts {
        let old = get(&up, path, "max-stale=60").await;
        if path.starts_with("/automation/") {
            assert!(old.status >= 500, "a flow may have changed since: {old:?}");
        } else {
            assert_eq!((source(&old), old.json()["asked"].as_str()), ((200, Some("stale")), Some(path)));
            assert!(old.header("age").is_some(), "{old:?}");
        }
    }
    for path in errors {
        assert!(get(&up, path, "max-age=60").await.status >= 500, "{path}");
    }
    up.stop().await;
}

#[tokio::test]
async fn who_asks_memory_alone_gets_what_is_kept_or_a_504() {
    let (hubspot, _down) = hubspot().await;
    let up = Start::up(&hubspot.url).ready().await;
    let nothing = get(&up, "/cms/v3/domains", "only-if-cached").await;
    let message = nothing.refusal(504, "HUBKEEPER_NOT_KEPT");
    assert!(message.contains("only-if-cached") && message.contains("not sent"), "{message}");
    assert_eq!(source(&get(&up, "/cms/v3/domains", "max-age=60").await), (200, Some("live")));
    let heard = hubspot.heard().len();
    assert_eq!(source(&get(&up, "/cms/v3/domains", "only-if-cached").await), (200, Some("stale")));
    get(&up, "/cms/v3/domains", "only-if-cached, no-cache").await.refusal(504, "HUBKEEPER_NOT_KEPT");
    let write =
        ask(up.url(), "POST", "/cms/v3/domains", &[BEARER, "Cache-Control: only-if-cached"], "").await;
    write.refusal(504, "HUBKEEPER_NOT_KEPT");
    assert_eq!(hubspot.heard().len(), heard, "HubSpot hears of none of it");
    up.stop().await;
}
