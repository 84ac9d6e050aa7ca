//! The report, with its facts filled in. What only people know is left open, visibly.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::code::Code;
use crate::incident::{Impact, Incident, Late, Waited};
use crate::signal::Calls;
use crate::timeline::{Entry, What};

/// Markdown.
pub fn postmortem(incident: &Incident, timeline: &[Entry]) -> String {
    let mut page = format!("# {}\n\n", incident.title);
    for part in [
        summary(incident),
        times(incident),
        cause(incident, timeline),
        impact(&incident.impact),
        status_page(incident),
        support(incident),
        history(timeline),
        actions(incident),
    ] {
        page.push_str(&part);
        page.push('\n');
    }
    page
}

fn summary(incident: &Incident) -> String {
    let code = incident.code().map_or("unknown", crate::code::Code::id);
    let lasted = incident.recovered_at.map_or_else(
        || "still going on".to_owned(),
        |at| format!("{} until recovery", span(at.duration_since(incident.began_at))),
    );
    format!(
        "| | |\n|---|---|\n| Incident | {} |\n| Severity | {} |\n| Stage | {} |\n| Cause | `{code}` |\n| Lasted | {lasted} |\n| Reach | {} |\n",
        incident.id,
        incident.severity.name(),
        incident.stage.name(),
        incident.blast.tell(),
    )
}

fn times(incident: &Incident) -> String {
    let mut text = "## Times (UTC)\n\n| | at | after the first symptom |\n|---|---|---|\n".to_owned();
    let rows = [
        ("First symptom", Some(incident.began_at)),
        ("Detected", Some(incident.detected_at)),
        ("Cause named", incident.diagnosed_at),
        ("Acknowledged", incident.acknowledged_at),
        ("Mitigated", incident.mitigated_at),
        ("Recovered", incident.recovered_at),
        ("Resolved", incident.resolved_at),
    ];
    for (what, at) in rows {
        let (at, after) = at.map_or_else(
            || ("-".to_owned(), "-".to_owned()),
            |at| (moment(at), span(at.duration_since(incident.began_at))),
        );
        let _infallible = writeln!(text, "| {what} | {at} | {after} |");
    }
    text
}

fn cause(incident: &Incident, timeline: &[Entry]) -> String {
    let mut text = "## Root cause\n\n".to_owned();
    let Some(diagnosis) = &incident.diagnosis else {
        text.push_str("Not known.\n");
        return text;
    };
    let _infallible = writeln!(
        text,
        "`{}`: {} (confidence {}, blame: {}).\n",
        diagnosis.code.id(),
        diagnosis.title,
        diagnosis.confidence,
        serde_json::to_value(diagnosis.blame)
            .ok()
            .and_then(|name| name.as_str().map(String::from))
            .unwrap_or_default(),
    );
    for (code, from, until) in names_before(timeline) {
        let _infallible = writeln!(
            text,
            "From {} to {} it was taken for, or was, `{}`.\n",
            moment(from),
            moment(until),
            code.id()
        );
    }
    for evidence in &diagnosis.evidence {
        let sign = if evidence.supports { "for" } else { "against" };
        let _infallible = writeln!(text, "- {sign}: {} ({})", evidence.observed, evidence.probe);
    }
    for other in &incident.also {
        let _infallible = writeln!(text, "- not excluded: `{}` ({})", other.code.id(), other.confidence);
    }
    text
}

/// What it was called until it got its last name.
fn names_before(timeline: &[Entry]) -> Vec<(Code, Timestamp, Timestamp)> {
    let named: Vec<(Code, Timestamp)> = timeline
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Cause { code, .. } => Some((*code, entry.at)),
            _ => None,
        })
        .collect();
    let changes = named.windows(2).filter(|pair| pair[0].0 != pair[1].0);
    changes.map(|pair| (pair[0].0, pair[0].1, pair[1].1)).collect()
}

