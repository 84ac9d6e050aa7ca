//! L2: an accepted write ends applied, dead or cancelled; none is lost, and none is made twice without saying so. Hours of
//! outage, answers lost after the deed, judged from HubSpot's own log and its records' history.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use client::accounts::Connection;
use client::stack::Feature;
use gateway::Gateway;
use gateway::outbox::{CatchUp, Outbox, OutboxSettings};
use http::Method;
use hubspot::limits::AppKind;
use hubspot::secret::Secret;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use store::Store;
use store::outbox::State;

use crate::house::{Answer, ask};
use crate::virtual_gateway::{self, Listening};
use crate::virtual_hubspot::Virtual;

const STAMP: &str = "hubkeeper_stamp";
const RECORDS: usize = 12;

/// A HubSpot, the gateway before it with an outbox, and the records that programs write to.
struct Portal {
    hubspot: Arc<Virtual>,
    outbox: Arc<Outbox>,
    gateway: Listening,
    contacts: Vec<String>,
    _data: tempfile::TempDir,
}

/// What programs were promised.
#[derive(Default)]
struct Promised {
    /// The values of each contact, in the order in which they were accepted.
    updates: HashMap<String, Vec<String>>,
    companies: Vec<String>,
    contacts: Vec<String>,
}

impl Portal {
    async fn new(seed: u64) -> Self {
        let config = Config {
            seed,
            latency: Latency(20..=60),
            limits: LimitOverrides { burst: Some(100), ..LimitOverrides::default() },
            ..Config::default()
        };
        let hubspot = Arc::new(Virtual::with(config, Feature::On, |settings| settings.packing = Feature::On));
        let token = Secret::new(hubspot.token());
        let connection = Connection::new("default".into(), &token, AppKind::PrivateApp).unwrap();
        let data = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", data.path().join("hubkeeper.db").display());
        let store = Store::open(&url).await.unwrap().with_a_clock_that_stands_still();
        let settings = OutboxSettings { stamp_property: Some(STAMP.into()), ..OutboxSettings::default() };
        let outbox = Arc::new(Outbox::new(store, hubspot.stack.clone(), vec![connection.into()], settings));
        let plain = virtual_gateway::plain(&hubspot);
        let gateway = virtual_gateway::listen(Gateway { outbox: Some(outbox.clone()), ..plain }).await;
        let mut portal = Self { hubspot, outbox, gateway, contacts: Vec::new(), _data: data };
        portal.furnish().await;
        portal
    }

    /// The property for stamps, and contacts to write to.
    async fn furnish(&mut self) {
        let property = json!({"name": STAMP, "label": "Stamp", "groupName": "companyinformation", "type": "string",
            "fieldType": "text", "hasUniqueValue": true});
        let made = self.direct(Method::POST, "/crm/v3/properties/companies", &property).await;
        assert_eq!(made["name"], STAMP, "{made}");
        for number in 0..RECORDS {
            let contact =
                json!({"properties": {"firstname": "first", "email": format!("c{number}@example.com")}});
            let made = self.direct(Method::POST, "/crm/v3/objects/contacts", &contact).await;
            self.contacts.push(made["id"].as_str().unwrap().to_owned());
        }
    }

    async fn direct(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = self.hubspot.call(method, path, &body).await.unwrap();
        serde_json::from_slice(answer.response.body().at_hand()).unwrap_or(Value::Null)
    }

    async fn fault(&self, fault: &Value) {
        let made = self.hubspot.control(Method::POST, "/_sim/faults", &fault.to_string()).await;
        assert!(made["id"].is_u64(), "{made}");
    }

    async fn write(&self, method: &str, target: &str, headers: &[&str], body: &Value) -> Answer {
        let authorization = format!("Authorization: Bearer {}", self.hubspot.token());
        let mut lines = vec![authorization.as_str()];
        lines.extend(headers);
        ask(&self.gateway.url, method, target, &lines, &body.to_string()).await
    }

