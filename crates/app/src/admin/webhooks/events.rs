//! Events that came: a page of them, and one with all that is known.

use std::collections::VecDeque;

use axum::Json;
use axum::extract::{Path, Query, State};
use inbox::dispatch::filter::{Filter, fits};
use inbox::dispatch::item::{self, Item};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use store::dispatch::LetterFilter;

use super::{Admin, Answer, bad, broken, missing, rows, running};
use crate::webhooks::Running;

/// Deliveries looked through for one answer at most; the answer says where to go on.
const LOOKED_AT_MAX: usize = 20_000;

/// Deliveries read at once, and places of the log that hold no more.
const PAGE: usize = 200;
const PAGE_PLACES: i64 = 200;

/// An event comes after it occurred, but for clocks that differ.
const CLOCKS: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Wish {
    /// A place in the log, as `next` of an earlier answer.
    after: Option<i64>,
    max: Option<usize>,
    /// Such as `contact.*`.
    kind: Option<String>,
    object: Option<String>,
    /// The last ones instead of the first.
    #[serde(deserialize_with = "flag")]
    last: Order,
}

/// Which ones, where there are more than wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    FromTheFirst,
    TheLast,
}

pub(super) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Order, D::Error> {
    Ok(if bool::deserialize(deserializer)? { Order::TheLast } else { Order::FromTheFirst })
}

pub(super) async fn list(State(admin): State<Admin>, Query(wish): Query<Wish>) -> Answer {
    let webhooks = running(&admin)?;
    match (wish.after, wish.last) {
        (None, Order::TheLast) => last(&webhooks, &wish).await,
        (after, Order::FromTheFirst | Order::TheLast) => first(&webhooks, &wish, after.unwrap_or(0)).await,
    }
}

/// From a place on, whole deliveries.
async fn first(webhooks: &Running, wish: &Wish, mut after: i64) -> Answer {
    let max = rows(wish.max);
    let mut events = Vec::new();
    let mut looked_at = 0;
    while events.len() < max && looked_at < LOOKED_AT_MAX {
        let page = webhooks.receiver.store.deliveries(after, PAGE).await.map_err(broken)?;
        let Some(last) = page.last() else { break };
        let whole = last.seq;
        looked_at += page.len();
        for delivery in page {
            after = delivery.seq;
            let items = item::of_delivery(&delivery, &Filter::default());
            events.extend(items.iter().filter(|item| wish.wants(item)).map(shown));
            if events.len() >= max {
                break;
            }
        }
        if after == whole && looked_at % PAGE != 0 {
            break;
        }
    }
    Ok(Json(json!({"schema": 1, "events": events, "next": after})))
}

/// The last ones, looked for from the end. What comes later is behind `next`, what was not looked at is up to `looked_from`.
async fn last(webhooks: &Running, wish: &Wish) -> Answer {
    let (store, max) = (&webhooks.receiver.store, rows(wish.max));
    let mut until = store.last_delivery().await.map_err(broken)?;
    let (mut events, mut next) = (VecDeque::new(), None);
    for _ in 0..LOOKED_AT_MAX / PAGE {
        if until <= 0 || events.len() >= max {
            break;
        }
        let from = (until - PAGE_PLACES).max(0);
        let mut page = store.deliveries(from, PAGE).await.map_err(broken)?;
        page.retain(|delivery| delivery.seq <= until);
        // Whoever goes on here must not pass by what is committed late.
        next = next.or(Some(page.last().map_or(from, |delivery| delivery.seq)));
        for delivery in page.iter().rev() {
            let items = item::of_delivery(delivery, &Filter::default());
            for item in items.iter().rev().filter(|item| wish.wants(item)) {
                events.push_front(shown(item));
            }
        }
        until = from;
    }
    events.drain(..events.len().saturating_sub(max));
    Ok(Json(json!({"schema": 1, "events": events, "next": next.unwrap_or(0), "looked_from": until})))
}

pub(super) async fn show(State(admin): State<Admin>, Path(id): Path<String>) -> Answer {
    let webhooks = running(&admin)?;
    let key =
        item::of_id(&id).ok_or_else(|| bad("an event's name looks like evt_018f…: see `webhooks list`"))?;
    let filter = LetterFilter { event: Some(key), ..LetterFilter::default() };
    let letters = webhooks.receiver.store.letters(&filter, 0, 100).await.map_err(broken)?;
    let found = find(&webhooks, &id, key.occurred_at()).await?;
    let event =
        found.as_ref().map(|item| &item.body[..]).or(letters.first().map(|letter| &letter.content.body[..]));
    let Some(event) = event else {
        return Err(missing(
            "no event of this name is kept; what is delivered goes after webhooks.keep_days",
        ));
    };
    let raw: Option<&RawValue> = serde_json::from_slice(event).ok();
    let letters: Vec<Value> = letters.iter().map(super::replays::shown).collect();
    Ok(Json(
        json!({"schema": 1, "id": id, "kept": found.as_ref().map(shown), "event": raw, "letters": letters}),
    ))
}

/// Its delivery came after it occurred.
async fn find(webhooks: &Running, id: &str, occurred_at: Timestamp) -> Result<Option<Item>, super::Refused> {
    let store = &webhooks.receiver.store;
    let mut after = store.delivery_before(occurred_at - CLOCKS).await.map_err(broken)?;
    for _ in 0..LOOKED_AT_MAX / PAGE {
        let page = store.deliveries(after, PAGE).await.map_err(broken)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.seq;
        let items = page.iter().flat_map(|delivery| item::of_delivery(delivery, &Filter::default()));
        if let Some(found) = items.into_iter().find(|item| item.id() == id) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

impl Wish {
    fn wants(&self, item: &Item) -> bool {
        let object = item.object.rsplit('/').next().unwrap_or_default();
        self.kind.as_deref().is_none_or(|kind| fits(kind, &item.kind))
            && self.object.as_deref().is_none_or(|wanted| wanted == object)
    }
}

fn shown(item: &Item) -> Value {
    json!({
        "id": item.id(),
        "seq": item.seq,
        "place": item.place,
        "connection": &*item.connection,
        "kind": &*item.kind,
        "object": &*item.object,
        "occurred_at": item.occurred_at.to_string(),
        "received_at": item.received_at.to_string(),
    })
}
