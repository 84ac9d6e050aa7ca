//! Logging in by the company's own identity provider: OpenID Connect, authorization code with PKCE.
//!
//! ```text
//! /login/oidc ─▶ the issuer's page ─▶ /login/callback: code ─▶ token endpoint ─▶ id token, verified ─▶ role ─▶ session
//! ```
//!
//! | file | is |
//! |---|---|
//! | `issuer` | what the issuer says of itself, and its keys |
//! | `ask` | one request to it |
//! | `journey` | a browser's way there and back |
//! | `token` | whether an id token is one; pure |
//! | `claims` | who it is, and what they may do; pure |

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use client::clock::WallClock;
use hubspot::secret::Secret;
use rustls::ClientConfig;
use serde::Deserialize;
use store::audit::Outcome;
use tokio::time::Instant;

mod ask;
mod claims;
mod issuer;
mod journey;
mod token;

use ask::Unanswered;
use claims::Rules;
use issuer::Issuer;
use journey::{Away, Journeys};
use token::{Claims, Expected};

use super::page::{landing_page, login_page};
use super::{named, over, whereto, with_cookie};
use crate::admin::Admin;
use crate::config::OidcSection;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;

/// Ties a journey to the browser that began it. Foreign pages lead back here, so it is not `Strict`.
const COOKIE: &str = "hubkeeper_login";

/// OAuth's word for a client that did not show who it is in the way that was set for it.
const UNKNOWN_CLIENT: &str = "invalid_client";

/// Where the issuer sends people back to.
pub(crate) const CALLBACK: &str = "/login/callback";

/// The identity provider, and what its people may do here.
pub(crate) struct Oidc {
    issuer: Issuer,
    client_id: String,
    client_secret: Option<Secret>,
    redirect_url: String,
    scopes: String,
    rules: Rules,
    journeys: Journeys,
    clock: WallClock,
}

/// Why nobody was let in. What the issuer says about a person is not repeated.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotLetIn {
    #[error("this journey was not begun in this browser, or too long ago")]
    Journey,
    #[error("the issuer says: {0}")]
    Issuer(String),
    #[error("the issuer cannot be asked: {0}")]
    Unreachable(String),
    #[error("the issuer's token is not believed: {0}")]
    Token(#[from] token::Unbelievable),
    #[error("the account is in none of the groups that [admin.oidc.roles] names")]
    NoRole,
    #[error("the issuer does not tell the claim `{0}`, which [admin.oidc] takes for the groups")]
    NoGroups(String),
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// What the issuer sends a person back with.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    /// Who sends them back (RFC 9207).
    iss: Option<String>,
}

/// What a code is traded for.
struct Traded {
    id_token: String,
    access_token: Option<Secret>,
}

impl Oidc {
    /// # Errors
    /// A secret that cannot be had.
    pub(crate) fn open(
        section: &OidcSection,
        admin_url: &str,
        tls: &ClientConfig,
        clock: &WallClock,
    ) -> Result<Self, Failure> {
        let public_url = section.public_url.as_deref().unwrap_or(admin_url).trim_end_matches('/');
        let no_randomness = || Failure::work("the system gives no random numbers");
        Ok(Self {
            issuer: Issuer::new(&section.issuer, tls.clone()),
            client_id: section.client_id.clone(),
            client_secret: section.client_secret.as_ref().map(SecretReference::resolve_text).transpose()?,
            redirect_url: format!("{public_url}{CALLBACK}"),
            scopes: section.scopes.join(" "),
            rules: Rules::of(section),
            journeys: Journeys::new().ok_or_else(no_randomness)?,
            clock: clock.clone(),
        })
    }

    /// As the login page names it.
    pub(super) fn name(&self) -> &str {
        self.issuer.host()
    }

    /// Where the browser goes, and what it holds until it is back.
    async fn begin(&self) -> Result<(String, String), NotLetIn> {
        let metadata = self.issuer.metadata(Instant::now()).await?;
        let away = self.journeys.begin(self.clock.now()).ok_or(NotLetIn::NoRandomness)?;
        let mut url = metadata.authorization_endpoint.clone();
        let challenge = hubspot::oauth::challenge(&away.verifier);
        let pairs = [
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.redirect_url.as_str()),
            ("scope", self.scopes.as_str()),
            ("state", away.state.as_str()),
            ("nonce", away.nonce.as_str()),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let separator = if url.contains('?') { '&' } else { '?' };
        url.push(separator);
        url.push_str(&ask::form(&pairs));
        Ok((url, away.state))
    }

    /// Who is back, and what they may do.
    async fn end(&self, back: &Back, held: Option<&str>) -> Result<claims::Person, NotLetIn> {
        let away = held.filter(|held| *held == back.state);
        let away = away.and_then(|state| self.journeys.end(state, self.clock.now()));
        let away = away.ok_or(NotLetIn::Journey)?;
        if back.iss.as_deref().is_some_and(|iss| iss != self.issuer.url()) {
            return Err(token::Unbelievable::Issuer.into());
        }
        let Some(code) = &back.code else {
            let said = back.error.as_deref().filter(|said| ask::is_word(said));
            return Err(NotLetIn::Issuer(said.unwrap_or("no code").to_owned()));
        };
        let Traded { id_token, access_token } = self.trade(code, &away).await?;
        let expected = Expected {
            issuer: self.issuer.url(),
            client_id: &self.client_id,
            nonce: &away.nonce,
            now: self.clock.now(),
        };
        let keys = self.issuer.keys_for(&id_token, Instant::now()).await?;
        let claims = token::verify(&id_token, &keys, expected)?;
        let claims = self.with_userinfo(claims, access_token.as_ref()).await?;
        let has_groups = claims.contains_key(self.rules.claim());
        self.rules.person(&claims).ok_or_else(|| {
            if has_groups { NotLetIn::NoRole } else { NotLetIn::NoGroups(self.rules.claim().to_owned()) }
        })
    }

