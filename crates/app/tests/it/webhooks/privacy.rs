//! A person who is to be forgotten: of what they told, nothing is left in any file of ours, and it is told that it went.

use std::path::Path;

use serde_json::{Value, json as written};
use simulator::registry::PRIVATE_APP_ID;
use simulator::webhooks::sign;

use super::desk::{ask, json};
use super::forwarding::{Place, subscriber};
use super::now;
use crate::house::{PATIENCE, Program, Upstream, canary, json_answer};

/// Nothing else looks like it.
const CANARY: &str = "canary-7f3a9";
/// Somebody else's, which stays.
const OTHER: &str = "finch-2b81c";

const KEY: &str = "Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9324";
const CONTACTS: &str = "/crm/v3/objects/contacts";

/// In which of our files a text stands.
fn files_with(directory: &Path, text: &str) -> Vec<String> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        let bytes = canary::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
    };
    files.filter(holds).map(|path| path.display().to_string()).collect()
}

async fn call(
    up: &Program,
    place: &Place,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &Value,
) -> (u16, Value) {
    let token = format!("Authorization: Bearer {}", place.sim.token());
    let lines: Vec<&str> = [token.as_str()].into_iter().chain(headers.iter().copied()).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = crate::house::ask(up.url(), method, path, &lines, &body).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

/// Makes a contact with a name of its own in all that may hold one; its number.
async fn told_everywhere(up: &Program, place: &Place, name: &str, key: &str) -> String {
    let contact = written!({"properties": {"firstname": name, "email": format!("{name}@example.com")}});
    let (status, made) = call(up, place, "POST", CONTACTS, &[key], &contact).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("{CONTACTS}/{id}");
    for property in ["lastname", "no_such_property"] {
        let change = written!({"properties": {property: format!("{name}-later")}});
        let (status, operation) = call(up, place, "PATCH", &path, &["Prefer: respond-async"], &change).await;
        assert_eq!(status, 202, "{operation}");
        settled(up, place, operation["location"].as_str().unwrap()).await;
    }
    assert_eq!(call(up, place, "GET", &path, &[], &Value::Null).await.0, 200);
    id
}

async fn settled(up: &Program, place: &Place, location: &str) {
    let settled = async {
        loop {
            let (_, shown) = call(up, place, "GET", location, &[], &Value::Null).await;
            if !["pending", "sending"].contains(&shown["state"].as_str().unwrap()) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("it ends in time");
}

/// One that does not verify and names our app.
async fn suspected(up: &Program, id: &str) {
    let event = written!([{"eventId": 5, "portalId": simulator::Config::default().portal_id, "appId": PRIVATE_APP_ID,
        "occurredAt": now().as_millisecond(), "subscriptionType": "contact.propertyChange", "objectId": id.parse::<u64>().unwrap(),
        "propertyName": "lastname", "propertyValue": CANARY}]);
    let target = "/webhooks/hubspot";
    let signed = sign::headers(
        "a-wrong-secret",
        &format!("{}{target}", up.url()),
        event.to_string().as_bytes(),
        now(),
    );
    let lines: Vec<String> =
        signed.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(crate::house::ask(up.url(), "POST", target, &lines, &event.to_string()).await.status, 503);
}

/// Somebody on call writes down whom it concerns.
async fn noted(up: &Program, names: &[&str]) {
    let post = async |path: &str, body: &str| {
        crate::house::ask(up.admin(), "POST", path, &["Content-Type: application/json"], body).await.status
    };
    assert_eq!(post("/api/v1/jobs/nightly/fail", "").await, 201);
    let opened = async {
        loop {
            let all = crate::house::ask(up.admin(), "GET", "/api/v1/incidents", &[], "").await;
            let all: Value = serde_json::from_slice(&all.body).unwrap();
            if let Some(id) = all["incidents"][0]["id"].as_str() {
                return id.to_owned();
            }
        }
    };
    let id = tokio::time::timeout(PATIENCE, opened).await.expect("a failed job is an incident");
    for name in names {
        let note = written!({"by": "kim", "text": format!("{}@Example.com wrote in.", name.to_uppercase())});
        assert_eq!(post(&format!("/api/v1/incidents/{id}/note"), &note.to_string()).await, 200);
    }
}

/// Waits until a list has so many rows.
async fn listed(up: &Program, what: &[&str], name: &str, count: usize) -> Value {
    let listed = async {
        loop {
            let told = json(&ask(up, what).await);
            if told[name].as_array().is_some_and(|rows| rows.len() >= count) {
                return told;
            }
        }
    };
    tokio::time::timeout(PATIENCE, listed).await.expect("it comes in time")
}

/// One person in every place that something is kept in, and another. The number of the first.
async fn two_are_kept(place: &Place, events: &[&str]) -> (Program, String) {
    let target = written!({"url": format!("{}/webhooks/hubspot", place.address), "events": events});
    place.control("target", &target).await;
    let connection = format!(
        "[[connections]]\nname = \"default\"\ntoken = \"env:TOKEN\"\napp_id = {PRIVATE_APP_ID}\nclient_secret = \"env:APP_SECRET\"\n"
    );
    let secret = place.sim.ready["client_secret"].as_str().unwrap();
    let up = place.up_with(&connection, secret).await;
    let ada = told_everywhere(&up, place, CANARY, KEY).await;
    told_everywhere(&up, place, OTHER, "Idempotency-Key: another-0001").await;
    suspected(&up, &ada).await;
    noted(&up, &[CANARY, OTHER]).await;
    (up, ada)
}

/// What a person does about it by hand, and what comes of it.
async fn privacy(up: &Program, arguments: &[&str]) -> crate::house::Ended {
    let start =
        crate::house::Start::new(&["privacy"]).args(arguments).args(&["--json", "--admin", up.admin()]);
    start.ended().await
}

#[tokio::test]
async fn whoever_is_asked_about_by_address_or_number_is_found_and_forgotten_by_hand() {
    let taker = Upstream::start(|_| vec![json_answer("422 Unprocessable Content", "{}")]).await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let events = ["contact.creation", "contact.propertyChange:firstname", "contact.propertyChange:email"];
    let (up, ada) = two_are_kept(&place, &events).await;
    listed(&up, &["list", "--max", "100"], "events", 4).await;
    let email = format!("{CANARY}@Example.com");
    let by_address = json(&privacy(&up, &["find", &email]).await);
    let by_number = json(&privacy(&up, &["find", &ada]).await);
    let one = &by_address["people"][0];
    assert_eq!(by_address["people"].as_array().unwrap().len(), 1, "{by_address}");
    assert_eq!((&one["contact_id"], &one["kept"]["operations"]), (&written!(ada), &written!(2)), "{one}");
    assert_eq!((&one["kept"]["answers"], &one["kept"]["quarantine"]), (&written!(1), &written!(1)), "{one}");
    assert!(one["kept"]["deliveries"].as_u64().unwrap() >= 1, "{one}");
    assert_eq!(one["kept"]["incidents"], 1, "{one}");
    let keyed = one["in_the_audit_log"].as_str().unwrap().to_owned();
    assert!(keyed.starts_with("person:"), "{one}");
    assert_eq!(by_number["people"][0]["kept"], one["kept"]);
    // Kept answers do not tell whose portal they are of; events do.
    let elsewhere = json(&privacy(&up, &["find", &email, "--portal", "7"]).await);
    let elsewhere = elsewhere["people"].as_array().unwrap().iter().map(|one| &one["kept"]["deliveries"]);
    assert_eq!(elsewhere.filter(|count| **count != 0).count(), 0);
    let asked_only = privacy(&up, &["forget", &email]).await;
    assert!(asked_only.code == Some(2) && asked_only.stderr.contains("--yes"), "{asked_only:#?}");
    let nonsense = privacy(&up, &["find", "ada"]).await;
    assert_eq!((nonsense.code, &*nonsense.stdout), (Some(2), ""), "{nonsense:#?}");

    let forgotten = privacy(&up, &["forget", &email, "--yes"]).await;
    assert_eq!(forgotten.code, Some(0), "{forgotten:#?}");
    assert_eq!(json(&forgotten)["forgotten"][0]["kept"]["operations"], 2, "{forgotten:#?}");
    let again = json(&privacy(&up, &["find", &ada]).await);
    let again = &again["people"][0];
    assert!(again["forgotten_before"].is_string(), "{again}");
    assert_eq!(
        again["kept"]["deliveries"].as_u64().unwrap() + again["kept"]["operations"].as_u64().unwrap(),
        0,
        "{again}"
    );
    up.stop().await;
    let data = place.data.path();
    assert_eq!(files_with(data, CANARY), Vec::<String>::new());
    assert!(!files_with(data, OTHER).is_empty(), "nobody else is forgotten");
    let audited =
        crate::house::Start::new(&["audit", "list", "--data", data.to_str().unwrap()]).ended().await;
    let told = |line: &&str| line.contains("privacy_request") && line.contains(&keyed);
    assert_eq!(audited.stdout.lines().filter(told).count(), 1, "{audited:#?}");
}

#[tokio::test]
async fn nothing_of_a_person_is_left_in_any_file_and_it_is_told_that_it_went() {
    // It takes nothing, so that events become letters.
    let taker = Upstream::start(|_| vec![json_answer("422 Unprocessable Content", "{}")]).await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let events = [
        "contact.creation",
        "contact.propertyChange:firstname",
        "contact.propertyChange:email",
        "contact.propertyChange:lastname",
        "contact.privacyDeletion",
    ];
    let (up, ada) = two_are_kept(&place, &events).await;
    listed(&up, &["list", "--max", "100"], "events", 8).await;
    listed(&up, &["list", "--quarantine"], "quarantine", 1).await;
    let data = place.data.path();
    assert!(!files_with(data, CANARY).is_empty(), "the rig cannot see what is kept");
    let gone = written!({"objectId": ada});
    let token = format!("Authorization: Bearer {}", place.sim.token());
    let path = format!("{CONTACTS}/gdpr-delete");
    let deleted = crate::house::ask(place.sim.url(), "POST", &path, &[&token], &gone.to_string()).await;
    assert_eq!(deleted.status, 204);
    let purges = listed(&up, &["list", "--purges"], "purges", 1).await;
    let purge = &purges["purges"][0];
    assert_eq!(purge["contact_id"], ada.as_str());
    assert_eq!(
        (&purge["purged"]["answers"], &purge["purged"]["operations"]),
        (&1.into(), &2.into()),
        "{purge}"
    );
    assert_eq!(
        (&purge["purged"]["quarantine"], &purge["purged"]["incidents"]),
        (&1.into(), &1.into()),
        "{purge}"
    );
    assert!(purge["purged"]["deliveries"].as_u64().unwrap() > 0, "{purge}");
    let left = async {
        while !files_with(data, CANARY).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, left).await.is_ok(), "{:?}", files_with(data, CANARY));
    assert!(!files_with(data, OTHER).is_empty(), "nobody else is forgotten");
    // The key stays used: the contact is not made again.
    let contact = written!({"properties": {"firstname": CANARY, "email": format!("{CANARY}@example.com")}});
    let (status, again) = call(&up, &place, "POST", CONTACTS, &[KEY], &contact).await;
    assert_eq!((status, again), (201, written!({})));
    let fault = written!({"kind": "hubspot.outage_unlisted"}).to_string();
    assert_eq!(crate::house::ask(place.sim.url(), "POST", "/_sim/faults", &[], &fault).await.status / 100, 2);
    let (status, stale) = call(&up, &place, "GET", &format!("{CONTACTS}/{ada}"), &[], &Value::Null).await;
    assert!(status >= 400 && !stale.to_string().contains(CANARY), "{status} {stale}");
    up.stop().await;
    assert_eq!(files_with(data, CANARY), Vec::<String>::new());
    let audited =
        crate::house::Start::new(&["audit", "list", "--data", data.to_str().unwrap()]).ended().await;
    let purged = |line: &&str| line.contains("privacy_request") && !line.contains(ada.as_str());
    assert_eq!(audited.stdout.lines().filter(purged).count(), 1, "{audited:#?}");
}
