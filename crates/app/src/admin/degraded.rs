//! Degraded mode: what is on, what has changed, and the switch.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use client::accounts::Account;
use client::degraded::{By, Change, Scope, TooManySwitches, Turned};
use hubspot::endpoint::ApiFamily;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome, Subject};

use super::Admin;

/// A reason is a line, and callers are told it; a connection's name is shorter.
const TEXT_BYTES_MAX: usize = 300;

/// `{"connection":"default"|null,"family":"search"|null,"on":true|false,"reason":"…"}`. What is left out is all of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    #[serde(default)]
    connection: Option<String>,
    #[serde(default)]
    family: Option<String>,
    on: bool,
    #[serde(default)]
    reason: String,
}

type Refused = (StatusCode, Json<Value>);

pub(super) async fn show(State(admin): State<Admin>) -> Json<Value> {
    Json(admin.degraded())
}

/// Answers with the state after the change.
pub(super) async fn switch(
    State(admin): State<Admin>,
    Json(wish): Json<Wish>,
) -> Result<Json<Value>, Refused> {
    let length = wish.reason.len() + wish.connection.as_ref().map_or(0, String::len);
    if length > TEXT_BYTES_MAX {
        let message = format!(
            "`connection` and `reason` have {length} bytes; {TEXT_BYTES_MAX} are kept. Write a line."
        );
        return Err(bad(&message));
    }
    if wish.on && wish.reason.trim().is_empty() {
        return Err(bad("`reason` is empty. Callers and the audit line are told why; write a line."));
    }
    let family = wish.family.as_deref().map(|name| ApiFamily::parse(name).ok_or(name));
    let family = family.transpose().map_err(|name| {
        let names: Vec<_> = ApiFamily::ALL.map(ApiFamily::name).into();
        bad(&format!("`{name}` is no API family. There are {}.", names.join(", ")))
    })?;
    let scope = Scope { connection: wish.connection.map(Arc::from), family };
    let turned = if wish.on { Turned::On } else { Turned::Off };
    let switched = admin.degrade(super::SOMEBODY, scope, turned, wish.reason.trim()).await;
    switched.map_err(|error| bad(&format!("{error}. Turn some off first.")))?;
    Ok(Json(admin.degraded()))
}

fn bad(message: &str) -> Refused {
    (StatusCode::BAD_REQUEST, Json(json!({"status": "error", "message": message})))
}

impl Admin {
    /// Turns a switch for somebody, and keeps who it was.
    pub(crate) async fn degrade(
        &self,
        actor: &str,
        scope: Scope,
        turned: Turned,
        reason: &str,
    ) -> Result<(), TooManySwitches> {
        let connection = scope.connection.as_deref().unwrap_or("every connection");
        let family = scope.family.map_or("every family", ApiFamily::name);
        let subject = Subject::Ours(format!("{connection}, {family}"));
        let act = match turned {
            Turned::On => Act::DegradedOn,
            Turned::Off => Act::DegradedOff,
        };
        let switched = self.stack.degrade(By::Person, scope, turned, reason);
        let outcome = if switched.is_ok() { Outcome::Done } else { Outcome::Refused };
        self.audit.tell(&super::login::actor(actor), act, subject, outcome, reason).await;
        switched
    }

    fn degraded(&self) -> Value {
        let degraded = self.stack.degraded();
        let switches: Vec<_> = degraded
            .switches()
            .iter()
            .map(|switch| {
                json!({
                    "connection": switch.scope.connection.as_deref(),
                    "family": switch.scope.family.map(ApiFamily::name),
                    "reason": &*switch.reason,
                    "since": switch.since.to_string(),
                })
            })
            .collect();
        let automatic: Vec<_> =
            self.stack.accounts().iter().flat_map(|account| left_alone(account)).collect();
        let changes: Vec<_> = degraded.changes().iter().map(line).collect();
        json!({"schema": 1, "switches": switches, "automatic": automatic, "changes": changes})
    }
}

/// Families of an account that are left alone because they fail.
fn left_alone(account: &Account) -> Vec<Value> {
    let open = account.families().into_iter().filter_map(|family| Some((family.family, family.open_for?)));
    open.map(|(family, open_for)| {
        json!({
            "connection": &*account.name,
            "family": family.name(),
            "next_try_in_ms": u64::try_from(open_for.as_millis()).unwrap_or(u64::MAX),
        })
    })
    .collect()
}

fn line(change: &Change) -> Value {
    json!({
        "at": change.at.to_string(),
        "by": change.by.name(),
        "connection": change.scope.connection.as_deref(),
        "family": change.scope.family.map(ApiFamily::name),
        "turned": change.turned.name(),
        "reason": &*change.reason,
    })
}
