//! Lanes: who waits for whom, and that nobody waits for ever. Seeds are printed where one fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use client::handling::Handling;
use client::lane::Lane;
use client::stack::{Feature, Stack};
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use tokio::time::Instant;

use super::program::{Caller, OWNERS, PATIENT, Program, READ, stack};
use super::server::{Entry, Reply, Server, WINDOW};

const LIMIT: usize = 190;
const LATENCY_MS: std::ops::RangeInclusive<u64> = 20..=60;
const LATENCY_MEAN_MS: f64 = 40.0;

/// Answers that take now longer and now shorter; each is counted somewhere on the way. Clicks have dice of their own: the
/// same ones take equally long whatever goes on beside them.
fn jitter(seed: u64) -> impl FnMut(&Entry) -> Option<Reply> + Send + 'static {
    let mut for_clicks = ChaCha8Rng::seed_from_u64(seed);
    let mut for_others = ChaCha8Rng::seed_from_u64(seed + 1_000);
    move |entry| {
        let dice = if entry.asks("/owners") { &mut for_clicks } else { &mut for_others };
        let answered_ms = dice.random_range(LATENCY_MS);
        let counted_ms = dice.random_range(1..=answered_ms);
        let reply = Reply::ordinary(entry).counted_after(Duration::from_millis(counted_ms));
        Some(reply.answered_after(Duration::from_millis(answered_ms)))
    }
}

/// A portal of 190 in ten seconds, its answers jittering, and a program that it knows.
async fn portal(seed: u64, lanes: Feature) -> (Arc<Server>, Program) {
    let server = Server::new(u32::try_from(LIMIT).expect("small"), |_| None);
    let stack: Arc<Stack> = stack(&server, |settings| settings.accounts.queue.lanes.lanes = lanes);
    let program = Program::warm(&stack, "Bearer a").await;
    server.becomes(jitter(seed));
    (server, program)
}

fn in_lane(lane: Lane) -> Handling {
    Handling { lane, ..Handling::default() }
}

/// How often each caller has been answered.
type Counts = Arc<Mutex<HashMap<Arc<str>, u64>>>;

/// `outstanding` calls of one caller at any time, until it is dropped.
fn floods(program: &Program, name: &str, handling: Handling, outstanding: usize, counts: &Counts) {
    let caller = Caller { name: Arc::from(name), handling };
    for _ in 0..outstanding {
        let (program, caller, counts) = (program.clone(), caller.clone(), counts.clone());
        tokio::spawn(async move {
            loop {
                match program.call_as(&caller, &READ, PATIENT).await {
                    Ok(_) => *counts.lock().entry(caller.name.clone()).or_default() += 1,
                    Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                }
            }
        });
    }
}

/// How long interactive calls take that come once a second, more or less.
async fn clicks(program: &Program, seed: u64, lasting: Duration) -> Vec<Duration> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed ^ 0xC11C);
    let clicker = Caller { name: Arc::from("clicker"), handling: in_lane(Lane::Interactive) };
    let ends = Instant::now() + lasting;
    let mut calls = Vec::new();
    while Instant::now() < ends {
        // A person's clicks know nothing of each other: exponential gaps, one second in the mean.
        let gap = -dice.random_range(f64::EPSILON..1.0f64).ln();
        tokio::time::sleep(Duration::from_secs_f64(gap)).await;
        let (program, clicker) = (program.clone(), clicker.clone());
        calls.push(tokio::spawn(async move {
            let began = Instant::now();
            program.call_as(&clicker, &OWNERS, PATIENT).await.expect("a click is answered");
            began.elapsed()
        }));
    }
    let mut took = Vec::new();
    for call in calls {
        took.push(call.await.expect("a call does not panic"));
    }
    took.sort();
    took
}

/// p50, p90 and the worst, in milliseconds.
fn spread(took: &[Duration]) -> [f64; 3] {
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    [at(0.5), at(0.9), at(1.0)]
}

