//! What no rate of calls tells of: seen by its kind, in the real binary.

use serde_json::{Value, json};

use super::signals::{PUBLIC, SECRET, deliver, event, ready, webhooks};
use super::told::{Told, names};
use super::{calls, fault};
use crate::house::{Conversation, Start, Upstream, ask, json_answer};

#[tokio::test]
async fn somebody_else_in_our_window_is_noticed_though_nobody_is_refused() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    calls(&up, &sim, 3).await;
    fault(&sim, "quota.burst_split").await;
    // Another process has had its ten seconds, and we have not.
    ask(sim.url(), "POST", "/_sim/clock/advance", &["content-type: application/json"], r#"{"seconds":12}"#)
        .await;
    calls(&up, &sim, 6).await;
    told.hears("quota.burst_split").await;
    up.stop().await;
}

#[tokio::test]
async fn a_storm_of_duplicates_is_noticed_beside_many_calls_that_work() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    let bearer = format!("Authorization: Bearer {}", sim.token());
    let create = async || {
        let headers = [bearer.as_str(), "content-type: application/json"];
        let body = r#"{"properties":{"email":"again@example.com"}}"#;
        ask(up.url(), "POST", "/crm/v3/objects/contacts", &headers, body).await.status
    };
    assert_eq!(create().await, 201);
    for _ in 0..10 {
        calls(&up, &sim, 4).await;
        assert_eq!(create().await, 409);
    }
    told.hears("data.conflict").await;
    assert_eq!(names(&up).await, ["data.conflict"]);
    up.stop().await;
}

#[tokio::test]
async fn a_path_that_is_gone_is_noticed_after_a_few_calls() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    calls(&up, &sim, 3).await;
    let gone = json!({"kind": "hubspot.sunset", "path_prefix": "/crm/v3/owners"}).to_string();
    ask(sim.url(), "POST", "/_sim/faults", &["content-type: application/json"], &gone).await;
    let bearer = format!("Authorization: Bearer {}", sim.token());
    for _ in 0..4 {
        assert_eq!(ask(up.url(), "GET", "/crm/v3/owners?limit=1", &[&bearer], "").await.status, 404);
    }
    told.hears("hubspot.sunset").await;
    up.stop().await;
}

/// Events of one record, each older than the one before, as HubSpot may send them.
#[tokio::test]
async fn events_that_overtake_one_another_are_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let (secret, key) =
        (told.file("secret", SECRET), told.file("key", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let subscriber = format!(
        "[[webhooks.subscribers]]\nname = \"billing\"\nurl = \"{}/in\"\nsecret = \"file:{key}\"\nallow_private = true\n",
        taker.url
    );
    let up = ready(told.up(sim.url(), &webhooks(&secret, &subscriber)), &sim).await;
    for id in 0..6 {
        let older = i64::try_from(id).unwrap() * 2 + 1;
        let changed: Value = {
            let mut event = event(id, older);
            event["objectId"] = json!(7);
            event["subscriptionType"] = json!("contact.propertyChange");
            event["propertyName"] = json!("phone");
            event
        };
        assert_eq!(deliver(&up, SECRET, PUBLIC, &[changed]).await, 200);
        taker.hears(usize::try_from(id).unwrap() + 1).await;
    }
    told.hears("hook.order").await;
    assert_eq!(names(&up).await, ["hook.order"]);
    up.stop().await;
}

/// Somebody has set a limit, or something leaks.
#[tokio::test]
async fn a_process_that_runs_out_of_descriptors_is_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), ""), &sim).await;
    let bearer = format!("Authorization: Bearer {}", sim.token());
    // Of so many, the few that come and go by themselves are no part that matters.
    let mut kept = Vec::new();
    for _ in 0..100 {
        let mut conversation = Conversation::open(up.url()).await;
        assert_eq!(conversation.ask("GET", "/crm/v3/owners?limit=1", &[&bearer], "").await.status, 200);
        kept.push(conversation);
    }
    let pid = up.pid().to_string();
    let held = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    // Room enough to tell somebody.
    let limit = format!("--nofile={0}:{0}", held + 2);
    let set = std::process::Command::new("prlimit").args(["--pid", &pid, &limit]).status();
    if !set.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no prlimit here to take descriptors away with");
        return;
    }
    told.hears("self.resources").await;
    drop(kept);
    up.stop().await;
}