    /// Programs that write for a while: `write` tells whether it was promised.
    async fn programs<W>(&self, seed: u64, lasts: Duration, write: W) -> Promised
    where
        W: AsyncFn(&Self, &str, String, Value) -> bool,
    {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut promised = Promised::default();
        let ends = tokio::time::Instant::now() + lasts;
        let mut number = 0;
        while tokio::time::Instant::now() < ends {
            number += 1;
            let value = format!("v{number}");
            match random.random_range(0..10) {
                0 | 1 => {
                    let body = json!({"properties": {"name": value}});
                    if write(self, "POST", "/crm/v3/objects/companies".into(), body).await {
                        promised.companies.push(value);
                    }
                }
                2 => {
                    let email = format!("new{number}@example.com");
                    let body = json!({"properties": {"email": email}});
                    if write(self, "POST", "/crm/v3/objects/contacts".into(), body).await {
                        promised.contacts.push(email);
                    }
                }
                _ => {
                    let id = &self.contacts[random.random_range(0..self.contacts.len())];
                    let body = json!({"properties": {"firstname": value}});
                    if write(self, "PATCH", format!("/crm/v3/objects/contacts/{id}"), body).await {
                        promised.updates.entry(id.clone()).or_default().push(value);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(0..120_000))).await;
        }
        promised
    }

    /// Waits until nothing waits any more.
    async fn caught_up(&self) {
        let waits = async {
            while self.outbox.look().await.unwrap().waiting() > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3_600), waits).await.expect("an hour is enough");
    }

    /// What HubSpot's log and its records say against what was promised: everything lost, doubled or out of order.
    async fn complaints(&self, promised: &Promised) -> Vec<String> {
        let mut complaints = Vec::new();
        for (id, values) in &promised.updates {
            let path = format!("/crm/v3/objects/contacts/{id}?propertiesWithHistory=firstname");
            let record = self.direct(Method::GET, &path, &Value::Null).await;
            let history = record["propertiesWithHistory"]["firstname"].as_array().unwrap();
            let mut seen: Vec<&str> = history.iter().map(|one| one["value"].as_str().unwrap()).collect();
            seen.reverse();
            seen.dedup();
            if seen[1..] != values[..] {
                complaints.push(format!("contact {id}: promised {values:?}, HubSpot saw {seen:?}"));
            }
        }
        let made = self.made("companies", "name").await;
        complaints.extend(different(&promised.companies, &made));
        let made: Vec<_> = self
            .made("contacts", "email")
            .await
            .into_iter()
            .filter(|email| email.starts_with("new"))
            .collect();
        complaints.extend(different(&promised.contacts, &made));
        complaints
    }

