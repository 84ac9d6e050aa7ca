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
#[tokio::test]
async fn the_spender_is_named(
    #[values(("F13", "quota.daily_self"), ("F14", "quota.daily_neighbour"), ("F15", "quota.burst_self"), ("F16", "quota.burst_split"), ("F17", "quota.search"))]
    fault: (&str, &str),
    #[values(Setting::Working, Setting::Idle)] programs: Setting,
    #[values("gateway", "no gateway")] way: &str,
) {
    let sim = Simulator::start(&["--contacts", "20"]).await;
    let gateway = match way {
        "gateway" => Some(Gateway::start(&sim).await),
        _ => None,
    };
    let base = gateway.as_ref().map_or(sim.url.as_str(), |gateway| gateway.url.as_str());
    let mut work = (programs == Setting::Working).then(|| Workload::through(base, &sim.token, Pace::MODEST));
    let admin = gateway.as_ref().map_or(NOBODY, |gateway| gateway.admin.as_str());
    let asked = triage(&sim).option("--admin", admin);
    if let Some(work) = &mut work {
        work.goes_on_for(A_WHILE).await;
    }
    let (before, _) = asked.run().await;
    assert_eq!(code(&before), "healthy", "{before:#}");
    let (kind, expected) = fault;
    sim.fault(&json!({"kind": kind})).await;
    if kind == "F16" {
        sim.advance(WINDOW_S).await;
    }
    if let Some(work) = &mut work {
        work.goes_on_for(A_WHILE).await;
    }
    let (diagnosis, _) = asked.run().await;
    let traffic = match gateway {
        Some(gateway) => gateway.traffic().await,
        None => Value::Null,
    };
    assert_eq!(code(&diagnosis), expected, "{kind}: {diagnosis:#} {traffic:#}");
}

/// A gateway that makes a busy import wait is at work, and nobody is the worse for it. Triage's own calls go when the
/// gateway has room for them: HubSpot refuses not one call of either.
#[tokio::test]
async fn a_planned_import_is_no_incident() {
    let (sim, gateway) = sim_and_gateway().await;
    let mut work = Workload::through(&gateway.url, &sim.token, Pace::IMPORT);
    for _ in 0..2 {
        work.goes_on_for(2 * WINDOW_CALLS).await;
        let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run().await;
        assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0), "{diagnosis:#}");
    }
    let connection = &gateway.traffic().await["connections"][0];
    let [peak, limit] = ["burst_sent_peak", "burst_max"].map(|figure| connection[figure].as_u64().unwrap());
    assert!(peak * 10 >= limit * 9, "it was not busy at all: {connection:#}");
    assert_eq!(sim.rejected().await, 0, "the limits are kept");
}

/// The same calls, none of which can wait: the gateway turns them away, and that is told.
#[tokio::test]
async fn callers_turned_away_for_our_own_calls_are_an_incident() {
    let (sim, gateway) = sim_and_gateway().await;
    let hurried = Pace { deadline_ms: Some(500), ..Pace::IMPORT };
    let mut work = Workload::through(&gateway.url, &sim.token, hurried);
    // How fast they come is the machine's affair; that some found no slot in time is what this is about.
    for _ in 0..TURNS_MAX {
        work.goes_on_for(WINDOW_CALLS).await;
        if turned_away(&gateway.traffic().await) > 5 {
            break;
        }
    }
    let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("quota.burst_self", 1), "{diagnosis:#}");
}

/// Calls that found no slot of the ten-second window in time.
fn turned_away(traffic: &Value) -> u64 {
    let groups = traffic["groups"].as_array().into_iter().flatten();
    let refused = groups.flat_map(|group| group["refused"].as_array().into_iter().flatten());
    refused.filter(|it| it["budget"] == "burst").filter_map(|it| it["recent"].as_u64()).sum()
}

/// By then even a slow machine has filled a window.
const TURNS_MAX: u32 = 30;

/// What a window of the smallest plan holds.
const WINDOW_CALLS: u32 = 100;

async fn sim_and_gateway() -> (Simulator, Gateway) {
    let sim = Simulator::start(&["--contacts", "20", "--plan", "free"]).await;
    let gateway = Gateway::start(&sim).await;
    (sim, gateway)
}
