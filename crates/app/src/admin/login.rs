//! The keys of the admin listener: programs send one as a bearer token, people log in with one, or by the
//! company's identity provider (`oidc`), and get a session. What either
//! may do is its role's (`rights`).
//!
//! Without a key everything is open, and the configuration keeps such a listener on loopback. Health is always open: whoever
//! asks it holds no keys.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use axum::body::{Body, to_bytes};
use axum::extract::{Form, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::clock::WallClock;
use parking_lot::Mutex;
use rustls::ClientConfig;
use serde_json::json;
use store::audit::{Act, Outcome, Subject};
use store::fall;
use tokio::time::Instant;
use uuid::Uuid;

use super::Admin;
use super::rights::{self, Right};
use crate::config::AdminSection;
use crate::failure::Failure;
use crate::secrets::Secrets;

mod asker;
mod keys;
mod oidc;
mod page;
mod sessions;
mod whereto;
mod wrong;

use asker::Asker;
pub(crate) use asker::{actor, csrf_field, log_out_form, may, person};
use keys::{Holder, Keys};
pub(in crate::admin) use oidc::CALLBACK;
use oidc::Oidc;
use page::{Given, going_on, login_page};
use sessions::{Session, Sessions};
use wrong::{Told, Wrong};

/// Who holds a key, and who is logged in. Without any key, everyone may.
#[derive(Default)]
pub(crate) struct Login(Option<Locked>);

struct Locked {
    keys: Keys,
    sessions: Arc<Mutex<Sessions>>,
    wrong: Wrong,
    oidc: Option<Oidc>,
}

/// Other sites lead people here: the issuer, and links in messages of those who have to log in first.
pub(super) const LANDINGS: [&str; 2] = ["/login", CALLBACK];

const COOKIE: &str = "hubkeeper_session";

/// A form of ours holds some lines.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// Who asks.
enum Who {
    Keyholder(Holder),
    Session(Session),
    /// With a key that is none.
    Guesser,
    Nobody,
}

impl Login {
    /// # Errors
    /// A key or secret that cannot be had, a key that could be guessed, or is two people's.
    pub(crate) fn open(
        section: &AdminSection,
        secrets: &Secrets,
        admin_url: &str,
        tls: &ClientConfig,
        clock: &WallClock,
    ) -> Result<Self, Failure> {
        let sessions = Arc::new(Mutex::new(Sessions::default()));
        let open = sessions.clone();
        // Who logged in with the key before may be whom it was changed for.
        let keys = Keys::open(section, secrets, move |holder| open.lock().end_of(holder))?;
        let oidc =
            section.oidc.as_ref().map(|section| Oidc::open(section, admin_url, tls, clock)).transpose()?;
        let is_open = keys.is_empty() && oidc.is_none();
        Ok(Self((!is_open).then_some(Locked { keys, sessions, wrong: Wrong::default(), oidc })))
    }

    fn oidc(&self) -> Option<&Oidc> {
        self.0.as_ref()?.oidc.as_ref()
    }

    fn has_keys(&self) -> bool {
        self.0.as_ref().is_some_and(|locked| !locked.keys.is_empty())
    }
}

impl Locked {
    fn who(&self, headers: &HeaderMap, now: Instant, is_https: bool) -> Who {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        // What a proxy in front of us was shown is not for us.
        if let Some((_, key)) = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) {
            let holder = self.keys.holder(key.trim().as_bytes());
            return holder.map_or(Who::Guesser, Who::Keyholder);
        }
        let session =
            cookie(headers, &named(COOKIE, is_https)).and_then(|token| self.sessions.lock().find(token, now));
        session.map_or(Who::Nobody, Who::Session)
    }
}

/// The pages that let somebody in and out.
pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/login", get(form).post(log_in))
        .route("/login/oidc", get(oidc::begin))
        .route(CALLBACK, get(oidc::callback))
        .route("/logout", post(log_out))
}

/// Stands before everything on the listener: who is it, and may they?
pub(super) async fn guard(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    // Without the query: in one of a person who comes back stands a code.
    fall::over(fall::Way::Admin, &(request.method(), request.uri().path(), request.headers()));
    let Some(locked) = &admin.login.0 else { return next.run(request).await };
    let (right, route) = rights::needed(request.method(), request.uri().path());
    if right == Right::Open {
        return next.run(request).await;
    }
    let (asker, session) = match locked.who(request.headers(), Instant::now(), admin.is_https) {
        Who::Keyholder(Holder { name, role }) => (Asker::Keyholder { name, role }, None),
        Who::Session(session) => {
            let Session { name, csrf, role, .. } = session.clone();
            (Asker::Person { name, csrf, role }, Some(session))
        }
        Who::Guesser => {
            locked.wrong.told().await;
            return nobody();
        }
        Who::Nobody if wants_a_page(&request) => return to_login(request.uri().path(), admin.is_https),
        Who::Nobody => return nobody(),
    };
    if !asker.role().has(right) {
        return admin.deny(&asker, right, format!("{} {route}", request.method()));
    }
    let request = match &session {
        Some(session) => checked(session, request).await,
        None => Ok(request),
    };
    match request {
        Ok(request) => asker.scope(next.run(request)).await,
        Err(refused) => refused,
    }
}

