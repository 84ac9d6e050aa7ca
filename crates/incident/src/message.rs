//! What people are told, made from what is known: one form for every channel, with texts of the runbook page filled in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::code::{Code, Severity};
use crate::incident::{Incident, Stage};
use crate::runbook::{self, Runbooks};

/// Lines of evidence told.
const EVIDENCE_MAX: usize = 5;

/// Why people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    Opened,
    /// The cause has a name, or another one than before.
    Named,
    Acknowledged,
    /// Nothing new, but it is time.
    Update,
    Resolved,
}

/// One message, before a channel writes it in its own way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The same for all messages of one incident, on every channel.
    pub incident: String,
    pub moment: Moment,
    pub at: Timestamp,
    pub severity: Severity,
    pub stage: Stage,
    pub title: String,
    pub code: Option<Code>,
    pub confidence: Option<f64>,
    pub began_at: Timestamp,
    /// For colleagues.
    pub inside: String,
    /// For customers: no names, no internals.
    pub outside: String,
    pub impact: String,
    pub reach: String,
    pub evidence: Vec<String>,
    pub remedy: String,
    pub escalation: String,
    pub correlation_ids: Vec<String>,
    pub acknowledged_by: Option<String>,
    pub next_update_at: Option<Timestamp>,
    /// What status page components this concerns, where the company has named them.
    #[serde(default)]
    pub families: Vec<String>,
}

impl Moment {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Named => "named",
            Self::Acknowledged => "acknowledged",
            Self::Update => "update",
            Self::Resolved => "resolved",
        }
    }
}

impl Message {
    pub(crate) fn of(
        incident: &Incident,
        moment: Moment,
        cadence: Option<SignedDuration>,
        runbooks: &Runbooks,
        now: Timestamp,
    ) -> Self {
        let code = incident.code();
        let front = &runbooks.page(code.unwrap_or(Code::Unknown)).front;
        let values = values(incident);
        let diagnosis = incident.diagnosis.as_ref();
        let evidence = diagnosis.into_iter().flat_map(|diagnosis| &diagnosis.evidence);
        let mut evidence: Vec<String> = evidence
            .filter(|it| it.supports)
            .take(EVIDENCE_MAX)
            .map(|it| format!("{}: {}", it.probe, it.observed))
            .collect();
        if evidence.is_empty() {
            evidence.extend(incident.showing().take(EVIDENCE_MAX).map(|symptom| symptom.observed.clone()));
        }
        Self {
            incident: incident.id.clone(),
            moment,
            at: now,
            severity: incident.severity,
            stage: incident.stage,
            title: incident.title.clone(),
            code,
            confidence: diagnosis.map(|diagnosis| diagnosis.confidence),
            began_at: incident.began_at,
            inside: inside(incident, runbook::fill(&front.messages.internal, &values)),
            outside: outside(incident, &runbook::fill(&front.messages.public, &values)),
            impact: incident.impact.tell(),
            reach: incident.blast.tell(),
            evidence,
            remedy: match diagnosis {
                Some(diagnosis) => diagnosis.remedy.clone(),
                None if says_it_all(incident) => "See to what the evidence names.".into(),
                None => front.remedy.clone(),
            },
            escalation: match diagnosis {
                None if says_it_all(incident) => "Whoever owns what the evidence names.".into(),
                Some(_) | None => front.escalation.clone(),
            },
            correlation_ids: incident.correlation_ids.clone(),
            acknowledged_by: incident.acknowledged_by.clone(),
            next_update_at: cadence.filter(|_| !incident.stage.is_over()).map(|cadence| now + cadence),
            families: incident.blast.families.clone(),
        }
    }

    /// `P1 opened: HubSpot is down`.
    pub fn headline(&self) -> String {
        let word = match self.moment {
            Moment::Opened => "",
            Moment::Named => "cause found: ",
            Moment::Acknowledged => "acknowledged: ",
            Moment::Update => "still going on: ",
            Moment::Resolved => "resolved: ",
        };
        format!("{} {word}{}", self.severity.name(), self.title)
    }
}

fn values(incident: &Incident) -> BTreeMap<&'static str, String> {
    let or = |names: &[String], otherwise: &str| {
        if names.is_empty() { otherwise.to_owned() } else { names.join(", ") }
    };
    let portals: Vec<String> = incident.blast.portals.iter().map(u64::to_string).collect();
    BTreeMap::from([
        ("portal", or(&portals, &or(&incident.blast.connections, "(unknown)"))),
        ("since", hour(incident.began_at)),
        ("impact", incident.impact.tell()),
        ("correlation_id", incident.correlation_ids.first().cloned().unwrap_or_else(|| "none".into())),
        ("caller", or(&incident.blast.callers, "a caller")),
        ("route", or(&incident.blast.families, "some routes")),
        ("until", "further notice".into()),
    ])
}

/// `14:05 UTC`.
fn hour(at: Timestamp) -> String {
    let at = at.to_zoned(jiff::tz::TimeZone::UTC);
    format!("{:02}:{:02} UTC", at.hour(), at.minute())
}

/// Nobody looked for a cause, because what showed needs none: a job failed, work was given up.
fn says_it_all(incident: &Incident) -> bool {
    incident.diagnosis.is_none() && !incident.was_diagnosed() && !incident.symptoms.is_empty()
}

fn inside(incident: &Incident, text: String) -> String {
    if incident.stage.is_over() {
        let (began, ended) = (incident.began_at, incident.recovered_at.unwrap_or(incident.began_at));
        let lasted = ended.duration_since(began).as_secs();
        let lasted = if lasted < 120 { format!("{lasted} s") } else { format!("{} min", lasted / 60) };
        return format!("It is over: it began at {} and went on for {lasted}.", hour(began));
    }
    if says_it_all(incident) {
        let shown: Vec<&str> = incident.symptoms.iter().map(|symptom| symptom.observed.as_str()).collect();
        return format!("{}.", shown.join("; "));
    }
    text
}

fn outside(incident: &Incident, text: &str) -> String {
    if incident.stage.is_over() {
        return format!(
            "This is resolved since {}.",
            hour(incident.resolved_at.unwrap_or(incident.began_at))
        );
    }
    text.to_owned()
}

impl crate::incident::Impact {
    /// In a line.
    pub fn tell(&self) -> String {
        let total = &self.total;
        let mut parts = vec![format!("{} of {} calls failed", total.failed, total.calls)];
        for (count, what) in [
            (total.stale, "answered from what was kept"),
            (total.refused, "refused by us for lack of a slot"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        if self.shared.failed > 0 {
            parts.push(format!("{} of the failed count for another incident as well", self.shared.failed));
        }
        parts.join(", ")
    }
}
