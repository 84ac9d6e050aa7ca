//! Whose budget a credential draws on, and what finding out may cost.

use std::time::Duration;

use tokio::time::Instant;

use super::program::{PATIENT, Program, READ, SEARCH, answered, call, stack};
use super::server::{Entry, Reply, Server, WINDOW};

#[tokio::test(start_paused = true)]
async fn a_bad_token_costs_three_requests_at_most_however_many_there_are() {
    const TOKENS: usize = 50;
    let refused = |_: &Entry| Some(Reply::status(401, "").answered_after(Duration::from_millis(100)));
    let server = Server::new(100, refused);
    let stack = stack(&server, |_| {});
    for number in 0..TOKENS {
        let _refused = call(&stack, &format!("Bearer bad{number}"), &READ, PATIENT).await;
    }
    let at_first = server.sent(|_| true);
    assert!(at_first <= 3 * TOKENS, "{at_first} requests for {TOKENS} bad tokens");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let at_last = server.sent(|_| true);
    assert!(at_last <= 3 * TOKENS, "{at_last} requests for {TOKENS} bad tokens, ten minutes later");
}

#[tokio::test(start_paused = true)]
async fn a_new_token_is_answered_in_time_while_nobody_answers_who_it_is() {
    let server = Server::new(100, |entry| {
        entry.asks_details().then(|| Reply::good().answered_after(Duration::from_secs(3_600)))
    });
    let stack = stack(&server, |_| {});
    for number in 0..5 {
        let _known = call(&stack, &format!("Bearer old{number}"), &READ, PATIENT).await;
    }
    let began = Instant::now();
    let outcome = call(&stack, "Bearer good", &READ, Duration::from_secs(1)).await;
    assert!(outcome.is_ok(), "{:?}", outcome.err());
    assert!(began.elapsed() <= Duration::from_secs(1), "took {:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn two_apps_of_one_portal_share_its_gate_also_when_one_was_introduced_late() {
    let server = Server::new(100, |entry| {
        (entry.asks_details() && entry.token == "b").then(|| Reply::status(503, ""))
    });
    let stack = stack(&server, |_| {});
    let first = Program::warm(&stack, "Bearer a").await;
    let second = Program::new(&stack, "Bearer b");
    assert!(second.call(&READ, PATIENT).await.is_ok());
    server.becomes(|_| None);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let introduced = stack.accounts().iter().filter(|account| account.portal().is_some()).count();
    assert_eq!(introduced, 2);

    let mut searches = Vec::new();
    for _ in 0..20 {
        searches.extend(first.at_once(1, &SEARCH, PATIENT));
        searches.extend(second.at_once(1, &SEARCH, PATIENT));
    }
    assert_eq!(answered(searches).await, 40);
    let worst = server.worst(Duration::from_secs(1), |entry| entry.asks("/search"));
    assert!(worst <= 5, "{worst} searches of one portal in one second");
}

#[tokio::test(start_paused = true)]
async fn a_token_has_one_budget_however_its_scheme_is_spelled() {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |_| {});
    let tall = Program::warm(&stack, "Bearer a").await;
    let small = Program::warm(&stack, "bearer a").await;
    let mut reads = tall.at_once(100, &READ, PATIENT);
    reads.extend(small.at_once(100, &READ, PATIENT));
    assert_eq!(answered(reads).await, 200);
    let worst = server.worst(WINDOW, |_| true);
    assert!(worst <= 100, "{worst} of 100 in one window");
}
