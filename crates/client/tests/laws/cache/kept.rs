//! How long answers are served again, and what ends them.

use std::time::Duration;

use client::call::Source;
use rstest::rstest;

use super::super::program::{CREATE, PATIENT, Program, Question, READ, call, stack};
use super::super::server::{Reply, Server};
use super::{LIVE, PROPERTIES, SECOND, ask, cached, keeping, program, prompt, saying, told, with_cache};

static UNREAD: Question = Question::get("/crm/v3/objects/contacts/3");
static PATCH_UNREAD: Question = Question::patch("/crm/v3/objects/contacts/3");
static OTHER: Question = Question::get("/crm/v3/objects/contacts/2");

#[tokio::test(start_paused = true)]
async fn definitions_live_for_minutes_and_tell_their_age() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, LIVE));
    tokio::time::sleep(SECOND * 299).await;
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, cached(299)));
    assert_eq!(told(ask(&program.stack, &PROPERTIES, saying("max-age=298")).await), (200, LIVE));
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, cached(0)));
    tokio::time::sleep(SECOND * 300).await;
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, LIVE));
}

#[tokio::test(start_paused = true)]
async fn records_are_served_again_only_where_a_route_says_so() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    assert_eq!(told(ask(&program.stack, &READ, keeping).await), (200, cached(0)));
    tokio::time::sleep(SECOND * 60).await;
    assert_eq!(told(ask(&program.stack, &READ, keeping).await), (200, LIVE));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_asked_again_soon() {
    let server = prompt();
    let program = program(&server).await;
    let missing = r#"{"status":"error","category":"OBJECT_NOT_FOUND","message":"resource not found"}"#;
    server.becomes(move |_| Some(Reply::status(404, missing).answered_after(Duration::ZERO)));
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (404, LIVE));
    tokio::time::sleep(SECOND * 9).await;
    let again = ask(&program.stack, &UNREAD, keeping).await.unwrap();
    assert_eq!(again.source, Source::Cache { age: SECOND * 9 });
    assert!(again.error.is_some(), "it still says what it means");
    // A new record may be the one that was missed.
    assert!(program.call(&CREATE, PATIENT).await.is_ok());
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (404, LIVE));
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (404, LIVE));
}

#[rstest]
#[case::updated(Question::patch("/crm/v3/objects/contacts/1"), false, true)]
#[case::by_email(Question::patch("/crm/v3/objects/contacts/a@b.c?idProperty=email"), false, false)]
#[case::archived(Question::delete("/crm/v3/objects/contacts/1"), false, true)]
#[case::merged(Question::post("/crm/v3/objects/contacts/merge"), false, false)]
#[case::forgotten(Question::post("/crm/v3/objects/contacts/gdpr-delete"), false, false)]
#[case::created(Question::post("/crm/v3/objects/contacts"), true, true)]
#[case::linked(Question::put("/crm/v4/objects/deals/7/associations/default/contacts/1"), false, true)]
#[case::another_kind(Question::patch("/crm/v3/objects/deals/1"), true, true)]
#[case::search(Question::post("/crm/v3/objects/contacts/search"), true, true)]
#[case::definition(Question::post("/crm/v3/properties/contacts"), false, false)]
#[tokio::test(start_paused = true)]
async fn a_write_ends_what_it_may_change(
    #[case] write: Question,
    #[case] one_stands: bool,
    #[case] two_stands: bool,
) {
    let server = prompt();
    // The record's own id comes first, as HubSpot writes it.
    server.becomes(|entry| {
        let id = if entry.asks("/contacts/2") { r#"{"id":"2"}"# } else { r#"{"id":"1"}"# };
        let reply = if entry.asks_details() { Reply::ordinary(entry) } else { Reply::status(200, id) };
        Some(reply.answered_after(Duration::ZERO))
    });
    let program = program(&server).await;
    let stands = async |question: &Question| {
        let answer = ask(&program.stack, question, keeping).await.unwrap();
        matches!(answer.source, Source::Cache { .. })
    };
    // Another credential of the same portal, or of one that we know too little of.
    let other = Program::warm(&program.stack, "Bearer b").await;
    tokio::time::sleep(SECOND * 60).await;
    assert!(!stands(&READ).await && !stands(&OTHER).await);
    assert!(stands(&READ).await && stands(&OTHER).await);
    assert!(call(&other.stack, "Bearer b", &write, PATIENT).await.is_ok());
    assert_eq!((stands(&READ).await, stands(&OTHER).await), (one_stands, two_stands));
}

/// While a write is under way nobody can say which side of it an answer is from.
#[tokio::test(start_paused = true)]
async fn nothing_is_served_from_memory_while_it_is_written() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
    server.becomes(|entry| Some(Reply::ordinary(entry).answered_after(SECOND * 5)));
    let write = program.at_once(1, &PATCH_UNREAD, PATIENT);
    tokio::time::sleep(SECOND).await;
    server.becomes(|entry| Some(Reply::ordinary(entry).answered_after(Duration::ZERO)));
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
    drop(write.into_iter().next().unwrap().await);
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, cached(0)));
}

/// HubSpot may still do what nobody waited for.
#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_waited_for_is_held_against_what_was_read_since() {
    let server = prompt();
    let program = program(&server).await;
    server.becomes(|entry| Some(Reply::ordinary(entry).answered_after(SECOND * 50)));
    let write = program.at_once(1, &PATCH_UNREAD, PATIENT);
    tokio::time::sleep(SECOND).await;
    write[0].abort();
    server.becomes(|entry| Some(Reply::ordinary(entry).answered_after(Duration::ZERO)));
    tokio::time::sleep(SECOND * 60).await;
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, cached(0)));
    tokio::time::sleep(SECOND * 45).await;
    assert_eq!(told(ask(&program.stack, &UNREAD, keeping).await), (200, LIVE));
}

#[tokio::test(start_paused = true)]
async fn who_reads_all_the_time_never_finds_it_expired() {
    let server =
        Server::new(100, |entry| Some(Reply::ordinary(entry).answered_after(Duration::from_millis(500))));
    let program = program(&server).await;
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, LIVE));
    for _ in 0..40_000 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let answer = program.call(&PROPERTIES, PATIENT).await.unwrap();
        assert!(matches!(answer.source, Source::Cache { .. }), "{:?}", answer.source);
    }
    // 2,000 s are not quite seven lifetimes; each refresh comes some seconds early.
    let sent = server.sent(|entry| entry.asks("/properties/"));
    assert!((7..=9).contains(&sent), "{sent} requests");
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded() {
    let server = prompt();
    let stack = stack(&server, |settings| {
        with_cache(settings);
        settings.cache.bytes_max = 50_000;
    });
    let program = Program::warm(&stack, "Bearer a").await;
    for id in 0..1_000 {
        let question = Question::get_owned(format!("/crm/v3/objects/contacts/{id}"));
        assert!(program.call(&question, PATIENT).await.is_ok());
        let report = stack.cache_report();
        assert!(report.bytes <= 50_000, "{report:?}");
    }
    assert!(stack.cache_report().entries > 100, "{:?}", stack.cache_report());
}