    /// Many issuers leave out of the id token what comes with a scope, and tell it where the access token is shown (5.4).
    async fn with_userinfo(&self, claims: Claims, token: Option<&Secret>) -> Result<Claims, NotLetIn> {
        let Some(token) = token.filter(|_| self.rules.miss_something(&claims)) else { return Ok(claims) };
        match self.issuer.userinfo(token, Instant::now()).await {
            Ok(Some(told)) => Ok(token::with(claims, told)?),
            Ok(None) => Ok(claims),
            // A name alone is not worth keeping somebody out.
            Err(_) if self.rules.person(&claims).is_some() => Ok(claims),
            Err(why) => Err(why),
        }
    }

    async fn trade(&self, code: &str, away: &Away) -> Result<Traded, NotLetIn> {
        let metadata = self.issuer.metadata(Instant::now()).await?;
        let pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_url.as_str()),
            ("client_id", self.client_id.as_str()),
            ("code_verifier", away.verifier.expose()),
        ];
        let endpoint = &metadata.token_endpoint;
        let Some(secret) = &self.client_secret else {
            return read(&self.issuer.ask(endpoint, Some(&ask::form(&pairs)), None).await?);
        };
        if metadata.takes_basic() {
            let basic = ask::basic(&self.client_id, secret);
            match self.issuer.ask(endpoint, Some(&ask::form(&pairs)), Some(&basic)).await {
                // Who is not known has spent no code.
                Err(Unanswered::Refused(word)) if word == UNKNOWN_CLIENT && metadata.takes_post() => {}
                answer => return read(&answer?),
            }
        }
        let pairs = [pairs, vec![("client_secret", secret.expose())]].concat();
        read(&self.issuer.ask(endpoint, Some(&ask::form(&pairs)), None).await?)
    }
}

fn read(body: &[u8]) -> Result<Traded, NotLetIn> {
    #[derive(Deserialize)]
    struct Told {
        id_token: Option<String>,
        access_token: Option<String>,
    }
    let told: Told = ask::json(body)?;
    let id_token = told.id_token.ok_or_else(|| NotLetIn::Issuer("it gave no id token".to_owned()))?;
    Ok(Traded { id_token, access_token: told.access_token.map(Secret::new) })
}

/// To the issuer's page.
pub(super) async fn begin(State(admin): State<Admin>) -> Response {
    let Some(oidc) = admin.login.oidc() else { return not_here() };
    match oidc.begin().await {
        Ok((url, state)) => {
            let (life, secure) = (journey::LIFE.as_secs(), if admin.is_https { "; Secure" } else { "" });
            let name = named(COOKIE, admin.is_https);
            let cookie = format!("{name}={state}; HttpOnly; SameSite=Lax; Path=/; Max-Age={life}{secure}");
            with_cookie(Redirect::to(&url).into_response(), &cookie)
        }
        Err(why) => admin.not_let_in(&why).await,
    }
}

/// And back from there.
pub(super) async fn callback(
    State(admin): State<Admin>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    let (Some(oidc), Some(locked)) = (admin.login.oidc(), &admin.login.0) else { return not_here() };
    let person = match oidc.end(&back, super::cookie(&headers, &named(COOKIE, admin.is_https))).await {
        Ok(person) => person,
        Err(why) => return admin.not_let_in(&why).await,
    };
    let opened = locked.sessions.lock().open(&person.name, person.role, None, Instant::now());
    let Some(token) = opened else { return admin.not_let_in(&NotLetIn::NoRandomness).await };
    admin.logged_in(&person.name, Outcome::Done, person.role.name()).await;
    let response =
        with_cookie(landing_page(whereto::of(&headers)), &super::session_cookie(&token, admin.is_https));
    let response = with_cookie(response, &over(COOKIE, "Lax", admin.is_https));
    with_cookie(response, whereto::OVER)
}

impl Admin {
    async fn not_let_in(&self, why: &NotLetIn) -> Response {
        tracing::warn!(%why, "nobody was let in by the identity provider");
        self.logged_in("somebody", Outcome::Refused, "by the identity provider").await;
        let status = match why {
            NotLetIn::Unreachable(_) => StatusCode::BAD_GATEWAY,
            NotLetIn::NoRandomness => StatusCode::SERVICE_UNAVAILABLE,
            NotLetIn::Journey
            | NotLetIn::Issuer(_)
            | NotLetIn::Token(_)
            | NotLetIn::NoRole
            | NotLetIn::NoGroups(_) => StatusCode::FORBIDDEN,
        };
        login_page(status, &format!("Not logged in: {why}."), &self.login)
    }
}

fn not_here() -> Response {
    (StatusCode::NOT_FOUND, "There is no identity provider: [admin.oidc] names it.").into_response()
}
