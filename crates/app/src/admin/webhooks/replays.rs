//! Letters, and what is sent once more.

use std::collections::VecDeque;

use axum::Json;
use axum::extract::{Query, State};
use inbox::dispatch::filter::fits;
use inbox::dispatch::item;
use inbox::dispatch::replay::Wanted;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome};
use store::deliveries::EventKey;
use store::dispatch::{Letter, LetterEnding, LetterFilter, LetterState};

use super::events::{Order, flag};
use super::{Admin, Answer, Most, Refused, bad, broken, missing, rows, running};
use crate::webhooks::Running;

/// Letters read at once, and looked at for one request.
const PAGE: usize = 500;
const LETTERS_MAX: usize = 100_000;

/// Which letters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    subscriber: Option<String>,
    /// `waiting`, `dead` or `replaying`.
    state: Option<String>,
    /// Such as `contact.*`.
    kind: Option<String>,
    after: Option<i64>,
    max: Option<usize>,
    /// The last ones instead of the first.
    #[serde(deserialize_with = "flag")]
    last: Order,
}

/// Dead letters by number, or by what they have in common; or everything of a time, delivered or not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    #[serde(default)]
    subscriber: Option<String>,
    #[serde(default)]
    letters: Vec<i64>,
    /// All dead letters of the subscriber, or those of a time or that are `wanted`.
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
    let filter = LetterFilter {
        subscriber: wish.subscriber,
        state: state(wish.state.as_deref())?,
        ..LetterFilter::default()
    };
    let (store, max) = (&webhooks.receiver.store, rows(wish.max));
    let mut after = wish.after.unwrap_or(0);
    let mut found = VecDeque::new();
    for _ in 0..LETTERS_MAX / PAGE {
        let page = store.letters(&filter, after, PAGE).await.map_err(broken)?;
        let Some(end) = page.last() else { break };
        after = end.id;
        let of_kind =
            |letter: &&Letter| wish.kind.as_deref().is_none_or(|kind| fits(kind, &letter.content.kind));
        found.extend(page.iter().filter(of_kind).map(shown));
        match wish.last {
            Order::TheLast => drop(found.drain(..found.len().saturating_sub(max))),
            Order::FromTheFirst if found.len() >= max => break,
            Order::FromTheFirst => {}
        }
    }
    found.truncate(max);
    Ok(Json(json!({"schema": 1, "letters": found})))
}

pub(super) async fn list(State(admin): State<Admin>, Query(most): Query<Most>) -> Answer {
    let webhooks = running(&admin)?;
    let replays = webhooks.receiver.store.replays(None, most.rows()).await.map_err(broken)?;
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
    if replay.from.zip(replay.until).is_some_and(|(from, until)| from > until) {
        return Err(bad("`from` is later than `until`: there is nothing between them."));
    }
    if replay.dead || !replay.letters.is_empty() {
        let ids = letters_wanted(&webhooks, &replay).await?;
        let count = store.replay_letters(&ids, now).await.map_err(broken)?;
        webhooks.dispatch.replay_asked();
        admin.acted(Act::DeliveryReplayed, "dead letters", Outcome::Done, &format!("{count} letters")).await;
        return Ok(Json(json!({"schema": 1, "letters": count})));
    }
    let Some(subscriber) = replay.subscriber else {
        return Err(bad(
            "Nobody is named to get them: `subscriber` (--subscriber), or `letters`, is missing.",
        ));
    };
    if replay.from.is_none() && replay.wanted == Wanted::default() {
        return Err(bad(
            "Nothing says what to send. Name events (`wanted`: {\"ids\": [\"evt_…\"]}), `letters` by number, all that are `dead`, \
             or what came since a time (`from`).",
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

/// Those named by number, and of the dead ones those that fit what is wanted.
async fn letters_wanted(webhooks: &Running, replay: &Replay) -> Result<Vec<i64>, Refused> {
    let mut ids = replay.letters.clone();
    if replay.dead {
        let filter = LetterFilter {
            subscriber: replay.subscriber.clone(),
            state: Some(LetterState::Dead),
            received_from: replay.from,
            received_until: replay.until,
            ..LetterFilter::default()
        };
        let dead = webhooks.receiver.store.letters(&filter, 0, LETTERS_MAX).await.map_err(broken)?;
        ids.extend(dead.iter().filter(|letter| replay.wanted.wants_letter(letter)).map(|letter| letter.id));
    } else if replay.wanted != Wanted::default() || replay.from.is_some() || replay.until.is_some() {
        return Err(bad("Letters are named by number; ask for anything else by itself."));
    }
    Ok(ids)
}

fn state(name: Option<&str>) -> Result<Option<LetterState>, Refused> {
    name.map(|name| LetterState::of_name(name).ok_or_else(|| bad("`state` is waiting, dead or replaying")))
        .transpose()
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
