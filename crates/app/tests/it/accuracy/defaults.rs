//! Rules that look back over minutes, an hour or days, each at its default: the program's own watch over calls that pass, the
//! engine, and the probes, in virtual time. Beside each a day that is a little better, on which nobody is told.

use std::time::Duration;

use incident::code::Severity;
use incident::detector::RuleId;
use incident::incident::Incident;
use rand::SeedableRng;
use serde_json::json;

use super::house::House;
use super::plan::{Plan, Random};
use super::room::{Deadly, Room};
use super::work::{Ask, Mix};

const SEED: u64 = 1_000 + 9_000_000;

/// A house in which one program asks one thing at an even pace, and nothing else goes wrong.
async fn house(ask: Ask, per_second: f64) -> House {
    let mut plan = Plan::draw(&mut Random::seed_from_u64(SEED));
    plan.mix = Mix(vec![(1, ask)]);
    (plan.per_second, plan.noise, plan.installs, plan.webhooks) = (per_second, 0.0, 0, false);
    (plan.governed, plan.gateway, plan.status_page) = (true, true, true);
    House::build(SEED, plan).await
}

/// What the room has made of so long of it, with this wrong.
async fn watched(house: House, fault: serde_json::Value, length: Duration) -> Vec<Incident> {
    let mut room = Room::open(&house, Deadly(0), SEED);
    room.passes(&house, Duration::from_secs(60)).await;
    if !fault.is_null() {
        house.fault(fault).await;
    }
    room.passes(&house, length).await;
    room.kept
}

fn shown(incidents: &[Incident], rule: RuleId) -> Option<Severity> {
    let shows = |it: &&Incident| it.symptoms.iter().any(|symptom| symptom.rule == rule);
    incidents.iter().find(shows).map(|it| it.severity)
}

fn told(incidents: &[Incident]) -> Vec<String> {
    let symptoms = incidents.iter().flat_map(|it| it.symptoms.iter().map(move |symptom| (it, symptom)));
    symptoms.map(|(it, symptom)| format!("{} {:?} {}", it.id, symptom.rule, symptom.observed)).collect()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime").block_on(future)
}

const HOUR: Duration = Duration::from_secs(3_600);

fn failing(rate: f64) -> serde_json::Value {
    json!({"kind": "status", "status": 500, "rate": rate})
}

#[test]
fn more_than_fifty_429_in_an_hour_are_p2_and_fewer_are_nothing() {
    // Of 1,800 reads; each is sent again and answered.
    let limited = |rate: f64| {
        let fault = json!({"kind": "status", "status": 429, "retry_after": 1, "rate": rate});
        run(async { watched(house(Ask::List, 0.5).await, fault, HOUR).await })
    };
    let many = limited(0.06);
    assert_eq!(shown(&many, RuleId::Limited), Some(Severity::P2), "{many:#?}");
    assert_eq!(shown(&limited(0.012), RuleId::Limited), None);
}

#[test]
fn answers_of_which_one_in_fifty_takes_long_are_p3_and_one_in_five_hundred_is_nothing() {
    let slow = |rate: f64| {
        let fault = json!({"kind": "latency", "ms": 6_500, "rate": rate});
        run(async { watched(house(Ask::List, 4.0).await, fault, Duration::from_secs(900)).await })
    };
    let some = slow(0.04);
    assert_eq!(shown(&some, RuleId::Slow), Some(Severity::P3), "{some:#?}");
    let few = slow(0.001);
    assert!(few.is_empty(), "{few:#?}");
}

/// Creates, which are not sent again: what fails is what callers miss.
fn burning(rate: f64, per_second: f64, length: Duration) -> Vec<Incident> {
    run(async { watched(house(Ask::Create, per_second).await, failing(rate), length).await })
}

#[test]
fn each_pair_of_windows_tells_its_own_speed() {
    let fast = burning(0.03, 2.0, Duration::from_secs(1_500));
    assert_eq!(shown(&fast, RuleId::BurnFast), Some(Severity::P1), "{fast:#?}");
    let middle = burning(0.010, 1.0, 2 * HOUR);
    assert_eq!(shown(&middle, RuleId::BurnMiddle), Some(Severity::P2), "{middle:#?}");
    assert_eq!(shown(&middle, RuleId::BurnFast), None, "{middle:#?}");
    let slow = burning(0.002, 0.5, 7 * HOUR);
    assert_eq!(shown(&slow, RuleId::BurnSlow), Some(Severity::P4), "{slow:#?}");
    assert_eq!((shown(&slow, RuleId::BurnMiddle), slow.len()), (None, 1), "{:?}", told(&slow));
    let allowed = burning(0.0004, 0.5, 7 * HOUR);
    assert!(allowed.is_empty(), "{allowed:#?}");
}
