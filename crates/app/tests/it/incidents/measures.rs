//! What we do ourselves: each measure's effect as HubSpot sees it, and that it is undone: by hand, and when the incident is
//! over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::told::Told;
use super::{fault, incident};
use crate::house::{Act, Answer, Program, Start, Upstream, ask, json_answer};

const CONTACTS: &str = "/crm/v3/objects/contacts";
const JSON: &str = "content-type: application/json";

/// An incident that concerns everything: a job has failed.
async fn open(told: &Told, up: &Program) -> String {
    told.after_a_look(up).await;
    let (_, listed) = incident(up, &["list"]).await;
    listed["incidents"][0]["id"].as_str().unwrap().to_owned()
}

async fn turn(up: &Program, id: &str, mitigation: &str, turn: &str) {
    let (_, shown) = incident(up, &["measure", id, mitigation, turn, "--by", "ada"]).await;
    let measures = shown["incident"]["measures"].as_array().unwrap_or_else(|| panic!("{shown:#}"));
    let found = measures.iter().find(|measure| measure["mitigation"] == mitigation).unwrap();
    assert_eq!(found["turn"], turn, "{shown:#}");
    let told = shown["timeline"].to_string();
    assert!(told.contains(&format!("{mitigation} {turn}")), "it is written down: {told}");
}

async fn call(up: &Program, token: &str, method: &str, path: &str, more: &[&str], body: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {token}");
    let headers: Vec<&str> = [bearer.as_str(), JSON].into_iter().chain(more.iter().copied()).collect();
    ask(up.url(), method, path, &headers, body).await
}

fn category(answer: &Answer) -> String {
    let value: Value = serde_json::from_str(&answer.text()).unwrap_or_default();
    value["category"].as_str().unwrap_or_default().to_owned()
}

/// Requests below `/crm` that HubSpot has heard.
fn heard(hubspot: &Upstream) -> usize {
    hubspot.heard().iter().filter(|heard| heard.request_line().contains(" /crm/")).count()
}

const CREATED: &str = r#"{"id":"1","properties":{}}"#;

async fn well() -> Upstream {
    Upstream::start(|_| vec![json_answer("200 OK", CREATED)]).await
}

