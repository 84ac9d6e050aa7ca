//! Our own parts. They fail in our own house, where no simulator reaches; the facts come from the ledgers that `up` keeps.

use std::sync::Arc;
use std::time::Duration;

use incident::code::Code;
use incident::facts::inside::{StoreProblem, Version};
use parking_lot::Mutex;
use rand::RngExt;
use serde_json::json;

use crate::accuracy::house::House;
use crate::accuracy::own::{SecretsMood, StoreMood};
use crate::accuracy::plan::Plan;
use crate::accuracy::work::{Ask, Mix};

pub(super) fn shape(code: Code, plan: &mut Plan) {
    match code {
        Code::Store | Code::Disk => {
            plan.webhooks = true;
            plan.wait = plan.wait.max(Duration::from_secs(45));
        }
        Code::ConsumerDown => {
            plan.webhooks = true;
            plan.per_second = plan.per_second.max(2.0);
            plan.wait = plan.wait.max(Duration::from_secs(30));
        }
        Code::RetryStorm => {
            (plan.retry_budget, plan.governed) = (false, false);
            plan.per_second = plan.per_second.max(3.0);
            plan.wait = Duration::from_secs(20);
        }
        Code::Secrets => (plan.token_s, plan.wait) = (120, Duration::from_secs(100)),
        Code::Blind => plan.wait = plan.wait.max(Duration::from_secs(45)),
        _ => {}
    }
}

pub(super) async fn strike(code: Code, house: &mut House) {
    let draw = house.random.random_range(0..3);
    match code {
        Code::Store => {
            let slow = StoreMood::Slow { ms: house.random.random_range(5_500..9_000) };
            let moods = [
                StoreMood::Failing(StoreProblem::Unreachable),
                slow,
                StoreMood::Failing(StoreProblem::Refused),
            ];
            house.own.lock().store = moods[draw];
        }
        Code::Disk => {
            let mut own = house.own.lock();
            let problem = if draw == 0 { StoreProblem::Io } else { StoreProblem::DiskFull };
            own.store = StoreMood::Failing(problem);
            if draw == 2 {
                own.disk.free_bytes = 0;
            }
        }
        Code::Resources => exhaust(house, draw),
        Code::Regression => regress(house, draw),
        Code::Cache => {
            house.own.lock().cache_lost = true;
            let more =
                Arc::new(Mutex::new(Mix(vec![(5, Ask::List), (3, Ask::Properties), (2, Ask::Owners)])));
            let (token, rate) = (house.token.clone(), house.plan.per_second * 3.0);
            house.program("crm-sync", rate, more, move || token.lock().clone(), 30);
        }
        Code::ConsumerDown => house.own.lock().consumer_down = true,
        Code::RetryStorm => {
            let lasts = house.random.random_range(60..120);
            house.fault(json!({"kind": "hubspot.outage_unlisted", "for_seconds": lasts})).await;
            house.passes(Duration::from_secs(lasts + 60)).await;
        }
        Code::Secrets => house.own.lock().secrets = SecretsMood::Unreachable,
        Code::Blind => house.own.lock().deaf = true,
        _ => unreachable!("{} is not of our own parts", code.id()),
    }
}

fn exhaust(house: &House, draw: usize) {
    let process = &mut house.own.lock().process;
    match draw {
        0 => (process.cpu_percent, process.lag_ms_max) = (100, 1_600),
        1 => (process.descriptors, process.refused_recent) = (1_024, 40),
        _ => process.memory_bytes = 505 << 20,
    }
}

/// A new version of a program: it calls a path that was never there, or fails beside the old one.
fn regress(house: &mut House, draw: usize) {
    house.traffic.note_change("deploy", "lead-form 2.0", Some("lead-form"));
    if draw == 0 {
        let wrong = Arc::new(Mutex::new(Mix(vec![(1, Ask::WrongPath)])));
        let token = house.token.clone();
        house.program("lead-form", 1.0, wrong, move || token.lock().clone(), 31);
        return;
    }
    let since = house.clock.now();
    let version = |name: &str, calls, failed, p50_ms| Version {
        caller: "lead-form".into(),
        version: name.into(),
        since: Some(if name == "2.0" { since } else { since - jiff::SignedDuration::from_hours(90) }),
        calls,
        failed,
        p50_ms,
    };
    let new = if draw == 1 { version("2.0", 40, 22, 90) } else { version("2.0", 40, 0, 4_000) };
    house.own.lock().versions = vec![new, version("1.9", 300, 2, 85)];
}
