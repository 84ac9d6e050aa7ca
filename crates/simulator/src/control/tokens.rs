//! More tokens, apps and accounts than the default ones.

use http::StatusCode;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Complaint;
use super::body::object;
use crate::call::{Call, Reply};
use crate::config::Plan;
use crate::limits::allowance::AppKind;
use crate::registry::{NewToken, PRIVATE_APP_ID, Revoked, Rotation, fingerprint};
use crate::simulator::{Simulator, portal};

/// Everything is optional; `plan`, `hosting` and `time_zone` are the portal's.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    token: Option<String>,
    app_id: Option<u64>,
    portal_id: Option<u64>,
    kind: Option<AppKind>,
    scopes: Option<Vec<String>>,
    expires_in: Option<u32>,
    plan: Option<Plan>,
    hosting: Option<String>,
    time_zone: Option<String>,
}

const HINT: &str = "all optional: token, app_id, portal_id, kind (private-app, service-key, public-oauth, \
                    private-oauth), scopes, expires_in (seconds), plan, hosting, time_zone";

/// → 201 with the token and, for OAuth apps, refresh token, authorization code, client id and secret.
pub(super) fn register(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Result<Reply, Complaint> {
    let asked: Asked = serde_json::from_value(Value::Object(object(call)?))
        .map_err(|error| Complaint::bad(format!("not a token: {error}"), HINT))?;
    let zone = asked
        .time_zone
        .map(|name| TimeZone::get(&name).map_err(|_| Complaint::bad(format!("no time zone `{name}`"), HINT)))
        .transpose()?;
    let portal_id = asked.portal_id.unwrap_or(simulator.config.portal_id);
    let portal = portal(&mut simulator.portals, &simulator.config, portal_id);
    portal.plan = asked.plan.unwrap_or(portal.plan);
    if let Some(hosting) = asked.hosting {
        portal.hosting = hosting;
    }
    if let Some(zone) = zone {
        portal.zone = zone;
    }
    let new = NewToken {
        token: asked.token,
        app_id: asked.app_id.unwrap_or(PRIVATE_APP_ID),
        portal_id,
        kind: asked.kind.unwrap_or(AppKind::PrivateApp),
        scopes: asked.scopes,
        expires_in_s: asked.expires_in.map(i64::from),
    };
    let registered = simulator.registry.register(new, now);
    let grant = &registered.grant;
    let (client_id, client_secret) = simulator.registry.client(grant.app_id);
    let body = json!({
        "token": grant.token, "fingerprint": fingerprint(&grant.token), "app_id": grant.app_id,
        "portal_id": grant.portal_id, "kind": grant.kind, "client_id": client_id, "client_secret": client_secret,
        "refresh_token": registered.install.as_ref().map(|install| install.refresh_token.as_str()),
        "authorization_code": registered.authorization_code,
        "expires_at": grant.expires_at.map(|at| at.to_string()),
    });
    Ok(Reply::json(StatusCode::CREATED, &body))
}

/// `{"rotate_refresh_tokens": true}`: from now on each renewal brings another refresh token.
pub(super) fn oauth(simulator: &mut Simulator, call: &Call) -> Result<Reply, Complaint> {
    let asked = object(call)?.get("rotate_refresh_tokens").and_then(Value::as_bool);
    let rotation = match asked {
        Some(true) => Rotation::Rotates,
        Some(false) => Rotation::Repeats,
        None => {
            return Err(Complaint::bad("nothing is asked for", r#"{"rotate_refresh_tokens": true|false}"#));
        }
    };
    simulator.registry.set_rotation(rotation);
    Ok(Reply::no_content())
}

pub(super) fn revoke(simulator: &mut Simulator, token: &str) -> Result<Reply, Complaint> {
    match simulator.registry.revoke(token) {
        Revoked::Known => Ok(Reply::no_content()),
        Revoked::Unknown => Err(Complaint {
            status: StatusCode::NOT_FOUND,
            message: "no such token".to_owned(),
            hint: "GET /_sim/stats lists the known ones by fingerprint".to_owned(),
        }),
    }
}
