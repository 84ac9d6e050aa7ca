//! The key of the admin listener: programs send it as a bearer token, people log in with it and get a session.
//!
//! Without a key everything is open, and the configuration keeps such a listener on loopback. Health is always open: whoever
//! asks it holds no keys.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gateway::admit::KeyDigest;
use parking_lot::Mutex;
use serde_json::json;
use store::audit::{Act, Outcome, Subject};
use tokio::time::Instant;

use super::Admin;
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::secrets::{Owner, Secrets, Watched};

mod asker;
mod page;
mod sessions;

use asker::Asker;
pub(crate) use asker::{actor, csrf_field, log_out_form, person};
use page::{Given, login_page};
use sessions::{Session, Sessions};

/// Who holds the key, and who is logged in. Without a key, everyone may.
#[derive(Default)]
pub(crate) struct Login(Option<Arc<Locked>>);

struct Locked {
    key: Mutex<KeyDigest>,
    sessions: Mutex<Sessions>,
}

const COOKIE: &str = "hubkeeper_session";

/// One that can be guessed is none: ours are 43 characters.
const KEY_CHARS_MIN: usize = 20;

/// A form of ours holds some lines.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Wrong keys are counted for this long.
const TRIES_WINDOW: Duration = Duration::from_secs(60);

/// Who asks.
enum Who {
    Keyholder,
    Session(Session),
    Nobody,
}

impl Login {
    /// # Errors
    /// A key that cannot be had, or could be guessed.
    pub(crate) fn open(section: &AdminSection, secrets: &Secrets) -> Result<Self, Failure> {
        let locked = |key| Arc::new(Locked { key: Mutex::new(key), sessions: Mutex::default() });
        match (&section.key, section.key_sha256.as_deref().and_then(KeyDigest::parse)) {
            (Some(reference), _) => {
                let key = reference.resolve()?;
                if key.expose().len() < KEY_CHARS_MIN {
                    return Err(Failure::usage(format!(
                        "the key of [admin] has fewer than {KEY_CHARS_MIN} characters"
                    ))
                    .hint("`hubkeeper callers new-key` prints one that nobody guesses"));
                }
                let locked = locked(KeyDigest::of(key.expose().as_bytes()));
                let known = locked.clone();
                secrets.watch(Watched::new(Owner::AdminKey, reference.clone(), key, move |key| {
                    known.change(KeyDigest::of(key.expose().as_bytes()));
                }));
                Ok(Self(Some(locked)))
            }
            (None, Some(digest)) => Ok(Self(Some(locked(digest)))),
            (None, None) => Ok(Self(None)),
        }
    }
}

impl Locked {
    /// There is another key. Who logged in with the one before may be whom it was changed for.
    fn change(&self, key: KeyDigest) {
        *self.key.lock() = key;
        *self.sessions.lock() = Sessions::default();
    }

    fn is_key(&self, given: &[u8]) -> bool {
        self.key.lock().is_of(given)
    }

    fn who(&self, headers: &HeaderMap, now: Instant) -> Who {
        let bearer =
            headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        if let Some((scheme, key)) = bearer {
            let fits = scheme.eq_ignore_ascii_case("bearer") && self.is_key(key.trim().as_bytes());
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
        Who::Keyholder => Asker::Keyholder.scope(next.run(request)).await,
        Who::Session(session) => match checked(&session, request).await {
            Ok(request) => {
                let Session { name, csrf, .. } = session;
                Asker::Person { name, csrf }.scope(next.run(request)).await
            }
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
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(|_| refused(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."))?;
    if !csrf(&body).is_some_and(|given| session.is_csrf(given)) {
        let message = "The form is not of this session. Reload the page and send it again; programs send the key as \
                       `Authorization: Bearer KEY`.";
        return Err(refused(StatusCode::FORBIDDEN, message));
    }
    let body = without_csrf(&body);
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    Ok(Request::from_parts(parts, Body::from(body)))
}

/// Our tokens are hexadecimal digits, so that nothing of them is encoded.
fn csrf(form: &[u8]) -> Option<&str> {
    std::str::from_utf8(form).ok()?.split('&').find_map(|pair| pair.strip_prefix("csrf="))
}

/// The rest of the form is its reader's.
fn without_csrf(form: &[u8]) -> Vec<u8> {
    let pairs = form.split(|byte| *byte == b'&').filter(|pair| !pair.starts_with(b"csrf="));
    pairs.collect::<Vec<_>>().join(&b'&')
}

async fn form() -> Response {
    login_page(StatusCode::OK, "")
}

async fn log_in(State(admin): State<Admin>, Form(given): Form<Given>) -> Response {
    let Some(locked) = &admin.login.0 else { return Redirect::to("/").into_response() };
    let Some(name) = given.name() else {
        return login_page(StatusCode::BAD_REQUEST, "A name is a line of up to 100 bytes.");
    };
    let now = Instant::now();
    if !locked.sessions.lock().may_try(now) {
        tracing::warn!("too many wrong keys at the login page");
        return login_page(StatusCode::TOO_MANY_REQUESTS, "Too many wrong keys. Wait a minute.");
    }
    if !locked.is_key(given.key()) {
        locked.sessions.lock().failed(now);
        admin.logged_in("somebody", Outcome::Refused).await;
        return login_page(StatusCode::FORBIDDEN, "This is not the key.");
    }
    let Some(token) = locked.sessions.lock().open(name, now) else {
        return login_page(StatusCode::SERVICE_UNAVAILABLE, "The system gives no random numbers.");
    };
    admin.logged_in(name, Outcome::Done).await;
    let life = sessions::LIFE.as_secs();
    let secure = if admin.is_https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}");
    with_cookie(Redirect::to("/").into_response(), &cookie)
}

impl Admin {
    async fn logged_in(&self, name: &str, outcome: Outcome) {
        self.audit.tell(name, Act::LoggedIn, Subject::Ours("admin listener".to_owned()), outcome, "").await;
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
