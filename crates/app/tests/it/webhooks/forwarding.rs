//! From a simulated HubSpot through a real `hubkeeper up` to a stand-in subscriber.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use simulator::webhooks::sign;
use tempfile::TempDir;

use crate::house::{Heard, Program, Start, Upstream, ask, json_answer};

/// 32 bytes, and the same as a signing secret.
const KEY: &str = "0123456789abcdef0123456789abcdef";
pub(super) const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// A simulated HubSpot that delivers to a gateway, and where the gateway keeps what it must.
pub(super) struct Place {
    pub(super) sim: Program,
    pub(super) address: String,
    pub(super) data: TempDir,
    subscribers: String,
}

impl Place {
    /// `subscribers` are sections of the configuration.
    pub(super) async fn new(subscribers: &str) -> Self {
        let sim = Start::sim().ready().await;
        let address = Upstream::nobody().await;
        let place = Self { sim, address, data: TempDir::new().unwrap(), subscribers: subscribers.to_owned() };
        let target = json!({"url": format!("{}/webhooks/hubspot", place.address)});
        place.control("target", &target).await;
        place
    }

    pub(super) async fn up(&self) -> Program {
        let secret = self.sim.ready["client_secret"].as_str().unwrap();
        self.up_with("", secret).await
    }

    /// With more sections, and a client secret that need not be the right one.
    pub(super) async fn up_with(&self, sections: &str, secret: &str) -> Program {
        let listen = self.address.strip_prefix("http://").unwrap();
        let data = self.data.path().to_str().unwrap();
        let start = Start::new(&["up", "--listen", listen, "--admin-listen", "127.0.0.1:0", "--data", data]);
        let file = format!(
            "[webhooks]\npublic_url = \"{}\"\njournal_hold_seconds = 0\n{}{sections}",
            self.address, self.subscribers
        );
        let start = start.args(&["--upstream", self.sim.url()]).file("hubkeeper.toml", &file);
        let start = start.env("HUBSPOT_CLIENT_SECRET", secret).env("APP_SECRET", secret);
        start.env("TOKEN", self.sim.token()).env("SUBSCRIBER_SECRET", SECRET).ready().await
    }

    /// Made-up events leave HubSpot.
    pub(super) async fn emit(&self, count: usize, objects: usize) {
        self.control("emit", &json!({"count": count, "objects": objects})).await;
    }

    pub(super) async fn control(&self, what: &str, body: &Value) {
        let answer =
            ask(self.sim.url(), "POST", &format!("/_sim/webhooks/{what}"), &[], &body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// A subscriber's section of the configuration.
pub(super) fn subscriber(upstream: &Upstream, more: &str) -> String {
    format!(
        "[[webhooks.subscribers]]\nurl = \"{}/in\"\nsecret = \"env:SUBSCRIBER_SECRET\"\nallow_private = true\n{more}\n",
        upstream.url
    )
}

/// What a subscriber that tells repetitions apart has seen: each event once, in the order of its first arrival.
pub(super) fn seen(heard: &[Heard]) -> Vec<Value> {
    let mut ids = BTreeSet::new();
    let mut events = Vec::new();
    for heard in heard {
        let body: Vec<Value> = serde_json::from_slice(&heard.body).unwrap();
        let names = heard.header("hubkeeper-event-ids").unwrap().split(',');
        for (id, event) in names.zip(body) {
            if ids.insert(id.to_owned()) {
                events.push(event);
            }
        }
    }
    events
}

/// Waits until the subscriber has seen so many different events.
pub(super) async fn sees(subscriber: &Upstream, count: usize) {
    loop {
        let heard = subscriber.heard();
        if seen(&heard).len() >= count {
            return;
        }
        subscriber.hears(heard.len() + 1).await;
    }
}

pub(super) fn assert_signed(heard: &Heard) {
    let header = |name| heard.header(name).unwrap_or_else(|| panic!("{name} is missing: {heard:?}"));
    let (id, timestamp) = (format!("{}.", header("webhook-id")), format!("{}.", header("webhook-timestamp")));
    let expected = sign::v3(KEY, &id, &timestamp, &heard.body, "");
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
}

pub(super) fn assert_in_order(events: &[Value]) {
    let mut last: BTreeMap<u64, i64> = BTreeMap::new();
    for event in events {
        let (object, at) = (event["objectId"].as_u64().unwrap(), event["occurredAt"].as_i64().unwrap());
        assert!(last.insert(object, at).is_none_or(|before| before <= at), "{object} at {at}");
    }
}

#[tokio::test]
async fn every_event_reaches_its_subscriber_signed_and_in_order() {
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let up = place.up().await;
    place.emit(250, 7).await;
    sees(&taker, 250).await;
    let heard = taker.heard();
    heard.iter().for_each(assert_signed);
    assert_eq!(seen(&heard).len(), 250);
    assert_in_order(&seen(&heard));
    up.stop().await;
}

#[tokio::test]
async fn killed_in_the_middle_it_goes_on_where_it_was() {
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    // From the fortieth request on, nothing is answered, until the gateway has been killed.
    let stall = Arc::new(AtomicBool::new(true));
    let stalls = stall.clone();
    let taker = Upstream::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        if number >= 40 && stalls.load(Ordering::SeqCst) {
            vec![crate::house::Act::Stall]
        } else {
            vec![json_answer("200 OK", "{}")]
        }
    })
    .await;
    let place = Place::new(&subscriber(&taker, "batch = 2")).await;
    let up = place.up().await;
    place.emit(200, 9).await;
    taker.hears(42).await;
    up.kill().await;
    stall.store(false, Ordering::SeqCst);
    let up = place.up().await;
    sees(&taker, 200).await;
    let heard = taker.heard();
    assert_in_order(&seen(&heard));
    assert_eq!(seen(&heard).len(), 200);
    up.stop().await;
}

#[tokio::test]
async fn a_subscriber_in_trouble_gets_everything_later_under_the_same_name() {
    let answered = AtomicUsize::new(0);
    let taker = Upstream::start(move |_| {
        let down = answered.fetch_add(1, Ordering::SeqCst) < 8;
        vec![json_answer(if down { "503 Service Unavailable" } else { "200 OK" }, "{}")]
    })
    .await;
    let place = Place::new(&subscriber(&taker, "concurrency = 1")).await;
    let up = place.up().await;
    place.emit(20, 4).await;
    sees(&taker, 20).await;
    taker.hears(28).await;
    let mut attempts: BTreeMap<String, usize> = BTreeMap::new();
    for heard in taker.heard() {
        *attempts.entry(heard.header("webhook-id").unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!((attempts.len(), attempts.values().sum::<usize>()), (20, 28), "{attempts:?}");
    up.stop().await;
}

#[tokio::test]
async fn an_address_of_our_own_network_is_not_called_unless_allowed() {
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let allowed = subscriber(&taker, "name = \"allowed\"");
    let port = taker.url.rsplit(':').next().unwrap();
    // The name is public, what it resolves to is not.
    let refused = format!(
        "[[webhooks.subscribers]]\nname = \"refused\"\nurl = \"https://localhost:{port}/refused\"\nsecret = \"env:SUBSCRIBER_SECRET\"\n"
    );
    let place = Place::new(&format!("{refused}{allowed}")).await;
    let up = place.up().await;
    place.emit(10, 10).await;
    sees(&taker, 10).await;
    assert!(taker.heard().iter().all(|heard| heard.request_line().starts_with("POST /in ")));
    assert_eq!(taker.connections(), 4, "one for each request at a time, and none by the refused one");
    up.stop().await;
}