fn impact(impact: &Impact) -> String {
    let mut text =
        "## Impact\n\nCounted by the gateway, from a minute before the first symptom to the end.\n\n\
         | | calls | failed | rejected | stale | how old on average | refused by us |\n|---|---|---|---|---|---|---|\n"
            .to_owned();
    let mut row = |name: &str, calls: &Calls| {
        let _infallible = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} |",
            calls.calls,
            calls.failed,
            calls.rejected,
            calls.stale,
            calls.stale_age().map_or_else(|| "-".to_owned(), span),
            calls.refused
        );
    };
    row("all", &impact.total);
    if !impact.shared.is_empty() {
        row("of these, counted for another incident as well", &impact.shared);
    }
    impact.by_caller.iter().for_each(|(name, calls)| row(&format!("caller {name}"), calls));
    impact.by_family.iter().for_each(|(name, calls)| row(&format!("family {name}"), calls));
    let Late { events, late, slowest_ms } = impact.webhooks;
    if events > 0 {
        let latest = SignedDuration::from_millis(i64::try_from(slowest_ms).unwrap_or(i64::MAX));
        let _infallible = writeln!(
            text,
            "\nWebhooks: {events} events came, {late} of them late, the latest by {}.",
            span(latest)
        );
    }
    for (name, work) in &impact.waited {
        let _infallible = writeln!(text, "\n{}", waited(name, work));
    }
    text
}

fn waited(name: &str, work: &Waited) -> String {
    let oldest = SignedDuration::from_secs(i64::try_from(work.oldest_seconds).unwrap_or(i64::MAX));
    let mut text = match work.most {
        0 => format!("Work of {name}: none had to wait"),
        most => format!("Work of {name}: up to {most} waited, the oldest {}", span(oldest)),
    };
    if work.accepted > 0 {
        let lost = work.accepted.saturating_sub(work.accounted);
        let lost =
            if lost == 0 { "none is lost".to_owned() } else { format!("**{lost} are not accounted for**") };
        let _infallible = write!(text, "; of {} accepted {lost}", work.accepted);
    }
    text + "."
}

fn status_page(incident: &Incident) -> String {
    let said = incident.status_page.as_ref().map_or_else(
        || "Nothing on it explained these failures.".to_owned(),
        |said| {
            let order = if said.behind_us_seconds >= 0 {
                format!("{} after we had noticed", span(SignedDuration::from_secs(said.behind_us_seconds)))
            } else {
                format!("{} before we noticed", span(SignedDuration::from_secs(-said.behind_us_seconds)))
            };
            let link = said.link.as_ref().map(|link| format!(" <{link}>")).unwrap_or_default();
            format!("\"{}\" at {}, {order}.{link}", said.name, moment(said.at))
        },
    );
    format!("## What HubSpot's status page said\n\n{said}\n")
}

fn support(incident: &Incident) -> String {
    let ids: Vec<String> = incident.correlation_ids.iter().map(|id| format!("- `{id}`")).collect();
    let ids = if ids.is_empty() { "None were seen.".to_owned() } else { ids.join("\n") };
    format!("## Correlation ids for HubSpot's support\n\n{ids}\n")
}

fn history(timeline: &[Entry]) -> String {
    let mut text = "## Timeline (UTC)\n\n| at | by | what |\n|---|---|---|\n".to_owned();
    for entry in timeline {
        let what = entry.tell().replace('|', "\\|").replace('\n', " ");
        let _infallible = writeln!(text, "| {} | {} | {what} |", moment(entry.at), entry.by.name());
    }
    text
}

fn actions(incident: &Incident) -> String {
    let first = incident.diagnosis.as_ref().map_or("Find the cause.", |diagnosis| diagnosis.remedy.as_str());
    let page = incident.code().map_or("unknown", crate::code::Code::id);
    format!(
        "## What to do so that it does not come back\n\n- [ ] {first}\n- [ ] Go through \"Afterwards\" of the runbook \
         page (`hubkeeper runbook {page}`).\n- [ ] (owner, date)\n"
    )
}

fn moment(at: Timestamp) -> String {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    format!("{} {:02}:{:02}:{:02}", at.date(), at.hour(), at.minute(), at.second())
}

fn span(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) }
}
