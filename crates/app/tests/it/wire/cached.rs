//! Answers from memory look like HubSpot's, say where they come from, and lead back through the gateway.

use tokio::time::Instant;

use crate::house::{Start, ask};

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
