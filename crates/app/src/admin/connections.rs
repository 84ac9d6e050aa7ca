//! Connections: how they stand, and what people do with them; their way to HubSpot's consent page and back.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::accounts::{Connection, Credential, Lack};
use client::body::Body;
use client::call::Call;
use client::handling::Handling;
use client::lane::Lane;
use gateway::grants::{ConsentError, Keeper, Standing};
use gateway::traffic::TrafficReport;
use hubspot::error::ErrorKind;
use hubspot::limits::AppKind;
use hubspot::oauth::Trouble;
use hubspot::secret::Secret;
use maud::{DOCTYPE, html};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::audit::{Act, Outcome};
use store::fall;
use tokio::time::Instant;

use super::Admin;
use crate::scopes::ScopeLedger;
use crate::secrets::{Looked, Secrets, Stands};

/// The connections, and what keeps their tokens.
pub(crate) struct Keeping {
    pub(crate) all: Vec<Arc<Connection>>,
    pub(crate) keeper: Option<Arc<Keeper>>,
    pub(crate) secrets: Secrets,
    /// `None`: no token is ours.
    pub(crate) ledger: Option<ScopeLedger>,
}

/// One connection, for people.
#[derive(Debug, Serialize)]
struct Told {
    name: String,
    kind: AppKind,
    portal_id: Option<u64>,
    standing: &'static str,
    token_ends_at: Option<String>,
    trouble: Option<&'static str>,
    reconnect: Option<String>,
}

/// HubSpot sends a person back with either of the two.
#[derive(Debug, Deserialize)]
struct Callback {
    /// Whoever has it comes back as that person.
    #[serde(default = "no_state", deserialize_with = "secret")]
    state: Secret,
    #[serde(default, deserialize_with = "maybe_secret")]
    code: Option<Secret>,
    error: Option<String>,
}

type Refused = (StatusCode, Json<Value>);
type Answer = Result<Json<Value>, Refused>;

/// Where HubSpot sends people back to, and where links to an authorisation lead.
pub(super) const CALLBACK: &str = "/oauth/callback";
const CONNECT: &str = "/oauth/connect/";

/// The cheapest authenticated read.
const DETAILS: &str = "/account-info/v3/details";
const CHECK_PATIENCE: Duration = Duration::from_secs(20);
/// How long a person waits for a renewal they asked for.
const ROTATE_PATIENCE: Duration = Duration::from_secs(30);
const ROTATE_LOOK: Duration = Duration::from_millis(50);
/// Of a token that no running process sees change.
const FIXED: &str = "its token comes from the environment and stays until a restart; from a file or a store of secrets \
                     (token = \"file:…\") a new one is taken while we run";

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/api/v1/connections", get(list))
        .route("/api/v1/connections/scopes", get(scopes))
        .route("/api/v1/connections/rewrap", post(rewrap))
        .route("/api/v1/connections/{name}", axum::routing::delete(remove))
        .route("/api/v1/connections/{name}/authorize", post(authorize))
        .route("/api/v1/connections/{name}/check", post(check))
        .route("/api/v1/connections/{name}/rotate", post(rotate))
        .route("/api/v1/secrets/reload", post(reload))
        .route("/oauth/connect/{name}", get(connect))
        .route(CALLBACK, get(callback))
}

/// People come here from HubSpot, and from links in messages: what is done is known by `state`, or begins with consent.
pub(super) fn is_landing(method: &Method, path: &str) -> bool {
    method == Method::GET && (path == CALLBACK || path.starts_with(CONNECT))
}

async fn list(State(admin): State<Admin>) -> Json<Value> {
    if let Some(ledger) = &admin.connections.ledger {
        ledger.introduce().await;
    }
    let tell = |stands: Stands| {
        json!({
            "secret": stands.name, "age_seconds": stands.age.as_secs(),
            "source": if stands.is_failing { "failing" } else { "ok" },
        })
    };
    let secrets: Vec<Value> = admin.connections.secrets.stand().into_iter().map(tell).collect();
    let told = admin.connections.told(&admin.report());
    Json(json!({"schema": 1, "connections": told, "secrets": secrets}))
}

impl Keeping {
    fn told(&self, traffic: &TrafficReport) -> Vec<Told> {
        let asked = self.keeper.as_ref().map(|keeper| keeper.report()).unwrap_or_default();
        let tell = |connection: &Arc<Connection>| {
            let asked = asked.iter().find(|asked| asked.connection == connection.name);
            // Of a configured token nobody knows more than what HubSpot said last.
            let is_turned_down = match was_refused(traffic, &connection.name) {
                // No other comes before a restart, so that it is this one that was refused.
                Some(true) if !connection.is_looked_after() => true,
                Some(true) | None => connection.is_turned_down(),
                Some(false) => false,
            };
            let standing = if is_turned_down { Standing::NeedsReauthorisation } else { Standing::Ok };
            Told {
                name: connection.name.clone(),
                kind: connection.kind,
                portal_id: connection.portal_id().or(connection.told_portal_id()),
                standing: asked.map_or(standing, |asked| asked.standing).name(),
                token_ends_at: asked.and_then(|asked| asked.token_ends_at).map(|at| at.to_string()),
                trouble: asked.and_then(|asked| asked.trouble).map(Trouble::name),
                reconnect: asked.map(|asked| asked.reconnect.clone()),
            }
        };
        self.all.iter().map(tell).collect()
    }

