//! What a person does about webhooks: looks, asks why, mends, sends again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use simulator::registry::PRIVATE_APP_ID;

use super::forwarding::{Place, seen, sees, subscriber};
use crate::house::{Ended, Program, Start, Upstream, json_answer};

async fn ask(up: &Program, arguments: &[&str]) -> Ended {
    let start = Start::new(&["webhooks"]).args(arguments).args(&["--json", "--admin", up.admin()]);
    start.ended().await
}

fn json(ended: &Ended) -> Value {
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
    let asked = ask(&up, &["replay", "--subscriber", "billing", "--from", "2020-01-01T00:00:00Z"]).await;
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
    ] {
        assert!(metrics.text().contains(line), "{line} is missing in {}", metrics.text());
    }
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