    /// Every record that the log says was made, by the value that names it.
    async fn made(&self, kind: &str, property: &str) -> Vec<String> {
        let log = self.hubspot.control(Method::GET, "/_sim/log", "").await;
        let of_kind = log["applied"].as_array().unwrap().iter().filter(|one| one["object_type"] == kind);
        let mut ids: Vec<&str> = of_kind.map(|one| one["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut values = Vec::new();
        for id in ids {
            let path = format!("/crm/v3/objects/{kind}/{id}?properties={property}");
            let record = self.direct(Method::GET, &path, &Value::Null).await;
            // The log tells of definitions too; only a record has this property.
            values.extend(record["properties"][property].as_str().map(str::to_owned));
        }
        values
    }
}

fn different(promised: &[String], made: &[String]) -> Vec<String> {
    let count = |list: &[String], value: &String| list.iter().filter(|one| *one == value).count();
    let odd = promised.iter().filter(|value| count(made, value) != 1);
    let mut complaints: Vec<_> =
        odd.map(|value| format!("{value} was promised once and made {} times", count(made, value))).collect();
    complaints.extend(
        made.iter()
            .filter(|value| count(promised, value) == 0)
            .map(|value| format!("{value}: nobody asked for it")),
    );
    complaints
}

/// Three hours of outage, and two hours in which three of ten answers are lost after the deed.
async fn trouble(portal: &Portal) {
    portal
        .fault(&json!({"kind": "hubspot.outage_unlisted", "after_seconds": 600, "for_seconds": 10_800}))
        .await;
    portal
        .fault(&json!({"kind": "reset", "applied": true, "rate": 0.3, "after_seconds": 11_000, "for_seconds": 7_200}))
        .await;
}

const LASTS: Duration = Duration::from_secs(600 + 10_800 + 7_200);

#[tokio::test(start_paused = true)]
async fn every_accepted_write_is_applied_once_and_in_order() {
    for seed in 1..=2 {
        let portal = Portal::new(seed).await;
        trouble(&portal).await;
        let promised = portal
            .programs(seed, LASTS, async |portal, method, target, body| {
                let answer = portal.write(method, &target, &["Prefer: respond-async"], &body).await;
                assert_eq!(answer.status, 202, "seed {seed}: {answer:?}");
                true
            })
            .await;
        portal.caught_up().await;
        let standing = portal.outbox.look().await.unwrap();
        assert_eq!(
            (standing.of(State::Dead), standing.of(State::Unknown)),
            (0, 0),
            "seed {seed}: {standing:?}"
        );
        assert_eq!(portal.complaints(&promised).await, Vec::<String>::new(), "seed {seed}");
        assert!(promised.companies.len() > 20, "seed {seed}: the programs had something to lose");
    }
}

/// The control: the same programs without an outbox, which send again what got no good answer.
#[tokio::test(start_paused = true)]
async fn the_control_without_an_outbox_loses_and_doubles() {
    let portal = Portal::new(1).await;
    trouble(&portal).await;
    let promised = portal
        .programs(1, LASTS, async |portal, method, target, body| {
            for _ in 0..3 {
                if portal.write(method, &target, &[], &body).await.status < 300 {
                    break;
                }
            }
            true
        })
        .await;
    let complaints = portal.complaints(&promised).await;
    let of = |words: &str| complaints.iter().filter(|line| line.contains(words)).count();
    assert!(of("made 0 times") > 0, "the rig cannot see a loss: {complaints:#?}");
    assert!(of("made 2 times") + of("made 3 times") > 0, "the rig cannot see a double: {complaints:#?}");
}

/// A backlog of an outage drains within the budget, and the prediction holds.
#[tokio::test(start_paused = true)]
async fn a_backlog_drains_within_the_budget_as_foretold() {
    const BACKLOG: usize = 3_000;
    let portal = Portal::new(5).await;
    portal.fault(&json!({"kind": "hubspot.outage_unlisted", "for_seconds": 7_200})).await;
    for number in 0..BACKLOG {
        let body = json!({"properties": {"name": format!("v{number}")}});
        let answer = portal.write("POST", "/crm/v3/objects/deals", &["Prefer: respond-async"], &body).await;
        assert_eq!(answer.status, 202);
    }
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    let mut foretold = None;
    let began = tokio::time::Instant::now();
    while portal.outbox.look().await.unwrap().waiting() > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let CatchUp::In(time) = portal.outbox.outlook().catch_up
            && began.elapsed() > Duration::from_secs(60)
            && foretold.is_none()
        {
            foretold = Some(began.elapsed() + time);
        }
        assert!(began.elapsed() < Duration::from_secs(3_600), "it drains");
    }
    let (took, foretold) = (began.elapsed(), foretold.expect("something is foretold"));
    println!("{BACKLOG} creates drained in {took:?}, foretold {foretold:?}");
    assert!(foretold.abs_diff(took) <= took / 4, "foretold {foretold:?}, took {took:?}");
    let stats = portal.hubspot.stats().await;
    assert_eq!(stats["statuses"]["429"].as_u64().unwrap_or(0), 0, "within the budget");
    let floor = BACKLOG as f64 / 10.0;
    assert!(took.as_secs_f64() < floor * 1.5, "the budget of 10 a second is used: {took:?}");
}