    fn of_name(&self, name: &str) -> Result<&Arc<Connection>, Refused> {
        let found = self.all.iter().find(|connection| connection.name == name);
        found.ok_or_else(|| {
            refused(
                StatusCode::NOT_FOUND,
                "There is no such connection: `hubkeeper connections list` names them.",
            )
        })
    }

    fn keeper(&self, name: &str) -> Result<&Arc<Keeper>, Refused> {
        self.of_name(name)?;
        let is_kept = |keeper: &&Arc<Keeper>| keeper.report().iter().any(|asked| asked.connection == name);
        self.keeper.as_ref().filter(is_kept).ok_or_else(|| {
            refused(
                StatusCode::CONFLICT,
                "Its token is configured: it is no OAuth connection that people authorise.",
            )
        })
    }
}

/// Whether HubSpot's last word on a connection's token was a refusal. `None`: it has said nothing lately.
fn was_refused(traffic: &TrafficReport, name: &str) -> Option<bool> {
    let groups = || traffic.groups.iter().filter(|group| &*group.connection == name);
    let taken_at = groups().filter_map(|group| group.last_ok_at).max();
    let refusals = groups().flat_map(|group| &group.errors).filter(|error| {
        matches!(error.kind, ErrorKind::InvalidAuthentication | ErrorKind::ExpiredAuthentication)
    });
    let refused_at = refusals.map(|error| error.last_at).max();
    taken_at.max(refused_at).map(|_| refused_at > taken_at)
}

/// Where a person consents to it.
async fn authorize(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let url =
        admin.connections.keeper(&name)?.consent_url(&name).await.map_err(|error| not_granted(&error))?;
    Ok(Json(json!({"schema": 1, "connection": name, "url": url})))
}

async fn connect(State(admin): State<Admin>, Path(name): Path<String>) -> Response {
    let keeper = match admin.connections.keeper(&name) {
        Ok(keeper) => keeper,
        Err(refused) => return refused.into_response(),
    };
    match keeper.consent_url(&name).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => page(error_status(&error), "Nothing was begun", &error.to_string()),
    }
}

