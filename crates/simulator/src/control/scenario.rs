//! Plays a scenario: all of its faults are made at once, each to begin in its time.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::body::object;
use super::{Complaint, faults, ok};
use crate::call::{Call, Reply};
use crate::scenario::Scenario;
use crate::simulator::Simulator;

/// → 201 with the ids of its faults; all of them or none.
pub(super) fn play(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Result<Reply, Complaint> {
    let scenario: Scenario = serde_json::from_value(Value::Object(object(call)?)).map_err(|error| {
        Complaint::bad(
            format!("not a scenario: {error}"),
            r#"write {"title":"…","cause":["hubspot.partial"],"look_at_s":120,"steps":[{"at_s":60,"fault":{"kind":"F22"}}]}"#,
        )
    })?;
    let mut ids: Vec<u64> = Vec::new();
    for fault in scenario.faults() {
        match faults::make_known(simulator, fault, now) {
            Ok((id, _)) => ids.push(id),
            Err(complaint) => {
                for id in ids {
                    simulator.faults.remove(id).into_iter().for_each(|fault| simulator.heal(fault));
                }
                return Err(complaint);
            }
        }
    }
    let reply = json!({"title": scenario.title, "faults": ids, "began": now.to_string()});
    simulator.scenario = Some((now, scenario));
    Ok(Reply::json(StatusCode::CREATED, &reply))
}

/// What is played, its true cause included: not for those who are to find it.
pub(super) fn shown(simulator: &Simulator) -> Reply {
    match &simulator.scenario {
        Some((began, scenario)) => ok(&json!({"began": began.to_string(), "scenario": scenario})),
        None => ok(&json!({"scenario": null})),
    }
}
