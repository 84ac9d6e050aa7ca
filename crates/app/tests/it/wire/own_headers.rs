//! What the gateway adds to an answer, what it changes, and the deadline and lane a caller may set.

use serde_json::Value;
use tokio::time::Instant;

use crate::house::{Act, Conversation, Program, Start, Upstream, ask, json_answer};

async fn sim_and_up(sim: Start, up: impl FnOnce(&str) -> Start) -> (Program, Program, String) {
    let sim = sim.ready().await;
    let up = up(sim.url()).ready().await;
    let authorization = format!("Authorization: Bearer {}", sim.token());
    (sim, up, authorization)
}

#[tokio::test]
async fn answers_say_where_they_come_from_and_what_they_took() {
    let (sim, up, token) = sim_and_up(Start::sim(), Start::up).await;
    let asked_at = Instant::now();
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-hubkeeper-source"), Some("live"));
    assert_eq!(answer.header("x-hubkeeper-attempts"), Some("1"));
    let waited: u128 = answer.header("x-hubkeeper-wait-ms").unwrap().parse().unwrap();
    assert!(waited <= asked_at.elapsed().as_millis(), "{waited} ms are longer than all of it took");
    assert_eq!(answer.header("age"), None);
    // HubSpot's own errors too.
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/404", &[&token], "").await;
    assert_eq!((answer.status, answer.header("x-hubkeeper-source")), (404, Some("live")));
    up.stop().await;
    sim.stop().await;
}

