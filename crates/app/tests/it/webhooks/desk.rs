//! What a person does about webhooks: looks, asks why, mends, sends again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json as written};
use simulator::registry::PRIVATE_APP_ID;

use super::forwarding::{Place, seen, sees, subscriber};
use crate::house::{Ended, PATIENCE, Program, Start, Upstream, json_answer};

pub(super) async fn ask(up: &Program, arguments: &[&str]) -> Ended {
    let start = Start::new(&["webhooks"]).args(arguments).args(&["--json", "--admin", up.admin()]);
    start.ended().await
}

pub(super) fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"))
}

async fn taker() -> Upstream {
    Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await
}

#[tokio::test]
async fn what_was_delivered_is_sent_again_under_the_same_names() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "name = \"billing\"")).await;
    let up = place.up().await;
    place.emit(20, 4).await;
    sees(&taker, 20).await;
    let listed = json(&ask(&up, &["list", "--max", "100"]).await);
    assert_eq!(listed["events"].as_array().unwrap().len(), 20);
    // The last ones, however many come in one delivery, and of those that are looked for as well.
    let names = |listed: &Value| {
        let events = listed["events"].as_array().unwrap();
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for which in [&["list", "--max", "3"][..], &["list", "--max", "3", "--kind", "contact.*"]] {
        let last = json(&ask(&up, which).await);
        assert_eq!(names(&last), names(&listed)[17..], "{which:?}: {last}");
    }
    let asked = ask(&up, &["replay", "--subscriber", "billing", "--from", "2020-01-01"]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    taker.hears(40).await;
    let heard = taker.heard();
    let again = heard.iter().filter(|heard| heard.header("hubkeeper-replay") == Some("true")).count();
    assert_eq!((again, seen(&heard).len()), (20, 20));
    let name = heard[0].header("webhook-id").unwrap().to_owned();
    assert_eq!(ask(&up, &["replay", "--subscriber", "billing", &name]).await.code, Some(0));
    taker.hears(41).await;
    assert_eq!(taker.heard()[40].header("webhook-id"), Some(name.as_str()));
    let shown = json(&ask(&up, &["show", &name]).await);
    assert_eq!(shown["event"]["subscriptionType"], "contact.propertyChange");
    let metrics = crate::house::ask(up.admin(), "GET", "/metrics", &[], "").await;
    for line in [
        "hubkeeper_forwarded_events_total{subscriber=\"billing\",result=\"delivered\"} 20",
        "hubkeeper_webhook_events_total{result=\"new\"} 20",
        "hubkeeper_webhook_ack_seconds_count",
        "hubkeeper_webhook_silent{connection=\"default\"} 0",
        "hubkeeper_webhook_delay_seconds_bucket{le=\"+Inf\"} 20",
    ] {
        assert!(metrics.text().contains(line), "{line} is missing in {}", metrics.text());
    }
    let all_is_done = "hubkeeper_forward_backlog{subscriber=\"billing\"} 0.0";
    let counted = async {
        while !crate::house::ask(up.admin(), "GET", "/metrics", &[], "").await.text().contains(all_is_done) {}
    };
    tokio::time::timeout(PATIENCE, counted).await.expect("what is done is counted as done");
    for (nonsense, why) in [
        (&["list", "--max", "0"][..], "1..=1000"),
        (&["list", "--letters", "lost"], "waiting, dead, replaying"),
        (&["replay", "--subscriber", "billing"], "nothing says what to send"),
        (&["replay", "--subscriber", "billing", "--from", "soon"], "a time looks like"),
        (&["replay", "--subscriber", "billing", "--from", "2027-01-02", "--until", "2027-01-01"], "later"),
        (&["replay", "1", "--subscriber", "billing", "--kind", "contact.*"], "by itself"),
    ] {
        let ended = ask(&up, nonsense).await;
        assert_eq!((ended.code, ended.stderr.contains(why)), (Some(2), true), "{ended:?}");
    }
    let nonsense = ask(&up, &["show", "evt_nonsense"]).await;
    assert_eq!((nonsense.code, nonsense.stderr.contains("no event's name")), (Some(2), true), "{nonsense:?}");
    let nobody = ask(&up, &["replay", "--subscriber", "nobody", "--from", "2020-01-01T00:00:00Z"]).await;
    assert_eq!((nobody.code, nobody.stderr.contains("no subscriber")), (Some(1), true), "{nobody:?}");
    up.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_is_gone_is_seen_switched_on_and_served() {
    let gone = Arc::new(AtomicBool::new(true));
    let is_gone = gone.clone();
    let taker = Upstream::start(move |_| {
        let status = if is_gone.load(Ordering::SeqCst) { "410 Gone" } else { "200 OK" };
        vec![json_answer(status, "{}")]
    })
    .await;
    let place = Place::new(&subscriber(&taker, "name = \"billing\"\nconcurrency = 1")).await;
    let up = place.up().await;
    place.emit(5, 5).await;
    taker.hears(1).await;
    let told = loop {
        let ended = ask(&up, &["subscribers"]).await;
        if json(&ended)["subscribers"][0]["disabled"].is_string() {
            break ended;
        }
    };
    assert_eq!(told.code, Some(1), "{told:?}");
    assert_eq!(json(&told)["subscribers"][0]["backlog"]["deliveries"], 1, "what it did not take waits");
    gone.store(false, Ordering::SeqCst);
    let test = ask(&up, &["send-test", "billing"]).await;
    assert_eq!((test.code, &json(&test)["taken"]), (Some(0), &Value::from(true)));
    assert_eq!(ask(&up, &["subscribers", "--enable", "billing"]).await.code, Some(0));
    // One was refused, one was the test.
    taker.hears(7).await;
    up.stop().await;
}

#[tokio::test]
async fn a_wrong_secret_is_explained_and_what_waited_is_taken_once_it_is_mended() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let connection = format!(
        "[[connections]]\nname = \"default\"\ntoken = \"env:TOKEN\"\napp_id = {PRIVATE_APP_ID}\nclient_secret = \"env:APP_SECRET\"\n"
    );
    let up = place.up_with(&connection, "00000000-1111-2222-3333-444444444444").await;
    place.emit(3, 3).await;
    let waiting = loop {
        let listed = json(&ask(&up, &["list", "--quarantine"]).await);
        if listed["quarantine"].as_array().is_some_and(|all| !all.is_empty()) {
            break listed;
        }
    };
    let number = waiting["quarantine"][0]["id"].to_string();
    let why = ask(&up, &["verify", &number]).await;
    assert_eq!((why.code, &json(&why)["explanation"]["cause"]), (Some(1), &Value::from("secret_or_forged")));
    assert_eq!(ask(&up, &["verify"]).await.code, Some(1));
    up.stop().await;
    let secret = place.sim.ready["client_secret"].as_str().unwrap().to_owned();
    let up = place.up_with(&connection, &secret).await;
    let mended = ask(&up, &["verify"]).await;
    assert_eq!((mended.code, &json(&mended)["reverified"]["new"]), (Some(0), &Value::from(3)), "{mended:?}");
    sees(&taker, 3).await;
    up.stop().await;
}

#[tokio::test]
async fn a_captured_delivery_is_judged_without_a_gateway() {
    let secret = "11111111-2222-3333-4444-555555555555";
    let at = client::clock::WallClock::system().now();
    let url = "http://hooks.example.com/webhooks/hubspot";
    let signed = simulator::webhooks::sign::headers(secret, url, b"[{}]", at);
    let mut head = "POST /webhooks/hubspot HTTP/1.1\r\n".to_owned();
    for (name, value) in &signed {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    let capture = format!("{head}\r\n[{{}}]");
    let judged = |public: &'static str| {
        let start = Start::new(&["webhooks", "verify", "capture.http", "--json", "--public-url", public]);
        start.env("HUBSPOT_CLIENT_SECRET", secret).file("capture.http", &capture).ended()
    };
    let wrong = judged("https://hooks.example.com").await;
    let told = json(&wrong);
    assert_eq!(
        (wrong.code, &told["cause"], &told["signed_address"]),
        (Some(1), &"uri".into(), &url.into()),
        "{told}"
    );
    assert_eq!(judged("http://hooks.example.com").await.code, Some(0));
    let none = Start::new(&["webhooks", "verify", "nothing.http"]).ended().await;
    assert_eq!((none.code, none.stderr.contains("hint:")), (Some(2), true), "{none:?}");
}

/// Waits until the reader of the journal has looked, and tells what it found.
async fn looked(up: &Program) -> Value {
    shows(up, |told| told["journals"][0]["looked_at"].is_string()).await
}

/// Waits until the report on the journal shows something.
async fn shows(up: &Program, what: impl Fn(&Value) -> bool) -> Value {
    let mut told = Value::Null;
    let showing = async {
        while !what(&told) {
            told = json(&ask(up, &["journal"]).await);
        }
    };
    let shown = tokio::time::timeout(PATIENCE, showing).await;
    assert!(shown.is_ok(), "it does not come to this: {told:#}");
    told
}

#[tokio::test]
async fn what_no_webhook_brought_is_taken_from_the_journal_and_told() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let text = |name: &str| place.sim.ready[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let connection = format!(
        "[[connections]]\nname = \"default\"\ntoken = \"env:TOKEN\"\njournal = true\nclient_id = \"{id}\"\nclient_secret = \"env:APP_SECRET\"\n"
    );
    let told = async |method: &str, path: &str, token: &str, body: &str| {
        let token = format!("Authorization: Bearer {token}");
        let form = "Content-Type: application/x-www-form-urlencoded";
        crate::house::ask(place.sim.url(), method, path, &[&token, form], body).await
    };
    let portal = simulator::Config::default().portal_id;
    let subscription = written!({"subscriptionType": "OBJECT", "portalId": portal, "objectTypeId": "0-1",
        "actions": ["CREATE", "UPDATE"]});
    let path = "/webhooks-journal/subscriptions/2026-03";
    assert_eq!(told("POST", path, place.sim.token(), &subscription.to_string()).await.status, 200);
    // From now on something that does not come is a gap.
    let up = place.up_with(&connection, &secret).await;
    assert!(looked(&up).await["journals"][0]["error"].is_null());
    up.stop().await;
    for number in 0..3 {
        let contact = written!({"properties": {"firstname": format!("n{number}")}}).to_string();
        assert_eq!(told("POST", "/crm/v3/objects/contacts", place.sim.token(), &contact).await.status, 201);
    }
    let form = format!(
        "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=developer.webhooks_journal.read"
    );
    let bought = told("POST", "/oauth/2026-03/token", "-", &form).await;
    let bought: Value = serde_json::from_slice(&bought.body).unwrap();
    let token = bought["access_token"].as_str().unwrap();
    let published = async {
        while told("GET", "/webhooks-journal/journal/2026-03/earliest", token, "").await.status != 200 {}
    };
    tokio::time::timeout(PATIENCE, published).await.expect("HubSpot publishes it");
    let up = place.up_with(&connection, &secret).await;
    sees(&taker, 6).await;
    let events = seen(&taker.heard());
    let created = events.iter().filter(|event| event["subscriptionType"] == "contact.creation").count();
    assert_eq!(created, 3, "{events:#?}");
    // What is taken from it is passed on, and then its place is kept.
    shows(&up, |told| told["journals"][0]["events_filled"] == 6 && told["gaps"][0]["events"] == 6).await;
    let metrics = crate::house::ask(up.admin(), "GET", "/metrics", &[], "").await;
    let line = "hubkeeper_journal_filled_total{connection=\"default\"} 6";
    assert!(metrics.text().contains(line), "{}", metrics.text());
    up.stop().await;
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_says_why_and_tells_no_secret() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let connection = "[[connections]]\nname = \"default\"\ntoken = \"env:TOKEN\"\njournal = true\nclient_id = \"nobody\"\nclient_secret = \"env:APP_SECRET\"\n";
    let up = place.up_with(connection, "the-secret-itself").await;
    let why = looked(&up).await["journals"][0]["error"].as_str().unwrap().to_owned();
    assert!(why.contains("BAD_CLIENT_ID") && why.contains("check client_id"), "{why}");
    let told = ask(&up, &["journal"]).await;
    assert_eq!(told.code, Some(1), "{told:?}");
    let ended = up.stop().await;
    assert!(!ended.stderr.contains("the-secret-itself"), "{ended:?}");
}

#[tokio::test]
async fn a_gateway_without_webhooks_says_what_it_needs() {
    let up = Start::up("http://127.0.0.1:9").ready().await;
    for arguments in [&["list"][..], &["journal"], &["subscribers"]] {
        let ended = ask(&up, arguments).await;
        assert_eq!(
            (ended.code, ended.stderr.contains("hint: set webhooks.public_url")),
            (Some(2), true),
            "{ended:?}"
        );
    }
    up.stop().await;
}
