//! What was being sent when a process on PostgreSQL was killed: whoever starts in its directory goes on at once, and nobody else
//! before its time is up.

use std::path::Path;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::parsed;
use super::postgres::Server;
use crate::house::{Answer, PATIENCE, Program, Start, ask};

/// Nobody waits for an hour.
const ATTEMPT_TIMEOUT_MS: &str = "3600000";

const LATER: &str = "Prefer: respond-async";
const KEY: &str = "Idempotency-Key: a-change";

struct Town {
    sim: Program,
    database: String,
    directory: tempfile::TempDir,
    /// Where the write that was being sent can be asked about.
    operation: String,
    /// To whom a write with a key was being sent whose caller waited.
    contact: String,
    _server: Server,
}

impl Town {
    /// One was killed while HubSpot answered nothing; now it answers.
    async fn after_the_kill() -> Self {
        let server = Server::start();
        let (sim, directory) = (Start::sim().ready().await, tempfile::tempdir().unwrap());
        let database = server.database("shared").await;
        let town = Self {
            sim,
            database,
            directory,
            operation: String::new(),
            contact: String::new(),
            _server: server,
        };
        let up = town.up_in(&town.directory.path().join("one")).await;
        let contact = town.contact(&up).await;
        let hang = json!({"kind": "hang", "method": "PATCH"}).to_string();
        assert_eq!(ask(town.sim.url(), "POST", "/_sim/faults", &[], &hang).await.status / 100, 2);
        let operation = town.change_later(&up, &contact).await;
        town.until(&up, &operation, "sending").await;
        // Of two who come with one key, one waits for HubSpot, and the other is told that it does.
        let mut two = JoinSet::new();
        for _ in 0..2 {
            let (gateway, token) = (up.url().to_owned(), town.sim.token().to_owned());
            two.spawn(change(gateway, token, contact.clone(), KEY));
        }
        assert_eq!(two.join_next().await.unwrap().unwrap().status, 409);
        up.kill().await;
        ask(town.sim.url(), "DELETE", "/_sim/faults", &[], "").await;
        Self { operation, contact, ..town }
    }

    async fn up_in(&self, directory: &Path) -> Program {
        let start = Start::up(self.sim.url()).args(&["--data", directory.to_str().unwrap()]);
        let start = start.env("HUBKEEPER__STORE__URL", &self.database);
        let start = start.env("HUBSPOT_ACCESS_TOKEN", self.sim.token());
        // All hubkeepers on one store have one.
        let start = start.env("AUDIT_KEY", &"5a".repeat(32)).env("HUBKEEPER__AUDIT__KEY", "env:AUDIT_KEY");
        start.gateway("attempt_timeout_ms", ATTEMPT_TIMEOUT_MS).ready().await
    }

    async fn ask(&self, up: &Program, method: &str, target: &str, later: &[&str], body: &Value) -> Answer {
        let authorization = format!("Authorization: Bearer {}", self.sim.token());
        let lines: Vec<&str> = [authorization.as_str()].into_iter().chain(later.iter().copied()).collect();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(up.url(), method, target, &lines, &body).await
    }

    async fn contact(&self, up: &Program) -> String {
        let contact = json!({"properties": {"firstname": "first"}});
        let made = self.ask(up, "POST", "/crm/v3/objects/contacts", &[], &contact).await;
        parsed(&made)["id"].as_str().unwrap().to_owned()
    }

    async fn change(&self, up: &Program, contact: &str, how: &'static str) -> Answer {
        change(up.url().to_owned(), self.sim.token().to_owned(), contact.to_owned(), how).await
    }

    async fn change_later(&self, up: &Program, contact: &str) -> String {
        let accepted = self.change(up, contact, LATER).await;
        accepted.header("location").expect("it is accepted").to_owned()
    }

    async fn state(&self, up: &Program, operation: &str) -> String {
        let answer = self.ask(up, "GET", operation, &[], &Value::Null).await;
        parsed(&answer)["state"].as_str().unwrap().to_owned()
    }

    async fn until(&self, up: &Program, operation: &str, state: &str) {
        let reached = async { while self.state(up, operation).await != state {} };
        tokio::time::timeout(PATIENCE, reached).await.expect("it comes to that");
    }
}

async fn change(gateway: String, token: String, contact: String, how: &'static str) -> Answer {
    let change = json!({"properties": {"firstname": "second"}}).to_string();
    let (path, token) =
        (format!("/crm/v3/objects/contacts/{contact}"), format!("Authorization: Bearer {token}"));
    ask(&gateway, "PATCH", &path, &[&token, how], &change).await
}

#[tokio::test]
async fn who_starts_in_the_directory_of_one_that_was_killed_goes_on_at_once() {
    let town = Town::after_the_kill().await;
    let next = town.up_in(&town.directory.path().join("one")).await;
    town.until(&next, &town.operation, "applied").await;
    assert_eq!(town.change(&next, &town.contact, KEY).await.status, 200);
}

#[tokio::test]
async fn the_control_somebody_else_leaves_it_alone_until_its_time_is_up() {
    let town = Town::after_the_kill().await;
    let other = town.up_in(&town.directory.path().join("other")).await;
    let contact = town.contact(&other).await;
    let own = town.change_later(&other, &contact).await;
    town.until(&other, &own, "applied").await;
    assert_eq!(town.state(&other, &town.operation).await, "sending");
    assert_eq!(town.change(&other, &town.contact, KEY).await.status, 409);
}

#[tokio::test]
async fn a_place_that_is_held_is_not_taken() {
    let town = Town::after_the_kill().await;
    let place = town.directory.path().join("one");
    let _holds = town.up_in(&place).await;
    let second = town.up_in(&place).await.stop().await;
    assert!(second.stderr.contains("what is being sent will wait"), "{}", second.stderr);
}