/// And on from there to where they wanted to go.
fn to_login(path: &str, is_https: bool) -> Response {
    let response = Redirect::to("/login").into_response();
    match whereto::remembered(path, is_https) {
        Some(cookie) => with_cookie(response, &cookie),
        None => response,
    }
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

async fn form(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    going_on(&admin.login, whereto::of(&headers))
}

async fn log_in(State(admin): State<Admin>, headers: HeaderMap, Form(given): Form<Given>) -> Response {
    let Some(locked) = &admin.login.0 else { return Redirect::to("/").into_response() };
    let Some(name) = given.name() else {
        return login_page(StatusCode::BAD_REQUEST, "A name is a line of up to 100 bytes.", &admin.login);
    };
    let Some(holder) = locked.keys.holder(given.key()) else {
        let (status, said) = match locked.wrong.told().await {
            Told::AtOnce => {
                admin.logged_in("somebody", Outcome::Refused, "").await;
                (StatusCode::FORBIDDEN, "This is not the key.")
            }
            Told::Late => (StatusCode::FORBIDDEN, "This is not the key."),
            Told::Crowded => (StatusCode::TOO_MANY_REQUESTS, "This is not the key, as with many others now."),
        };
        return login_page(status, said, &admin.login);
    };
    let name = &holder.names(name);
    let Some(token) = locked.sessions.lock().open(name, holder.role, Some(holder), Instant::now()) else {
        return login_page(
            StatusCode::SERVICE_UNAVAILABLE,
            "The system gives no random numbers.",
            &admin.login,
        );
    };
    admin.logged_in(name, Outcome::Done, "").await;
    let response = Redirect::to(whereto::of(&headers)).into_response();
    let response = with_cookie(response, &session_cookie(&token, admin.is_https));
    with_cookie(response, whereto::OVER)
}

fn session_cookie(token: &str, is_https: bool) -> String {
    let life = sessions::LIFE.as_secs();
    let secure = if is_https { "; Secure" } else { "" };
    let name = named(COOKIE, is_https);
    format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={life}{secure}")
}

impl Admin {
    /// What somebody's role does not hold is refused, and told to the audit log.
    fn deny(&self, asker: &Asker, right: Right, route: String) -> Response {
        let (who, role) = (asker.name(), asker.role().name());
        let request_id = Uuid::new_v4();
        if let Some(witness) = self.witness.as_ref().and_then(Weak::upgrade) {
            witness.denied(&who, right.name(), route, request_id);
        }
        let roles: Vec<&str> = right.roles().collect();
        let message = format!(
            "{who} has the role {role}, which may not do this: it takes {}. Roles are set in [[admin.keys]] and [admin.oidc.roles].",
            roles.join(" or ")
        );
        let body = json!({
            "status": "error", "category": "HUBKEEPER_MISSING_RIGHTS", "message": message,
            "correlationId": request_id.to_string(),
        });
        (StatusCode::FORBIDDEN, Json(body)).into_response()
    }

    async fn logged_in(&self, name: &str, outcome: Outcome, detail: &str) {
        self.audit
            .tell(name, Act::LoggedIn, Subject::Ours("admin listener".to_owned()), outcome, detail)
            .await;
    }
}

async fn log_out(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    if let (Some(locked), Some(token)) = (&admin.login.0, cookie(&headers, &named(COOKIE, admin.is_https))) {
        locked.sessions.lock().close(token);
    }
    with_cookie(Redirect::to("/login").into_response(), &over(COOKIE, "Strict", admin.is_https))
}

/// Over TLS a browser keeps others from setting it: another name of the same domain, or a page without TLS (RFC 6265bis, 4.1.3).
fn named(name: &str, is_https: bool) -> Cow<'_, str> {
    if is_https { format!("__Host-{name}").into() } else { name.into() }
}

/// What makes a browser forget it. One with the prefix is not even looked at without `Secure`.
fn over(name: &str, same_site: &str, is_https: bool) -> String {
    let (name, secure) = (named(name, is_https), if is_https { "; Secure" } else { "" });
    format!("{name}=; HttpOnly; SameSite={same_site}; Path=/; Max-Age=0{secure}")
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
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
