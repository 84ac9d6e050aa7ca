//! Subscribers: who they are and how they do, made, switched and let go.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bytes::Bytes;
use inbox::dispatch::item::Item;
use inbox::dispatch::verdict::Verdict;
use inbox::event;
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome};

use super::{Admin, Answer, Refused, bad, broken, missing, running};
use crate::config::SubscriberSection;
use crate::webhooks::Running;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Switch {
    subscriber: String,
    on: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    subscriber: String,
}

pub(super) async fn list(State(admin): State<Admin>) -> Answer {
    let webhooks = running(&admin)?;
    Ok(Json(json!({"schema": 1, "subscribers": shown(&webhooks).await?})))
}

/// Each with where it stands. Addresses stand without what may hold a credential.
pub(super) async fn shown(webhooks: &Running) -> Result<Vec<Value>, Refused> {
    let standings = webhooks.receiver.store.standings().await.map_err(broken)?;
    let served = webhooks.dispatch.served();
    let now = webhooks.clock.now();
    let mut shown = Vec::new();
    for standing in &standings {
        let served = served.iter().find(|served| served.subscriber.name == standing.name);
        let status = served.map(|served| served.status.clone()).unwrap_or_default();
        // From the store: one that is switched off, or served by another hubkeeper, has a backlog as well.
        let backlog = webhooks.receiver.store.backlog(&standing.name, standing.position).await;
        let backlog = backlog.map_err(broken)?;
        shown.push(json!({
            "name": standing.name,
            "to": served.map(|served| served.subscriber.sink.to_string()),
            "order": served.map(|served| served.subscriber.order.name()),
            "made_by": if standing.settings.is_some() { "admin" } else { "configuration" },
            "served": served.is_some_and(|served| served.is_working),
            "disabled": standing.disabled,
            "left_alone": status.left_alone,
            "backlog": {
                "deliveries": backlog.deliveries,
                "age_seconds": backlog.since.map(|since| now.duration_since(since).as_secs()),
                "waiting": backlog.waiting,
                "dead": backlog.dead,
            },
            "delivered": status.counts.delivered,
            "failures": status.counts.failed,
        }));
    }
    Ok(shown)
}

pub(super) async fn create(
    State(admin): State<Admin>,
    Json(section): Json<SubscriberSection>,
) -> Result<(StatusCode, Json<Value>), Refused> {
    let webhooks = running(&admin)?;
    let name = section.name();
    section.presentable().map_err(|failure| bad(&failure.to_string()))?;
    let subscriber = section.subscriber().map_err(|failure| bad(&failure.to_string()))?;
    let standings = webhooks.receiver.store.standings().await.map_err(broken)?;
    if standings.iter().any(|standing| standing.name == name && standing.settings.is_none()) {
        return Err((
            StatusCode::CONFLICT,
            Json(
                json!({"status": "error", "message": "The configuration file names this subscriber. Change it there."}),
            ),
        ));
    }
    let settings = serde_json::to_vec(&section).expect("it came as JSON");
    webhooks.dispatch.serve(subscriber, Some(&settings)).await.map_err(broken)?;
    tracing::info!(subscriber = name, "a subscriber was made by hand");
    admin.acted(Act::SubscriberMade, &name, Outcome::Done, "").await;
    Ok((StatusCode::CREATED, Json(json!({"schema": 1, "name": name}))))
}

/// What waits for it goes with it.
pub(super) async fn remove(State(admin): State<Admin>, Path(name): Path<String>) -> Answer {
    let webhooks = running(&admin)?;
    let standings = webhooks.receiver.store.standings().await.map_err(broken)?;
    let Some(standing) = standings.iter().find(|standing| standing.name == name) else {
        return Err(missing("there is no subscriber of this name"));
    };
    let served = webhooks.dispatch.served().iter().any(|served| served.subscriber.name == name);
    if standing.settings.is_none() && served {
        return Err(bad("The configuration file names this subscriber. Take it out there, and restart."));
    }
    webhooks.dispatch.rest(&name).await;
    webhooks.receiver.store.dismiss(&name).await.map_err(broken)?;
    tracing::info!(subscriber = name, "a subscriber was let go by hand");
    admin.acted(Act::SubscriberRemoved, &name, Outcome::Done, "").await;
    Ok(Json(json!({"schema": 1, "removed": name})))
}

pub(super) async fn switch(State(admin): State<Admin>, Json(wish): Json<Switch>) -> Answer {
    let webhooks = running(&admin)?;
    let (store, now, name) = (&webhooks.receiver.store, webhooks.clock.now(), &wish.subscriber);
    let served = webhooks.dispatch.served().into_iter().find(|served| served.subscriber.name == *name);
    let Some(served) = served else { return Err(missing("there is no subscriber of this name")) };
    let standings = store.standings().await.map_err(broken)?;
    let settings =
        standings.into_iter().find(|standing| standing.name == *name).and_then(|standing| standing.settings);
    if wish.on {
        store.enable(name, now).await.map_err(broken)?;
    } else {
        store.disable(name, "by hand", now).await.map_err(broken)?;
    }
    webhooks.dispatch.serve(served.subscriber, settings.as_deref()).await.map_err(broken)?;
    tracing::info!(subscriber = *name, on = wish.on, "a subscriber was switched by hand");
    let detail = if wish.on { "on" } else { "off" };
    admin.acted(Act::SubscriberSwitched, name, Outcome::Done, detail).await;
    Ok(Json(json!({"schema": 1, "subscriber": name, "on": wish.on})))
}

/// A made-up event, sent at once; what the subscriber made of it.
pub(super) async fn send_test(State(admin): State<Admin>, Json(test): Json<Test>) -> Answer {
    let webhooks = running(&admin)?;
    let now = webhooks.clock.now();
    let body = json!({
        "eventId": 0, "subscriptionId": 0, "portalId": 0, "appId": 0, "occurredAt": now.as_millisecond(),
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 0, "changeSource": "HUBKEEPER_TEST",
    })
    .to_string();
    let event = event::read_one(body.as_bytes()).ok_or_else(|| bad("the test event cannot be read"))?;
    let item = Item {
        seq: 0,
        place: 0,
        letter: None,
        event: event.key(),
        connection: Arc::from("test"),
        object: Arc::from("0/0"),
        kind: "contact.creation".into(),
        subject: event.subject(),
        occurred_at: now,
        received_at: now,
        body: Bytes::from(body.clone()),
        attempts: 0,
        alone: true,
    };
    let id = item.id();
    let verdict = webhooks.dispatch.test(&test.subscriber, item).await;
    let Some(verdict) = verdict else { return Err(missing("there is no subscriber of this name")) };
    let (taken, said) = match verdict {
        Verdict::Delivered => (true, "taken".to_owned()),
        Verdict::Gone => (false, "answered 410 Gone".to_owned()),
        Verdict::Failed(failed) => (false, failed.to_string()),
    };
    Ok(Json(json!({"schema": 1, "subscriber": test.subscriber, "id": id, "taken": taken, "said": said})))
}
