//! What callers send again by themselves is load like our own retries.

use std::time::Duration;

use client::call::Failure;
use client::stack::Feature;

use super::program::{PATIENT, Program, Question, READ, stack};
use super::server::{Entry, Reply, Server};

fn fails(entry: &Entry) -> Option<Reply> {
    entry.asks("/objects/").then(|| Reply::status(500, ""))
}

/// One program that tries the same again at once, for as long as it fails.
#[tokio::test(start_paused = true)]
async fn callers_who_try_again_and_again_add_no_more_than_the_budget() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |settings| settings.breaker = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(fails);
    let before = server.sent(|_| true);
    let mut refused = 0;
    for _ in 0..100 {
        let outcome = program.call(&READ, PATIENT).await;
        refused +=
            u32::from(matches!(outcome.map_err(|failed| failed.why), Err(Failure::RetriesSpent { .. })));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let sent = server.sent(|_| true) - before;
    // A budget of five, and a new first try every five of the twenty seconds.
    assert!(sent <= 10, "{sent} sent");
    assert!(refused >= 90, "{refused} of 100 refused");
    assert_eq!(stack.repeated().refused, u64::from(refused));
    assert!(stack.repeated().seen >= 90);
}

/// A program that polls is not taken for one that tries again for ever.
#[tokio::test(start_paused = true)]
async fn the_same_question_some_seconds_later_is_a_new_one() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |settings| settings.breaker = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(fails);
    while !matches!(
        program.call(&READ, PATIENT).await.map_err(|failed| failed.why),
        Err(Failure::RetriesSpent { .. })
    ) {}
    server.becomes(|_| None);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(program.call(&READ, PATIENT).await.is_ok());
}

/// Many workers read the same record; that one read of it failed makes none of the others a retry.
#[tokio::test(start_paused = true)]
async fn who_asks_the_same_at_the_same_time_does_not_try_again() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |settings| settings.breaker = Feature::Off);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(fails);
    for _ in 0..5 {
        let _spends_the_budget = program.call(&READ, PATIENT).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    server.becomes(|_| None);
    let good = super::program::answered(program.at_once(50, &READ, PATIENT)).await;
    assert!(good >= 48, "{good} of 50 answered");
}

#[tokio::test(start_paused = true)]
async fn without_failures_the_same_question_is_never_a_repeat() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |_| {});
    let program = Program::warm(&stack, "Bearer a").await;
    for _ in 0..50 {
        assert!(program.call(&READ, PATIENT).await.is_ok());
    }
    assert_eq!(stack.repeated().seen, 0);
}

/// Callers whose calls travel together and who try each again at once, while nothing answers: what comes to the door for
/// it, after the packs that were first tries.
async fn packs_tried_again(retry_budget: Feature) -> usize {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |settings| {
        settings.breaker = Feature::Off;
        settings.packing = Feature::On;
        settings.retry_budget = retry_budget;
        settings.accounts.ceilings.burst = Some(5);
    });
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(|entry| entry.asks("/objects/").then(Reply::reset));
    let callers = (0..60).map(|number| {
        let program = program.clone();
        tokio::spawn(async move {
            let question = Question::get_owned(format!("/crm/v3/objects/contacts/{number}"));
            for _ in 0..20 {
                let _fails = program.call(&question, PATIENT).await;
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        })
    });
    let before = server.sent(|_| true);
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        caller.await.expect("a caller does not panic");
    }
    server.sent(|_| true) - before
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_pack_that_failed_are_recognised_when_they_come_again() {
    let sent = packs_tried_again(Feature::On).await;
    let control = packs_tried_again(Feature::Off).await;
    assert!(control > 3 * sent, "{sent} sent, {control} without a budget");
}
