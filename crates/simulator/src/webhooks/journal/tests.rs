//! The journal, through its API.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::Call;
use crate::{Config, Simulator};

fn at(seconds: i64) -> Timestamp {
    Config::default().base_time + SignedDuration::from_secs(seconds)
}

fn ask(simulator: &mut Simulator, line: &str, body: &Value, seconds: i64) -> (StatusCode, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let mut call =
        Call { body: body.to_string().into(), ..Call::bare(method.parse::<Method>().unwrap(), path) };
    let reads = path.starts_with("/webhooks-journal/journal");
    let token = if reads { app_token(simulator, seconds) } else { simulator.default_token() };
    call.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let reply = simulator.handle(&call, at(seconds)).reply;
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

/// What an app by itself is given for its id and its secret.
fn app_token(simulator: &mut Simulator, seconds: i64) -> String {
    let (id, secret) = (simulator.client_id(), simulator.client_secret());
    let body = format!(
        "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=developer.webhooks_journal.read"
    );
    let call = Call { body: body.into(), ..Call::bare(Method::POST, "/oauth/2026-03/token") };
    let answer: Value = serde_json::from_slice(&simulator.handle(&call, at(seconds)).reply.body).unwrap();
    assert!(answer["refresh_token"].is_null(), "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

const SUBSCRIBE: &str = "POST /webhooks-journal/subscriptions/2026-03";
const CREATE: &str = "POST /crm/v3/objects/contacts";
const EARLIEST: &str = "GET /webhooks-journal/journal/2026-03/earliest";

fn subscribed() -> Simulator {
    let mut simulator = Simulator::new(Config::default());
    let portal_id = simulator.portal_id();
    let asked = json!({"subscriptionType": "OBJECT", "portalId": portal_id, "objectTypeId": "0-1",
        "actions": ["CREATE", "UPDATE"]});
    assert_eq!(ask(&mut simulator, SUBSCRIBE, &asked, 0).0, StatusCode::OK);
    simulator
}

/// The events of every entry from the earliest on.
fn read_through(simulator: &mut Simulator, seconds: i64) -> Vec<Value> {
    let (mut events, mut line) = (Vec::new(), EARLIEST.to_owned());
    loop {
        let (status, entry) = ask(simulator, &line, &json!({}), seconds);
        if status == StatusCode::NO_CONTENT {
            return events;
        }
        let offset = entry["currentOffset"].as_str().unwrap();
        let (_, file) = ask(simulator, &format!("GET /_journal/{offset}"), &json!({}), seconds);
        events.extend(file["journalEvents"].as_array().unwrap().clone());
        line = format!("GET /webhooks-journal/journal/2026-03/offset/{offset}/next");
    }
}

#[test]
fn every_change_is_found_once_and_in_order() {
    let mut simulator = subscribed();
    for second in 0..5 {
        let contact = json!({"properties": {"firstname": format!("n{second}"), "lastname": "x"}});
        assert_eq!(ask(&mut simulator, CREATE, &contact, second * 2).0, StatusCode::CREATED);
    }
    assert_eq!(read_through(&mut simulator, 8).len(), 8, "the last is not published yet");
    let events = read_through(&mut simulator, 20);
    let told: Vec<_> = events.iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["CREATE", "UPDATE"].repeat(5));
    let names: Vec<_> =
        events.iter().filter_map(|event| event["propertyChanges"]["firstname"].as_str()).collect();
    assert_eq!(names, ["n0", "n1", "n2", "n3", "n4"]);
    assert_eq!(events[1]["propertyChanges"]["lastname"], "x", "one write is one event");
}

#[test]
fn three_days_are_kept() {
    let mut simulator = subscribed();
    ask(&mut simulator, CREATE, &json!({"properties": {"firstname": "a"}}), 0);
    let days = |days: i64| days * 24 * 3600;
    assert_eq!(read_through(&mut simulator, days(3) - 1).len(), 2);
    let (_, entry) = ask(&mut simulator, EARLIEST, &json!({}), days(3) - 1);
    assert_eq!(read_through(&mut simulator, days(3) + 2).len(), 0);
    let next = format!(
        "GET /webhooks-journal/journal/2026-03/offset/{}/next",
        entry["currentOffset"].as_str().unwrap()
    );
    assert_eq!(ask(&mut simulator, &next, &json!({}), days(3) + 2).0, StatusCode::NOT_FOUND);
}

#[test]
fn batches_hold_what_was_asked_for() {
    let mut simulator = subscribed();
    for second in 0..5 {
        ask(&mut simulator, CREATE, &json!({"properties": {"firstname": "a"}}), second * 2);
    }
    let line = "GET /webhooks-journal/journal-local/2026-03/batch/earliest/3";
    let (_, batch) = ask(&mut simulator, line, &json!({}), 20);
    assert_eq!(batch["results"].as_array().unwrap().len(), 3);
    let offset = batch["results"][2]["currentOffset"].as_str().unwrap().to_owned();
    let line = format!("GET /webhooks-journal/journal-local/2026-03/batch/{offset}/next/100");
    assert_eq!(ask(&mut simulator, &line, &json!({}), 20).1["results"].as_array().unwrap().len(), 2);
}

#[test]
fn more_than_a_hundred_reads_in_a_second_are_refused() {
    let mut simulator = subscribed();
    let mut refused = 0;
    for _ in 0..105 {
        refused += u32::from(ask(&mut simulator, EARLIEST, &json!({}), 5).0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 5);
    assert_eq!(ask(&mut simulator, EARLIEST, &json!({}), 6).0, StatusCode::NO_CONTENT);
}

#[test]
fn an_accounts_own_token_does_not_read_it() {
    let mut simulator = subscribed();
    let (_, path) = EARLIEST.split_once(' ').unwrap();
    let mut call = Call::bare(Method::GET, path);
    let token = format!("Bearer {}", simulator.default_token());
    call.headers.insert("authorization", token.parse().unwrap());
    let reply = simulator.handle(&call, at(5)).reply;
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((reply.status, &body["category"]), (StatusCode::FORBIDDEN, &json!("MISSING_SCOPES")));
}
