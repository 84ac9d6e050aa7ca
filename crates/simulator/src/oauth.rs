//! The OAuth endpoints: trading, looking at and dropping tokens (facts §5.2, §5.3; [SPEC Oauth/279897]).

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::fault::grants::TradeRefused;
use crate::form;
use crate::limits::allowance::AppKind;
use crate::refusal::Refusal;
use crate::registry::{BadCode, Consent, Grant, Install, Registry, Shown};

/// What the handlers may see and change. `see` gives a token as it stands now: nothing for one that is revoked or
/// expired.
pub struct Desk<'a> {
    pub registry: &'a mut Registry,
    pub see: &'a dyn Fn(&Registry, &str) -> Option<Grant>,
    /// Why an install may not trade at the moment, though everything it sends is right.
    pub bars: &'a dyn Fn(&Install) -> Option<TradeRefused>,
    /// Can tokens be asked about?
    pub introspection: Introspection,
    /// The account that consents where none is chosen.
    pub portal_id: u64,
    pub now: Timestamp,
    pub correlation_id: &'a str,
}

/// The part of the desk that looks at tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introspection {
    Open,
    Down,
}

/// Answers `bare` (the path without its version) under `version`; `None` for a path that is not OAuth's.
pub fn answer(call: &Call, bare: &[&str], version: &str, desk: &mut Desk<'_>) -> Option<Reply> {
    let v1 = version == "v1";
    let looks =
        matches!(bare, ["oauth", "token", "introspect"] | ["oauth", "access-tokens" | "refresh-tokens", _])
            || matches!(bare, ["oauth", "private-apps", ..]);
    if looks && desk.introspection == Introspection::Down {
        return Some(
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error").reply(desk.correlation_id),
        );
    }
    let reply = match (&call.method, bare) {
        (&Method::GET, ["oauth", "authorize"]) => authorize(call, desk),
        (&Method::POST, ["oauth", "token"]) if is_for_an_app(call, version) => app_token(call, v1, desk),
        (&Method::POST, ["oauth", "token"]) => token(call, v1, desk),
        (&Method::POST, ["oauth", "token", "introspect"]) if !v1 => introspect(call, desk),
        (&Method::POST, ["oauth", "token", "revoke"]) if !v1 => {
            let _ = field(call, "token").map(|token| desk.registry.revoke(&token));
            Reply::no_content()
        }
        (&Method::GET, ["oauth", "access-tokens", token]) if v1 => legacy_access_token(token, desk),
        (&Method::GET, ["oauth", "refresh-tokens", token]) if v1 => legacy_refresh_token(token, desk),
        (&Method::DELETE, ["oauth", "refresh-tokens", token]) if v1 => {
            let _ = desk.registry.revoke(token);
            Reply::no_content()
        }
        (&Method::POST, ["oauth", "private-apps", "get", "access-token-info"]) => private_app(call, desk),
        _ => return None,
    };
    Some(reply)
}

/// An error of the token endpoint, RFC 6749 names and HubSpot's own side by side.
#[derive(Debug, Clone, Copy)]
struct TokenError {
    error: &'static str,
    status: &'static str,
    message: &'static str,
}

const BAD_REFRESH_TOKEN: TokenError = TokenError {
    error: "invalid_grant",
    status: "BAD_REFRESH_TOKEN",
    message: "refresh token is invalid, expired or revoked",
};
const BAD_AUTH_CODE: TokenError =
    TokenError { error: "invalid_grant", status: "BAD_AUTH_CODE", message: "missing or unknown auth code" };
const BAD_REDIRECT_URI: TokenError = TokenError {
    error: "invalid_grant",
    status: "BAD_REDIRECT_URI",
    message: "missing or invalid redirect uri",
};
const BAD_CODE_VERIFIER: TokenError = TokenError {
    error: "invalid_grant",
    status: "BAD_CODE_VERIFIER",
    message: "missing or invalid code verifier",
};
const BAD_CLIENT_ID: TokenError =
    TokenError { error: "invalid_client", status: "BAD_CLIENT_ID", message: "missing or unknown client id" };
const BAD_CLIENT_SECRET: TokenError = TokenError {
    error: "invalid_client",
    status: "BAD_CLIENT_SECRET",
    message: "missing or invalid client secret",
};
const BAD_GRANT_TYPE: TokenError = TokenError {
    error: "unsupported_grant_type",
    status: "BAD_GRANT_TYPE",
    message: "missing or unknown grant type",
};

impl TokenError {
    fn reply(self) -> Reply {
        let body = json!({
            "error": self.error, "error_description": self.message, "status": self.status, "message": self.message,
        });
        Reply::json(StatusCode::BAD_REQUEST, &body)
    }
}

