//! One request for all who ask the same at the same time.

use std::time::Duration;

use client::cache::CacheSettings;
use client::call::Failure;
use client::lane::Lane;
use tokio::time::Instant;

use super::super::program::{CREATE, PATIENT, Program, Question, SEARCH, answered, call, call_with, stack};
use super::super::server::{Entry, Reply, Server};
use super::{PROPERTIES, SECOND, ask, program, saying, told, with_cache};

/// Nothing is kept of it yet.
static UNREAD: Question = Question::get("/crm/v3/objects/contacts/3");

fn properties(entry: &Entry) -> bool {
    entry.asks("/properties/")
}

fn slow(seconds: u64) -> impl FnMut(&Entry) -> Option<Reply> + Send + 'static {
    move |entry| Some(Reply::ordinary(entry).answered_after(Duration::from_secs(seconds)))
}

#[tokio::test(start_paused = true)]
async fn a_thousand_readers_of_one_expired_key_make_one_request() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    assert!(program.call(&PROPERTIES, PATIENT).await.is_ok());
    tokio::time::sleep(SECOND * 301).await;
    assert_eq!(answered(program.at_once(1000, &PROPERTIES, PATIENT)).await, 1000);
    assert_eq!(server.sent(properties), 2);
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_cache_makes_a_thousand() {
    let server = Server::new(1000, |_| None);
    let stack = stack(&server, |settings| settings.cache = CacheSettings::OFF);
    let program = Program::warm(&stack, "Bearer a").await;
    assert_eq!(answered(program.at_once(1000, &PROPERTIES, PATIENT)).await, 1000);
    assert_eq!(server.sent(properties), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_leader_who_hangs_up_leaves_the_request_to_the_others() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(5));
    let sent = server.sent(|_| true);
    let leader = program.at_once(1, &UNREAD, PATIENT);
    tokio::time::sleep(SECOND).await;
    let followers = program.at_once(10, &UNREAD, PATIENT);
    tokio::time::sleep(SECOND).await;
    leader[0].abort();
    let began = Instant::now();
    assert_eq!(answered(followers).await, 10);
    assert_eq!(server.sent(|_| true) - sent, 1);
    assert!(began.elapsed() <= SECOND * 3, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_for_another_than_for_himself() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(30));
    let _leader = program.at_once(1, &UNREAD, PATIENT);
    tokio::time::sleep(SECOND).await;
    let began = Instant::now();
    let hasty = program.call(&UNREAD, SECOND * 4).await;
    assert!(matches!(hasty.map_err(|failed| failed.why), Err(Failure::TimedOut { .. })));
    assert_eq!(began.elapsed(), SECOND * 4);
}

#[tokio::test(start_paused = true)]
async fn a_leader_in_a_hurry_does_not_end_the_others() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(5));
    let sent = server.sent(|_| true);
    let leader = program.at_once(1, &UNREAD, SECOND * 2);
    tokio::time::sleep(SECOND).await;
    let followers = program.at_once(50, &UNREAD, PATIENT);
    assert_eq!(answered(leader).await, 0);
    assert_eq!(answered(followers).await, 50);
    assert_eq!(server.sent(|_| true) - sent, 2, "one of them went on, and no herd");
}

/// The one whose turn it is hangs up before he hears of it.
#[tokio::test(start_paused = true)]
async fn a_turn_nobody_takes_goes_to_the_next() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(5));
    let _leader = program.at_once(1, &UNREAD, SECOND * 2);
    tokio::time::sleep(SECOND).await;
    let followers = program.at_once(3, &UNREAD, PATIENT);
    tokio::time::sleep(Duration::from_millis(500)).await;
    followers[0].abort();
    followers[1].abort();
    let began = Instant::now();
    assert_eq!(answered(followers.into_iter().skip(2).collect()).await, 1);
    assert!(began.elapsed() < SECOND * 7, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn all_share_a_failure_and_nobody_asks_again() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(|_| Some(Reply::reset()));
    let sent = server.sent(|_| true);
    assert_eq!(answered(program.at_once(1000, &PROPERTIES, PATIENT)).await, 0);
    let attempts = server.sent(|_| true) - sent;
    assert!((1..=3).contains(&attempts), "{attempts} requests");
}

