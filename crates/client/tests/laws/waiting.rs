//! Nobody waits in vain, and nobody is turned away without need.

use std::sync::Arc;
use std::time::Duration;

use client::governor::Ceilings;
use client::stack::Stack;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{ASSOCIATION, ASSOCIATION_BATCH, CREATE, PATIENT, Program, READ, answered, stack};
use super::server::{Reply, Server, WINDOW};

/// A caller hung up; by then even a request that may still be under way has left every window.
const SLOT_FREE: Duration = Duration::from_secs(25);

fn hangs() -> Reply {
    Reply::good().answered_after(Duration::from_secs(50))
}

#[tokio::test(start_paused = true)]
async fn one_who_hangs_up_on_a_new_account_wakes_those_who_wait() {
    let server = Server::new(10, |_| Some(hangs()));
    let program = Program::new(&stack(&server, |_| {}), "Bearer a");
    let first = program.at_once(1, &READ, PATIENT);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let second = program.at_once(1, &READ, PATIENT);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    server.becomes(|_| None);
    first[0].abort();
    let began = Instant::now();
    assert_eq!(answered(second).await, 1);
    assert!(began.elapsed() < SLOT_FREE, "waited {:?} with a slot free", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn those_who_hang_up_on_a_full_window_wake_those_who_wait() {
    let server = Server::new(10, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    server.becomes(|_| Some(hangs()));
    let first = program.at_once(10, &READ, PATIENT);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let second = program.at_once(1, &READ, PATIENT);
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.becomes(|_| None);
    for call in &first {
        call.abort();
    }
    let began = Instant::now();
    assert_eq!(answered(second).await, 1);
    assert!(began.elapsed() < SLOT_FREE, "waited {:?} with a slot free", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_call_without_time_is_not_sent() {
    let server = Server::new(10, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    let before = server.sent(|_| true);
    let failed = program.call(&CREATE, Duration::ZERO).await.err().expect("there was no time");
    assert!(!failed.why.may_have_been_applied(), "{}", failed.why);
    assert_eq!(failed.why.name(), "late", "no limit held it");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.sent(|_| true), before);
}

#[tokio::test(start_paused = true)]
async fn a_new_and_idle_account_serves_callers_in_a_hurry() {
    let server = Server::new(100, |entry| {
        (!entry.asks_details()).then(|| Reply::good().answered_after(Duration::from_millis(100)))
    });
    let program = Program::new(&stack(&server, |_| {}), "Bearer a");
    let calls = program.at_once(10, &READ, Duration::from_secs(5));
    assert_eq!(answered(calls).await, 10);
}

/// Twenty per window of each budget, so that those who keep calling always leave a line.
fn narrow(server: &Arc<Server>) -> Arc<Stack> {
    stack(server, |settings| {
        settings.accounts.ceilings = Ceilings { associations: Some(20), ..Ceilings::default() };
    })
}

/// Both budgets are kept busy by `callers` each; the slots of one come free `apart` from those of the other.
#[rstest]
#[case::together(60, Duration::ZERO)]
#[case::apart(26, Duration::from_millis(250))]
#[tokio::test(start_paused = true)]
async fn a_call_that_needs_two_budgets_is_not_starved_by_those_that_need_one(
    #[case] callers: u32,
    #[case] apart: Duration,
) {
    let server = Server::new(20, |_| None);
    let program = Program::warm(&narrow(&server), "Bearer a").await;
    for number in 0..callers {
        let start = Duration::from_millis(500) * number;
        program.keeps_calling(&READ, start);
        program.keeps_calling(&ASSOCIATION_BATCH, start + apart);
    }
    tokio::time::sleep(Duration::from_secs(40)).await;
    let line = WINDOW * callers.div_ceil(20);
    for question in [&ASSOCIATION, &READ] {
        let began = Instant::now();
        assert!(program.call(question, PATIENT).await.is_ok());
        assert!(began.elapsed() <= line + WINDOW * 2, "waited {:?}, others {line:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_line_for_associations_leaves_the_rest_of_burst_to_those_who_need_no_associations() {
    let server = Server::new(20, |_| None);
    let stack = stack(&server, |settings| {
        settings.accounts.ceilings = Ceilings { associations: Some(5), ..Ceilings::default() };
    });
    let program = Program::warm(&stack, "Bearer a").await;
    for number in 0..60 {
        program.keeps_calling(&ASSOCIATION, Duration::from_millis(100) * number);
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let began = Instant::now();
    assert_eq!(answered(program.at_once(10, &READ, PATIENT)).await, 10);
    assert!(began.elapsed() <= WINDOW * 2, "10 reads took {:?} with 15 of 20 slots idle", began.elapsed());
}