/// The consent page, of a person who consents at once: on to `redirect_uri` with a code. `portal_id` chooses the account, which
/// a person would do on the page.
fn authorize(call: &Call, desk: &mut Desk<'_>) -> Reply {
    let refuse = |message: &str| {
        Refusal::new(StatusCode::BAD_REQUEST, message).category("VALIDATION_ERROR").reply(desk.correlation_id)
    };
    let Some(app_id) = call.query("client_id").and_then(|id| desk.registry.app_of_client(id)) else {
        return refuse("Couldn't complete the connection: this app is not known");
    };
    let Some(redirect_uri) = call.query("redirect_uri").map(str::to_owned) else {
        return refuse("Couldn't complete the connection: redirect_uri is missing");
    };
    let portal_id = call.query("portal_id").and_then(|id| id.parse().ok()).unwrap_or(desk.portal_id);
    let words = |name: &str| call.query(name).unwrap_or_default().split_whitespace().map(str::to_owned);
    let scopes: Vec<String> = words("scope").chain(words("optional_scope")).collect();
    let consent = Consent {
        redirect_uri: redirect_uri.clone(),
        challenge: call.query("code_challenge").map(str::to_owned),
    };
    let code = desk.registry.consent(app_id, portal_id, AppKind::PublicOauth, scopes, consent);
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let state = call.query("state").map(|state| format!("&state={state}")).unwrap_or_default();
    let mut reply = Reply::no_content();
    reply.status = StatusCode::FOUND;
    match format!("{redirect_uri}{separator}code={code}{state}").parse() {
        Ok(location) => {
            reply.headers.insert(http::header::LOCATION, location);
            reply
        }
        Err(_) => refuse("Couldn't complete the connection: redirect_uri is no address"),
    }
}

/// `POST /oauth/{v}/token`: a code or a refresh token for an access token.
fn token(call: &Call, v1: bool, desk: &mut Desk<'_>) -> Reply {
    match trade(call, v1, desk) {
        Ok((grant, refresh_token)) => {
            let left = grant.expires_at.map_or(0, |at| at.duration_since(desk.now).as_secs());
            let body = json!({
                "token_type": "bearer", "access_token": grant.token, "refresh_token": refresh_token,
                "expires_in": left, "hub_id": grant.portal_id, "scopes": grant.scopes, "user_id": grant.user_id,
                "token_use": "access_token",
            });
            Reply::json(StatusCode::OK, &body)
        }
        Err(error) => error.reply(),
    }
}

fn trade(call: &Call, v1: bool, desk: &mut Desk<'_>) -> Result<(Grant, String), TokenError> {
    let given = |name: &str| given(call, v1, name);
    // Who asks comes before what for (RFC 6749 §5.2): an unknown client learns nothing of anybody's tokens.
    let app_id = client(call, v1, desk)?;
    let install: Install = match given("grant_type").as_deref() {
        Some("refresh_token") => {
            let refresh_token = given("refresh_token").unwrap_or_default();
            desk.registry.install(&refresh_token).cloned().ok_or(BAD_REFRESH_TOKEN)?
        }
        Some("authorization_code") => {
            let (redirect_uri, verifier) = (given("redirect_uri"), given("code_verifier"));
            let shown = Shown { redirect_uri: redirect_uri.as_deref(), verifier: verifier.as_deref() };
            desk.registry.redeem(&given("code").unwrap_or_default(), shown).map_err(|bad| match bad {
                BadCode::Unknown => BAD_AUTH_CODE,
                BadCode::RedirectUri => BAD_REDIRECT_URI,
                BadCode::Verifier => BAD_CODE_VERIFIER,
            })?
        }
        _ => return Err(BAD_GRANT_TYPE),
    };
    match (desk.bars)(&install) {
        Some(TradeRefused::RefreshToken) => return Err(BAD_REFRESH_TOKEN),
        Some(TradeRefused::ClientSecret) => return Err(BAD_CLIENT_SECRET),
        Some(TradeRefused::ClientId) => return Err(BAD_CLIENT_ID),
        None => {}
    }
    if install.app_id != app_id {
        return Err(BAD_CLIENT_ID);
    }
    let install = desk.registry.renew(&install);
    let grant = desk.registry.issue(&install, desk.now);
    Ok((grant, install.refresh_token))
}

/// The app that asks, by its id and secret.
fn client(call: &Call, v1: bool, desk: &Desk<'_>) -> Result<u64, TokenError> {
    let client_id = given(call, v1, "client_id").unwrap_or_default();
    let app_id = desk.registry.app_of_client(&client_id).ok_or(BAD_CLIENT_ID)?;
    if given(call, v1, "client_secret") != Some(desk.registry.client(app_id).1) {
        return Err(BAD_CLIENT_SECRET);
    }
    Ok(app_id)
}

/// A token for the app itself is asked for: every version takes that but 2026-09 (facts §5.2).
fn is_for_an_app(call: &Call, version: &str) -> bool {
    version != "2026-09"
        && given(call, version == "v1", "grant_type").as_deref() == Some("client_credentials")
}