fn no_state() -> Secret {
    Secret::new(String::new())
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn maybe_secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

async fn callback(State(admin): State<Admin>, Query(callback): Query<Callback>) -> Response {
    fall::over(fall::Way::Consent, &callback);
    let Some(keeper) = &admin.connections.keeper else {
        return page(
            StatusCode::NOT_FOUND,
            "Nothing to authorise",
            "There is no OAuth connection in the configuration.",
        );
    };
    let Some(code) = callback.code else {
        let why = callback.error.as_deref().filter(|error| error.len() <= 64).unwrap_or("no code");
        return page(
            StatusCode::BAD_REQUEST,
            "HubSpot gave no code",
            &format!("It says: {why}. Begin anew."),
        );
    };
    match keeper.granted(callback.state.expose(), &code).await {
        Ok(granted) => {
            let detail = format!("authorised for portal {}", granted.portal_id);
            admin.acted(Act::CredentialChanged, &granted.connection, Outcome::Done, &detail).await;
            let text = format!(
                "The connection {} is authorised for portal {}. You can close this page.",
                granted.connection, granted.portal_id
            );
            page(StatusCode::OK, "Authorised", &text)
        }
        Err(error) => {
            tracing::warn!(%error, "an authorisation came to nothing");
            page(error_status(&error), "Not authorised", &error.to_string())
        }
    }
}

/// One real call with its token: what is kept says nothing of how it stands now.
async fn check(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let connection = admin.connections.of_name(&name)?.clone();
    let call = Call {
        method: Method::GET,
        target: http::uri::PathAndQuery::from_static(DETAILS),
        headers: http::HeaderMap::new(),
        endpoint: hubspot::endpoint::classify(&Method::GET, DETAILS),
        credential: Credential::Connection(connection.clone()),
        caller: Arc::from("hubkeeper"),
        calls_itself: None,
        deadline: Instant::now() + CHECK_PATIENCE,
        handling: Handling { lane: Lane::Probe, fresh: true, ..Handling::default() },
    };
    let answered = admin.stack.call(call, Body::Empty).await;
    let (ok, detail, portal_id) = match &answered {
        Ok(answer) => {
            let details: Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap_or_default();
            let portal_id = details["portalId"].as_u64();
            match &answer.error {
                None => (true, "HubSpot takes it".to_owned(), portal_id),
                Some(error) => {
                    (false, format!("HubSpot answers {} {}", error.status.as_u16(), error.kind.name()), None)
                }
            }
        }
        Err(failed) => (false, no_answer(&failed.why), None),
    };
    if let Some(id) = portal_id {
        connection.note_told_portal_id(id);
    }
    let configured = connection.portal_id();
    let right = portal_id.is_none() || configured.is_none() || portal_id == configured;
    let detail = if right { detail } else { "its token is another portal's than configured".to_owned() };
    Ok(Json(
        json!({"schema": 1, "connection": name, "ok": ok && right, "detail": detail, "portal_id": portal_id}),
    ))
}

/// Why a call came to nothing, for people.
fn no_answer(why: &client::call::Failure) -> String {
    if let client::call::Failure::NoToken { lack: Lack::Authorisation { at }, .. } = why {
        return format!("a person has to authorise it first, at {at}");
    }
    why.name().to_owned()
}

/// Renews it now, or looks at its source again.
async fn rotate(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let connection = admin.connections.of_name(&name)?.clone();
    let before = connection.generation();
    let keeper = admin.connections.keeper.as_ref().filter(|keeper| keeper.hurry(&name));
    let mut looked = Vec::new();
    match keeper {
        Some(keeper) => {
            let until = Instant::now() + ROTATE_PATIENCE;
            while keeper.is_renewing(&name) && Instant::now() < until {
                tokio::time::sleep(ROTATE_LOOK).await;
            }
        }
        None => looked = admin.connections.secrets.reload(Some(&name)).await,
    }
    let changed = connection.generation() != before;
    let told = admin.connections.told(&admin.report());
    let trouble = told.iter().find(|told| told.name == name).and_then(|told| told.trouble);
    let (outcome, detail) = match (changed, trouble) {
        (_, Some(trouble)) => (Outcome::Failed, trouble),
        _ if looked.iter().any(|told| told.looked == Looked::Failed) => {
            (Outcome::Failed, "its source gives none, and the last one stays in use; the log says why")
        }
        (true, None) => (Outcome::Done, "it has a new token"),
        // What comes from the environment is not even looked at.
        (false, None) if keeper.is_none() && looked.is_empty() => (Outcome::Done, FIXED),
        (false, None) if keeper.is_none() => {
            (Outcome::Done, "its token is the same as before: its source has to hold the new one first")
        }
        (false, None) => (Outcome::Done, "its token is the same as before"),
    };
    admin.acted(Act::CredentialChanged, &name, outcome, detail).await;
    Ok(Json(json!({
        "schema": 1, "connection": name, "changed": changed && trouble.is_none(), "trouble": trouble, "detail": detail,
    })))
}

async fn remove(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let removed = admin.connections.keeper(&name)?.remove(&name).await;
    let removed = removed.map_err(|error| refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    admin.acted(Act::CredentialChanged, &name, Outcome::Done, "its grant was removed").await;
    Ok(Json(json!({"schema": 1, "connection": name, "removed": removed})))
}

async fn rewrap(State(admin): State<Admin>) -> Answer {
    let Some(keeper) = &admin.connections.keeper else {
        return Ok(Json(json!({"schema": 1, "rewrapped": 0})));
    };
    let rewrapped = keeper.wrap_anew().await;
    let rewrapped =
        rewrapped.map_err(|error| refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    let detail = format!("{rewrapped} wrapped with the key of now");
    admin.acted(Act::CredentialChanged, "store key", Outcome::Done, &detail).await;
    Ok(Json(json!({"schema": 1, "rewrapped": rewrapped})))
}

/// What tokens may do, held against what calls needed.
async fn scopes(State(admin): State<Admin>) -> Answer {
    let told = match &admin.connections.ledger {
        Some(ledger) => ledger.report().await,
        None => Ok(Vec::new()),
    };
    let told = told.map_err(|error| refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()))?;
    Ok(Json(json!({"schema": 1, "connections": told})))
}

async fn reload(State(admin): State<Admin>) -> Json<Value> {
    let told = admin.connections.secrets.reload(None).await;
    let detail = format!("{} sources looked at", told.len());
    admin.acted(Act::CredentialChanged, "every secret", Outcome::Done, &detail).await;
    Json(json!({"schema": 1, "secrets": told}))
}

fn refused(status: StatusCode, message: &str) -> Refused {
    (status, Json(json!({"status": "error", "message": message})))
}

fn not_granted(error: &ConsentError) -> Refused {
    refused(error_status(error), &error.to_string())
}

fn error_status(error: &ConsentError) -> StatusCode {
    match error {
        ConsentError::NoSuchConnection => StatusCode::NOT_FOUND,
        ConsentError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        ConsentError::UnknownState | ConsentError::Incomplete | ConsentError::OtherPortal { .. } => {
            StatusCode::BAD_REQUEST
        }
        ConsentError::NoToken(_) => StatusCode::BAD_GATEWAY,
        ConsentError::NotKept(_) | ConsentError::NoRandomness => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A page of one sentence. Its address holds a code: nobody is told where the person came from.
fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (title) " · hubkeeper" } link rel="stylesheet" href="/console.css"; }
            body { main { h1 { (title) } p { (text) } } }
        }
    };
    let headers = [
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ];
    (status, headers, Html(page.0)).into_response()
}
