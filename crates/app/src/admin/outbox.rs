//! The outbox: how it stands, what is in it, and what people do with it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway::outbox::{Changed, Deed, Outbox, show};
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome};
use store::failure::StoreError;
use store::outbox::{Edit, Filter, State as Standing};
use uuid::Uuid;

use super::Admin;

/// Operations in one answer.
const LISTED_MAX: usize = 1_000;
const LISTED: usize = 100;

type Refused = (StatusCode, Json<Value>);
type Told = Result<Json<Value>, Refused>;

/// Which operations are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    state: Option<String>,
    caller: Option<String>,
    connection: Option<String>,
    record: Option<String>,
    after: Option<i64>,
    max: Option<usize>,
}

/// What is to be sent instead. `body` is JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    target: Option<String>,
    body: Option<Value>,
}

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/api/v1/outbox", get(report))
        .route("/api/v1/outbox/operations", get(list))
        .route("/api/v1/outbox/operations/{id}", get(one).patch(edit).delete(drop_one))
        .route("/api/v1/outbox/operations/{id}/replay", post(replay))
        .route("/api/v1/outbox/operations/{id}/cancel", post(cancel))
        .route("/api/v1/outbox/replay", post(replay_all))
        .route("/api/v1/outbox/cancel", post(cancel_all))
        .route("/api/v1/outbox/drop", post(drop_all))
}

async fn report(State(admin): State<Admin>) -> Told {
    let outbox = outbox(&admin)?;
    let standing = outbox.look().await.map_err(broken)?;
    let (outlook, totals) = (outbox.outlook(), outbox.totals());
    let states: serde_json::Map<String, Value> =
        Standing::ALL.iter().map(|state| (state.name().to_owned(), standing.of(*state).into())).collect();
    let stopped = outbox.stopped().into_iter().map(|stopped| {
        json!({"connection": stopped.line.connection, "family": stopped.line.family, "lane": stopped.line.lane,
            "next_try_in_ms": u64::try_from(stopped.next_try_in.as_millis()).unwrap_or(u64::MAX)})
    });
    Ok(Json(json!({
        "schema": 1,
        "operations": states,
        "oldest_accepted_at": standing.oldest_accepted_at.map(|at| at.to_string()),
        "accepted_per_second": outlook.accepted_per_second,
        "settled_per_second": outlook.settled_per_second,
        "catch_up": {"state": outlook.catch_up.name(), "seconds": outlook.catch_up.seconds()},
        "stopped": stopped.collect::<Vec<_>>(),
        "since_start": {"accepted": totals.accepted, "applied": totals.applied, "dead": totals.dead,
            "unknown": totals.unknown, "again": totals.again},
        "store": outbox.refusing().map_or_else(|| "ok".to_owned(), |why| format!("refusing: {why}")),
    })))
}

async fn list(State(admin): State<Admin>, Query(wanted): Query<Wanted>) -> Told {
    let outbox = outbox(&admin)?;
    let (after, max) = (wanted.after.unwrap_or(0), wanted.max.unwrap_or(LISTED).clamp(1, LISTED_MAX));
    let found = outbox.list(filter(wanted)?, after, max).await.map_err(broken)?;
    let next =
        (found.operations.len() == max).then(|| found.operations.last().map(|last| last.seq)).flatten();
    let damaged: Vec<_> = found.damaged.iter().map(ToString::to_string).collect();
    let operations: Vec<_> = found.operations.iter().map(show::line).collect();
    Ok(Json(json!({"schema": 1, "operations": operations, "next": next, "damaged": damaged})))
}

async fn one(State(admin): State<Admin>, Path(id): Path<String>) -> Told {
    let found = outbox(&admin)?.show(parsed(&id)?).await.map_err(broken)?;
    found.map(|operation| Json(show::whole(&operation))).ok_or_else(|| nothing(&id))
}

async fn edit(State(admin): State<Admin>, Path(id): Path<String>, Json(change): Json<Change>) -> Told {
    let edit = edit_of(change)?;
    if edit == Edit::default() {
        return Err(bad("nothing is to be changed: name `target`, `body` or both"));
    }
    act(&admin, &id, Deed::Edit(edit)).await
}

async fn replay(State(admin): State<Admin>, Path(id): Path<String>, change: Option<Json<Change>>) -> Told {
    let change = change.map(|Json(change)| change).unwrap_or_default();
    act(&admin, &id, Deed::Replay(edit_of(change)?)).await
}

async fn cancel(State(admin): State<Admin>, Path(id): Path<String>) -> Told {
    act(&admin, &id, Deed::Cancel).await
}

async fn drop_one(State(admin): State<Admin>, Path(id): Path<String>) -> Told {
    act(&admin, &id, Deed::Drop).await
}

