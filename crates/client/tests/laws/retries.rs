//! Retries add at most a tenth of load.

use client::stack::Feature;
use futures_util::future::join_all;
use http::Method;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::program::{PATIENT, Program, Question, stack};
use super::server::{Entry, Reply, Server};

#[tokio::test(start_paused = true)]
async fn retries_stay_within_a_tenth_of_first_tries_while_half_of_all_fails() {
    const CALLS: usize = 2_000;
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let server = Server::new(100, move |entry| {
        (entry.asks("/objects/") && dice.random_bool(0.5)).then(|| Reply::status(500, ""))
    });
    // Without the breaker, so that every call has its first try.
    let program = Program::new(&stack(&server, |settings| settings.breaker = Feature::Off), "Bearer a");
    let questions: Vec<Question> = (0..CALLS)
        .map(|id| Question { method: Method::GET, path: format!("/crm/v3/objects/contacts/{id}").into() })
        .collect();
    for some in questions.chunks(50) {
        join_all(some.iter().map(|question| program.call(question, PATIENT))).await;
    }
    let ours = |entry: &Entry| entry.asks("/objects/");
    assert_eq!(server.paths(ours), CALLS, "every call was tried once");
    let retries = server.sent(ours) - CALLS;
    assert!(retries > 0, "something was tried again");
    assert!(retries <= CALLS / 10, "{retries} retries of {CALLS} first tries");
}
