//! Incidents over the admin API: what there is, what people do about it, and what their own programs tell.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use incident::engine::Command;
use incident::mitigation::{Mitigation, Turn};
use incident::postmortem::postmortem;
use incident::signal::{JobStep, Seen};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome, Subject};

use super::Admin;
use crate::incidents::{Incidents, NotDone, listed, shown};

/// Names of people and jobs.
const NAME_BYTES_MAX: usize = 100;

/// A day: longer is not maintenance.
const MAINTENANCE_MINUTES_MAX: i64 = 24 * 60;

type Refused = (StatusCode, Json<Value>);

/// Who wants something, and what they have to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    #[serde(default = "somebody")]
    by: String,
    #[serde(default)]
    text: String,
    mitigation: Option<Mitigation>,
    turn: Option<Turn>,
}

/// Who names nobody acts as the key that was shown.
fn somebody() -> String {
    super::login::actor("somebody")
}

pub(super) async fn list(State(admin): State<Admin>) -> Result<Json<Value>, Refused> {
    let incidents = listed(door(&admin)?).await.map_err(|error| not_done(&error.into()))?;
    Ok(Json(json!({"schema": 1, "incidents": incidents})))
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Json<Value>, Refused> {
    Ok(Json(found(&admin, &id).await?.json()))
}

pub(super) async fn report(State(admin): State<Admin>, Path(id): Path<String>) -> Result<Response, Refused> {
    let shown = found(&admin, &id).await?;
    let markdown = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    Ok((markdown, postmortem(&shown.incident, &shown.timeline)).into_response())
}

/// What the diagnoses were drawn from, for whoever runs them again.
pub(super) async fn recordings(
    State(admin): State<Admin>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let recordings = door(&admin)?.store.recordings(&id).await.map_err(|error| not_done(&error.into()))?;
    let facts: Vec<Value> = recordings
        .iter()
        .map(|recording| {
            let facts: Value = serde_json::from_slice(&recording.document).unwrap_or_default();
            json!({"at": recording.at, "facts": facts})
        })
        .collect();
    Ok(Json(json!({"schema": 1, "recordings": facts})))
}

pub(super) async fn act(
    State(admin): State<Admin>,
    Path((id, verb)): Path<(String, String)>,
    Json(wish): Json<Wish>,
) -> Result<Json<Value>, Refused> {
    let room = door(&admin)?;
    match wished(&admin, room, &id, &verb, wish).await {
        Ok(()) => Ok(Json(found(&admin, &id).await?.json())),
        Err(Unwished::Unclear(why)) => Err(bad(why)),
        Err(Unwished::NotDone(why)) => Err(not_done(&why)),
    }
}

/// Why a wish came to nothing.
pub(crate) enum Unwished {
    Unclear(&'static str),
    NotDone(NotDone),
}

/// Does what a person wishes of an incident, and tells the audit log.
pub(crate) async fn wished(
    admin: &Admin,
    room: &Incidents,
    id: &str,
    verb: &str,
    mut wish: Wish,
) -> Result<(), Unwished> {
    // Who is logged in does not act as another.
    if let Some(name) = super::person() {
        wish.by = name;
    }
    if wish.by.trim().is_empty() || wish.by.len() > NAME_BYTES_MAX {
        return Err(Unwished::Unclear("`by` is who asks: a name of up to 100 bytes."));
    }
    let (incident, mut detail) = (id.to_owned(), String::new());
    let (told, command) = match verb {
        "ack" => (Act::IncidentAcknowledged, Command::Acknowledge { incident }),
        "resolve" => (Act::IncidentResolved, Command::Resolve { incident }),
        "note" if wish.text.trim().is_empty() => {
            return Err(Unwished::Unclear("`text` is empty; write a line."));
        }
        // What it says stands in the incident's history.
        "note" => (Act::IncidentNoted, Command::Note { incident, text: wish.text }),
        "measure" => {
            let (Some(mitigation), Some(turn)) = (wish.mitigation, wish.turn) else {
                return Err(Unwished::Unclear("`mitigation` and `turn` (on, off) say what is to be done."));
            };
            mitigation.name().clone_into(&mut detail);
            let told = match turn {
                Turn::On => Act::MitigationBegun,
                Turn::Off | Turn::Offered => Act::MitigationEnded,
            };
            (told, Command::Turn { incident, mitigation, turn })
        }
        _ => return Err(Unwished::Unclear("There are ack, note, resolve and measure.")),
    };
    let done = room.person(wish.by.clone(), command).await;
    let outcome = if done.is_ok() { Outcome::Done } else { Outcome::Refused };
    admin.audit.tell(&wish.by, told, Subject::Ours(id.to_owned()), outcome, &detail).await;
    done.map_err(Unwished::NotDone)
}

pub(super) async fn job(
    State(admin): State<Admin>,
    Path((name, step)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let step = match step.as_str() {
        "start" => JobStep::Started,
        "finish" => JobStep::Finished,
        "fail" => JobStep::Failed,
        _ => return Err(bad("There are start, finish and fail.")),
    };
    if name.len() > NAME_BYTES_MAX {
        return Err(bad("The job's name has more than 100 bytes."));
    }
    let now = admin.clock.now();
    let seen = Seen::Job { name: name.clone(), step };
    door(&admin)?.signal(now, seen).await.map_err(|error| not_done(&error))?;
    Ok((StatusCode::CREATED, Json(json!({"job": name, "step": step, "at": now}))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Maintenance {
    minutes: i64,
}

pub(super) async fn maintenance(
    State(admin): State<Admin>,
    Json(wish): Json<Maintenance>,
) -> Result<Json<Value>, Refused> {
    if !(0..=MAINTENANCE_MINUTES_MAX).contains(&wish.minutes) {
        return Err(bad("`minutes` is 0 to 1440; 0 ends it."));
    }
    let until = admin.clock.now() + SignedDuration::from_mins(wish.minutes);
    door(&admin)?.maintenance(until).await.map_err(|error| not_done(&error))?;
    admin.acted(Act::MaintenanceSet, "every connection", Outcome::Done, &format!("until {until}")).await;
    Ok(Json(json!({"until": until})))
}

async fn found(admin: &Admin, id: &str) -> Result<crate::incidents::Shown, Refused> {
    let found = shown(door(admin)?, id).await.map_err(|error| not_done(&error.into()))?;
    found.ok_or_else(|| {
        let message = format!("There is no incident `{}`.", id.chars().take(40).collect::<String>());
        (StatusCode::NOT_FOUND, Json(json!({"status": "error", "message": message})))
    })
}

fn door(admin: &Admin) -> Result<&Incidents, Refused> {
    admin.incidents.as_ref().ok_or_else(|| {
        let message = "The incident room is switched off ([incidents] enabled).";
        (StatusCode::NOT_FOUND, Json(json!({"status": "error", "message": message})))
    })
}

fn bad(message: &str) -> Refused {
    (StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": message})))
}

fn not_done(error: &NotDone) -> Refused {
    use incident::engine::Refused as Engine;
    let status = match error {
        NotDone::Refused(Engine::NoSuchIncident(_)) => StatusCode::NOT_FOUND,
        NotDone::Refused(Engine::Taken { .. } | Engine::Over) => StatusCode::CONFLICT,
        NotDone::Refused(Engine::NoteTooLong { .. }) => StatusCode::BAD_REQUEST,
        NotDone::Closing | NotDone::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(json!({"status": "error", "message": error.to_string()})))
}