#[tokio::test]
async fn bulk_is_shed_and_writes_and_background_calls_are_parked_until_they_are_not() {
    let (hubspot, told) = (well().await, Told::new().await);
    let up = told.up(&hubspot.url, "").ready().await;
    let id = open(&told, &up).await;
    let (bulk, sync) = (["X-Hubkeeper-Lane: bulk"], ["X-Hubkeeper-Lane: sync"]);
    // Another record each time: what is kept of one would be answered, labelled, instead of a refusal.
    let number = AtomicUsize::new(0);
    let read = async |lane: &[&str]| {
        let path = format!("{CONTACTS}/{}", number.fetch_add(1, Ordering::SeqCst));
        call(&up, "t", "GET", &path, lane, "").await
    };
    let write = async || call(&up, "t", "POST", CONTACTS, &[], r#"{"properties":{}}"#).await;

    turn(&up, &id, "shed_bulk", "on").await;
    let (before, refused) = (heard(&hubspot), read(&bulk).await);
    assert_eq!((refused.status, category(&refused).as_str()), (429, "HUBKEEPER_SHED"), "{refused:?}");
    assert!(refused.header("retry-after").is_some() && refused.text().contains(&id), "{refused:?}");
    assert_eq!((heard(&hubspot), read(&sync).await.status), (before, 200), "HubSpot heard nothing of it");
    turn(&up, &id, "shed_bulk", "off").await;
    assert_eq!(read(&bulk).await.status, 200);

    turn(&up, &id, "park_lane", "on").await;
    let before = heard(&hubspot);
    for refused in [write().await, read(&sync).await, read(&bulk).await] {
        assert_eq!((refused.status, category(&refused).as_str()), (503, "HUBKEEPER_PARKED"), "{refused:?}");
    }
    assert_eq!(heard(&hubspot), before);
    assert_eq!(read(&[]).await.status, 200, "what a person reads goes through");
    turn(&up, &id, "park_lane", "off").await;
    assert_eq!((write().await.status, read(&sync).await.status), (200, 200));
    up.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_twice_while_retries_are_cut() {
    let told = Told::new().await;
    let hubspot = Upstream::start(|_| vec![json_answer("502 Bad Gateway", "{}")]).await;
    let up = told.up(&hubspot.url, "[gateway]\nbreaker = false\n").ready().await;
    let id = open(&told, &up).await;
    // By its path alone: what fails is looked into as well.
    let sent = async |path: &str| {
        call(&up, "t", "GET", path, &["cache-control: no-store"], "").await;
        let line = format!("GET {path} HTTP/1.1");
        hubspot.heard().iter().filter(|heard| heard.request_line() == line).count()
    };
    assert!(sent("/crm/v3/objects/contacts/1").await > 1, "otherwise it is sent again");
    turn(&up, &id, "cut_retries", "on").await;
    assert_eq!(sent("/crm/v3/objects/contacts/2").await, 1);
    turn(&up, &id, "cut_retries", "off").await;
    assert!(sent("/crm/v3/objects/contacts/3").await > 1);
    up.stop().await;
}

#[tokio::test]
async fn a_slowed_family_has_four_requests_under_way_until_it_may_have_more() {
    let told = Told::new().await;
    let (held, holds) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
    let (hold, gate) = (holds.clone(), held.clone());
    let hubspot = Upstream::start(move |heard| {
        let waits = hold.load(Ordering::SeqCst) && heard.request_line().contains("/contacts/");
        let wait = waits.then(|| Act::Await(gate.clone()));
        wait.into_iter().chain([json_answer("200 OK", CREATED)]).collect()
    })
    .await;
    let up = told.up(&hubspot.url, "[gateway]\npacking = false\ngovernor = false\n").ready().await;
    let id = open(&told, &up).await;
    turn(&up, &id, "slow_family", "on").await;
    holds.store(true, Ordering::SeqCst);
    let calling: Vec<_> = (0..10)
        .map(|number| {
            let url = up.url().to_owned();
            tokio::spawn(async move {
                let path = format!("/crm/v3/objects/contacts/{number}");
                ask(&url, "GET", &path, &["Authorization: Bearer t"], "").await.status
            })
        })
        .collect();
    hubspot.hears(4).await;
    // Others come and go meanwhile, and there are still four.
    for _ in 0..20 {
        assert_eq!(
            call(&up, "t", "GET", "/crm/v3/owners", &["cache-control: no-cache"], "").await.status,
            200
        );
    }
    assert_eq!(heard(&hubspot), 24);
    turn(&up, &id, "slow_family", "off").await;
    // The next call lets those in who wait.
    let more = call(&up, "t", "GET", "/crm/v3/objects/contacts?limit=1", &[], "");
    let (more, ()) = tokio::join!(more, hubspot.hears(31));
    assert_eq!(more.status, 200);
    holds.store(false, Ordering::SeqCst);
    for _ in 0..10 {
        held.notify_one();
    }
    for call in calling {
        held.notify_one();
        assert_eq!(call.await.unwrap(), 200);
    }
    up.stop().await;
}

#[tokio::test]
async fn writes_are_kept_while_queueing_is_on_and_go_at_once_afterwards() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let file = "[[connections]]\nname = \"crm\"\ntoken = \"env:TOKEN\"\n";
    let up = told.up(sim.url(), file).env("TOKEN", sim.token()).ready().await;
    let id = open(&told, &up).await;
    let create = async |email: &str| {
        let body = json!({"properties": {"email": email}}).to_string();
        call(&up, sim.token(), "POST", CONTACTS, &[], &body).await
    };
    assert_eq!(create("a@example.com").await.status, 201);
    turn(&up, &id, "queue_writes", "on").await;
    let kept = create("b@example.com").await;
    assert_eq!(kept.status, 202, "{kept:?}");
    let operation = kept.header("location").unwrap().to_owned();
    turn(&up, &id, "queue_writes", "off").await;
    assert_eq!(create("c@example.com").await.status, 201);
    // What was kept is applied by itself.
    let path = operation.strip_prefix(up.url()).unwrap_or(&operation).to_owned();
    loop {
        let shown = call(&up, sim.token(), "GET", &path, &[], "").await;
        let shown: Value = serde_json::from_str(&shown.text()).unwrap();
        match shown["state"].as_str().unwrap() {
            "applied" => break,
            "pending" | "sending" => tokio::task::yield_now().await,
            other => panic!("{other}: {shown:#}"),
        }
    }
    up.stop().await;
}

/// Quick to forgive, and to ask.
const QUICK: &str =
    "[incidents.response]\ncalm_seconds = 2\ndiagnosis_seconds = 1\ndiagnosis_seconds_max = 2\n";

#[tokio::test]
async fn a_token_that_was_rotated_is_read_again_before_its_time() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let path = told.file("token", "pat-na1-00000000-0000-4000-8000-000000000000");
    let file = format!(
        "[gateway]\nmode = \"managed\"\n[[connections]]\nname = \"crm\"\ntoken = \"exec:cat {path}\"\n{QUICK}\
         [incidents.mitigations]\nreload_secret = \"on\"\n"
    );
    let up = told.up(sim.url(), &file).ready().await;
    let read = async || ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[], "").await.status;
    assert_eq!(read().await, 401);
    told.file("token", sim.token());
    for _ in 0..6 {
        read().await;
    }
    told.hears("auth.token_stale").await;
    while read().await != 200 {
        tokio::task::yield_now().await;
    }
    let (_, listed) = incident(&up, &["list", "--all"]).await;
    let stale = listed["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["diagnosis"]["code"] == "auth.token_stale");
    assert_eq!(stale.unwrap()["measures"][0]["mitigation"], "reload_secret", "{listed:#}");
    assert!(!listed.to_string().contains(sim.token()), "no secret");
    up.stop().await;
}

