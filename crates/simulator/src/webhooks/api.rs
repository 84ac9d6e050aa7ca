//! Settings and subscriptions: `/webhooks/v3/{appId}/…` and its dated paths, facts §6.2 [SPEC Webhooks/147891].

use http::{Method, StatusCode};
use hubspot::event_type;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Webhooks;
use super::subscription::Subscription;
use crate::call::{Call, Reply};
use crate::crm::change::NEVER_TOLD;
use crate::refusal::Refusal;

/// A subscription has at least this many requests at a time: facts §6.2 (from a copy of the docs).
const CONCURRENT_MIN: u32 = 6;

/// facts §6.2 [USAGE].
const SUBSCRIPTIONS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    target_url: String,
    throttling: Option<Throttling>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Throttling {
    max_concurrent_requests: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSubscription {
    event_type: String,
    property_name: Option<String>,
    object_type_id: Option<String>,
    /// Inactive unless told otherwise.
    #[serde(default)]
    active: bool,
}

#[derive(Deserialize)]
struct Patch {
    active: bool,
}

#[derive(Deserialize)]
struct Patches {
    inputs: Vec<NumberedPatch>,
}

#[derive(Deserialize)]
struct NumberedPatch {
    id: u64,
    active: bool,
}

impl Webhooks {
    /// Answers a call about an app; `rest` is what follows its id.
    pub fn answer(
        &mut self,
        call: &Call,
        app_id: u64,
        rest: &[&str],
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        match (&call.method, rest) {
            (&Method::GET, ["settings"]) => self.settings(app_id),
            (&Method::PUT, ["settings"]) => self.change_settings(app_id, &body(call)?),
            (&Method::DELETE, ["settings"]) => {
                self.apps.entry(app_id).or_default().target_url = None;
                Ok(Reply::no_content())
            }
            (&Method::GET, ["subscriptions"]) => {
                let all: Vec<Value> = self.subscriptions(app_id).iter().map(Subscription::shown).collect();
                Ok(Reply::json(StatusCode::OK, &json!({"results": all})))
            }
            (&Method::POST, ["subscriptions"]) => self.subscribe(app_id, body(call)?, now),
            (&Method::POST, ["subscriptions", "batch", "update"]) => self.update_many(app_id, &body(call)?),
            (&Method::GET, ["subscriptions", id]) => {
                let found = self.subscriptions(app_id).iter().find(|one| one.id.to_string() == **id);
                found.map(|one| Reply::json(StatusCode::OK, &one.shown())).ok_or_else(missing)
            }
            (&Method::PATCH, ["subscriptions", id]) => {
                let Patch { active } = body(call)?;
                let subscription = self.subscription(app_id, id)?;
                subscription.active = active;
                Ok(Reply::json(StatusCode::OK, &subscription.shown()))
            }
            (&Method::DELETE, ["subscriptions", id]) => {
                let id = self.subscription(app_id, id)?.id;
                self.apps.entry(app_id).or_default().subscriptions.retain(|one| one.id != id);
                Ok(Reply::no_content())
            }
            _ => Err(Refusal::no_such_path()),
        }
    }

    /// 207 where some are not there: facts §6.2.
    fn update_many(&mut self, app_id: u64, patches: &Patches) -> Result<Reply, Refusal> {
        let (mut results, mut gone) = (Vec::new(), Vec::new());
        for patch in &patches.inputs {
            match self.subscription(app_id, &patch.id.to_string()) {
                Ok(subscription) => {
                    subscription.active = patch.active;
                    results.push(subscription.shown());
                }
                Err(_) => gone.push(patch.id.to_string()),
            }
        }
        let mut body = json!({"status": "COMPLETE", "results": results});
        if gone.is_empty() {
            return Ok(Reply::json(StatusCode::OK, &body));
        }
        let error = json!({"status": "error", "category": "OBJECT_NOT_FOUND", "message": "resource not found",
            "context": {"ids": gone}, "errors": [], "links": {}});
        body["numErrors"] = json!(1);
        body["errors"] = json!([error]);
        Ok(Reply::json(StatusCode::MULTI_STATUS, &body))
    }

    fn settings(&self, app_id: u64) -> Result<Reply, Refusal> {
        let app = self.apps.get(&app_id).ok_or_else(missing)?;
        let url = app.target_url.as_ref().ok_or_else(missing)?;
        let shown = json!({"targetUrl": url, "throttling": {"maxConcurrentRequests": app.concurrent_max}});
        Ok(Reply::json(StatusCode::OK, &shown))
    }

    fn change_settings(&mut self, app_id: u64, settings: &Settings) -> Result<Reply, Refusal> {
        let is_address = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
        let url = Some(settings.target_url.as_str()).filter(is_address);
        let url = url.ok_or_else(|| invalid("targetUrl is not a valid URL"))?;
        let concurrent_max =
            settings.throttling.as_ref().map(|throttling| throttling.max_concurrent_requests);
        if concurrent_max.is_some_and(|max| max < CONCURRENT_MIN) {
            return Err(invalid("maxConcurrentRequests must be greater than 5"));
        }
        let app = self.apps.entry(app_id).or_default();
        app.target_url = Some(url.to_owned());
        app.concurrent_max = concurrent_max.unwrap_or(app.concurrent_max);
        self.settings(app_id)
    }

    fn subscribe(&mut self, app_id: u64, new: NewSubscription, now: Timestamp) -> Result<Reply, Refusal> {
        if !event_type::is_known(&new.event_type) {
            return Err(invalid(format!("{} is not a valid event type", new.event_type)));
        }
        if new.event_type.ends_with(".propertyChange") && new.property_name.is_none() {
            return Err(invalid("propertyName is required for propertyChange subscriptions"));
        }
        if new.event_type.starts_with("object.") && new.object_type_id.is_none() {
            return Err(invalid("objectTypeId is required for object subscriptions"));
        }
        let never = new.property_name.as_deref().filter(|name| NEVER_TOLD.contains(name));
        if let Some(name) = never {
            return Err(invalid(format!("{name} cannot be subscribed to")));
        }
        if self.subscriptions(app_id).len() >= SUBSCRIPTIONS_MAX {
            return Err(invalid("an app can have at most 1000 subscriptions"));
        }
        let id = self.next_event();
        let subscription = Subscription {
            id,
            event_type: new.event_type,
            property_name: new.property_name,
            object_type_id: new.object_type_id,
            active: new.active,
            created_at: now,
        };
        let reply = Reply::json(StatusCode::CREATED, &subscription.shown());
        self.apps.entry(app_id).or_default().subscriptions.push(subscription);
        Ok(reply)
    }

    fn subscriptions(&self, app_id: u64) -> &[Subscription] {
        self.apps.get(&app_id).map_or(&[], |app| &app.subscriptions)
    }

    fn subscription(&mut self, app_id: u64, id: &str) -> Result<&mut Subscription, Refusal> {
        let app = self.apps.get_mut(&app_id).ok_or_else(missing)?;
        app.subscriptions.iter_mut().find(|one| one.id.to_string() == id).ok_or_else(missing)
    }
}

fn body<T: for<'a> Deserialize<'a>>(call: &Call) -> Result<T, Refusal> {
    serde_json::from_slice(&call.body).map_err(|error| invalid(format!("Invalid input JSON: {error}")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message).category("VALIDATION_ERROR")
}

fn missing() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "resource not found").category("OBJECT_NOT_FOUND")
}
