//! The stories that come with the simulator, played and diagnosed: each must be told apart from what it looks like.

use std::time::Duration;

use http::Method;
use incident::code::Code;
use rand::SeedableRng;
use serde_json::Value;
use simulator::scenario::Scenario;

use super::house::House;
use super::look::look;
use super::plan::{Plan, Random};

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../simulator/scenarios");

/// Places by the names of data; the plan wants them for good.
const PLACES: [&str; 3] = ["na1", "eu1", "ap1"];

fn stories() -> Vec<(String, Scenario)> {
    let files = std::fs::read_dir(DIRECTORY).expect("the directory of scenarios");
    let mut stories: Vec<(String, Scenario)> = files
        .map(|file| {
            let path = file.expect("an entry").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
            let text = std::fs::read_to_string(&path).expect("a file");
            (name, toml::from_str(&text).expect("a scenario"))
        })
        .collect();
    stories.sort_by(|(one, _), (other, _)| one.cmp(other));
    stories
}

fn plan(scenario: &Scenario) -> Plan {
    let traffic = &scenario.traffic;
    let regions = PLACES.into_iter().filter(|place| traffic.regions.iter().any(|name| name == place));
    Plan {
        installs: traffic.installs,
        regions: regions.collect(),
        governed: true,
        per_second: traffic.calls_per_s,
        webhooks: traffic.webhooks,
        portal_known: true,
        noise: 0.0,
        status_page: true,
        ..Plan::draw(&mut Random::seed_from_u64(1))
    }
}

/// What is named first, and all that is sure.
async fn played(scenario: &Scenario) -> (Code, Vec<Code>) {
    let house = House::build(7, plan(scenario)).await;
    let told: Value = serde_json::to_value(scenario).expect("a scenario is JSON");
    let began = house.control(Method::POST, "/_sim/scenario", &told).await;
    assert!(began["faults"].is_array(), "{began}");
    let mut now_s = 0.0;
    for step in &scenario.steps {
        if let Some(change) = step.change.as_ref().filter(|_| step.at_s <= scenario.look_at_s) {
            house.passes(Duration::from_secs_f64(step.at_s - now_s)).await;
            now_s = step.at_s;
            house.traffic.note_change(&change.kind, &change.what, change.caller.as_deref());
        }
    }
    house.passes(Duration::from_secs_f64(scenario.look_at_s - now_s)).await;
    let triage = look(&house).await.triage;
    let sure = triage.also.iter().filter(|also| also.confidence >= 0.6).map(|also| also.code);
    (triage.diagnosis.code, std::iter::once(triage.diagnosis.code).chain(sure).collect())
}

#[tokio::test(start_paused = true)]
async fn every_story_is_told_by_its_true_cause() {
    let stories = stories();
    assert!(stories.len() >= 7, "{} scenarios", stories.len());
    for (name, scenario) in &stories {
        let (first, sure) = played(scenario).await;
        let causes: Vec<Code> =
            scenario.cause.iter().map(|code| Code::parse(code).expect("a code")).collect();
        if causes.is_empty() {
            assert_eq!(first, Code::Healthy, "{name}");
        } else {
            assert!(causes.contains(&first), "{name}: {}", first.id());
            assert!(causes.iter().all(|cause| sure.contains(cause)), "{name}: {sure:?}");
        }
    }
}