/// Clicks on an idle portal, clicks beside a flood, and the share of the limit that was used meanwhile.
async fn beside_a_flood(seed: u64, lanes: Feature, lasting: Duration) -> ([f64; 3], [f64; 3], f64, usize) {
    let (_idle, program) = portal(seed, lanes).await;
    let unloaded = spread(&clicks(&program, seed, lasting).await);
    let (server, program) = portal(seed, lanes).await;
    let counts = Counts::default();
    for number in 0..200 {
        floods(&program, &format!("bulk{number}"), in_lane(Lane::Bulk), 1, &counts);
    }
    tokio::time::sleep(WINDOW * 2).await;
    let (before, began) = (server.sent(|_| true), Instant::now());
    let loaded = spread(&clicks(&program, seed, lasting).await);
    let sent = (server.sent(|_| true) - before) as f64;
    let windows = began.elapsed().as_secs_f64() / WINDOW.as_secs_f64();
    (unloaded, loaded, sent / windows / LIMIT as f64, server.worst(WINDOW, |_| true))
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_click_beside_a_bulk_flood_is_as_fast_as_alone(#[values(1, 2, 3, 4, 5, 6, 7, 8)] seed: u64) {
    let lasting = Duration::from_secs(300);
    let (unloaded, loaded, used, worst) = beside_a_flood(seed, Feature::On, lasting).await;
    let told = format!("seed {seed}: alone {unloaded:?} ms, loaded {loaded:?} ms, {used:.4} used");
    assert!(loaded[0] <= 1.05 * unloaded[0], "{told}");
    assert!(loaded[1] <= 1.1 * unloaded[1], "{told}");
    assert!(loaded[2] <= 4.0 * unloaded[0], "{told}");
    assert!(used >= 0.95, "{told}");
    assert!(worst <= LIMIT, "seed {seed}: {worst} of {LIMIT}");
}

#[tokio::test(start_paused = true)]
async fn the_control_without_lanes_keeps_the_click_waiting() {
    let (unloaded, loaded, _, _) = beside_a_flood(1, Feature::Off, Duration::from_secs(120)).await;
    assert!(loaded[0] > 20.0 * unloaded[0], "the rig cannot fail: {unloaded:?} {loaded:?}");
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_bulk_flood_alone_uses_the_whole_limit(#[values(1, 2, 3, 4)] seed: u64) {
    let (server, program) = portal(seed, Feature::On).await;
    let counts = Counts::default();
    for number in 0..200 {
        floods(&program, &format!("bulk{number}"), in_lane(Lane::Bulk), 1, &counts);
    }
    tokio::time::sleep(WINDOW * 2).await;
    let before = server.sent(|_| true);
    let lasting = Duration::from_secs(600);
    tokio::time::sleep(lasting).await;
    let sent = (server.sent(|_| true) - before) as f64;
    let cycle_s = WINDOW.as_secs_f64() + LATENCY_MEAN_MS / 1e3;
    let used = sent * cycle_s / lasting.as_secs_f64() / LIMIT as f64;
    assert!(used >= 0.99, "seed {seed}: {used:.4} of what latency allows");
    assert!(server.worst(WINDOW, |_| true) <= LIMIT);
}

/// Runs for `lasting` after two windows of warming up, and tells what each caller got meanwhile.
async fn shares(counts: &Counts, lasting: Duration) -> HashMap<Arc<str>, u64> {
    tokio::time::sleep(WINDOW * 2).await;
    counts.lock().clear();
    tokio::time::sleep(lasting).await;
    counts.lock().clone()
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn each_caller_of_a_lane_gets_its_share(#[values(1, 2, 3)] seed: u64) {
    let (_server, program) = portal(seed, Feature::On).await;
    let counts = Counts::default();
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut weights: HashMap<String, u16> = HashMap::new();
    // One call at a time each, but for three programs that ask for everything at once.
    for number in 0..60 {
        let weight = dice.random_range(1..=4);
        let (name, outstanding) = match number {
            0..3 => (format!("import{number}"), 500),
            _ => (format!("loop{number}"), 1),
        };
        let handling = Handling { weight, ..in_lane(Lane::Bulk) };
        floods(&program, &name, handling, outstanding, &counts);
        weights.insert(name, weight);
    }
    let got = shares(&counts, Duration::from_secs(600)).await;
    let (all, weight): (u64, u16) = (got.values().sum(), weights.values().sum());
    for (name, own) in &weights {
        let fair = all as f64 * f64::from(*own) / f64::from(weight);
        let got = got.get(&**name).copied().unwrap_or(0) as f64;
        assert!(got >= 0.9 * fair, "seed {seed}: {name} of weight {own} got {got} of {fair:.0}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_shares_a_crowd_takes_the_lane() {
    let (_server, program) = portal(1, Feature::Off).await;
    let counts = Counts::default();
    floods(&program, "import", in_lane(Lane::Bulk), 1_000, &counts);
    floods(&program, "loop", in_lane(Lane::Bulk), 1, &counts);
    let got = shares(&counts, Duration::from_secs(120)).await;
    let small = got.get("loop").copied().unwrap_or(0);
    assert!(small * 20 < got["import"], "the rig cannot fail: {got:?}");
}

/// Interactive calls ask for more than there is; the others get their floors all the same, and no more.
#[rstest]
#[tokio::test(start_paused = true)]
async fn each_lane_gets_its_floor_beside_an_interactive_flood(#[values(1, 2, 3)] seed: u64) {
    let (server, program) = portal(seed, Feature::On).await;
    let counts = Counts::default();
    floods(&program, "people", in_lane(Lane::Interactive), 400, &counts);
    floods(&program, "sync", in_lane(Lane::Sync), 50, &counts);
    floods(&program, "bulk", in_lane(Lane::Bulk), 50, &counts);
    let got = shares(&counts, Duration::from_secs(600)).await;
    let all: u64 = got.values().sum();
    for (lane, floor) in [("sync", 0.10), ("bulk", 0.05)] {
        let share = got[lane] as f64 / all as f64;
        assert!((0.95 * floor..=1.2 * floor).contains(&share), "seed {seed}: {lane} {share:.4}, {got:?}");
    }
    assert!(server.worst(WINDOW, |_| true) <= LIMIT);
}

/// The bound: behind p others of its lane, a call waits at most (p + 2) slots of the lane's floor, and a window.
#[rstest]
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_floor_allows(#[values(1, 2, 3)] seed: u64) {
    const AHEAD: usize = 100;
    let (_server, program) = portal(seed, Feature::On).await;
    let counts = Counts::default();
    floods(&program, "people", in_lane(Lane::Interactive), 400, &counts);
    floods(&program, "sync", in_lane(Lane::Sync), 400, &counts);
    tokio::time::sleep(WINDOW * 2).await;
    let bulk = Caller { name: Arc::from("bulk"), handling: in_lane(Lane::Bulk) };
    let began = Instant::now();
    let calls: Vec<_> = (0..=AHEAD)
        .map(|_| {
            let (program, bulk) = (program.clone(), bulk.clone());
            tokio::spawn(async move { program.call_as(&bulk, &READ, PATIENT).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.expect("a call does not panic"), "seed {seed}: refused");
    }
    let cycle = WINDOW + Duration::from_millis(60);
    let bound = cycle.mul_f64((AHEAD + 2) as f64 / (0.05 * LIMIT as f64)) + cycle;
    assert!(began.elapsed() <= bound, "seed {seed}: {:?}, bound {bound:?}", began.elapsed());
}

/// Programs that go by one name, as where no key tells them apart: who holds a thousand calls gets no more of them than
/// who holds a hundred, if they can be told apart.
async fn shares_of_two_programs(kins: [u16; 2]) -> f64 {
    let (_server, program) = portal(1, Feature::On).await;
    let counts = [Counts::default(), Counts::default()];
    for ((kin, outstanding), counts) in kins.into_iter().zip([1_000, 100]).zip(&counts) {
        floods(&program, "-", Handling { kin, ..in_lane(Lane::Interactive) }, outstanding, counts);
    }
    tokio::time::sleep(WINDOW * 30).await;
    let got = counts.map(|counts| counts.lock().values().sum::<u64>() as f64);
    got[1] / (got[0] + got[1])
}

#[tokio::test(start_paused = true)]
async fn programs_of_one_name_take_turns_where_they_can_be_told_apart() {
    let share = shares_of_two_programs([1, 2]).await;
    assert!(share >= 0.45, "{share:.2} of all for a tenth of the crowd");
    let control = shares_of_two_programs([0, 0]).await;
    assert!(control < 0.2, "the rig cannot fail: {control:.2}");
}
