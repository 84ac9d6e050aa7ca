//! Slots lent to programs of ours that call HubSpot past the gateway, with a token that it may be using at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Json, Router, routing};
use client::slot::{Slot, Wanted};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;

/// Eight calls each, of a few people who look at the same time.
const LENT_MAX: usize = 64;

/// A call and its answer take less; a slot that has not come back by then is one whose call may still be counted.
const LENT_FOR: Duration = Duration::from_secs(15);

/// Nobody waits for an answer of ours for longer.
const WAIT_MS_MAX: u64 = 10_000;

/// Routes have no more, and no names of people.
const PATH_BYTES_MAX: usize = 300;

/// In the ledger of who spends what.
const CALLER: &str = "triage";

/// What is lent now.
#[derive(Clone, Default)]
pub(crate) struct LentSlots(Arc<Mutex<Lent>>);

#[derive(Default)]
struct Lent {
    last: u64,
    slots: BTreeMap<u64, Slot>,
}

/// `{"credential":"<its fingerprint>","method":"GET","path":"/crm/v3/objects/contacts","wait_ms":5000}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    credential: String,
    method: String,
    /// Without its query.
    path: String,
    #[serde(default)]
    wait_ms: u64,
}

type Refused = (StatusCode, Json<Value>);

pub(super) fn routes() -> Router<Admin> {
    Router::new()
        .route("/api/v1/slots", routing::post(lend))
        .route("/api/v1/slots/{number}", routing::delete(take_back))
}

/// 201 with the slot's number; 429 where there is none in time.
async fn lend(
    State(admin): State<Admin>,
    Json(wish): Json<Wish>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let method = wish.method.parse().ok().filter(|_| wish.path.len() <= PATH_BYTES_MAX);
    let method = method.ok_or_else(|| no(StatusCode::BAD_REQUEST, "That is no call."))?;
    if admin.lent.is_full() {
        return Err(no(StatusCode::TOO_MANY_REQUESTS, "Too many slots are lent already."));
    }
    let wanted = Wanted {
        credential: &wish.credential,
        caller: &Arc::from(CALLER),
        method: &method,
        path: &wish.path,
        patience: Duration::from_millis(wish.wait_ms.min(WAIT_MS_MAX)),
    };
    let slot = admin.stack.slot(&wanted).await.map_err(|refusal| {
        let message = format!(
            "No slot is free in time: {} of the {} limit.",
            refusal.reason.name(),
            refusal.budget.name()
        );
        no(StatusCode::TOO_MANY_REQUESTS, &message)
    })?;
    Ok((StatusCode::CREATED, Json(json!({"slot": admin.lent.lend(slot)}))))
}

/// The call has ended.
async fn take_back(State(admin): State<Admin>, Path(number): Path<u64>) -> StatusCode {
    match admin.lent.take_back(number) {
        Some(slot) => {
            slot.ended();
            StatusCode::NO_CONTENT
        }
        None => StatusCode::NOT_FOUND,
    }
}

fn no(status: StatusCode, message: &str) -> Refused {
    (status, Json(json!({"status": "error", "message": message})))
}

impl LentSlots {
    fn is_full(&self) -> bool {
        self.0.lock().slots.len() >= LENT_MAX
    }

    fn lend(&self, slot: Slot) -> u64 {
        let mut lent = self.0.lock();
        lent.last += 1;
        let number = lent.last;
        lent.slots.insert(number, slot);
        drop(lent);
        let lent = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LENT_FOR).await;
            drop(lent.take_back(number));
        });
        number
    }

    fn take_back(&self, number: u64) -> Option<Slot> {
        self.0.lock().slots.remove(&number)
    }
}
