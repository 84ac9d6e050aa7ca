//! Who spends the limits: this caller, another user of its token, another app of its account. The right first code with a
//! gateway in front and without one, while programs work and while nobody does; and silence while all is well.

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use super::house::{Gateway, NOBODY, Simulator, Workload};
use super::{code, triage};

/// Until a workload has met what is there to meet.
const A_WHILE: Duration = Duration::from_secs(3);

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
    let work = (programs == Setting::Working).then(|| Workload::through(base, &sim.token));
    let admin = gateway.as_ref().map_or(NOBODY, |gateway| gateway.admin.as_str());
    let asked = triage(&sim).option("--admin", admin);
    if work.is_some() {
        std::thread::sleep(A_WHILE);
    }
    let (before, _) = asked.run();
    assert_eq!(code(&before), "healthy", "{before:#}");
    let (kind, expected) = fault;
    sim.fault(&json!({"kind": kind}));
    if kind == "F16" {
        sim.advance(WINDOW_S);
    }
    if work.is_some() {
        std::thread::sleep(A_WHILE);
    }
    let (diagnosis, _) = asked.run();
    let traffic = gateway.map(|gateway| gateway.traffic()).unwrap_or(Value::Null);
    assert_eq!(code(&diagnosis), expected, "{kind}: {diagnosis:#} {traffic:#}");
}