#[tokio::test]
async fn a_token_in_a_file_is_in_use_within_seconds_and_is_no_incident() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let path = told.file("token", "pat-na1-00000000-0000-4000-8000-000000000000");
    let file =
        format!("[gateway]\nmode = \"managed\"\n[[connections]]\nname = \"crm\"\ntoken = \"file:{path}\"\n");
    let up = told.up(sim.url(), &file).ready().await;
    let read = async || ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[], "").await.status;
    assert_eq!(read().await, 401);
    told.file("token", sim.token());
    let renewed = async {
        while read().await != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, renewed).await.expect("it is looked at every five seconds");
    up.stop().await;
}

#[tokio::test]
async fn what_was_turned_on_by_itself_is_turned_off_once_recovery_is_proven() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let file = format!(
        "[incidents]\nfront_door_seconds = 1\n{QUICK}[incidents.mitigations]\nserve_stale = \"on\"\nqueue_writes = \"on\"\n\
         [[connections]]\nname = \"crm\"\ntoken = \"env:TOKEN\"\n"
    );
    let up = told.up(sim.url(), &file).env("TOKEN", sim.token()).ready().await;
    let token = sim.token();
    let create = async |email: &str| {
        let body = json!({"properties": {"email": email}}).to_string();
        call(&up, token, "POST", CONTACTS, &[], &body).await
    };
    let read = async || call(&up, token, "GET", "/crm/v3/objects/contacts?limit=1", &[], "").await;
    // Nobody calls: it is noticed at HubSpot's front door.
    fault(&sim, "hubspot.outage_unlisted").await;
    told.hears("hubspot.outage").await;
    let refused = read().await;
    assert_eq!((refused.status, category(&refused).as_str()), (503, "HUBKEEPER_DEGRADED"), "{refused:?}");
    let kept = create("kept@example.com").await;
    assert_eq!(kept.status, 202, "{kept:?}");
    ask(sim.url(), "DELETE", "/_sim/faults", &[], "").await;
    told.hears("resolved").await;
    assert_eq!(read().await.status, 200);
    assert_eq!(create("later@example.com").await.status, 201);
    let (_, listed) = incident(&up, &["list", "--all"]).await;
    let id = listed["incidents"][0]["id"].as_str().unwrap();
    let (_, shown) = incident(&up, &["show", id]).await;
    let lines = shown["timeline"].to_string();
    for line in [
        "serve_stale on",
        "queue_writes on",
        "a call of our own was answered",
        "serve_stale off",
        "queue_writes off",
    ] {
        assert!(lines.contains(line), "{line} is missing: {shown:#}");
    }
    up.stop().await;
    // What nobody asked for stands in the audit log as well.
    let data = told.data.path().join("data");
    let audited = Start::new(&["audit", "list", "--data", data.to_str().unwrap()]).ended().await.stdout;
    for (act, mitigation) in [
        ("mitigation_begun", "serve_stale"),
        ("mitigation_begun", "queue_writes"),
        ("mitigation_ended", "serve_stale"),
        ("mitigation_ended", "queue_writes"),
    ] {
        let stands = |line: &&str| {
            line.contains("incident_room")
                && line.contains(act)
                && line.contains(mitigation)
                && line.contains(id)
        };
        assert_eq!(audited.lines().filter(stands).count(), 1, "{act} {mitigation}: {audited}");
    }
}
