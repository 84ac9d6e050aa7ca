//! Incidents for people.

use std::fmt::Write as _;

use incident::incident::Incident;
use serde_json::Value;

pub(super) fn list(incidents: &[&Incident]) -> String {
    if incidents.is_empty() {
        return "No incident is open.".into();
    }
    let mut text =
        format!("{:<16} {:<4} {:<13} {:<21} {:<24} TITLE\n", "ID", "SEV", "STAGE", "SINCE (UTC)", "CAUSE");
    for incident in incidents {
        let code = incident.code().map_or("-", incident::code::Code::id);
        let since = incident.began_at.to_string();
        let since = since.split('.').next().unwrap_or_default();
        let _infallible = writeln!(
            text,
            "{:<16} {:<4} {:<13} {since:<21} {code:<24} {}",
            incident.id,
            incident.severity.name(),
            incident.stage.name(),
            incident.title
        );
    }
    text
}

/// One as the admin API shows it.
pub(super) fn one(answer: &Value) -> Result<String, serde_json::Error> {
    let incident: Incident = serde_json::from_value(answer["incident"].clone())?;
    let mut text = format!("{} {}: {}\n\n", incident.severity.name(), incident.id, incident.title);
    let mut line = |name: &str, value: &str| {
        let _infallible = writeln!(text, "  {name:<12} {value}");
    };
    line("Stage", incident.stage.name());
    line("Since", &format!("{:.0}", incident.began_at));
    line("Reach", &incident.blast.tell());
    line("Impact", &incident.impact.tell());
    if let Some(diagnosis) = &incident.diagnosis {
        line("Cause", &format!("{} (confidence {})", diagnosis.code.id(), diagnosis.confidence));
        for evidence in diagnosis.evidence.iter().filter(|evidence| evidence.supports) {
            line("", &format!("{}: {}", evidence.probe, evidence.observed));
        }
        line("First", &diagnosis.remedy);
        line("Escalate to", &diagnosis.escalation);
        line("Runbook", &format!("hubkeeper runbook {}", diagnosis.runbook));
    }
    for other in &incident.also {
        line("Or", &format!("{} ({})", other.code.id(), other.confidence));
    }
    for measure in &incident.measures {
        line("Measure", &format!("{} is {}", measure.mitigation.name(), measure.turn.name()));
    }
    for id in &incident.correlation_ids {
        line("Correlation", id);
    }
    text.push_str("\nTimeline (UTC)\n");
    for entry in answer["timeline"].as_array().into_iter().flatten() {
        let of = |key: &str| entry[key].as_str().unwrap_or_default();
        let at = of("at").split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned();
        let _infallible = writeln!(text, "  {at}  {:<10} {}", of("by"), of("text"));
    }
    Ok(text)
}
