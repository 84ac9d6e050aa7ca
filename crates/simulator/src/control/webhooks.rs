//! Webhooks by hand: where they go, which events there are, what goes wrong on the way, and what was sent.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::object;
use super::{Complaint, ok};
use crate::call::{Call, Reply};
use crate::registry::PRIVATE_APP_ID;
use crate::simulator::Simulator;
use crate::webhooks::Disorder;

/// Events of one `emit`: what a laptop holds in memory.
const EMIT_MAX: u64 = 2_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    url: String,
    app_id: Option<u64>,
    /// Event types to subscribe to; `contact.propertyChange:email` names the property.
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Emit {
    count: Option<u64>,
    app_id: Option<u64>,
    /// Events as they shall arrive; without any, made-up ones.
    events: Option<Vec<Value>>,
    /// How many objects the made-up events are about.
    objects: Option<u64>,
}

/// A workflow's action "send a webhook".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Workflow {
    /// Left out, the app's target.
    url: Option<String>,
    app_id: Option<u64>,
    /// For each enrolled record, what is sent; `null` is sent as a GET.
    #[serde(default)]
    bodies: Vec<Value>,
}

pub(super) fn answer(
    simulator: &mut Simulator,
    call: &Call,
    method: &Method,
    rest: &[&str],
    now: Timestamp,
) -> Result<Reply, Complaint> {
    match (method, rest) {
        (&Method::POST, ["target"]) => target(simulator, &read(call)?, now),
        (&Method::POST, ["emit"]) => emit(simulator, read(call)?, now),
        (&Method::POST, ["workflow"]) => workflow(simulator, read(call)?, now),
        (&Method::GET, ["workflows"]) => {
            let tried: Vec<_> = simulator.webhooks.workflows.log().collect();
            Ok(ok(&json!({"tried": tried})))
        }
        (&Method::POST, ["disorder"]) => {
            let disorder: Disorder = read(call)?;
            simulator.webhooks.disorder = disorder;
            Ok(ok(&json!({"disorder": disorder})))
        }
        (&Method::GET, []) => Ok(ok(&counts(simulator))),
        (&Method::GET, ["log"]) => {
            let after = call.query("after").and_then(|after| after.parse().ok()).unwrap_or(0);
            let sent: Vec<_> = simulator.webhooks.log().filter(|sent| sent.number > after).collect();
            Ok(ok(&json!({"deliveries": sent})))
        }
        _ => Err(Complaint {
            status: StatusCode::NOT_FOUND,
            message: "no such control call".into(),
            hint:
                "there are POST webhooks/target, webhooks/emit, webhooks/workflow, webhooks/disorder; GET webhooks, webhooks/log, webhooks/workflows"
                    .into(),
        }),
    }
}

fn read<T: for<'a> Deserialize<'a>>(call: &Call) -> Result<T, Complaint> {
    serde_json::from_value(Value::Object(object(call)?)).map_err(|error| {
        Complaint::bad(
            error.to_string(),
            r#"target {"url":"http://…","events":["contact.creation"]}; emit {"count":100}; workflow {"bodies":[{"vid":1}]}; disorder {"duplicates":0.1}"#,
        )
    })
}

/// Sets an app's target and subscribes it, as its settings page would.
fn target(simulator: &mut Simulator, target: &Target, now: Timestamp) -> Result<Reply, Complaint> {
    let app_id = target.app_id.unwrap_or(PRIVATE_APP_ID);
    let mut set = |method: Method, rest: &[&str], body: &Value| {
        let call = Call { body: body.to_string().into(), ..Call::bare(method, "") };
        let answered = simulator.webhooks.answer(&call, app_id, rest, now);
        answered.map_err(|refusal| {
            let answer = String::from_utf8_lossy(&refusal.reply("-").body).into_owned();
            Complaint::bad(
                answer,
                "event types are those of HubSpot's subscriptions API, as contact.creation",
            )
        })
    };
    set(Method::PUT, &["settings"], &json!({"targetUrl": target.url}))?;
    for event in &target.events {
        let (event_type, property) =
            event.split_once(':').map_or((event.as_str(), None), |(a, b)| (a, Some(b)));
        let body = json!({"eventType": event_type, "propertyName": property, "active": true});
        set(Method::POST, &["subscriptions"], &body)?;
    }
    simulator.watch();
    Ok(ok(&json!({"app_id": app_id, "target": target.url, "subscriptions": target.events})))
}

fn emit(simulator: &mut Simulator, emit: Emit, now: Timestamp) -> Result<Reply, Complaint> {
    let app_id = emit.app_id.unwrap_or(PRIVATE_APP_ID);
    let count = emit.count.unwrap_or(1);
    if count > EMIT_MAX {
        return Err(Complaint::bad(format!("`count` is at most {EMIT_MAX}"), "emit several times"));
    }
    let events = emit.events.unwrap_or_else(|| {
        let objects = emit.objects.unwrap_or(count).max(1);
        (0..count).map(|number| made_up(simulator, app_id, number, objects, now)).collect()
    });
    let emitted = events.len();
    for event in &events {
        simulator.webhooks.enqueue(app_id, event, now);
    }
    Ok(ok(&json!({"emitted": emitted})))
}

fn workflow(simulator: &mut Simulator, workflow: Workflow, now: Timestamp) -> Result<Reply, Complaint> {
    let app_id = workflow.app_id.unwrap_or(PRIVATE_APP_ID);
    let target = || simulator.webhooks.target_of(app_id).map(str::to_owned);
    let url = workflow.url.or_else(target).ok_or_else(|| {
        Complaint::bad("nothing says where to", r#"give "url", or set webhooks/target first"#)
    })?;
    let mut numbers = Vec::new();
    for body in workflow.bodies {
        let (method, body) = match body {
            Value::Null => (Method::GET, String::new()),
            body => (Method::POST, body.to_string()),
        };
        numbers.push(simulator.webhooks.workflows.act(app_id, method, url.clone(), body.into(), now));
    }
    Ok(ok(&json!({"url": url, "actions": numbers})))
}

/// A property change; events of one object follow each other by a millisecond.
fn made_up(simulator: &Simulator, app_id: u64, number: u64, objects: u64, now: Timestamp) -> Value {
    json!({
        "eventId": number + 1,
        "subscriptionId": 1,
        "portalId": simulator.config.portal_id,
        "appId": app_id,
        "occurredAt": now.as_millisecond() + i64::try_from(number / objects).unwrap_or(i64::MAX),
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 20_000_000_001 + number % objects,
        "changeSource": "CRM",
        "propertyName": "firstname",
        "propertyValue": format!("value {number}"),
        "isSensitive": false,
    })
}

fn counts(simulator: &Simulator) -> Value {
    let (mut taken, mut refused, mut given_up, mut events) = (0, 0, 0, 0);
    for sent in simulator.webhooks.log().filter(|sent| !sent.forged) {
        let good = sent.status.is_some_and(|status| (200..300).contains(&status));
        taken += u64::from(good);
        refused += u64::from(!good);
        given_up += u64::from(sent.given_up);
        events += if good { sent.events.len() } else { 0 };
    }
    json!({
        "deliveries": {"taken": taken, "refused": refused, "given_up": given_up},
        "events_taken": events,
        "events_waiting": simulator.webhooks.waiting(),
        "disorder": simulator.webhooks.in_force(),
    })
}