async fn replay_all(State(admin): State<Admin>, Json(wanted): Json<Wanted>) -> Told {
    act_on_all(&admin, wanted, Deed::Replay(Edit::default())).await
}

async fn cancel_all(State(admin): State<Admin>, Json(wanted): Json<Wanted>) -> Told {
    act_on_all(&admin, wanted, Deed::Cancel).await
}

async fn drop_all(State(admin): State<Admin>, Json(wanted): Json<Wanted>) -> Told {
    act_on_all(&admin, wanted, Deed::Drop).await
}

async fn act(admin: &Admin, id: &str, deed: Deed) -> Told {
    let (outbox, id, name, told) = (outbox(admin)?, parsed(id)?, deed.name(), told(&deed));
    let done = outbox.act(id, deed).await.map_err(broken)?;
    let outcome = if done { Outcome::Done } else { Outcome::Refused };
    admin.acted(told, &id.to_string(), outcome, "").await;
    if done {
        return Ok(Json(json!({"status": "ok", "id": id.to_string(), name: 1})));
    }
    match outbox.show(id).await.map_err(broken)? {
        None => Err(nothing(&id.to_string())),
        Some(found) => {
            let message = format!("It is {} and cannot be {name}.", found.state.name());
            Err((StatusCode::CONFLICT, Json(json!({"status": "error", "message": message}))))
        }
    }
}

async fn act_on_all(admin: &Admin, wanted: Wanted, deed: Deed) -> Told {
    let filter = filter(wanted)?;
    if filter == Filter::default() {
        return Err(bad(
            "name a state, a caller, a connection or a record; all operations at once are never meant",
        ));
    }
    let (name, by_filter) = (deed.name(), in_words(&filter));
    let Changed { changed, left, more } = outbox(admin)?.act_on_all(&filter, &deed).await.map_err(broken)?;
    admin.acted(told(&deed), &by_filter, Outcome::Done, &format!("{changed} {name}, {left} left")).await;
    Ok(Json(json!({"status": "ok", name: changed, "left": left, "more": more})))
}

/// As the audit log knows it.
const fn told(deed: &Deed) -> Act {
    match deed {
        Deed::Cancel => Act::OperationCancelled,
        Deed::Replay(_) => Act::OperationReplayed,
        Deed::Edit(_) => Act::OperationEdited,
        Deed::Drop => Act::OperationRemoved,
    }
}

/// A record's id is a person's, and stays out.
fn in_words(filter: &Filter) -> String {
    let Filter { state, caller, connection, record, due_before: _ } = filter;
    let named = [
        state.map(|state| format!("state {}", state.name())),
        caller.as_ref().map(|caller| format!("caller {caller}")),
        connection.as_ref().map(|connection| format!("connection {connection}")),
        record.as_ref().map(|_| "one record".to_owned()),
    ];
    named.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn outbox(admin: &Admin) -> Result<&Arc<Outbox>, Refused> {
    admin.sources.outbox.as_ref().ok_or_else(|| {
        let message = "this gateway keeps no writes";
        let hint = "start it with --data DIR, or set [store] url";
        (StatusCode::CONFLICT, Json(json!({"status": "error", "message": message, "hint": hint})))
    })
}

fn filter(wanted: Wanted) -> Result<Filter, Refused> {
    let named = |name: &String| Standing::of_name(name).ok_or_else(|| unknown_state(name));
    let state = wanted.state.as_ref().map(named).transpose()?;
    let Wanted { caller, connection, record, .. } = wanted;
    Ok(Filter { state, caller, connection, record, due_before: None })
}

fn edit_of(change: Change) -> Result<Edit, Refused> {
    if let Some(target) = &change.target
        && (!target.starts_with('/') || target.parse::<http::uri::PathAndQuery>().is_err())
    {
        return Err(bad("`target` is no path; write it as /crm/v3/objects/contacts/1"));
    }
    Ok(Edit { target: change.target, body: change.body.map(|body| body.to_string().into_bytes()) })
}

fn parsed(id: &str) -> Result<Uuid, Refused> {
    id.parse().map_err(|_| bad("this is no operation's id; `hubkeeper outbox list` tells them"))
}

fn unknown_state(name: &str) -> Refused {
    let names: Vec<_> = Standing::ALL.iter().map(|state| state.name()).collect();
    bad(&format!("`{name}` is no state. There are {}.", names.join(", ")))
}

fn bad(message: &str) -> Refused {
    (StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": message})))
}

fn nothing(id: &str) -> Refused {
    (
        StatusCode::NOT_FOUND,
        Json(json!({"status": "error", "message": format!("There is no operation {id}.")})),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn broken(error: StoreError) -> Refused {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "error", "message": error.to_string()})))
}
