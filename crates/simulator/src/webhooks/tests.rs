//! Webhooks without sockets.

use http::Method;
use serde_json::json;

use super::*;
use crate::call::Call;
use crate::outcome::Transport;
use crate::registry::PRIVATE_APP_ID;
use crate::{Config, Simulator};

fn start() -> Timestamp {
    "2026-10-01T12:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn post(simulator: &mut Simulator, path: &str, body: &Value) -> Value {
    let token = simulator.default_token();
    let mut call = Call { body: body.to_string().into(), ..Call::bare(Method::POST, path) };
    call.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let reply = simulator.handle(&call, start()).reply;
    assert!(reply.status.is_success(), "{path}: {}", String::from_utf8_lossy(&reply.body));
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn subscribed(events: &[&str]) -> Simulator {
    let mut simulator = Simulator::new(Config { base_time: start(), ..Config::default() });
    let target = json!({"url": "http://127.0.0.1:9/hook", "events": events});
    post(&mut simulator, "/_sim/webhooks/target", &target);
    simulator
}

fn events(outgoing: &[Outgoing]) -> Vec<Value> {
    outgoing.iter().flat_map(|one| serde_json::from_slice::<Vec<Value>>(&one.body).unwrap()).collect()
}

#[test]
fn a_change_is_told_to_those_who_subscribed_to_it() {
    let mut simulator = subscribed(&["contact.creation", "contact.propertyChange:email"]);
    let properties = json!({"properties": {"email": "ada@example.com", "firstname": "Ada"}});
    let made = post(&mut simulator, "/crm/v3/objects/contacts", &properties);
    assert!(simulator.webhooks.due(start()).is_empty(), "events gather for a moment");
    let told = events(&simulator.webhooks.due(after(1)));
    let shown: Vec<_> =
        told.iter().map(|event| (&event["subscriptionType"], &event["propertyValue"])).collect();
    assert_eq!(
        shown,
        [
            (&json!("contact.creation"), &Value::Null),
            (&json!("contact.propertyChange"), &json!("ada@example.com"))
        ]
    );
    assert_eq!(told[0]["objectId"].to_string(), made["id"].as_str().unwrap());
    assert_eq!(told[0]["attemptNumber"], 0);
}

#[test]
fn writing_the_same_again_changes_nothing() {
    let mut simulator = subscribed(&["contact.propertyChange:firstname"]);
    let properties = json!({"properties": {"firstname": "Ada"}});
    let made = post(&mut simulator, "/crm/v3/objects/contacts", &properties);
    let update = json!({"inputs": [{"id": made["id"], "properties": {"firstname": "Ada"}}]});
    post(&mut simulator, "/crm/v3/objects/contacts/batch/update", &update);
    assert_eq!(events(&simulator.webhooks.due(after(1))).len(), 1);
}

#[test]
fn a_delivery_holds_a_hundred_events_and_ten_are_under_way() {
    let mut simulator = subscribed(&[]);
    post(&mut simulator, "/_sim/webhooks/emit", &json!({"count": 1_250}));
    let first = simulator.webhooks.due(after(1));
    assert_eq!((first.len(), events(&first).len()), (10, 1_000));
    assert!(simulator.webhooks.due(after(1)).is_empty());
    simulator.webhooks.ended(first[0].number, Some(200), after(1));
    assert_eq!(events(&simulator.webhooks.due(after(1))).len(), 100);
}

#[test]
fn what_is_refused_comes_ten_more_times_within_a_day_or_so() {
    let mut simulator = subscribed(&[]);
    post(&mut simulator, "/_sim/webhooks/emit", &json!({"count": 1}));
    let mut attempts = Vec::new();
    while let Some(due) = simulator.webhooks.next_due() {
        for outgoing in simulator.webhooks.due(due) {
            attempts.push(events(std::slice::from_ref(&outgoing))[0]["attemptNumber"].as_u64().unwrap());
            simulator.webhooks.ended(outgoing.number, Some(503), due);
        }
    }
    assert_eq!(attempts, (0..=10).collect::<Vec<_>>());
    let last = simulator.webhooks.log().last().unwrap();
    assert!(last.given_up);
    let hours = last.at.duration_since(start()).as_hours();
    assert!((10..=36).contains(&hours), "{hours} h");
}

#[test]
fn a_merge_and_a_privacy_deletion_have_events_of_their_own() {
    let mut simulator = subscribed(&["contact.merge", "contact.privacyDeletion", "contact.deletion"]);
    let one = |simulator: &mut Simulator, email: &str| {
        let properties = json!({"properties": {"email": email}});
        post(simulator, "/crm/v3/objects/contacts", &properties)["id"].as_str().unwrap().to_owned()
    };
    let (a, b) = (one(&mut simulator, "a@example.com"), one(&mut simulator, "b@example.com"));
    let merged = post(
        &mut simulator,
        "/crm/v3/objects/contacts/merge",
        &json!({"primaryObjectId": a, "objectIdToMerge": b}),
    );
    post(&mut simulator, "/crm/v3/objects/contacts/gdpr-delete", &json!({"objectId": merged["id"]}));
    let told = events(&simulator.webhooks.due(after(1)));
    let types: Vec<_> = told.iter().map(|event| event["subscriptionType"].as_str().unwrap()).collect();
    assert_eq!(types, ["contact.merge", "contact.privacyDeletion", "contact.deletion"]);
    assert_eq!(told[0]["mergedObjectIds"], json!([a.parse::<u64>().unwrap(), b.parse::<u64>().unwrap()]));
}

#[test]
fn disorder_is_drawn_from_the_seed() {
    let mut simulator = subscribed(&[]);
    post(&mut simulator, "/_sim/webhooks/disorder", &json!({"duplicates": 0.5, "shuffled": true}));
    post(&mut simulator, "/_sim/webhooks/emit", &json!({"count": 60}));
    let told = events(&simulator.webhooks.due(after(1)));
    assert!((75..=105).contains(&told.len()), "{}", told.len());
    let ids: Vec<u64> = told.iter().map(|event| event["eventId"].as_u64().unwrap()).collect();
    assert!(!ids.is_sorted());
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 60, "none is lost");
}

