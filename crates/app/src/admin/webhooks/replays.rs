//! Letters, and what is sent once more.

use axum::Json;
use axum::extract::{Query, State};
use inbox::dispatch::item;
use inbox::dispatch::replay::Wanted;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome};
use store::deliveries::EventKey;
use store::dispatch::{Letter, LetterEnding, LetterFilter, LetterState};

use super::{Admin, Answer, ROWS_MAX, Refused, bad, broken, missing, rows, running};

/// Which letters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    subscriber: Option<String>,
    /// `waiting`, `dead` or `replaying`.
    state: Option<String>,
    kind: Option<String>,
    after: Option<i64>,
    max: Option<usize>,
}

/// Dead letters by number, or by what they have in common; or everything of a time, delivered or not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    #[serde(default)]
    subscriber: Option<String>,
    #[serde(default)]
    letters: Vec<i64>,
    /// All dead letters of the subscriber.
    #[serde(default)]
    dead: bool,
    #[serde(default)]
    from: Option<Timestamp>,
    #[serde(default)]
    until: Option<Timestamp>,
    #[serde(default)]
    wanted: Wanted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drop {
    letters: Vec<i64>,
}

pub(super) async fn letters(State(admin): State<Admin>, Query(wish): Query<Wish>) -> Answer {
    let webhooks = running(&admin)?;
    let filter = filter(wish.subscriber, wish.state.as_deref(), wish.kind)?;
    let found = webhooks
        .receiver
        .store
        .letters(&filter, wish.after.unwrap_or(0), rows(wish.max))
        .await
        .map_err(broken)?;
    Ok(Json(json!({"schema": 1, "letters": found.iter().map(shown).collect::<Vec<_>>()})))
}

pub(super) async fn list(State(admin): State<Admin>) -> Answer {
    let webhooks = running(&admin)?;
    let replays = webhooks.receiver.store.replays(None, ROWS_MAX).await.map_err(broken)?;
    let shown = replays.iter().map(|replay| {
        json!({
            "id": replay.id,
            "subscriber": replay.subscriber,
            "asked_at": replay.asked_at.to_string(),
            "sent": replay.sent,
            "left": (replay.until - replay.position).max(0),
            "ended_at": replay.ended_at.map(|at| at.to_string()),
            "reason": replay.reason,
        })
    });
    Ok(Json(json!({"schema": 1, "replays": shown.collect::<Vec<_>>()})))
}

pub(super) async fn replay(State(admin): State<Admin>, Json(replay): Json<Replay>) -> Answer {
    let webhooks = running(&admin)?;
    let (store, now) = (&webhooks.receiver.store, webhooks.clock.now());
    if let Some(name) = &replay.subscriber
        && !webhooks.dispatch.served().iter().any(|served| served.subscriber.name == *name)
    {
        return Err(missing("there is no subscriber of this name: see `webhooks subscribers`"));
    }
    if replay.dead || !replay.letters.is_empty() {
        let mut ids = replay.letters.clone();
        if replay.dead {
            let filter = filter(replay.subscriber, Some("dead"), None)?;
            ids.extend(
                store.letters(&filter, 0, 100_000).await.map_err(broken)?.iter().map(|letter| letter.id),
            );
        }
        let count = store.replay_letters(&ids, now).await.map_err(broken)?;
        webhooks.dispatch.replay_asked();
        admin.acted(Act::DeliveryReplayed, "dead letters", Outcome::Done, &format!("{count} letters")).await;
        return Ok(Json(json!({"schema": 1, "letters": count})));
    }
    let Some(subscriber) = replay.subscriber else {
        return Err(bad("`subscriber` is missing. Say who is to get them, or name `letters`."));
    };
    if replay.from.is_none() && replay.wanted == Wanted::default() {
        return Err(bad(
            "Nothing says what to send. Give `letters`, `dead`, `from`, or `wanted`, such as {\"ids\":[…]}.",
        ));
    }
    let ids = replay.wanted.ids.iter().map(|id| item::of_id(id));
    let Some(keys) = ids.collect::<Option<Vec<_>>>() else {
        return Err(bad("`wanted.ids` holds something that is no event's name; they look like evt_018f…"));
    };
    // Named events came after the first of them occurred.
    let earliest =
        keys.iter().map(EventKey::occurred_at).min().map(|at| at - jiff::SignedDuration::from_mins(10));
    let from = replay.from.or(earliest).unwrap_or(Timestamp::MIN);
    let filter = serde_json::to_vec(&replay.wanted).expect("plain lists");
    let until = replay.until.unwrap_or(now);
    let id = store.replay_log(&subscriber, from, until, &filter, now).await.map_err(broken)?;
    webhooks.dispatch.replay_asked();
    admin.acted(Act::DeliveryReplayed, &subscriber, Outcome::Done, &format!("replay {id}")).await;
    Ok(Json(json!({"schema": 1, "replay": id})))
}

pub(super) async fn drop_letters(State(admin): State<Admin>, Json(Drop { letters }): Json<Drop>) -> Answer {
    let webhooks = running(&admin)?;
    let count = webhooks.receiver.store.drop_letters(&letters).await.map_err(broken)?;
    tracing::info!(count, "dead letters were given up by hand");
    admin.acted(Act::DeliveryDropped, "dead letters", Outcome::Done, &format!("{count} letters")).await;
    Ok(Json(json!({"schema": 1, "dropped": count})))
}

fn filter(
    subscriber: Option<String>,
    state: Option<&str>,
    kind: Option<String>,
) -> Result<LetterFilter, Refused> {
    let state = state
        .map(|name| LetterState::of_name(name).ok_or_else(|| bad("`state` is waiting, dead or replaying")));
    Ok(LetterFilter { subscriber, state: state.transpose()?, kind, ..LetterFilter::default() })
}

/// Without the event itself: that is what `show` is for.
pub(super) fn shown(letter: &Letter) -> Value {
    let (due_at, status, reason) = match &letter.content.standing {
        LetterEnding::Delivered => (None, None, None),
        LetterEnding::Again { due_at, status, reason, .. } => {
            (Some(due_at.to_string()), *status, reason.clone())
        }
        LetterEnding::Dead { status, reason, .. } => (None, *status, Some(reason.clone())),
    };
    json!({
        "letter": letter.id,
        "id": item::id(&letter.content.event),
        "subscriber": letter.subscriber,
        "state": letter.state.name(),
        "kind": letter.content.kind,
        "object": letter.content.object,
        "occurred_at": letter.content.occurred_at.to_string(),
        "received_at": letter.content.received_at.to_string(),
        "attempts": letter.content.standing.attempts(),
        "due_at": due_at,
        "status": status,
        "reason": reason,
    })
}
