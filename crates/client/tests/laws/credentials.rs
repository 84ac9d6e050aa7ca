//! Whose budget a credential draws on, and what finding out may cost.

use std::sync::Arc;
use std::time::Duration;

use client::accounts::{Connection, Credential, Token};
use client::call::Call;
use client::stack::Stack;
use hubspot::limits::AppKind;
use hubspot::secret::Secret;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{PATIENT, Program, READ, SEARCH, answered, call, call_with, stack};
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

#[rstest]
#[case::in_a_hurry(Duration::from_secs(1))]
#[case::patient(PATIENT)]
#[tokio::test(start_paused = true)]
async fn a_new_token_is_answered_soon_while_nobody_answers_who_it_is(#[case] patience: Duration) {
    let server = Server::new(100, |entry| {
        entry.asks_details().then(|| Reply::good().answered_after(Duration::from_secs(3_600)))
    });
    let stack = stack(&server, |_| {});
    for number in 0..5 {
        let _known = call(&stack, &format!("Bearer old{number}"), &READ, PATIENT).await;
    }
    let began = Instant::now();
    let outcome = call(&stack, "Bearer good", &READ, patience).await;
    assert!(outcome.is_ok(), "{:?}", outcome.err());
    assert!(began.elapsed() <= Duration::from_secs(2), "took {:?}", began.elapsed());
}

const SECOND: Duration = Duration::from_secs(1);

/// Two apps of one portal; who the second one is HubSpot does not say yet.
async fn two_apps(server: &Arc<Server>) -> (Arc<Stack>, Program, Program) {
    let stack = stack(server, |_| {});
    let first = Program::warm(&stack, "Bearer a").await;
    server.becomes(|entry| entry.asks_details().then(|| Reply::status(503, "")));
    let second = Program::new(&stack, "Bearer b");
    assert!(second.call(&READ, PATIENT).await.is_ok());
    (stack, first, second)
}

fn introduced(stack: &Stack) -> usize {
    stack.accounts().iter().filter(|account| account.portal().is_some()).count()
}

/// HubSpot says who a token is of; the one that is put in its place may be of the same portal, of another, or of none.
#[rstest]
#[case::of_another(Some(r#"{"portalId":8}"#), Some(8))]
#[case::of_the_same(Some(r#"{"portalId":7}"#), Some(7))]
#[case::revoked(None, Some(7))]
#[tokio::test(start_paused = true)]
async fn whose_token_was_put_in_its_place_is_known_though_nobody_calls(
    #[case] details: Option<&'static str>,
    #[case] reached: Option<u64>,
) {
    let server = Server::new(100, move |entry| {
        let exchanged = entry.token.contains("other") && entry.asks_details();
        exchanged.then(|| details.map_or(Reply::status(401, ""), |body| Reply::status(200, body)))
    });
    let stack = stack(&server, |_| {});
    let token = |text: &str| Token::new(&Secret::new(text), None).expect("a token");
    let connection =
        Connection::new("second".into(), &Secret::new("one"), AppKind::PrivateApp).expect("a token");
    let connection = Arc::new(connection);
    let by_connection = |call: &mut Call| call.credential = Credential::Connection(connection.clone());
    let outcome = call_with(&stack, "Bearer none", &READ, PATIENT, "", by_connection).await;
    assert!(outcome.is_ok(), "{:?}", outcome.err());
    tokio::time::sleep(Duration::from_secs(30)).await;
    let account =
        stack.accounts().into_iter().find(|account| &*account.name == "second").expect("it has called");
    assert_eq!(account.reached(), Some(7));

    let asked = server.sent(Entry::asks_details);
    stack.replace_token(&connection, Ok(token("other")));
    stack.ask_whose(&connection);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((account.reached(), server.sent(Entry::asks_details)), (reached, asked + 1));
}