#[tokio::test(start_paused = true)]
async fn credentials_share_nothing() {
    let server = Server::new(100, |_| None);
    let one = program(&server).await;
    let other = Program::warm(&one.stack, "Bearer b").await;
    assert!(one.call(&PROPERTIES, PATIENT).await.is_ok());
    let mut calls = one.at_once(10, &PROPERTIES, PATIENT);
    calls.extend(other.at_once(10, &PROPERTIES, PATIENT));
    assert_eq!(answered(calls).await, 20);
    assert_eq!(server.sent(|entry| properties(entry) && entry.token == "a"), 1);
    assert_eq!(server.sent(|entry| properties(entry) && entry.token == "b"), 1);
}

#[tokio::test(start_paused = true)]
async fn identical_searches_share_a_request_and_are_not_kept() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(1));
    let searches = |body: &'static str, count| {
        let stack = program.stack.clone();
        (0..count).map(move |_| {
            let stack = stack.clone();
            tokio::spawn(async move { call_with(&stack, "Bearer a", &SEARCH, PATIENT, body, |_| {}).await })
        })
    };
    let mut calls: Vec<_> = searches(r#"{"limit":1}"#, 20).collect();
    calls.extend(searches(r#"{"limit":2}"#, 20));
    assert_eq!(answered(calls).await, 40);
    assert_eq!(server.sent(|entry| entry.asks("/search")), 2);
    assert_eq!(answered(searches(r#"{"limit":1}"#, 1).collect()).await, 1);
    assert_eq!(server.sent(|entry| entry.asks("/search")), 3);
}

/// What was asked before a write is no answer to who asks after it.
#[tokio::test(start_paused = true)]
async fn nobody_joins_a_read_that_a_write_has_overtaken() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(|entry| {
        let slow = Reply::ordinary(entry).answered_after(SECOND * 10);
        Some(if entry.asks("/contacts/1") { slow } else { Reply::ordinary(entry) })
    });
    let list = Question::get("/crm/v3/objects/contacts/1?associations=contacts");
    let sent = server.sent(|_| true);
    let before = tokio::spawn({
        let (stack, list) = (program.stack.clone(), list.clone());
        async move { call(&stack, "Bearer a", &list, PATIENT).await }
    });
    tokio::time::sleep(SECOND).await;
    assert!(program.call(&CREATE, PATIENT).await.is_ok());
    assert!(call(&program.stack, "Bearer a", &list, PATIENT).await.is_ok());
    assert!(before.await.unwrap().is_ok());
    assert_eq!(server.sent(|_| true) - sent, 3, "the write and two reads");
}

#[tokio::test(start_paused = true)]
async fn who_is_in_a_hurry_does_not_join_a_slower_lane() {
    let server = Server::new(100, |_| None);
    let program = program(&server).await;
    server.becomes(slow(1));
    let sent = server.sent(|_| true);
    let in_lane = |lane| {
        let stack = program.stack.clone();
        tokio::spawn(async move { ask(&stack, &UNREAD, |call| call.handling.lane = lane).await })
    };
    let calls = vec![in_lane(Lane::Bulk), in_lane(Lane::Interactive), in_lane(Lane::Bulk)];
    assert_eq!(answered(calls).await, 3);
    assert_eq!(server.sent(|_| true) - sent, 2, "the last one joins the faster");
}

#[tokio::test(start_paused = true)]
async fn who_says_no_store_or_no_cache_asks_for_himself() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, with_cache);
    let program = Program::warm(&stack, "Bearer a").await;
    assert!(program.call(&PROPERTIES, PATIENT).await.is_ok());
    for said in ["no-cache", "max-age=0", "no-store"] {
        let before = server.sent(properties);
        assert_eq!(told(ask(&stack, &PROPERTIES, saying(said)).await), (200, super::LIVE), "{said}");
        assert_eq!(server.sent(properties), before + 1, "{said}");
    }
}
