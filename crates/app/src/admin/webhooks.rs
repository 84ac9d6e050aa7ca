//! `/api/v1/webhooks…`: what came, what went on, what waits, and what a person may do about it.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use inbox::explain::{Case, explain};
use inbox::receive::Receiver;
use inbox::suspect;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome};
use store::failure::StoreError;

use super::Admin;
use crate::webhooks::Running;

mod events;
mod journal;
mod purges;
mod replays;
mod subscribers;

type Refused = (StatusCode, Json<Value>);
type Answer = Result<Json<Value>, Refused>;

/// Rows of one answer.
const ROWS_MAX: usize = 1_000;

/// How many of the last ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Most {
    max: Option<usize>,
}

impl Most {
    fn rows(&self) -> usize {
        self.max.unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Only {
    id: Option<i64>,
}

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/api/v1/webhooks", get(summary))
        .route("/api/v1/webhooks/events", get(events::list))
        .route("/api/v1/webhooks/events/{id}", get(events::show))
        .route("/api/v1/webhooks/letters", get(replays::letters))
        .route("/api/v1/webhooks/letters/drop", post(replays::drop_letters))
        .route("/api/v1/webhooks/replays", get(replays::list))
        .route("/api/v1/webhooks/replay", post(replays::replay))
        .route("/api/v1/webhooks/journal", get(journal::show))
        .route("/api/v1/webhooks/purges", get(purges::list))
        .route("/api/v1/webhooks/quarantine", get(quarantine))
        .route("/api/v1/webhooks/quarantine/{id}", get(explained))
        .route("/api/v1/webhooks/verify", post(verify))
        .route("/api/v1/webhooks/subscribers", get(subscribers::list).post(subscribers::create))
        .route("/api/v1/webhooks/subscribers/{*name}", axum::routing::delete(subscribers::remove))
        .route("/api/v1/webhooks/switch", post(subscribers::switch))
        .route("/api/v1/webhooks/send-test", post(subscribers::send_test))
}

async fn summary(State(admin): State<Admin>) -> Answer {
    let webhooks = running(&admin)?;
    let counts = webhooks.receiver.books.counts();
    let now = webhooks.clock.now();
    let silence: Vec<Value> = webhooks
        .receiver
        .books
        .silence(now)
        .into_iter()
        .map(|(connection, verdict)| {
            json!({
                "connection": connection,
                "quiet_seconds": verdict.quiet_for.as_secs(),
                "events_missing": verdict.missing.round(),
                "silent": verdict.silent,
            })
        })
        .collect();
    let quarantined = webhooks.receiver.store.suspects_count().await.map_err(broken)?;
    Ok(Json(json!({
        "schema": 1,
        "deliveries": counts.deliveries,
        "events": {"new": counts.new, "duplicate": counts.duplicates, "retried": counts.retried, "out_of_order": counts.out_of_order},
        "silence": silence,
        "quarantined": quarantined,
        "subscribers": subscribers::shown(&webhooks).await?,
    })))
}

async fn quarantine(State(admin): State<Admin>, Query(most): Query<Most>) -> Answer {
    let webhooks = running(&admin)?;
    let suspects = webhooks.receiver.store.latest_suspects(most.rows()).await.map_err(broken)?;
    let shown = suspects.iter().map(|suspect| {
        json!({
            "id": suspect.id,
            "received_at": suspect.received_at.to_string(),
            "connection": suspect.connection,
            "target": suspect.target.split('?').next(),
            "times": suspect.times,
            "refusal": suspect.refusal,
        })
    });
    Ok(Json(json!({"schema": 1, "quarantine": shown.collect::<Vec<_>>()})))
}

/// Why one in quarantine does not verify.
async fn explained(State(admin): State<Admin>, Path(id): Path<i64>) -> Answer {
    let webhooks = running(&admin)?;
    let found = webhooks.receiver.store.suspects(id - 1, 1).await.map_err(broken)?;
    let Some(suspect) = found.into_iter().find(|suspect| suspect.id == id) else {
        return Err(missing("there is nothing in quarantine under this number"));
    };
    let headers = suspect::headers(&suspect);
    let app = app(&webhooks.receiver, &suspect.connection)?;
    let secrets = app.secrets.all(tokio::time::Instant::now());
    let case = Case {
        method: &suspect.method,
        target: &suspect.target,
        headers: &headers,
        body: &suspect.body,
        public: &webhooks.receiver.public,
        secrets: &secrets,
        now: suspect.received_at,
    };
    Ok(Json(
        json!({"schema": 1, "id": id, "connection": suspect.connection, "times": suspect.times, "explanation": explain(&case)}),
    ))
}

/// Verifies the quarantine again, or one of it, and takes what fits.
async fn verify(State(admin): State<Admin>, Json(only): Json<Only>) -> Answer {
    let webhooks = running(&admin)?;
    let reverified = webhooks.receiver.reverify(only.id).await.map_err(broken)?;
    let subject = only.id.map_or_else(|| "all in quarantine".to_owned(), |id| format!("number {id}"));
    admin.acted(Act::QuarantineVerified, &subject, Outcome::Done, "").await;
    Ok(Json(json!({"schema": 1, "reverified": reverified})))
}

fn app<'a>(receiver: &'a Receiver, connection: &str) -> Result<&'a inbox::receive::App, Refused> {
    let found = receiver.apps.iter().find(|app| app.connection == connection);
    found.ok_or_else(|| missing("its connection is not configured any more"))
}

fn running(admin: &Admin) -> Result<Arc<Running>, Refused> {
    let running = admin.webhooks.clone().map(Arc::new);
    running.ok_or_else(|| {
        let message = "this gateway takes no webhooks";
        let hint = "set webhooks.public_url, a client secret, and --data or [store] url, and start it again";
        (StatusCode::CONFLICT, Json(json!({"status": "error", "message": message, "hint": hint})))
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn broken(error: StoreError) -> Refused {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Json(json!({"status": "error", "message": format!("the store: {error}")})),
    )
}

fn bad(message: &str) -> Refused {
    (StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": message})))
}

fn missing(message: &str) -> Refused {
    (StatusCode::NOT_FOUND, Json(json!({"status": "error", "message": message})))
}

/// How many rows somebody wants.
fn rows(max: Option<usize>) -> usize {
    max.unwrap_or(100).clamp(1, ROWS_MAX)
}
