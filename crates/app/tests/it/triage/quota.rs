//! Who spends the limits: this caller, another user of its token, another app of its account. The right first code with a
//! gateway in front and without one, while programs work and while nobody does; and silence while all is well.

use rstest::rstest;
use serde_json::{Value, json};

use super::house::{Gateway, NOBODY, Pace, Simulator, Workload};
use super::{code, triage};

/// Until a workload has met what is there to meet.
const A_WHILE: u32 = 20;

/// In the simulator's time: another process has had its ten seconds.
const WINDOW_S: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Setting {
    Working,
    Idle,
}

#[rstest]
fn the_spender_is_named(
    #[values(("F13", "quota.daily_self"), ("F14", "quota.daily_neighbour"), ("F15", "quota.burst_self"), ("F16", "quota.burst_split"), ("F17", "quota.search"))]
    fault: (&str, &str),
    #[values(Setting::Working, Setting::Idle)] programs: Setting,
    #[values("gateway", "no gateway")] way: &str,
) {
    let sim = Simulator::start(&["--contacts", "20"]);
    let gateway = (way == "gateway").then(|| Gateway::start(&sim));
    let base = gateway.as_ref().map_or(sim.url.as_str(), |gateway| gateway.url.as_str());
    let work = (programs == Setting::Working).then(|| Workload::through(base, &sim.token, &Pace::MODEST));
    let admin = gateway.as_ref().map_or(NOBODY, |gateway| gateway.admin.as_str());
    let asked = triage(&sim).option("--admin", admin);
    if let Some(work) = &work {
        work.goes_on_for(A_WHILE);
    }
    let (before, _) = asked.run();
    assert_eq!(code(&before), "healthy", "{before:#}");
    let (kind, expected) = fault;
    sim.fault(&json!({"kind": kind}));
    if kind == "F16" {
        sim.advance(WINDOW_S);
    }
    if let Some(work) = &work {
        work.goes_on_for(A_WHILE);
    }
    let (diagnosis, _) = asked.run();
    let traffic = gateway.map_or(Value::Null, |gateway| gateway.traffic());
    assert_eq!(code(&diagnosis), expected, "{kind}: {diagnosis:#} {traffic:#}");
}

/// A gateway that makes a busy import wait is at work, and nobody is the worse for it.
#[test]
fn a_planned_import_is_no_incident() {
    let (sim, gateway) = sim_and_gateway();
    let work = Workload::through(&gateway.url, &sim.token, &Pace::IMPORT);
    for _ in 0..2 {
        work.goes_on_for(2 * WINDOW_CALLS);
        let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run();
        assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0), "{diagnosis:#}");
    }
    let connection = &gateway.traffic()["connections"][0];
    assert!(connection["waiting"].as_u64() > Some(5), "it was not busy at all: {connection:#}");
}

/// The same calls, none of which can wait: the gateway turns them away, and that is told.
#[test]
fn callers_turned_away_for_our_own_calls_are_an_incident() {
    let (sim, gateway) = sim_and_gateway();
    let hurried = Pace { deadline_ms: Some(500), ..Pace::IMPORT };
    let work = Workload::through(&gateway.url, &sim.token, &hurried);
    work.goes_on_for(3 * WINDOW_CALLS);
    let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("quota.burst_self", 1), "{diagnosis:#}");
}

/// What a window of the smallest plan holds.
const WINDOW_CALLS: u32 = 100;

fn sim_and_gateway() -> (Simulator, Gateway) {
    let sim = Simulator::start(&["--contacts", "20", "--plan", "free"]);
    let gateway = Gateway::start(&sim);
    (sim, gateway)
}
