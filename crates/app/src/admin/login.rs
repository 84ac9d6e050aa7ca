//! The key of the admin listener: programs send it as a bearer token, people log in with it and get a session.
//!
//! Without a key everything is open, and the configuration keeps such a listener on loopback. Health is always open: whoever
//! asks it holds no keys.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway::admit::KeyDigest;
use maud::{DOCTYPE, Markup, html};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::Admin;
use crate::config::AdminSection;
use crate::failure::Failure;

mod sessions;

use sessions::{Session, Sessions};

/// Who holds the key, and who is logged in. Without a key, everyone may.
#[derive(Default)]
pub(crate) struct Login(Option<Locked>);

struct Locked {
    key: KeyDigest,
    sessions: Mutex<Sessions>,
}

const COOKIE: &str = "hubkeeper_session";

/// A form of ours holds some lines.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Wrong keys are counted for this long.
const TRIES_WINDOW: Duration = Duration::from_secs(60);

tokio::task_local! {
    /// What the forms of a page must send back, while the page is made.
    static CSRF: String;
}

/// What the login form says.
#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    key: String,
}

/// Who asks.
enum Who {
    Keyholder,
    Session(Session),
    Nobody,
}

impl Login {
    /// # Errors
    /// A key that cannot be had.
    pub(crate) fn open(section: &AdminSection) -> Result<Self, Failure> {
        let key = match (&section.key, section.key_sha256.as_deref().and_then(KeyDigest::parse)) {
            (Some(reference), _) => KeyDigest::of(reference.resolve()?.expose().as_bytes()),
            (None, Some(digest)) => digest,
            (None, None) => return Ok(Self(None)),
        };
        Ok(Self(Some(Locked { key, sessions: Mutex::default() })))
    }
}

impl Locked {
    fn who(&self, headers: &HeaderMap, now: Instant) -> Who {
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        if let Some((scheme, key)) = bearer {
            let fits = scheme.eq_ignore_ascii_case("bearer") && self.key.is_of(key.trim().as_bytes());
            return if fits { Who::Keyholder } else { Who::Nobody };
        }
        let session = cookie(headers).and_then(|token| self.sessions.lock().find(token, now));
        session.map_or(Who::Nobody, Who::Session)
    }
}

/// The pages that let somebody in and out.
pub(super) fn routes() -> Router<Admin> {
    Router::new().route("/login", get(form).post(log_in)).route("/logout", post(log_out))
}

/// Stands before everything on the listener.
pub(super) async fn guard(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let Some(locked) = &admin.login.0 else { return next.run(request).await };
    if is_open(request.uri().path()) {
        return next.run(request).await;
    }
    match locked.who(request.headers(), Instant::now()) {
        Who::Keyholder => next.run(request).await,
        Who::Session(session) => match checked(&session, request).await {
            Ok(request) => CSRF.scope(session.csrf, next.run(request)).await,
            Err(refused) => refused,
        },
        Who::Nobody if wants_a_page(&request) => Redirect::to("/login").into_response(),
        Who::Nobody => nobody(),
    }
}

/// What tells nothing, what the login page needs, and where HubSpot sends people: they are known by their `state`.
fn is_open(path: &str) -> bool {
    matches!(path, "/health" | "/readiness" | "/login" | "/console.css" | "/console.js")
        || path == super::connections::CALLBACK
}

/// What a session changes has to come from a form that it was given.
async fn checked(session: &Session, request: Request) -> Result<Request, Response> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."))?;
    if !csrf(&body).is_some_and(|given| session.is_csrf(given)) {
        let message = "The form is not of this session. Reload the page and send it again; programs send the key as \
                       `Authorization: Bearer KEY`.";
        return Err(refused(StatusCode::FORBIDDEN, message));
    }
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Our tokens are hexadecimal digits, so that nothing of them is encoded.
fn csrf(form: &[u8]) -> Option<&str> {
    std::str::from_utf8(form).ok()?.split('&').find_map(|pair| pair.strip_prefix("csrf="))
}

/// What a form of ours sends along.
pub(crate) fn csrf_field() -> Markup {
    let token = CSRF.try_with(Clone::clone).ok();
    html! { @if let Some(token) = token { input type="hidden" name="csrf" value=(token); } }
}

/// The way out, for a page that was asked for by a session.
pub(crate) fn log_out_form() -> Markup {
    let logged_in = CSRF.try_with(|_| ()).is_ok();
    html! { @if logged_in { form method="post" action="/logout" { (csrf_field()) button { "Log out" } } } }
}

async fn form() -> Response {
    login_page(StatusCode::OK, "")
}

async fn log_in(State(admin): State<Admin>, Form(given): Form<Given>) -> Response {
    let Some(locked) = &admin.login.0 else { return Redirect::to("/").into_response() };
    let now = Instant::now();
    let opened = {
        let mut sessions = locked.sessions.lock();
        if !sessions.may_try(now) {
            drop(sessions);
            tracing::warn!("too many wrong keys at the login page");
            return login_page(StatusCode::TOO_MANY_REQUESTS, "Too many wrong keys. Wait a minute.");
        }
        if locked.key.is_of(given.key.trim().as_bytes()) { sessions.open(now) } else { sessions.failed(now) }
    };
    match opened {
        Some(token) => {
            let life = sessions::LIFE.as_secs();
            let secure = if admin.is_https { "; Secure" } else { "" };
            let cookie =
                format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}");
            with_cookie(Redirect::to("/").into_response(), &cookie)
        }
        None => login_page(StatusCode::FORBIDDEN, "This is not the key."),
    }
}

async fn log_out(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    if let (Some(locked), Some(token)) = (&admin.login.0, cookie(&headers)) {
        locked.sessions.lock().close(token);
    }
    let over = format!("{COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    with_cookie(Redirect::to("/login").into_response(), &over)
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn wants_a_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    request.method() == Method::GET && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn nobody() -> Response {
    let message = "The admin key is missing or wrong. Send it as `Authorization: Bearer KEY`; our commands take it from \
                   HUBKEEPER_ADMIN_KEY, and people log in at /login.";
    let mut response = refused(StatusCode::UNAUTHORIZED, message);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

fn refused(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"status": "error", "message": message}))).into_response()
}

fn login_page(status: StatusCode, said: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Log in · hubkeeper" }
                link rel="stylesheet" href="/console.css";
            }
            body { main {
                h1 { "hubkeeper" }
                @if !said.is_empty() { p role="alert" { (said) } }
                form method="post" action="/login" {
                    label { "Admin key " input type="password" name="key" required autocomplete="current-password"; }
                    button { "Log in" }
                }
            } }
        }
    };
    (status, crate::console::HEADERS, Html(page.0)).into_response()
}
