//! What only hubkeeper itself can tell, and each of it from a run of the real binary: what HubSpot's journal has and no webhook
//! brought, a cache that is too small, a new version that does worse than the one before; a store that is gone, answers that come too
//! late, addresses that nobody can connect to.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::signals::{PUBLIC, SECRET, event, ready, signed, webhooks};
use super::told::{Told, names};
use super::{fault, incident};
use crate::house::{Program, Start, Upstream, ask};
use crate::outbox::postgres::Server;

/// At HubSpot's, past us.
async fn at_hubspot(sim: &Program, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let token = format!("Authorization: Bearer {token}");
    let form = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
    let answer = ask(sim.url(), method, path, &[&token, &format!("content-type: {form}")], body).await;
    (answer.status, serde_json::from_str(&answer.text()).unwrap_or_default())
}

/// Records change in the portal, and no subscription sends a word of it; the journal has it all.
#[tokio::test]
async fn events_that_only_the_journal_knows_are_a_subscription_that_is_off() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let text = |name: &str| sim.ready[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    let public = Upstream::nobody().await;
    let file = format!(
        "[webhooks]\npublic_url = \"{public}\"\ndoorbell_seconds = 0\njournal_hold_seconds = 0\njournal_seconds = 1\n\
         [[connections]]\nname = \"default\"\ntoken = \"env:TOKEN\"\njournal = true\nclient_id = \"{id}\"\n\
         client_secret = \"env:APP_SECRET\"\n"
    );
    let portal = simulator::Config::default().portal_id;
    let watched = json!({"subscriptionType": "OBJECT", "portalId": portal, "objectTypeId": "0-1",
        "actions": ["CREATE", "UPDATE"]});
    let path = "/webhooks-journal/subscriptions/2026-03";
    assert_eq!(at_hubspot(&sim, "POST", path, sim.token(), &watched.to_string()).await.0, 200);
    let up = ready(told.up(sim.url(), &file).env("APP_SECRET", &secret), &sim).await;
    told.after_a_look(&up).await;
    assert_eq!(names(&up).await, ["a job failed"], "a journal that has nothing is well");
    for number in 0..4 {
        let contact = json!({"properties": {"firstname": format!("n{number}")}}).to_string();
        let made = at_hubspot(&sim, "POST", "/crm/v3/objects/contacts", sim.token(), &contact).await;
        assert_eq!(made.0, 201);
    }
    told.hears("hook.subscription").await;
    let (_, listed) = incident(&up, &["list"]).await;
    assert!(listed.to_string().contains("came by no webhook"), "{listed:#}");
    up.stop().await;
}

/// Reads of definitions, more of them than the cache has room for.
async fn read_round(up: &Program, sim: &Program, rounds: usize) {
    let bearer = format!("Authorization: Bearer {}", sim.token());
    for number in (0..24).cycle().take(24 * rounds) {
        let path = format!("/crm/v3/properties/contacts?archived=false&page={number}");
        assert_eq!(ask(up.url(), "GET", &path, &[&bearer], "").await.status, 200);
    }
}

#[tokio::test]
async fn a_cache_that_loses_what_is_asked_for_again_is_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let bearer = format!("Authorization: Bearer {}", sim.token());
    let one = ask(sim.url(), "GET", "/crm/v3/properties/contacts?archived=false", &[&bearer], "").await;
    // Room for a third of them.
    let start = told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token());
    let (answer, all) = (2 * one.text().len(), 8 * one.text().len());
    let start = start.env("HUBKEEPER__CACHE__ANSWER_BYTES_MAX", &answer.to_string());
    let up = ready(start.env("HUBKEEPER__CACHE__BYTES_MAX", &all.to_string()), &sim).await;
    read_round(&up, &sim, 3).await;
    told.hears("self.cache").await;
    assert_eq!(names(&up).await, ["self.cache"]);
    up.stop().await;
}

/// The control: with room enough the same reads are served.
#[tokio::test]
async fn control_a_cache_with_room_is_well() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    read_round(&up, &sim, 3).await;
    told.after_a_look(&up).await;
    assert_eq!(names(&up).await, ["a job failed"]);
    up.stop().await;
}

/// As another version left it.
fn left_by(version: &str, calls: u64, failed: u64) -> String {
    json!({"ours": {"version": version, "since": "2026-01-01T00:00:00Z", "calls": calls, "failed": failed, "lag_ms": 1},
        "before": null})
    .to_string()
}

