//! What a 429 closes: that which it is about, for as long as it can mean.

use std::time::Duration;

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