#[test]
fn silence_keeps_what_it_holds_back() {
    let mut simulator = subscribed(&["contact.creation"]);
    post(&mut simulator, "/_sim/webhooks/disorder", &json!({"silent": true}));
    post(&mut simulator, "/crm/v3/objects/contacts", &json!({"properties": {"email": "a@example.com"}}));
    assert!(simulator.webhooks.due(after(3600)).is_empty());
    post(&mut simulator, "/_sim/webhooks/disorder", &json!({}));
    assert_eq!(events(&simulator.webhooks.due(after(3600))).len(), 1);
}

#[test]
fn subscriptions_are_managed_as_at_hubspot() {
    let mut simulator = subscribed(&[]);
    let path = format!("/webhooks/v3/{PRIVATE_APP_ID}/subscriptions");
    let made = post(&mut simulator, &path, &json!({"eventType": "deal.creation"}));
    assert_eq!(made["active"], false, "a new one sleeps unless told otherwise");
    post(
        &mut simulator,
        "/crm/v3/objects/deals",
        &json!({"properties": {"dealname": "d", "dealstage": "appointmentscheduled", "pipeline": "default"}}),
    );
    assert!(simulator.webhooks.due(after(1)).is_empty());
}

/// Switches a fault on and looks at what leaves a second later.
fn with_fault(simulator: &mut Simulator, fault: &Value) -> Vec<Outgoing> {
    post(simulator, "/_sim/faults", fault);
    post(simulator, "/_sim/webhooks/emit", &json!({"count": 60}));
    simulator.webhooks.due(after(1))
}

#[test]
fn events_may_come_twice_and_late() {
    let mut simulator = subscribed(&[]);
    let told = events(&with_fault(&mut simulator, &json!({"kind": "F46", "share": 1.0})));
    assert_eq!(told.len(), 120);
    let mut simulator = subscribed(&[]);
    let told =
        events(&with_fault(&mut simulator, &json!({"kind": "F50", "share": 0.5, "seconds": 30}))).len();
    assert!((15..=45).contains(&told), "{told}");
    assert_eq!(told + events(&simulator.webhooks.due(after(32))).len(), 60, "the others came late");
}

#[test]
fn signatures_may_be_anothers_or_for_another_address() {
    let mut simulator = subscribed(&[]);
    let sent = with_fault(&mut simulator, &json!({"kind": "hook.secret"}));
    assert_eq!(sent[0].secret, SignedWith::OtherSecret);
    let mut simulator = subscribed(&[]);
    let sent = with_fault(&mut simulator, &json!({"kind": "hook.uri", "part": "host"}));
    assert_eq!(sent[0].signed_url, "http://hooks.customer.example/hook");
    assert_eq!(sent[0].url, "http://127.0.0.1:9/hook");
}

