//! What a 429 closes: that which it is about, for as long as it can mean.

use std::time::Duration;

use client::call::Failure;
use client::governor::RefusalReason;
use client::stack::Feature;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{
    ASSOCIATION_BATCH, IMPORT, JOURNAL, PATIENT, Program, Question, READ, SEARCH, answered, stack,
};
use super::server::{Reply, Server, WINDOW};

const BURST: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}"#;
const DAILY: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY"}"#;
const JOURNAL_POLICY: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"JOURNAL"}"#;
const TOO_MANY_ROWS: &str = r#"{"status":"error","message":"too large","category":"VALIDATION_ERROR"}"#;

#[rstest]
#[case::no_budget_of_ours(&JOURNAL, JOURNAL_POLICY, &ASSOCIATION_BATCH)]
#[case::no_budget_of_ours(&JOURNAL, JOURNAL_POLICY, &READ)]
#[case::no_budget_of_ours(&JOURNAL, BURST, &ASSOCIATION_BATCH)]
#[case::a_limit_of_imports(&IMPORT, TOO_MANY_ROWS, &READ)]
#[tokio::test(start_paused = true)]
async fn a_limit_that_is_not_one_of_ours_closes_nothing_for_others(
    #[case] limited: &Question,
    #[case] policy: &'static str,
    #[case] other: &Question,
) {
    let path = limited.path.clone();
    let server = Server::new(100, move |entry| (entry.path == path).then(|| Reply::limit(policy, "30")));
    let stack = stack(&server, |settings| settings.retries = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    let answer = program.call(limited, PATIENT).await.ok().map(|answer| answer.response.status().as_u16());
    assert_eq!(answer, Some(429));
    let began = Instant::now();
    assert!(program.call(other, PATIENT).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(1), "waited {:?}", began.elapsed());
}

#[rstest]
#[case("0")]
#[case("1")]
#[tokio::test(start_paused = true)]
async fn a_full_window_is_not_stormed_because_retry_after_is_small(#[case] retry_after: &'static str) {
    const CALLERS: usize = 5;
    let server = Server::new(100, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    let before = server.sent(|_| true);
    server.becomes(move |_| Some(Reply::limit(BURST, retry_after)));
    let calls = program.at_once(CALLERS, &READ, PATIENT);
    tokio::time::sleep(WINDOW).await;
    let sent = server.sent(|_| true) - before;
    assert!(sent <= 2 * CALLERS, "{sent} requests into a full window by {CALLERS} callers");
    answered(calls).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_a_day_does_not_close_a_window_of_ten_seconds_for_a_day() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |settings| settings.retries = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(|_| Some(Reply::limit(BURST, "86400")));
    let _limited = program.call(&READ, PATIENT).await;
    server.becomes(|_| None);
    let outcome = program.call(&READ, Duration::from_secs(120)).await;
    assert!(outcome.is_ok(), "{:?}", outcome.err());
}

#[tokio::test(start_paused = true)]
async fn good_answers_end_an_empty_day_whose_reset_is_unknown() {
    const SEARCHES: usize = 360;
    let server = Server::new(100, |entry| entry.asks_details().then(|| Reply::status(403, "")));
    let stack = stack(&server, |settings| settings.retries = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(|_| Some(Reply::status(429, DAILY)));
    let _limited = program.call(&SEARCH, PATIENT).await;
    server.becomes(|entry| entry.asks_details().then(|| Reply::status(403, "")));
    let mut good = 0;
    for _ in 0..SEARCHES {
        tokio::time::sleep(Duration::from_secs(10)).await;
        good += usize::from(program.call(&SEARCH, Duration::from_secs(1)).await.is_ok());
    }
    assert!(good >= SEARCHES - 40, "{good} of {SEARCHES} searches in the hour after one DAILY");
}

/// The first call after a start: nothing is known of the window yet, and HubSpot says that it is full.
#[rstest]
#[case::in_a_hurry(5, Some(429), 0)]
#[case::patient(30, Some(200), 11)]
#[tokio::test(start_paused = true)]
async fn a_first_429_that_says_nothing_costs_one_window_and_no_deadline(
    #[case] patience_s: u64,
    #[case] status: Option<u16>,
    #[case] took_max_s: u64,
) {
    let mut first = true;
    let server = Server::new(100, move |_| std::mem::take(&mut first).then(|| Reply::status(429, BURST)));
    let program = Program::new(&stack(&server, |_| {}), "Bearer a");
    let began = Instant::now();
    let outcome = program.call(&READ, Duration::from_secs(patience_s)).await;
    let got = outcome.ok().map(|answer| answer.response.status().as_u16());
    assert_eq!((got, began.elapsed().as_secs() <= took_max_s), (status, true), "{:?}", began.elapsed());
    // Who comes meanwhile is told so at once, and when.
    let server = Server::new(100, move |_| Some(Reply::status(429, BURST)));
    let program = Program::new(&stack(&server, |settings| settings.retries = Feature::Off), "Bearer a");
    let _full = program.call(&READ, PATIENT).await;
    let began = Instant::now();
    let Err(failed) = program.call(&READ, Duration::from_secs(5)).await else { panic!("it is full") };
    let Failure::Refused(refusal) = failed.why else { panic!("{}", failed.why) };
    assert_eq!((refusal.reason, began.elapsed()), (RefusalReason::Deadline, Duration::ZERO));
    assert!(refusal.retry_after > WINDOW - Duration::from_secs(1), "{:?}", refusal.retry_after);
}

/// HubSpot names the end of a move (477) to whoever asks first; those who come later are told the same one.
#[tokio::test(start_paused = true)]
async fn a_portal_on_the_move_is_left_alone_until_it_was_said_to_arrive() {
    const MOVING: &str = r#"{"status":"error","category":"MIGRATION_IN_PROGRESS"}"#;
    let server = Server::new(100, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    server.becomes(|_| Some(Reply::status(477, MOVING).header("retry-after", "3600")));
    assert_eq!(
        program.call(&READ, PATIENT).await.ok().map(|answer| answer.response.status().as_u16()),
        Some(477)
    );
    let sent = server.sent(|_| true);
    for minute in 1..=5 {
        tokio::time::sleep(Duration::from_secs(50)).await;
        let Err(failed) = program.call(&READ, PATIENT).await else { panic!("it is on the move") };
        let Failure::PortalPaused { retry_after, .. } = failed.why else { panic!("{}", failed.why) };
        // Each question is answered with the hour anew.
        assert!((3549..=3551).contains(&retry_after.as_secs()), "{retry_after:?}");
        tokio::time::sleep(Duration::from_secs(10)).await;
        // This one asks.
        assert!(program.call(&READ, PATIENT).await.is_ok());
        assert_eq!(server.sent(|_| true) - sent, minute);
    }
    server.becomes(|_| None);
    tokio::time::sleep(Duration::from_secs(60)).await;
    for _ in 0..3 {
        let outcome = program.call(&READ, PATIENT).await;
        assert!(outcome.is_ok_and(|answer| answer.response.status().is_success()), "it has arrived sooner");
    }
}
