//! The admin API: health, readiness, metrics, and what the CLI and the console read.

use std::sync::{Arc, Weak};

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use client::body::Body;
use client::call::Source;
use client::clock::WallClock;
use client::stack::Stack;
use gateway::rights::Witness;
use gateway::traffic::{Change, Traffic, TrafficReport};
use gateway::{ListenerSettings, ListenerTls, OwnHosts, serve_requests};
use hubspot::limits::Plan;
use inbox::privacy::Privacy;
use ops::quota::{QuotaReport, Saved};
use serde::Deserialize;
use serde_json::json;
use store::audit::{Act, Outcome, Subject};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::audit::Audit;
use crate::console::{self, Drill};
use crate::incidents::Incidents;
use crate::metrics::{self, Sources};
use crate::webhooks::Running;

mod connections;
mod degraded;
pub(crate) mod incidents;
mod login;
mod outbox;
mod privacy;
mod rights;
mod shape;
mod slots;
mod webhooks;

pub(crate) use connections::Keeping;
pub(crate) use login::{Login, csrf_field, log_out_form, may, person};
pub(crate) use rights::{AdminRole, Right};
pub(crate) use slots::LentSlots;

/// A change is told in a line; hundreds of them are kept.
const CHANGE_BYTES_MAX: usize = 1_000;

/// Monitoring and a person or two; their files come out of those that callers leave.
const CONNECTIONS_MAX: usize = 32;

/// Who acts where nobody says a name.
const SOMEBODY: &str = "admin_api";

/// What the admin API looks at.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) stack: Arc<Stack>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) sources: Sources,
    pub(crate) clock: WallClock,
    /// As configured.
    pub(crate) plan: Option<Plan>,
    pub(crate) draining: watch::Receiver<bool>,
    pub(crate) own_hosts: OwnHosts,
    /// What the console may break, in a demo.
    pub(crate) drill: Option<Drill>,
    /// `None` where it is switched off.
    pub(crate) incidents: Option<Incidents>,
    pub(crate) webhooks: Option<Running>,
    /// Forgets people; `None` where nothing is kept.
    pub(crate) privacy: Option<Arc<Privacy>>,
    pub(crate) lent: LentSlots,
    pub(crate) audit: Audit,
    pub(crate) connections: Arc<Keeping>,
    pub(crate) login: Arc<Login>,
    /// Hears of what somebody's role does not hold.
    pub(crate) witness: Option<Weak<dyn Witness>>,
    /// People reach us by https, so that their cookies need not go any other way.
    pub(crate) is_https: bool,
}

/// A change, as a deploy pipeline tells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewChange {
    /// `deploy`, `config` or `secret`.
    kind: ChangeKind,
    what: String,
    caller: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ChangeKind {
    Deploy,
    Config,
    Secret,
}

/// Serves for as long as it is polled: it goes on telling while the gateway drains.
pub(crate) async fn serve(listener: TcpListener, admin: Admin, tls: Option<ListenerTls>) {
    let (_never_told, never_draining) = watch::channel(false);
    let own_hosts = admin.own_hosts.clone();
    let clock = admin.stack.clock();
    let routes = routes(admin);
    serve_requests(
        listener,
        ListenerSettings { connections_max: CONNECTIONS_MAX, tls, ..Default::default() },
        own_hosts,
        is_landing,
        never_draining,
        clock,
        move |request: http::Request<Body>| {
            let routes = routes.clone();
            async move {
                let answered = routes.oneshot(request).await;
                answered.unwrap_or_else(|never| match never {}).map(Body::boxed)
            }
        },
    )
    .await;
}

/// Where people are led to from other sites.
fn is_landing(method: &Method, path: &str) -> bool {
    connections::is_landing(method, path) || (method == Method::GET && login::LANDINGS.contains(&path))
}

fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/readiness", get(readiness))
        .route("/metrics", get(prometheus))
        .route("/api/v1/traffic", get(traffic))
        .route("/api/v1/quota", get(quota))
        .route("/api/v1/changes", post(change))
        .route("/api/v1/incidents", get(incidents::list))
        .route("/api/v1/incidents/{id}", get(incidents::show))
        .route("/api/v1/incidents/{id}/postmortem", get(incidents::report))
        .route("/api/v1/incidents/{id}/recordings", get(incidents::recordings))
        .route("/api/v1/incidents/{id}/{verb}", post(incidents::act))
        .route("/api/v1/jobs/{name}/{step}", post(incidents::job))
        .route("/api/v1/maintenance", post(incidents::maintenance))
        .route("/api/v1/degraded", get(degraded::show).post(degraded::switch))
        .merge(slots::routes())
        .merge(connections::routes())
        .merge(outbox::routes())
        .merge(privacy::routes())
        .merge(console::routes())
        .merge(webhooks::routes())
        .merge(login::routes())
        .fallback(not_here)
        .layer(from_fn_with_state(admin.clone(), login::guard))
        .layer(from_fn(shape::ours))
        .layer(from_fn(shape::kept_nowhere))
        .with_state(admin)
}

/// Alive; never looks upstream.
async fn health() -> Json<serde_json::Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// Takes new work; turns 503 while draining, so that a load balancer looks elsewhere.
async fn readiness(State(admin): State<Admin>) -> impl IntoResponse {
    if *admin.draining.borrow() {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "draining"})))
    } else {
        (StatusCode::OK, Json(json!({"status": "ready"})))
    }
}

async fn prometheus(State(admin): State<Admin>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(metrics::gather(&admin.sources)))
}

async fn traffic(State(admin): State<Admin>) -> Json<TrafficReport> {
    Json(admin.report())
}

async fn quota(State(admin): State<Admin>) -> Json<QuotaReport> {
    Json(admin.quota())
}

async fn change(
    State(admin): State<Admin>,
    Json(new): Json<NewChange>,
) -> Result<(StatusCode, Json<Change>), (StatusCode, Json<serde_json::Value>)> {
    let length = new.what.len() + new.caller.as_ref().map_or(0, String::len);
    if length > CHANGE_BYTES_MAX {
        let message =
            format!("`what` and `caller` have {length} bytes; {CHANGE_BYTES_MAX} are kept. Write a line.");
        return Err((StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": message}))));
    }
    let kind = match new.kind {
        ChangeKind::Deploy => "deploy",
        ChangeKind::Config => "config",
        ChangeKind::Secret => "secret",
    };
    let noted = admin.traffic.note_change(kind, &new.what, new.caller.as_deref());
    admin.acted(Act::ChangeTold, new.caller.as_deref().unwrap_or("every caller"), Outcome::Done, kind).await;
    Ok((StatusCode::CREATED, Json(noted)))
}

async fn not_here() -> impl IntoResponse {
    let paths = [
        "/",
        "/health",
        "/readiness",
        "/metrics",
        "/api/v1/traffic",
        "/api/v1/quota",
        "/api/v1/changes",
        "/api/v1/connections",
        "/api/v1/degraded",
        "/api/v1/incidents",
        "/api/v1/jobs/{name}/start|finish|fail",
        "/api/v1/maintenance",
        "/api/v1/outbox",
        "/api/v1/privacy/find|forget",
        "/api/v1/webhooks",
        "/api/v1/slots",
    ];
    (
        StatusCode::NOT_FOUND,
        Json(json!({"status": "error", "message": "There is nothing here.", "paths": paths})),
    )
}

impl Admin {
    pub(crate) fn quota(&self) -> QuotaReport {
        let mut answers = [0; Source::NAMES.len()];
        for (_, tally) in self.traffic.totals() {
            for (sum, count) in answers.iter_mut().zip(tally.sources) {
                *sum += count;
            }
        }
        let [_live, packed, kept, stale] = answers;
        let saved = Saved { packed, cached: kept + stale };
        let callers_retries = self.stack.repeated().seen;
        ops::quota::report(&self.stack.accounts(), self.plan, Some(saved), callers_retries, self.clock.now())
    }

    /// Tells the audit log what somebody did; `detail` is a line without personal data.
    async fn acted(&self, act: Act, subject: &str, outcome: Outcome, detail: &str) {
        self.audit
            .tell(&login::actor(SOMEBODY), act, Subject::Ours(subject.to_owned()), outcome, detail)
            .await;
    }

    pub(crate) fn report(&self) -> TrafficReport {
        self.traffic.report(&self.stack.accounts())
    }
}
