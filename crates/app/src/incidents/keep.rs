//! From what the engine decided to what is stored, and back to what is shown.

use incident::facts::Facts;
use incident::incident::Incident;
use incident::message::{Message, Moment};
use incident::timeline::Entry;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use store::Store;
use store::failure::StoreError;
use store::incidents::{IncidentStep, KeptIncident, Line, NewNotice, NoticeState, Progress, Recording};
use uuid::Uuid;

/// Lines that wait for a store that refuses; older ones are lost first, and the log has them.
const UNKEPT_MAX: usize = 1_000;

/// Incidents listed.
const LISTED_MAX: usize = 200;

pub(super) fn incident(step: &mut IncidentStep, incident: &Incident) {
    let progress = if incident.stage.is_over() { Progress::Over } else { Progress::GoingOn };
    step.incidents.retain(|known| known.id != incident.id);
    step.incidents.push(KeptIncident {
        id: incident.id.clone(),
        began_at: incident.began_at,
        progress,
        document: document(incident),
    });
}

pub(super) fn line(step: &mut IncidentStep, incident: &str, entry: &Entry) {
    tracing::warn!(incident, by = entry.by.name(), "incident: {}", told_in_log(entry));
    step.lines.push(Line { incident: incident.to_owned(), at: entry.at, document: document(entry) });
}

/// What people write stays out of the log.
fn told_in_log(entry: &Entry) -> String {
    match &entry.what {
        incident::timeline::What::Note { .. } => "a note".into(),
        _ => entry.tell(),
    }
}

pub(super) fn recording(step: &mut IncidentStep, incident: &str, facts: &Facts, at: Timestamp) {
    step.recordings.push(Recording { incident: incident.to_owned(), at, document: document(facts) });
}

pub(super) fn notices(step: &mut IncidentStep, channels: Vec<String>, moment: Moment, message: &Message) {
    debug_assert_eq!(moment, message.moment, "a message says why it is sent");
    for channel in channels {
        step.notices.push(NewNotice {
            id: Uuid::now_v7(),
            incident: message.incident.clone(),
            channel,
            due_at: message.at,
            document: document(message),
        });
    }
}

/// A step that could not be kept, no larger than may wait.
pub(super) fn bounded(mut step: IncidentStep) -> IncidentStep {
    for waiting in [step.lines.len(), step.recordings.len(), step.notices.len()] {
        debug_assert!(waiting < 10 * UNKEPT_MAX, "bounded at each step");
    }
    step.lines.drain(..step.lines.len().saturating_sub(UNKEPT_MAX));
    step.recordings.drain(..step.recordings.len().saturating_sub(UNKEPT_MAX / 100));
    step.notices.drain(..step.notices.len().saturating_sub(UNKEPT_MAX));
    step
}

pub(super) fn document(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data becomes JSON")
}

/// An incident with its history, as it is shown.
pub(crate) struct Shown {
    pub(crate) incident: Incident,
    pub(crate) timeline: Vec<Entry>,
    notices: Vec<Value>,
}

impl Shown {
    pub(crate) fn json(&self) -> Value {
        let timeline: Vec<Value> = self
            .timeline
            .iter()
            .map(|entry| {
                let mut line = json!(entry);
                line["by"] = entry.by.name().into();
                line["text"] = entry.tell().into();
                line
            })
            .collect();
        json!({"schema": 1, "incident": self.incident, "timeline": timeline, "notices": self.notices})
    }
}

/// Those that go on, then the latest.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn listed(store: &Store) -> Result<Vec<Incident>, StoreError> {
    let kept = store.incidents(LISTED_MAX).await?;
    Ok(kept.iter().filter_map(|kept| serde_json::from_slice(&kept.document).ok()).collect())
}

/// # Errors
/// [`StoreError`].
pub(crate) async fn shown(store: &Store, id: &str) -> Result<Option<Shown>, StoreError> {
    let Some(kept) = store.incident(id).await? else { return Ok(None) };
    let Ok(incident) = serde_json::from_slice(&kept.document) else { return Ok(None) };
    let lines = store.timeline(id).await?;
    let timeline = lines.iter().filter_map(|line| serde_json::from_slice(&line.document).ok()).collect();
    let notices = store.notices(id).await?;
    let notices = notices
        .iter()
        .map(|notice| {
            let message: Option<Message> = serde_json::from_slice(&notice.asked.document).ok();
            json!({
                "channel": notice.asked.channel,
                "moment": message.map(|message| message.moment),
                "state": match notice.state {
                    NoticeState::Pending | NoticeState::Sending => "waiting",
                    NoticeState::Told => "told",
                    NoticeState::GivenUp => "given_up",
                },
                "attempts": notice.attempts,
                "why": notice.why,
            })
        })
        .collect();
    Ok(Some(Shown { incident, timeline, notices }))
}