/// Every page is reached by following links, and every link leads through the gateway.
#[tokio::test]
async fn paging_links_lead_through_the_gateway() {
    let (sim, up, token) = sim_and_up(Start::sim().args(&["--contacts", "25"]), Start::up).await;
    let mut conversation = Conversation::open(up.url()).await;
    let host = "localhost";
    let mut target = "/crm/v3/objects/contacts?limit=10&properties=email".to_owned();
    let mut ids = Vec::new();
    loop {
        let answer = conversation.ask("GET", &target, &[&token, "Accept-Encoding: gzip"], "").await;
        let page = answer.json();
        ids.extend(page["results"].as_array().unwrap().iter().map(|contact| contact["id"].clone()));
        let Some(link) = page["paging"]["next"]["link"].as_str() else { break };
        target = link.strip_prefix(&format!("http://{host}")).expect(link).to_owned();
    }
    ids.sort_by_key(Value::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 25);
    drop(conversation);
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn links_name_the_public_url_where_one_is_configured() {
    let public = |url: &str| Start::up(url).gateway("public_url", "https://hubspot.internal.example/");
    let (sim, up, token) = sim_and_up(Start::sim().args(&["--contacts", "3"]), public).await;
    let page = ask(up.url(), "GET", "/crm/v3/objects/contacts?limit=1", &[&token], "").await.json();
    let link = page["paging"]["next"]["link"].as_str().unwrap();
    assert!(link.starts_with("https://hubspot.internal.example/crm/v3/objects/contacts?"), "{link}");
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn a_location_of_hubspot_s_leads_through_the_gateway_and_others_stay() {
    let upstream = Upstream::start(|heard| {
        let location = heard.header("x-location").unwrap_or_default();
        let status = "201 Created\r\nContent-Type: application/json";
        let answer = format!("HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 2\r\n\r\n{{}}");
        vec![Act::Say(answer.into_bytes())]
    })
    .await;
    let up = Start::up(&upstream.url).ready().await;
    let own = format!("{}/crm/v3/imports/1", upstream.url);
    for (given, expected) in [
        ("https://api.hubapi.com/crm/v3/imports/1?a=b", "http://localhost/crm/v3/imports/1?a=b"),
        (&*own, "http://localhost/crm/v3/imports/1"),
        ("/crm/v3/imports/1", "/crm/v3/imports/1"),
        ("https://api.hubapi.com.evil.example/x", "https://api.hubapi.com.evil.example/x"),
        ("https://app.hubspot.com/x", "https://app.hubspot.com/x"),
    ] {
        let header = format!("X-Location: {given}");
        let answer = ask(up.url(), "POST", "/crm/v3/imports", &[&header], "{}").await;
        assert_eq!(answer.header("location"), Some(expected));
    }
    up.stop().await;
}

/// The account's window is spent; who cannot wait is told so at once, in HubSpot's words.
#[tokio::test]
async fn a_deadline_that_cannot_be_met_is_refused_at_once() {
    let up = |url: &str| Start::up(url).env("HUBKEEPER__LIMITS__BURST", "2");
    let (sim, up, token) = sim_and_up(Start::sim().args(&["--burst", "2"]), up).await;
    let hurry = "X-Hubkeeper-Deadline-Ms: 3000";
    let mut refused = None;
    for _ in 0..3 {
        let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token, hurry], "").await;
        if answer.status == 429 {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("three calls do not fit a limit of two");
    refused.refusal(429, "HUBKEEPER_BURST_LIMIT");
    let body = refused.json();
    assert_eq!(
        (&body["errorType"], &body["policyName"]),
        (&"RATE_LIMIT".into(), &"TEN_SECONDLY_ROLLING".into())
    );
    let retry_after: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((4..=11).contains(&retry_after), "honest within the window: {retry_after}");
    assert_eq!(refused.header("x-hubkeeper-attempts"), Some("0"));
    let stats = ask(sim.url(), "GET", "/_sim/stats", &[], "").await.json();
    assert_eq!(stats["statuses"]["429"], Value::Null, "HubSpot never saw it: {stats:#}");
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn a_deadline_that_makes_no_sense_is_a_400() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).ready().await;
    for junk in ["soon", "-1", "1.5", "", "10s", "99999999999999999999999"] {
        let header = format!("X-Hubkeeper-Deadline-Ms: {junk}");
        let answer = ask(up.url(), "GET", "/x", &[&header], "").await;
        let message = answer.refusal(400, "HUBKEEPER_BAD_REQUEST");
        assert!(message.contains("x-hubkeeper-deadline-ms"), "{message}");
        assert!(message.contains("milliseconds"), "it says what to write: {message}");
    }
    assert_eq!(upstream.heard().len(), 0);
    for good in ["1000", " 1000 ", "18446744073709551615"] {
        let header = format!("X-Hubkeeper-Deadline-Ms: {good}");
        assert_eq!(ask(up.url(), "GET", "/x", &[&header], "").await.status, 200, "{good}");
    }
    up.stop().await;
}

/// The queue has an end; past it callers are told at once, and told when to come again.
#[tokio::test]
async fn a_full_queue_is_refused_at_once() {
    let up = |url: &str| {
        Start::up(url).without_cache().env("HUBKEEPER__LIMITS__BURST", "1").gateway("waiting_max", "1")
    };
    let (sim, up, token) = sim_and_up(Start::sim().args(&["--burst", "1"]), up).await;
    let target = "/crm/v3/objects/contacts";
    assert_eq!(ask(up.url(), "GET", target, &[&token], "").await.status, 200);
    let mut waiting = Conversation::open(up.url()).await;
    waiting.say(format!("GET {target} HTTP/1.1\r\nHost: a\r\n{token}\r\n\r\n")).await;
    loop {
        let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
        if traffic["connections"][0]["waiting"] == 1 {
            break;
        }
    }
    let refused = ask(up.url(), "GET", target, &[&token], "").await;
    refused.refusal(429, "HUBKEEPER_QUEUE_FULL");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    drop(waiting);
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn a_lane_that_is_none_is_a_400() {
    let upstream = Upstream::start(|_| vec![Act::Close]).await;
    let up = Start::up(&upstream.url).ready().await;
    for lane in ["urgent", "probe", "", "bulk, sync"] {
        let header = format!("X-Hubkeeper-Lane: {lane}");
        let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&header], "").await;
        let message = answer.refusal(400, "HUBKEEPER_BAD_REQUEST");
        assert!(message.contains("x-hubkeeper-lane") && message.contains("interactive"), "{message}");
    }
    assert!(upstream.heard().is_empty(), "HubSpot saw one of them");
    up.stop().await;
}
