//! The last good answer: only while HubSpot gives none, never older than allowed, and labelled.

use std::time::Duration;

use client::call::{Call, Source};
use http::{HeaderValue, header};
use rstest::rstest;

use super::super::program::{PATIENT, Program, Question, READ, stack};
use super::super::server::{Reply, Server};
use super::{LIVE, PROPERTIES, SECOND, ask, fails, old, program, prompt, saying, told, with_cache};

static PATCH: Question = Question::patch("/crm/v3/objects/contacts/1");

#[rstest]
#[case::nothing_said("", 100, old(100))]
#[case::too_old("", 4 * 3600 + 1, LIVE)]
#[case::less_than_the_house_says("max-stale=60", 61, LIVE)]
#[case::more("max-stale=100000", 99_000, old(99_000))]
#[case::any_age("max-stale", 200_000, old(200_000))]
#[case::in_other_words("stale-if-error=100000", 99_000, old(99_000))]
#[case::no_older("max-age=60", 61, LIVE)]
#[case::hubspots_own_word("no-cache", 1, LIVE)]
#[case::nothing_to_do_with_it("no-store", 1, LIVE)]
#[tokio::test(start_paused = true)]
async fn as_old_as_allowed(#[case] said: &'static str, #[case] age_s: u64, #[case] expected: Option<Source>) {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    fails(&server);
    // Retries wait for up to two seconds altogether; ages are counted when the answer is given.
    tokio::time::sleep(SECOND * u32::try_from(age_s).unwrap()).await;
    let (status, source) = told(ask(&program.stack, &READ, saying(said)).await);
    match (expected, source) {
        (Some(Source::Stale { age: expected }), Some(Source::Stale { age })) => {
            assert_eq!(status, 200);
            assert!(expected <= age && age <= expected + SECOND * 2, "{age:?}");
        }
        (expected, source) => assert_eq!((503, expected), (status, source)),
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_breaker_is_open_it_comes_at_once() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    fails(&server);
    for _ in 0..20 {
        let (status, source) = told(program.call(&READ, PATIENT).await);
        assert!(status == 200 && matches!(source, Some(Source::Stale { .. })), "{status} {source:?}");
    }
    let sent = server.sent(|_| true);
    let answer = program.call(&READ, PATIENT).await.unwrap();
    assert!(matches!(answer.source, Source::Stale { .. }));
    assert_eq!((answer.effort.attempts, server.sent(|_| true)), (0, sent));
}

/// A caller whose time runs out gets it when the time is up.
#[tokio::test(start_paused = true)]
async fn when_hubspot_says_nothing_it_comes_at_the_deadline() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    server.becomes(|_| Some(Reply::good().answered_after(SECOND * 500)));
    assert_eq!(told(program.call(&READ, SECOND * 3).await), (200, old(3)));
}

#[rstest]
#[case(400, true)]
#[case(401, false)]
#[case(403, false)]
#[case(404, false)]
#[case(410, false)]
#[case(423, true)]
#[tokio::test(start_paused = true)]
async fn what_hubspot_denies_is_true(#[case] status: u16, #[case] remembered: bool) {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    server.becomes(move |_| Some(Reply::status(status, "{}").answered_after(Duration::ZERO)));
    assert_eq!(told(program.call(&READ, PATIENT).await), (status, LIVE));
    fails(&server);
    let (_, source) = told(program.call(&READ, PATIENT).await);
    assert_eq!(matches!(source, Some(Source::Stale { .. })), remembered, "{source:?}");
}

/// A token that was refused once reads nothing else from memory.
#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_all_that_was_read_with_it() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (200, LIVE));
    server.becomes(|_| Some(Reply::status(401, "{}").answered_after(Duration::ZERO)));
    assert_eq!(told(program.call(&READ, PATIENT).await), (401, LIVE));
    fails(&server);
    assert_eq!(told(program.call(&PROPERTIES, PATIENT).await), (503, LIVE));
}

#[tokio::test(start_paused = true)]
async fn one_credentials_memory_is_not_anothers() {
    let server = prompt();
    let one = program(&server).await;
    let other = Program::warm(&one.stack, "Bearer b").await;
    assert_eq!(told(one.call(&PROPERTIES, PATIENT).await), (200, LIVE));
    fails(&server);
    assert_eq!(told(other.call(&PROPERTIES, PATIENT).await), (503, LIVE));
}

#[tokio::test(start_paused = true)]
async fn what_was_written_since_is_not_served() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    assert!(program.call(&PATCH, PATIENT).await.is_ok());
    fails(&server);
    assert_eq!(told(program.call(&READ, PATIENT).await), (503, LIVE));
}

/// Writes that the breaker turns away change nothing, and must not cost the pages that still stand.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_not_sent_ends_nothing() {
    let server = prompt();
    let program = program(&server).await;
    assert_eq!(told(program.call(&READ, PATIENT).await), (200, LIVE));
    server.becomes(|_| Some(Reply::unreachable()));
    for _ in 0..10 {
        assert!(program.call(&PATCH, PATIENT).await.is_err());
    }
    assert!(matches!(told(program.call(&READ, PATIENT).await), (200, Some(Source::Stale { .. }))));
}

fn by_route(call: &mut Call) {
    call.handling.stale_max = Some(Duration::from_secs(3600));
}

fn by_caller(call: &mut Call) {
    call.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-stale=3600"));
}

/// With the day's calls spent HubSpot is well, and an old answer is only for those who said so.
#[rstest]
#[case::unsaid(|_: &mut Call| {}, false)]
#[case::by_route(by_route, true)]
#[case::by_caller(by_caller, true)]
#[tokio::test(start_paused = true)]
async fn a_spent_budget_is_no_outage(#[case] adjust: fn(&mut Call), #[case] served: bool) {
    let server = Server::with_daily(100, 40, |_| None);
    let program = Program::warm(&stack(&server, with_cache), "Bearer a").await;
    for _ in 0..60 {
        let _until_it_is_spent = program.call(&READ, PATIENT).await;
    }
    let outcome = ask(&program.stack, &READ, adjust).await;
    let (_, source) = told(outcome);
    assert_eq!(matches!(source, Some(Source::Stale { .. })), served, "{source:?}");
}
