//! Accepted writes, through a real `hubkeeper up` before a real `hubkeeper sim`.

use serde_json::{Value, json};

use crate::house::{Answer, PATIENCE, Program, Start, ask};

mod keys;
mod later;
mod people;
#[path = "../../../store/tests/conformance/server.rs"]
pub(crate) mod postgres;
mod several;
mod succession;

/// Simulator, gateway and the directory its store lies in.
struct Town {
    sim: Program,
    up: Program,
    data: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        Self::with(|start| start).await
    }

    async fn with(adjust: impl Fn(Start) -> Start) -> Self {
        let sim = Start::sim().ready().await;
        let data = tempfile::tempdir().unwrap();
        let up = adjust(start(&sim, &data)).ready().await;
        Self { sim, up, data }
    }

    fn authorization(&self) -> String {
        format!("Authorization: Bearer {}", self.sim.token())
    }

    async fn ask(&self, method: &str, target: &str, headers: &[&str], body: &Value) -> Answer {
        let authorization = self.authorization();
        let mut lines = vec![authorization.as_str()];
        lines.extend(headers);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(self.up.url(), method, target, &lines, &body).await
    }

    /// A contact, made at once.
    async fn contact(&self) -> String {
        let made = self
            .ask("POST", "/crm/v3/objects/contacts", &[], &json!({"properties": {"firstname": "a"}}))
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        parsed(&made)["id"].as_str().unwrap().to_owned()
    }

    /// The operation, once it is settled.
    async fn settled(&self, location: &str) -> Value {
        let settled = async {
            loop {
                let answer = self.ask("GET", location, &[], &Value::Null).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let shown = parsed(&answer);
                if !["pending", "sending"].contains(&shown["state"].as_str().unwrap()) {
                    return shown;
                }
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("it ends in time")
    }

    /// What HubSpot did, in its own words.
    async fn applied(&self) -> Vec<Value> {
        let log = ask(self.sim.url(), "GET", "/_sim/log", &[], "").await;
        parsed(&log)["applied"].as_array().unwrap().clone()
    }

    async fn fault(&self, fault: Value) {
        let made = ask(self.sim.url(), "POST", "/_sim/faults", &[], &fault.to_string()).await;
        assert_eq!(made.status / 100, 2, "{made:?}");
    }

    async fn mend(&self) {
        ask(self.sim.url(), "DELETE", "/_sim/faults", &[], "").await;
    }
}

fn start(sim: &Program, data: &tempfile::TempDir) -> Start {
    let start = Start::up(sim.url()).args(&["--data", data.path().to_str().unwrap()]);
    start.env("HUBSPOT_ACCESS_TOKEN", sim.token())
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}
