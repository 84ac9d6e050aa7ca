//! Who is turned away is told the truth: it would have waited that long, and who comes back then gets through.

use std::sync::Arc;
use std::time::Duration;

use client::call::Failure;
use client::governor::RefusalReason;
use client::handling::Handling;
use client::lane::Lane;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{Caller, PATIENT, Program, READ, stack};
use super::server::{Entry, Reply, Server, WINDOW};

const LIMIT: u32 = 100;
/// Less than any wait here.
const HURRY: Duration = Duration::from_millis(40);

fn answers(_: &Entry) -> Option<Reply> {
    Some(Reply::good().answered_after(Duration::from_millis(30)))
}

fn caller(name: &str, lane: Lane, weight: u16) -> Caller {
    Caller { name: Arc::from(name), handling: Handling { lane, weight, ..Handling::default() } }
}

/// Calls at once, which are not repeated.
fn crowd(program: &Program, caller: &Caller, count: u32) {
    for _ in 0..count {
        let (program, caller) = (program.clone(), caller.clone());
        tokio::spawn(async move { program.call_as(&caller, &READ, PATIENT * 3).await.is_ok() });
    }
}

/// A call again and again, one at a time.
fn goes_on(program: &Program, caller: &Caller) {
    let (program, caller) = (program.clone(), caller.clone());
    tokio::spawn(async move { while program.call_as(&caller, &READ, PATIENT * 3).await.is_ok() {} });
}

/// A portal with some backlog of a seed's making, and whose call comes next.
async fn backlog(seed: u64) -> (Program, Caller) {
    let server = Server::new(LIMIT, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    server.becomes(answers);
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let callers: Vec<_> = (0..6)
        .map(|number| {
            let lane = [Lane::Interactive, Lane::Sync, Lane::Bulk][dice.random_range(0..3)];
            caller(&format!("caller{number}"), lane, dice.random_range(1..=3))
        })
        .collect();
    for caller in &callers {
        crowd(&program, caller, dice.random_range(20..200));
    }
    tokio::time::sleep(Duration::from_millis(dice.random_range(1..12_000))).await;
    let next = &callers[dice.random_range(0..callers.len())];
    (program, next.clone())
}

/// Programs that go on calling, and one that has asked for much at once.
async fn busy(seed: u64) -> (Program, Caller) {
    let server = Server::new(LIMIT, |_| None);
    let program = Program::warm(&stack(&server, |_| {}), "Bearer a").await;
    server.becomes(answers);
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    for number in 0..dice.random_range(10..40) {
        goes_on(&program, &caller(&format!("loop{number}"), Lane::Bulk, 1));
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let import = caller("import", Lane::Bulk, 1);
    crowd(&program, &import, dice.random_range(5..40));
    tokio::time::sleep(Duration::from_secs(1)).await;
    (program, import)
}

/// How long a call is told to wait; `None` where it did not have to.
async fn told(program: &Program, caller: &Caller) -> Option<Duration> {
    let began = Instant::now();
    let failed = program.call_as(caller, &READ, HURRY).await.err()?;
    assert_eq!(began.elapsed(), Duration::ZERO, "refused at once, not after waiting");
    let Failure::Refused(refusal) = failed.why else { panic!("{}", failed.why) };
    assert_eq!(refusal.reason, RefusalReason::Deadline);
    Some(refusal.retry_after)
}

async fn waits(program: &Program, caller: &Caller) -> Duration {
    let answer = program.call_as(caller, &READ, PATIENT * 3).await.expect("a patient call is answered");
    answer.effort.waited
}

/// A tenth longer than the truth, or a quarter shorter: slots come free by windows, and a few calls more or less before it may
/// mean another window.
fn is_near(told: Duration, waited: Duration) -> bool {
    let slack = Duration::from_secs(1);
    told <= waited.mul_f64(1.1) + slack && waited <= told.mul_f64(1.25) + slack
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn who_is_refused_would_have_waited_that_long_behind_a_backlog(
    #[values(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24)]
    seed: u64,
) {
    let (program, caller) = backlog(seed).await;
    let Some(told) = told(&program, &caller).await else { panic!("seed {seed}: nobody waits") };
    let (program, caller) = backlog(seed).await;
    let waited = waits(&program, &caller).await;
    assert!(is_near(told, waited), "seed {seed}: told {told:?}, waited {waited:?}");
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn who_is_refused_would_have_waited_that_long_beside_programs_that_go_on(
    #[values(1, 2, 3, 4, 5, 6)] seed: u64,
) {
    let (program, caller) = busy(seed).await;
    let Some(told) = told(&program, &caller).await else { panic!("seed {seed}: nobody waits") };
    let (program, caller) = busy(seed).await;
    let waited = waits(&program, &caller).await;
    assert!(is_near(told, waited), "seed {seed}: told {told:?}, waited {waited:?}");
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn who_comes_back_when_told_gets_through(#[values(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)] seed: u64) {
    let (program, caller) = backlog(seed).await;
    let Some(told) = told(&program, &caller).await else { panic!("seed {seed}: nobody waits") };
    // HTTP says it in whole seconds.
    tokio::time::sleep(Duration::from_secs(told.as_secs() + 1)).await;
    // Its slot was not kept for it: the next one may be as far as a window.
    let patience = WINDOW;
    let again = program.call_as(&caller, &READ, patience).await;
    assert!(again.is_ok(), "seed {seed}: told {told:?}, then {:?}", again.err().map(|failed| failed.why));
}