/// Calls to a path that HubSpot never had, as of a gateway that garbles paths, beside good ones.
async fn garbled(up: &Program, sim: &Program) {
    let bearer = format!("Authorization: Bearer {}", sim.token());
    for _ in 0..12 {
        assert_eq!(ask(up.url(), "GET", "/crmm/v3/objectz", &[&bearer], "").await.status, 404);
        super::calls(up, sim, 1).await;
    }
}

#[tokio::test]
async fn a_version_of_ours_that_does_worse_than_the_one_before_is_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    std::fs::create_dir_all(told.data.path().join("data")).unwrap();
    told.file("data/version.json", &left_by("0.0.9", 900, 1));
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    garbled(&up, &sim).await;
    told.hears("self.regression").await;
    let (_, listed) = incident(&up, &["list"]).await;
    assert!(listed.to_string().contains("0.0.9: 1 of 900 calls failed"), "{listed:#}");
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.text();
    assert!(traffic.contains("in place of 0.0.9"), "{traffic}");
    up.stop().await;
    let kept = std::fs::read_to_string(told.data.path().join("data/version.json")).unwrap();
    assert!(kept.contains(env!("CARGO_PKG_VERSION")) && kept.contains("0.0.9"), "{kept}");
}

/// The control: the version before did as badly, so it is none of ours.
#[tokio::test]
async fn control_a_version_that_does_as_the_one_before_is_well() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    std::fs::create_dir_all(told.data.path().join("data")).unwrap();
    told.file("data/version.json", &left_by("0.0.9", 900, 300));
    let up = ready(told.up(sim.url(), "").env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    garbled(&up, &sim).await;
    told.after_a_look(&up).await;
    assert!(!names(&up).await.contains(&"self.regression".to_owned()));
    up.stop().await;
}

/// The database goes; people are told all the same, though nothing can be written down.
#[tokio::test]
async fn a_store_that_is_gone_is_told_although_nothing_can_be_kept() {
    let server = Server::start();
    let store = server.database("gone").await;
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let start = told.up(sim.url(), "").env("HUBKEEPER__STORE__URL", &store);
    let up = ready(start.env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    told.after_a_look(&up).await;
    drop(server);
    told.hears("self.store").await;
    super::calls(&up, &sim, 1).await;
    up.kill().await;
}

/// Deliveries that are slow to come in: by the time they are there HubSpot has given up on them.
#[tokio::test]
async fn deliveries_that_are_answered_after_hubspot_gave_up_are_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    let mut begun = Vec::new();
    for id in 0..4 {
        begun.push(Slow::begin(&up, &[event(id, 1)]).await);
    }
    // It waits for the rest of them as long as HubSpot would.
    for slow in begun {
        assert_eq!(slow.end().await, 503);
    }
    told.hears("hook.slow").await;
    assert_eq!(names(&up).await, ["hook.slow"]);
    up.stop().await;
}

/// A delivery whose body never comes.
struct Slow(TcpStream);

impl Slow {
    async fn begin(up: &Program, events: &[Value]) -> Self {
        let body = Value::from(events.to_vec()).to_string();
        let address = up.url().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head: Vec<String> = signed(SECRET, PUBLIC, &body);
        let head = format!(
            "POST /webhooks/hubspot HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n\r\n",
            body.len(),
            head.join("\r\n")
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    async fn end(mut self) -> u16 {
        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
    }
}

/// One kind of HubSpot's addresses is dead, and no call fails of it: only who connects to each can tell.
#[tokio::test]
async fn half_broken_ipv6_is_told_before_anybody_calls() {
    let told = Told::new().await;
    let dns = ["sim", "--listen", "127.0.0.1:0", "--latency-ms", "0..0", "--dns-listen", "127.0.0.1:0"];
    let sim = Start::new(&dns).ready().await;
    fault(&sim, "net.ipv6").await;
    let named = sim.url().replace("127.0.0.1", "api.hubspot.test");
    let resolver = sim.ready["dns"].as_str().unwrap();
    let file = format!("[incidents]\nfront_door_seconds = 1\n[triage]\nsystem_dns = [\"{resolver}\"]\n");
    let up = told.up(&named, &file).ready().await;
    told.hears("net.ipv6").await;
    up.stop().await;
}