/// The same for an app by itself: no install, no refresh token, and only the scopes that it asked for.
fn app_token(call: &Call, v1: bool, desk: &mut Desk<'_>) -> Reply {
    let app_id = match client(call, v1, desk) {
        Ok(app_id) => app_id,
        Err(error) => return error.reply(),
    };
    let scopes = given(call, v1, "scope").unwrap_or_default();
    let scopes = scopes.split_whitespace().map(str::to_owned).collect();
    let grant = desk.registry.issue_for_app(app_id, scopes, desk.now);
    let left = grant.expires_at.map_or(0, |at| at.duration_since(desk.now).as_secs());
    let body = json!({
        "token_type": "bearer", "access_token": grant.token, "expires_in": left, "scopes": grant.scopes,
        "token_use": "client_credentials",
    });
    Reply::json(StatusCode::OK, &body)
}

/// `POST /oauth/{v}/token/introspect`. The guide and the spec name the token differently; all three names count.
fn introspect(call: &Call, desk: &Desk<'_>) -> Reply {
    let token = ["token", "access_token", "refresh_token"].into_iter().find_map(|name| field(call, name));
    let token = token.unwrap_or_default();
    let body = match (desk.see)(desk.registry, &token) {
        Some(grant) => active(&grant, desk),
        None => match desk.registry.install(&token) {
            Some(install) => json!({
                "active": true, "token": token, "hub_id": install.portal_id, "app_id": install.app_id,
                "client_id": desk.registry.client(install.app_id).0, "scopes": install.scopes,
                "token_use": "refresh_token", "token_type": "bearer",
            }),
            None => json!({"active": false}),
        },
    };
    Reply::json(StatusCode::OK, &body)
}

fn active(grant: &Grant, desk: &Desk<'_>) -> Value {
    let left = grant.expires_at.map(|at| at.duration_since(desk.now).as_secs());
    json!({
        "active": true, "token": grant.token, "hub_id": grant.portal_id, "user_id": grant.user_id,
        "client_id": desk.registry.client(grant.app_id).0, "app_id": grant.app_id, "user": "owner@example.com",
        "hub_domain": "example.com", "scopes": grant.scopes, "expires_in": left,
        "signed_access_token": {
            "expiresAt": grant.expires_at.map(Timestamp::as_millisecond), "hubId": grant.portal_id,
            "userId": grant.user_id, "appId": grant.app_id, "isUserLevel": false,
        },
        "token_use": "access_token", "token_type": "bearer",
    })
}

fn legacy_access_token(token: &str, desk: &Desk<'_>) -> Reply {
    match (desk.see)(desk.registry, token) {
        Some(grant) => {
            let left = grant.expires_at.map_or(0, |at| at.duration_since(desk.now).as_secs());
            let body = json!({
                "token": grant.token, "user": "owner@example.com", "hub_domain": "example.com",
                "scopes": grant.scopes, "hub_id": grant.portal_id, "app_id": grant.app_id, "expires_in": left,
                "user_id": grant.user_id, "token_type": "access",
            });
            Reply::json(StatusCode::OK, &body)
        }
        None => Refusal::new(StatusCode::NOT_FOUND, "access token not found").reply(desk.correlation_id),
    }
}

fn legacy_refresh_token(token: &str, desk: &Desk<'_>) -> Reply {
    match desk.registry.install(token) {
        Some(install) => {
            let body = json!({
                "token": token, "client_id": desk.registry.client(install.app_id).0, "hub_id": install.portal_id,
                "hub_domain": "example.com", "scopes": install.scopes, "token_type": "refresh",
            });
            Reply::json(StatusCode::OK, &body)
        }
        None => BAD_REFRESH_TOKEN.reply(),
    }
}

/// `POST /oauth/v2/private-apps/get/access-token-info` with `{"tokenKey":"…"}`. What an unknown token earns is
/// unconfirmed; a 401 is what every other endpoint would answer it.
fn private_app(call: &Call, desk: &Desk<'_>) -> Reply {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let token = body.get("tokenKey").and_then(Value::as_str).unwrap_or_default();
    match (desk.see)(desk.registry, token) {
        Some(grant) => {
            let body = json!({
                "userId": grant.user_id, "hubId": grant.portal_id, "appId": grant.app_id, "scopes": grant.scopes,
            });
            Reply::json(StatusCode::OK, &body)
        }
        None => crate::auth::invalid().reply(desk.correlation_id),
    }
}

/// Secrets in the query string are a v1 habit; later versions want everything in the body.
fn given(call: &Call, v1: bool, name: &str) -> Option<String> {
    field(call, name).or_else(|| v1.then(|| call.query(name).map(str::to_owned))?)
}

/// A field of a form body, or of a JSON body: some clients send that.
fn field(call: &Call, name: &str) -> Option<String> {
    if let Ok(Value::Object(body)) = serde_json::from_slice(&call.body) {
        return body.get(name).and_then(Value::as_str).map(str::to_owned);
    }
    let text = std::str::from_utf8(&call.body).ok()?;
    form::pairs(text).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}
