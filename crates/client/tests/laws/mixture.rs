//! The limits under everything at once: slow and broken answers, callers in a hurry, callers who hang up.

use std::time::Duration;

use client::governor::Ceilings;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;

use super::program::{ASSOCIATION, ASSOCIATION_BATCH, Program, Question, READ, SEARCH, stack};
use super::server::{Entry, Reply, Server, WINDOW};

const BURST_MAX: usize = 20;
const ASSOCIATIONS_MAX: usize = 15;
const SEARCHES_MAX: usize = 5;

const CALLS: usize = 1_000;
const LASTING_MS: u64 = 120_000;

/// HubSpot counts a request at some moment before its answer, wherever that moment is.
fn trouble(seed: u64) -> impl FnMut(&Entry) -> Option<Reply> + Send + 'static {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    move |entry| {
        let answered_ms = dice.random_range(5..=8_000);
        let counted_ms = dice.random_range(1..=answered_ms);
        let reply = match dice.random_range(0..20) {
            0 => Reply::status(500, ""),
            1 => Reply::reset(),
            2 => Reply::unreachable(),
            _ => Reply::ordinary(entry),
        };
        let reply = reply.counted_after(Duration::from_millis(counted_ms));
        Some(reply.answered_after(Duration::from_millis(answered_ms)))
    }
}

/// One call at some time, by somebody of some patience who may hang up before.
async fn somebody(program: Program, mut dice: ChaCha8Rng) {
    let questions: [&'static Question; 4] = [&READ, &SEARCH, &ASSOCIATION_BATCH, &ASSOCIATION];
    let question = questions[dice.random_range(0..questions.len())];
    let mut moment = |most_ms: u64| Duration::from_millis(dice.random_range(10..=most_ms));
    tokio::time::sleep(moment(LASTING_MS)).await;
    let (patience, hangs_up) = (moment(60_000), moment(60_000));
    let _in_time = tokio::time::timeout(hangs_up, program.call(question, patience)).await;
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn no_mixture_of_trouble_passes_a_limit(#[values(1, 2, 3, 4, 5, 6, 7, 8)] seed: u64) {
    let server = Server::new(u32::try_from(BURST_MAX).expect("small"), |_| None);
    let stack = stack(&server, |settings| {
        let associations = u32::try_from(ASSOCIATIONS_MAX).ok();
        settings.accounts.ceilings = Ceilings { associations, ..Ceilings::default() };
    });
    let apps = [Program::warm(&stack, "Bearer a").await, Program::warm(&stack, "Bearer b").await];
    server.becomes(trouble(seed));
    let mut dice = ChaCha8Rng::seed_from_u64(seed + 1_000);
    let callers: Vec<_> = (0..CALLS)
        .map(|number| {
            let program = apps[number % apps.len()].clone();
            tokio::spawn(somebody(program, ChaCha8Rng::seed_from_u64(dice.random())))
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller does not panic");
    }
    tokio::time::sleep(WINDOW).await;

    for token in ["a", "b"] {
        let burst = server.worst(WINDOW, |entry| entry.token == token && entry.draws_on_burst());
        assert!((BURST_MAX / 2..=BURST_MAX).contains(&burst), "{burst} of {BURST_MAX} by app {token}");
    }
    let associations = server.worst(WINDOW, |entry| entry.asks("associations"));
    assert!((ASSOCIATIONS_MAX / 2..=ASSOCIATIONS_MAX).contains(&associations), "{associations} associations");
    let searches = server.worst(Duration::from_secs(1), |entry| entry.asks("/search"));
    assert!((1..=SEARCHES_MAX).contains(&searches), "{searches} searches in a second");
}
