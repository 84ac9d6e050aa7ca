//! The end: told to stop, the gateway takes nothing new and finishes what it has.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::house::{Act, Conversation, PATIENCE, Start, Upstream, ask, json_answer};

async fn readiness_turns(admin: &str, status: u16) {
    // The signal arrives in its own time; each question is a new connection.
    while ask(admin, "GET", "/readiness", &[], "").await.status != status {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_under_way_is_answered_and_nothing_new_is_taken() {
    let release = Arc::new(Notify::new());
    let held = release.clone();
    let upstream =
        Upstream::start(move |_| vec![Act::Await(held.clone()), json_answer("201 Created", r#"{"id":"1"}"#)])
            .await;
    let up = Start::up(&upstream.url).ready().await;
    let mut idle = Conversation::open(up.url()).await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}").await;
    upstream.hears(1).await;
    assert_eq!(ask(up.admin(), "GET", "/readiness", &[], "").await.status, 200);

    up.terminate();
    readiness_turns(up.admin(), 503).await;
    assert_eq!(ask(up.admin(), "GET", "/health", &[], "").await.status, 200, "alive all the same");
    idle.ends().await;
    let address = up.url().trim_start_matches("http://").to_owned();
    // What is closed first is the process's affair.
    let closed = async { while TcpStream::connect(&address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("no new connection is taken");

    release.notify_one();
    let answer = conversation.answer().await;
    assert_eq!((answer.status, &*answer.text()), (201, r#"{"id":"1"}"#));
    assert_eq!(answer.header("connection"), Some("close"));
    conversation.ends().await;
    let ended = up.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Those that wait for a slot would wait for long; they are told to come again elsewhere.
#[tokio::test]
async fn calls_that_wait_for_a_slot_are_refused_within_the_time_to_drain() {
    let sim = Start::sim().args(&["--burst", "1"]).ready().await;
    let up = Start::up(sim.url()).without_cache().env("HUBKEEPER__LIMITS__BURST", "1").ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    let request = format!("GET /crm/v3/objects/contacts HTTP/1.1\r\nHost: a\r\n{token}\r\n\r\n");
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut conversation = Conversation::open(up.url()).await;
        conversation.say(&request).await;
        waiting.push(conversation);
    }
    // Seen from outside: all but the one whose slot there was have arrived, and wait.
    let mut queued = 0;
    while queued < 3 {
        let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
        queued = traffic["connections"][0]["waiting"].as_u64().unwrap_or(0);
        tokio::task::yield_now().await;
    }
    up.terminate();
    let mut refused = 0;
    for mut conversation in waiting {
        let answer = conversation.answer().await;
        if answer.status != 200 {
            answer.refusal(503, "HUBKEEPER_SHUTTING_DOWN");
            assert_eq!(answer.header("retry-after"), Some("1"));
            refused += 1;
        }
    }
    assert!(refused >= 2, "{refused} were told");
    assert_eq!(up.ended().await.code, Some(0));
    sim.stop().await;
}

/// A second signal does not turn a good end into a bad one, and a client without manners cannot prevent it.
#[tokio::test]
async fn a_half_sent_request_does_not_hold_up_the_end_for_long() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("GET /x HTTP/1.1\r\nHos").await;
    assert_eq!(ask(up.url(), "GET", "/x", &[], "").await.status, 200);
    up.terminate();
    up.terminate();
    let ended = up.ended().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}
