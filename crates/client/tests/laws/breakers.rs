//! A failing family is left alone, and found well again soon.

use std::sync::Arc;
use std::time::Duration;

use client::stack::{Feature, Stack};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::program::{OWNERS, PATIENT, Program, READ, answered, stack};
use super::server::{Entry, Reply, Server};

fn fails(entry: &Entry) -> Option<Reply> {
    entry.asks("/objects/").then(|| Reply::status(503, ""))
}

fn without_retries(server: &Arc<Server>) -> Arc<Stack> {
    stack(server, |settings| settings.retries = Feature::Off)
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_are_not_sent_into_a_family_that_began_to_fail() {
    let server = Server::new(10, |_| None);
    let program = Program::warm(&without_retries(&server), "Bearer a").await;
    server.becomes(fails);
    let before = server.sent(|_| true);
    let began = Instant::now();
    assert_eq!(answered(program.at_once(110, &READ, PATIENT)).await, 0);
    // One window was under way before the first failure was known; after it, one question per pause.
    let sent = server.sent(|_| true) - before;
    assert!(sent <= 20, "{sent} of 110 sent in {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_family_that_is_well_again_is_found_within_thirty_seconds_behind_any_line() {
    let server = Server::new(10, |_| None);
    let program = Program::warm(&without_retries(&server), "Bearer a").await;
    server.becomes(fails);
    for _ in 0..5 {
        let _failed = program.call(&READ, PATIENT).await;
    }
    server.becomes(|_| None);
    let ended = Instant::now();
    let _flood = program.at_once(250, &OWNERS, PATIENT);
    let mut reads = JoinSet::new();
    let recovered = loop {
        let reader = program.clone();
        reads.spawn(async move { reader.call(&READ, PATIENT).await.is_ok() });
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut answered = false;
        while let Some(read) = reads.try_join_next() {
            answered |= read.expect("a call does not panic");
        }
        if answered || ended.elapsed() > PATIENT {
            break ended.elapsed();
        }
    };
    assert!(recovered <= Duration::from_secs(30), "objects came back {recovered:?} after the fault ended");
}
