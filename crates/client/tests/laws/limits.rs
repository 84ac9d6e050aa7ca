//! Our own traffic never exceeds a limit in any rolling window, counted at the server.

use std::time::Duration;

use client::stack::Feature;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{ASSOCIATION_BATCH, PATIENT, Program, READ, answered, stack};
use super::server::{Reply, Server, WINDOW};

/// If nobody kept the limit, the books would show it.
#[tokio::test(start_paused = true)]
async fn control_an_ungoverned_stack_shows_in_the_books() {
    let server = Server::new(10, |_| None);
    let program =
        Program::new(&stack(&server, |settings| settings.accounts.governed = Feature::Off), "Bearer a");
    assert_eq!(answered(program.at_once(50, &READ, PATIENT)).await, 50);
    assert_eq!(server.worst(WINDOW, |_| true), 50, "of 10");
}

#[tokio::test(start_paused = true)]
async fn calls_given_up_before_hubspot_counts_them_still_hold_their_slots() {
    let server = Server::new(10, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    server.becomes(|_| {
        let counted_after = Duration::from_millis(500);
        Some(Reply::good().counted_after(counted_after).answered_after(Duration::from_millis(600)))
    });
    let hasty = program.at_once(10, &READ, Duration::from_millis(50));
    assert_eq!(answered(hasty).await, 0, "nothing comes within 50 ms");
    server.becomes(|_| None);
    let patient = program.at_once(10, &READ, PATIENT);
    assert_eq!(answered(patient).await, 10);
    assert_eq!(server.worst(WINDOW, |_| true), 10, "of 10");
}

#[rstest]
#[case::broken(Reply::reset())]
#[case::answered_without_headers(Reply::status(500, ""))]
#[case::unanswered(Reply::good().answered_after(Duration::from_secs(50)))]
#[tokio::test(start_paused = true)]
async fn a_new_account_sends_one_at_a_time_until_an_answer_tells_what_is_left(#[case] first: Reply) {
    let server = Server::new(100, move |_| Some(first.clone()));
    let program = Program::new(&stack(&server, |_| {}), "Bearer a");
    let _told_nothing = program.call(&READ, Duration::from_millis(500)).await;
    server.becomes(|entry| {
        (!entry.asks_details()).then(|| Reply::good().answered_after(Duration::from_millis(100)))
    });
    let before = server.sent(|_| true);
    let calls = program.at_once(100, &READ, PATIENT);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let sent = server.sent(|_| true) - before;
    assert!(sent <= 1, "{sent} sent before any answer told what is left of the window");
    assert_eq!(answered(calls).await, 100);
}

#[tokio::test(start_paused = true)]
async fn associations_stay_within_their_limit_over_a_restart() {
    let server = Server::new(100, |_| None);
    for _ in 0..2 {
        let program = Program::new(&stack(&server, |_| {}), "Bearer a");
        assert!(program.call(&READ, PATIENT).await.is_ok());
        let calls = program.at_once(100, &ASSOCIATION_BATCH, PATIENT);
        assert_eq!(answered(calls).await, 100);
    }
    let worst = server.worst(WINDOW, |entry| entry.asks("associations"));
    assert!(worst <= 100, "{worst} of 100 in one window");
}

#[tokio::test(start_paused = true)]
async fn the_day_is_not_overdrawn_while_the_headers_tell_what_is_left() {
    const DAILY_MAX: usize = 150;
    let server = Server::with_daily(100, DAILY_MAX, |entry| {
        (!entry.asks_details()).then(|| Reply::good().answered_after(Duration::from_millis(200)))
    });
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    for _ in 0..2 {
        answered(program.at_once(100, &READ, Duration::from_secs(60))).await;
    }
    let sent = server.sent(|_| true);
    assert!(sent <= DAILY_MAX, "{sent} sent into a day of {DAILY_MAX}");
    assert!(sent >= DAILY_MAX - 10, "only {sent} of {DAILY_MAX} used");
}

#[rstest]
#[case::for_ever(u64::MAX)]
#[case::a_day(86_400_000)]
#[tokio::test(start_paused = true)]
async fn a_window_nobody_can_mean_is_ignored(#[case] window_ms: u64) {
    let server = Server::new(100, move |_| {
        Some(Reply::good().header("x-hubspot-ratelimit-interval-milliseconds", window_ms.to_string()))
    });
    let program = Program::new(&stack(&server, |_| {}), "Bearer a");
    let began = Instant::now();
    assert!(program.call(&READ, PATIENT).await.is_ok());
    assert_eq!(answered(program.at_once(150, &READ, PATIENT)).await, 150);
    assert!(began.elapsed() < WINDOW * 3, "took {:?}", began.elapsed());
    assert!(server.worst(WINDOW, |_| true) <= 100);
}
