//! How far HubSpot's journal has been read, and the gaps that it showed.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use store::journal::{Gap, GapKind};

use super::super::Admin;
use super::{Answer, ROWS_MAX, broken, running};
use crate::webhooks::Reading;

pub(super) async fn show(State(admin): State<Admin>) -> Answer {
    let webhooks = running(&admin)?;
    let gaps = webhooks.receiver.store.gaps(ROWS_MAX).await.map_err(broken)?;
    Ok(Json(json!({
        "schema": 1,
        "journals": webhooks.journals.iter().map(reading).collect::<Vec<_>>(),
        "gaps": gaps.iter().map(gap).collect::<Vec<_>>(),
    })))
}

fn reading(reading: &Reading) -> Value {
    let status = reading.status.lock().clone();
    json!({
        "connection": reading.connection,
        "read_by_another": status.elsewhere,
        "read_until": status.read_until.map(|at| at.to_string()),
        "looked_at": status.looked_at.map(|at| at.to_string()),
        "error": status.error,
        "entries": status.entries,
        "events_filled": status.filled,
    })
}

fn gap(gap: &Gap) -> Value {
    json!({
        "connection": gap.connection,
        "found_at": gap.found_at.to_string(),
        "kind": gap.kind.name(),
        "begins": gap.begins.to_string(),
        "ends": gap.ends.to_string(),
        "events": match gap.kind { GapKind::Filled => Some(gap.events), GapKind::Lost => None },
    })
}
