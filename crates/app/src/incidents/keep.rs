//! From what the engine decided to what is stored, and back to what is shown.

use incident::facts::Facts;
use incident::incident::Incident;
use incident::message::{Message, Moment};
use incident::timeline::Entry;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use store::failure::StoreError;
use store::incidents::{IncidentStep, KeptIncident, Line, NewNotice, NoticeState, Progress, Recording};
use uuid::Uuid;

use super::Incidents;

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

/// Those that go on, then the latest. What the store has not taken yet goes before what it has; while it cannot even be read,
/// that is all there is to show, and an incident about the store is surely among it.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn listed(room: &Incidents) -> Result<Vec<Incident>, StoreError> {
    let unkept = room.board.unkept().incidents;
    let kept = match room.store.incidents(LISTED_MAX).await {
        Err(error) if unkept.is_empty() => return Err(error),
        kept => kept.unwrap_or_default(),
    };
    let is_new = |kept: &KeptIncident| !unkept.iter().any(|newer| newer.id == kept.id);
    let all = unkept.iter().rev().chain(kept.iter().filter(|kept| is_new(kept)));
    Ok(all.filter_map(|kept| serde_json::from_slice(&kept.document).ok()).collect())
}

/// # Errors
/// [`StoreError`].
pub(crate) async fn shown(room: &Incidents, id: &str) -> Result<Option<Shown>, StoreError> {
    let unkept = room.board.unkept();
    let newest = unkept.incidents.into_iter().find(|newer| newer.id == id);
    let waits = newest.is_some();
    let Some(kept) =
        read(room.store.incident(id).await, waits)?.flatten().into_iter().chain(newest).next_back()
    else {
        return Ok(None);
    };
    let Ok(incident) = serde_json::from_slice(&kept.document) else { return Ok(None) };
    let mut lines = read(room.store.timeline(id).await, waits)?.unwrap_or_default();
    lines.extend(unkept.lines.into_iter().filter(|line| line.incident == id));
    let timeline = lines.iter().filter_map(|line| serde_json::from_slice(&line.document).ok()).collect();
    let notices = read(room.store.notices(id).await, waits)?.unwrap_or_default();
    let waiting = unkept.notices.iter().filter(|asked| asked.incident == id);
    let waiting = waiting.map(|asked| told(asked, NoticeState::Pending, 0, None));
    let notices = notices.iter().map(|it| told(&it.asked, it.state, it.attempts, it.why.as_deref()));
    let notices = notices.chain(waiting).collect();
    Ok(Some(Shown { incident, timeline, notices }))
}

/// What cannot be read is left out where there is something newer to show.
fn read<T>(kept: Result<T, StoreError>, waits: bool) -> Result<Option<T>, StoreError> {
    match kept {
        Err(_) if waits => Ok(None),
        kept => kept.map(Some),
    }
}

fn told(asked: &NewNotice, state: NoticeState, attempts: i64, why: Option<&str>) -> Value {
    let message: Option<Message> = serde_json::from_slice(&asked.document).ok();
    json!({
        "channel": asked.channel,
        "moment": message.map(|message| message.moment),
        "state": match state {
            NoticeState::Pending | NoticeState::Sending => "waiting",
            NoticeState::Told => "told",
            NoticeState::GivenUp => "given_up",
        },
        "attempts": attempts,
        "why": why,
    })
}
