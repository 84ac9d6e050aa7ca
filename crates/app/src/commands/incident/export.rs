//! An incident as a story that the simulator can play again: the same cause, as wide and as long as it was, over traffic like
//! that of the day.

use incident::incident::Incident;
use jiff::Timestamp;
use serde_json::{Map, Value};
use simulator::fault::catalogue;
use simulator::scenario::{Scenario, Step, Traffic};

use crate::failure::Failure;

/// All is well for so long before it begins.
const WELL_S: f64 = 60.0;

/// Nobody names a cause sooner.
const LOOK_AFTER_MIN_S: f64 = 30.0;

/// Background traffic that is enough to see something, and that a simulator bears.
const CALLS_PER_S: (f64, f64) = (0.5, 20.0);

/// Fails more than this, everything fails.
const RATE_OF_ALL: f64 = 0.9;

/// # Errors
/// When it has no named cause, or one that the simulator cannot make.
pub(super) fn scenario(incident: &Incident) -> Result<Scenario, Failure> {
    let Some(diagnosis) = &incident.diagnosis else {
        return Err(Failure::unsure(format!("the cause of {} has no name yet", incident.id)));
    };
    let code = diagnosis.code.id();
    let Some(kind) = catalogue::find(code) else {
        return Err(Failure::unsure(format!("the simulator cannot make `{code}` happen"))
            .hint("GET /_sim/faults/kinds of a simulator lists what it can"));
    };
    let seconds = |until: Timestamp| until.duration_since(incident.began_at).as_secs_f64().max(0.0);
    let named_after = incident.diagnosed_at.map_or(0.0, seconds);
    let mut steps = vec![Step { at_s: WELL_S, fault: Some(fault(incident, kind)), change: None }];
    if let Some(said) = incident.status_page.as_ref().filter(|_| code != "hubspot.outage_known") {
        let fault = Map::from_iter([("kind".to_owned(), "status.incident".into())]);
        steps.push(Step { at_s: whole(WELL_S + seconds(said.at)), fault: Some(fault), change: None });
    }
    Ok(Scenario {
        title: format!("{} ({})", incident.title, incident.id),
        cause: vec![code.to_owned()],
        distractors: incident
            .also
            .iter()
            .map(|other| format!("{}: it was considered", other.code.id()))
            .collect(),
        traffic: traffic(incident, code, seconds(incident.recovered_at.unwrap_or(incident.kept_at))),
        look_at_s: whole(WELL_S + named_after.max(LOOK_AFTER_MIN_S)),
        steps,
    })
}

fn fault(incident: &Incident, kind: &catalogue::Kind) -> Map<String, Value> {
    let mut fault = Map::from_iter([("kind".to_owned(), kind.code.into())]);
    if let [family] = &incident.blast.families[..]
        && kind.family.is_some()
    {
        fault.insert("family".into(), family.as_str().into());
    }
    let takes = |name: &str| kind.params.iter().any(|param| param.name == name);
    if let [region] = &incident.blast.regions[..]
        && takes("region")
    {
        fault.insert("region".into(), region.as_str().into());
    }
    let total = &incident.impact.total;
    let rate = total.failed as f64 / (total.calls as f64).max(1.0);
    if code_is_hubspots(kind.code) && (0.01..RATE_OF_ALL).contains(&rate) {
        fault.insert("rate".into(), ((rate * 100.0).round() / 100.0).into());
    }
    if let Some(recovered) = incident.recovered_at {
        let lasted = recovered.duration_since(incident.began_at).as_secs().max(1);
        fault.insert("for_seconds".into(), lasted.into());
    }
    fault
}

/// Of these a part of the calls may fail; what is ours fails by what it is.
fn code_is_hubspots(code: &str) -> bool {
    code.starts_with("hubspot.")
}

fn traffic(incident: &Incident, code: &str, lasted_s: f64) -> Traffic {
    let per_s = incident.impact.total.calls as f64 / lasted_s.max(1.0);
    Traffic {
        calls_per_s: whole(per_s.clamp(CALLS_PER_S.0, CALLS_PER_S.1) * 10.0) / 10.0,
        installs: incident.blast.portals.len().saturating_sub(1),
        webhooks: code.starts_with("hook."),
        ..Traffic::default()
    }
}

fn whole(seconds: f64) -> f64 {
    seconds.round()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn incident(code: &str) -> Incident {
        serde_json::from_value(json!({
            "id": "20261130-f8a172", "stage": "resolved", "severity": "P1", "title": "HubSpot's search fails",
            "began_at": "2026-11-30T02:00:00Z", "detected_at": "2026-11-30T02:00:10Z",
            "diagnosed_at": "2026-11-30T02:00:50Z", "acknowledged_at": null, "mitigated_at": null,
            "recovered_at": "2026-11-30T02:10:00Z", "resolved_at": null, "acknowledged_by": null,
            "diagnosis": {"code": code, "title": "x", "confidence": 0.9, "severity": "P1", "blame": "hubspot",
                "evidence": [], "remedy": "x", "escalation": "x", "runbook": code},
            "also": [], "correlation_ids": [],
            "blast": {"width": "family", "families": ["search"], "portals": [1, 2]},
            "symptoms": [], "measures": [], "relapses": 0, "told_at": null, "proven_at": null, "resolved_by": null,
            "impact": {"total": {"calls": 1200, "failed": 600}},
            "status_page": {"at": "2026-11-30T02:05:00Z", "name": "x", "link": null, "behind_us_seconds": 290},
            "kept_at": "2026-11-30T02:10:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn an_incident_becomes_a_story_that_can_be_read_back() {
        let story = scenario(&incident("hubspot.partial")).unwrap();
        let text = toml::to_string_pretty(&story).unwrap();
        insta::assert_snapshot!(text, @r#"
        title = "HubSpot's search fails (20261130-f8a172)"
        cause = ["hubspot.partial"]
        distractors = []
        look_at_s = 110.0

        [traffic]
        calls_per_s = 2.0
        installs = 1
        regions = ["na1"]
        webhooks = false

        [[steps]]
        at_s = 60.0

        [steps.fault]
        kind = "hubspot.partial"
        family = "search"
        rate = 0.5
        for_seconds = 600

        [[steps]]
        at_s = 360.0

        [steps.fault]
        kind = "status.incident"
        "#);
        assert_eq!(toml::from_str::<Scenario>(&text).unwrap(), story);
    }

    #[test]
    fn what_the_simulator_cannot_make_is_said() {
        assert!(scenario(&incident("self.store")).is_err());
        let nameless = Incident { diagnosis: None, ..incident("hubspot.partial") };
        assert!(scenario(&nameless).is_err());
    }
}
