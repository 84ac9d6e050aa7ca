//! Which contacts were forgotten, and how much of ours lost something of theirs.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde_json::{Value, json};
use store::privacy::{Purge, PurgeCounts};

use super::super::Admin;
use super::{Answer, Most, broken, running};

pub(super) async fn list(State(admin): State<Admin>, Query(most): Query<Most>) -> Answer {
    let webhooks = running(&admin)?;
    let purges = webhooks.receiver.store.purges(Timestamp::MIN, most.rows()).await.map_err(broken)?;
    Ok(Json(json!({"schema": 1, "purges": purges.iter().map(purge).collect::<Vec<_>>()})))
}

fn purge(purge: &Purge) -> Value {
    let PurgeCounts { deliveries, letters, suspects, operations, answers, lines } = purge.counts;
    json!({
        "portal_id": purge.portal_id,
        "contact_id": purge.contact_id,
        "connection": purge.connection,
        "asked_at": purge.asked_at.to_string(),
        "purged_at": purge.purged_at.to_string(),
        "purged": {
            "deliveries": deliveries,
            "letters": letters,
            "quarantine": suspects,
            "operations": operations,
            "answers": answers,
            "incidents": lines,
        },
    })
}