#[test]
fn requests_may_be_slow_or_never_arrive() {
    let mut simulator = subscribed(&[]);
    assert_eq!(with_fault(&mut simulator, &json!({"kind": "hook.slow"}))[0].way, Way::Slow);
    let mut simulator = subscribed(&[]);
    assert_eq!(with_fault(&mut simulator, &json!({"kind": "hook.unreachable"}))[0].way, Way::Closed);
}

#[test]
fn an_attack_hides_among_genuine_requests_and_is_not_tried_again() {
    let mut simulator = subscribed(&[]);
    simulator.webhooks.due(after(0));
    let sent = with_fault(&mut simulator, &json!({"kind": "F53", "per_second": 40}));
    let forged: Vec<&Outgoing> = sent.iter().filter(|one| one.forgery.is_some()).collect();
    assert_eq!((forged.len(), sent.len() - forged.len()), (40, 1));
    for one in &forged {
        simulator.webhooks.ended(one.number, Some(401), after(1));
    }
    assert_eq!(simulator.webhooks.waiting(), 0);
    assert_eq!(simulator.webhooks.log().filter(|sent| sent.forged).count(), 40);
}

#[test]
fn paused_subscriptions_are_silent_and_come_back_as_they_were() {
    for change in ["paused", "deleted"] {
        let mut simulator = subscribed(&["contact.creation"]);
        let fault = json!({"kind": "hook.subscription", "change": change});
        let id = post(&mut simulator, "/_sim/faults", &fault)["id"].as_u64().unwrap();
        let contact = json!({"properties": {"firstname": "A"}});
        post(&mut simulator, "/crm/v3/objects/contacts", &contact);
        assert!(simulator.webhooks.due(after(9)).is_empty());
        let call = Call::bare(Method::DELETE, &format!("/_sim/faults/{id}"));
        assert!(simulator.handle(&call, start()).reply.status.is_success());
        post(&mut simulator, "/crm/v3/objects/contacts", &contact);
        assert_eq!(
            events(&simulator.webhooks.due(after(9))).len(),
            1,
            "{change}: what was missed stays missed"
        );
    }
}

#[test]
fn a_backlog_is_old_and_comes_at_once() {
    let mut simulator = subscribed(&[]);
    post(&mut simulator, "/_sim/faults", &json!({"kind": "hook.backlog", "events": 300, "hours": 2}));
    let told = events(&simulator.webhooks.due(after(1)));
    let oldest = told.iter().filter_map(|event| event["occurredAt"].as_i64()).min().unwrap();
    assert_eq!((told.len(), start().as_millisecond() - oldest), (300, 2 * 3_600_000));
}

#[test]
fn a_write_whose_answer_is_lost_has_taken_effect() {
    for (instead, transport) in
        [("reset", Transport::Reset), ("hang", Transport::Hang), ("504", Transport::Answer)]
    {
        let mut simulator = Simulator::new(Config { base_time: start(), ..Config::default() });
        post(&mut simulator, "/_sim/faults", &json!({"kind": "lost_answer", "instead": instead}));
        let token = simulator.default_token();
        let mut call = |method: Method| {
            let body = json!({"properties": {"firstname": "A"}}).to_string().into();
            let mut call = Call { body, ..Call::bare(method, "/crm/v3/objects/contacts") };
            call.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
            simulator.handle(&call, start())
        };
        let lost = call(Method::POST);
        assert_eq!((lost.transport, lost.reply.status == 504), (transport, instead == "504"));
        let read = call(Method::GET);
        assert_eq!(read.transport, Transport::Answer);
        let found: Value = serde_json::from_slice(&read.reply.body).unwrap();
        assert_eq!(found["results"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn many_subscriptions_are_changed_at_once() {
    let mut simulator = subscribed(&[]);
    let path = format!("/webhooks/v3/{PRIVATE_APP_ID}/subscriptions");
    let made = post(&mut simulator, &path, &json!({"eventType": "deal.creation"}));
    let id: u64 = made["id"].as_str().unwrap().parse().unwrap();
    let patches = json!({"inputs": [{"id": id, "active": true}, {"id": 999_999, "active": true}]});
    let answer = post(&mut simulator, &format!("{path}/batch/update"), &patches);
    assert_eq!((&answer["results"][0]["active"], &answer["numErrors"]), (&json!(true), &json!(1)));
}