#[tokio::test(start_paused = true)]
async fn two_apps_of_one_portal_share_its_gate_also_when_one_was_introduced_late() {
    let server = Server::new(100, |_| None);
    let (stack, first, second) = two_apps(&server).await;
    server.becomes(|_| None);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(introduced(&stack), 2);

    let mut searches = Vec::new();
    for _ in 0..20 {
        searches.extend(first.at_once(1, &SEARCH, PATIENT));
        searches.extend(second.at_once(1, &SEARCH, PATIENT));
    }
    assert_eq!(answered(searches).await, 40);
    let worst = server.worst(SECOND, |entry| entry.asks("/search"));
    assert!(worst <= 5, "{worst} searches of one portal in one second");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_comes_to_its_portals_gate_brings_what_it_has_just_spent() {
    let server = Server::new(100, |_| None);
    let (stack, first, second) = two_apps(&server).await;
    tokio::time::sleep(SECOND * 63 / 2).await;
    server.becomes(|_| None);
    assert_eq!(answered(second.at_once(5, &SEARCH, PATIENT)).await, 5);
    assert_eq!(introduced(&stack), 1, "these were spent at a gate of its own");
    while introduced(&stack) < 2 {
        tokio::time::sleep(SECOND / 100).await;
    }
    assert_eq!(answered(first.at_once(5, &SEARCH, PATIENT)).await, 5);
    let worst = server.worst(SECOND, |entry| entry.asks("/search"));
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

#[tokio::test(start_paused = true)]
async fn an_app_that_comes_to_its_portals_gate_brings_its_line() {
    let server = Server::new(100, |_| None);
    let (stack, first, second) = two_apps(&server).await;
    // Past the first rest after a failed introduction, and into the second look for a quiet moment.
    tokio::time::sleep(Duration::from_secs(85)).await;
    server.becomes(|_| None);
    let mut searches = second.at_once(150, &SEARCH, PATIENT);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let newcomer = Program::new(&stack, "Bearer c");
    assert!(newcomer.call(&READ, PATIENT).await.is_ok());
    assert_eq!(introduced(&stack), 3, "the newcomer hurried the introduction of the second");
    searches.extend(first.at_once(50, &SEARCH, PATIENT));
    assert_eq!(answered(searches).await, 200);
    let worst = server.worst(SECOND, |entry| entry.asks("/search"));
    assert!(worst <= 5, "{worst} searches of one portal in one second");
}

#[tokio::test(start_paused = true)]
async fn the_question_who_a_newcomer_is_counts_also_when_it_is_answered_too_late() {
    let server = Server::new(10, |_| None);
    let stack = stack(&server, |_| {});
    let _first = Program::warm(&stack, "Bearer a").await;
    server.becomes(|entry| {
        let late = Reply::ordinary(entry).answered_after(Duration::from_secs(3));
        entry.asks_details().then(|| late.counted_after(Duration::from_secs(2)))
    });
    let second = Program::new(&stack, "Bearer b");
    assert_eq!(answered(second.at_once(10, &READ, PATIENT)).await, 10);
    tokio::time::sleep(WINDOW).await;
    let worst = server.worst(WINDOW, |entry| entry.token == "b");
    assert!(worst <= 10, "{worst} of 10 in one window");
}

#[tokio::test(start_paused = true)]
async fn newcomers_who_hang_up_do_not_have_the_same_question_asked_again_and_again() {
    let server = Server::new(10, |_| None);
    let stack = stack(&server, |_| {});
    let _first = Program::warm(&stack, "Bearer a").await;
    server.becomes(|entry| {
        entry.asks_details().then(|| Reply::ordinary(entry).answered_after(Duration::from_millis(500)))
    });
    let second = Program::new(&stack, "Bearer b");
    for _ in 0..30 {
        let hasty = second.at_once(1, &READ, PATIENT);
        tokio::time::sleep(Duration::from_millis(50)).await;
        hasty[0].abort();
    }
    tokio::time::sleep(WINDOW).await;
    let worst = server.worst(WINDOW, |entry| entry.token == "b");
    assert!(worst <= 10, "{worst} of 10 in one window");
}
