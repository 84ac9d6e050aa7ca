//! Two hubkeepers on one PostgreSQL: each write is sent by one of them, in order for each record, and what one leaves
//! behind that is killed the other takes over.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::parsed;
use super::postgres::Server;
use crate::house::{Answer, PATIENCE, Program, Start, ask};

const ASYNC: &str = "Prefer: respond-async";
const RECORDS: usize = 4;
const WRITES: usize = 60;

/// Where each of two keeps what it accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stores {
    One,
    /// Each its own; a control.
    Two,
}

struct Town {
    sim: Program,
    one: Program,
    other: Program,
    _server: Server,
}

/// The values that each contact was promised, in the order of their acceptance, and where each operation is.
#[derive(Default)]
struct Promised {
    values: BTreeMap<String, Vec<String>>,
    operations: Vec<String>,
}

impl Town {
    async fn new(stores: Stores) -> Self {
        let server = Server::start();
        let sim = Start::sim().ready().await;
        let first = server.database("first").await;
        let second = if stores == Stores::One { first.clone() } else { server.database("second").await };
        let up = |url: &str| {
            let start = Start::up(sim.url())
                .env("HUBKEEPER__STORE__URL", url)
                .env("HUBSPOT_ACCESS_TOKEN", sim.token());
            // What one leaves behind is taken over after two of these.
            start.gateway("attempt_timeout_ms", "3000").ready()
        };
        let (one, other) = (up(&first).await, up(&second).await);
        Self { sim, one, other, _server: server }
    }

    async fn ask(&self, up: &Program, method: &str, target: &str, headers: &[&str], body: &Value) -> Answer {
        let authorization = format!("Authorization: Bearer {}", self.sim.token());
        let lines: Vec<&str> = [authorization.as_str()].into_iter().chain(headers.iter().copied()).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(up.url(), method, target, &lines, &body).await
    }

    /// Writes that both accept in turn, while HubSpot answers nothing.
    async fn promise(&self) -> Promised {
        let mut promised = Promised::default();
        let mut ids = Vec::new();
        for _ in 0..RECORDS {
            let contact = json!({"properties": {"firstname": "first"}});
            let made = self.ask(&self.one, "POST", "/crm/v3/objects/contacts", &[], &contact).await;
            ids.push(parsed(&made)["id"].as_str().unwrap().to_owned());
        }
        let hang = json!({"kind": "hang", "method": "PATCH"}).to_string();
        assert_eq!(ask(self.sim.url(), "POST", "/_sim/faults", &[], &hang).await.status / 100, 2);
        for number in 0..WRITES {
            let (id, value) = (&ids[number % RECORDS], format!("v{number}"));
            let up = if number % 3 == 0 { &self.other } else { &self.one };
            let path = format!("/crm/v3/objects/contacts/{id}");
            let change = json!({"properties": {"firstname": value}});
            let accepted = self.ask(up, "PATCH", &path, &[ASYNC], &change).await;
            assert_eq!(accepted.status, 202, "{accepted:?}");
            promised.values.entry(id.clone()).or_default().push(value);
            promised.operations.push(accepted.header("location").unwrap().to_owned());
        }
        promised
    }

    /// The other is asked about every write until all are settled; those that it knows nothing of are left out.
    async fn applied_by_the_other(&self, promised: &Promised) -> usize {
        let mut applied = 0;
        for location in &promised.operations {
            let settled = async {
                loop {
                    let answer = self.ask(&self.other, "GET", location, &[], &Value::Null).await;
                    let state = parsed(&answer)["state"].as_str().unwrap_or("nobody knows").to_owned();
                    if !["pending", "sending"].contains(&state.as_str()) {
                        return state;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let state = tokio::time::timeout(PATIENCE, settled).await.expect("it ends in time");
            applied += usize::from(state == "applied");
        }
        applied
    }

    /// What HubSpot saw of each contact, in its order.
    async fn seen(&self, promised: &Promised) -> BTreeMap<String, Vec<String>> {
        let mut seen = BTreeMap::new();
        for id in promised.values.keys() {
            let path = format!("/crm/v3/objects/contacts/{id}?propertiesWithHistory=firstname");
            let authorization = format!("Authorization: Bearer {}", self.sim.token());
            let record = parsed(&ask(self.sim.url(), "GET", &path, &[&authorization], "").await);
            let history = record["propertiesWithHistory"]["firstname"].as_array().unwrap();
            let mut values: Vec<String> =
                history.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect();
            values.reverse();
            seen.insert(id.clone(), values.split_off(1));
        }
        seen
    }
}

/// Both have writes under way when one of them is killed.
async fn one_is_killed(town: Town) -> (Town, Promised) {
    let promised = town.promise().await;
    let Town { sim, one, other, _server } = town;
    let sending = async {
        loop {
            let standing = parsed(&ask(one.admin(), "GET", "/api/v1/outbox", &[], "").await);
            if standing["operations"]["sending"].as_u64().unwrap_or(0) > 0 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, sending).await.expect("something is being sent");
    let spare = Start::sim().ready().await;
    one.kill().await;
    ask(sim.url(), "DELETE", "/_sim/faults", &[], "").await;
    // Nobody asks it anything any more.
    (Town { sim, one: spare, other, _server }, promised)
}

#[tokio::test]
async fn what_one_leaves_behind_the_other_applies_once_and_in_order() {
    let (town, promised) = one_is_killed(Town::new(Stores::One).await).await;
    assert_eq!(town.applied_by_the_other(&promised).await, WRITES);
    assert_eq!(town.seen(&promised).await, promised.values, "each once, in the order of acceptance");
}

#[tokio::test]
async fn the_control_with_a_store_each_leaves_behind_what_the_killed_one_accepted() {
    let (town, promised) = one_is_killed(Town::new(Stores::Two).await).await;
    assert!(town.applied_by_the_other(&promised).await < WRITES, "the rig cannot see what is left behind");
}
