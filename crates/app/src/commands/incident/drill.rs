//! A drill: breaks a simulated portal, watches the incident room at work, mends it, and prints a score card.

use std::time::Duration;

use client::clock::WallClock;
use http::{Method, Uri};
use incident::incident::{Incident, Stage};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Room;
use crate::failure::{Exit, Failure};
use crate::{admin_api, process};

/// Faults that show in ordinary traffic, for whoever leaves the choice to us.
const USUAL: [&str; 6] = [
    "auth.token_revoked",
    "hubspot.outage_unlisted",
    "hubspot.partial",
    "hubspot.slow",
    "quota.daily_self",
    "net.edge_block",
];

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// A fault that has not been noticed by then will not be.
const NOTICE_MAX: Duration = Duration::from_secs(180);

/// Recovery is proven, and that takes minutes.
const RECOVER_MAX: Duration = Duration::from_secs(600);

/// Seconds from the moment the fault began; `None` is never.
#[derive(Debug, Default, Serialize)]
struct Card {
    fault: String,
    incident: Option<String>,
    named: Option<String>,
    right: bool,
    detected_s: Option<i64>,
    diagnosed_s: Option<i64>,
    first_told_s: Option<i64>,
    /// From the mending on.
    recovered_s: Option<i64>,
    calls_failed: u64,
}

impl Room {
    pub(super) async fn drill(&self, fault: &str, sim: &Uri, clock: &WallClock) -> Result<Exit, Failure> {
        let fault = if fault == "random" { USUAL[rand::random_range(0..USUAL.len())] } else { fault };
        let known = self.incidents().await?;
        let broken_at = clock.now();
        let id = self.break_it(sim, fault).await?;
        let mut card = Card { fault: fault.to_owned(), ..Card::default() };
        let noticed = self.wait(NOTICE_MAX, |incident| {
            !known.iter().any(|old| old.id == incident.id) && incident.diagnosis.is_some()
        });
        let noticed = noticed.await;
        self.mend(sim, &id).await?;
        let mended_at = clock.now();
        if let Some(incident) = noticed? {
            let after = |at: Timestamp| at.duration_since(broken_at).as_secs();
            card.detected_s = Some(after(incident.detected_at));
            card.diagnosed_s = incident.diagnosed_at.map(after);
            card.named = incident.code().map(|code| code.id().to_owned());
            card.right = card.named.as_deref() == Some(fault);
            card.first_told_s = self.first_told(&incident.id).await?.map(after);
            let over = self
                .wait(RECOVER_MAX, |other| other.id == incident.id && other.stage == Stage::Resolved)
                .await?;
            let last = over.as_ref().unwrap_or(&incident);
            card.calls_failed = last.impact.total.failed;
            let since = |at: Timestamp| at.duration_since(mended_at).max(SignedDuration::ZERO).as_secs();
            card.recovered_s = over.as_ref().and_then(|over| over.recovered_at).map(since);
            card.incident = Some(incident.id);
        }
        self.show_card(&card)?;
        Ok(if card.right && card.recovered_s.is_some() { Exit::Fine } else { Exit::Problem })
    }

    fn show_card(&self, card: &Card) -> Result<(), Failure> {
        if self.json {
            process::print_line(&serde_json::to_string(card).map_err(Failure::work)?);
            return Ok(());
        }
        let seconds =
            |value: Option<i64>| value.map_or_else(|| "never".to_owned(), |value| format!("{value} s"));
        let named = card.named.as_deref().unwrap_or("nothing");
        let verdict = if card.right { "right" } else { "wrong" };
        for (name, value) in [
            ("Fault", card.fault.clone()),
            ("Incident", card.incident.clone().unwrap_or_else(|| "none".into())),
            ("Detected after", seconds(card.detected_s)),
            ("Named after", seconds(card.diagnosed_s)),
            ("Named as", format!("{named} ({verdict})")),
            ("First told after", seconds(card.first_told_s)),
            ("Recovered after mending", seconds(card.recovered_s)),
            ("Calls failed", card.calls_failed.to_string()),
        ] {
            process::print_line(&format!("{name:<24} {value}"));
        }
        Ok(())
    }

    async fn incidents(&self) -> Result<Vec<Incident>, Failure> {
        let answer = self.get(super::PATH).await?;
        serde_json::from_value(answer["incidents"].clone()).map_err(Failure::work)
    }

    async fn wait(
        &self,
        patience: Duration,
        wanted: impl Fn(&Incident) -> bool,
    ) -> Result<Option<Incident>, Failure> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Some(found) = self.incidents().await?.into_iter().find(|incident| wanted(incident)) {
                return Ok(Some(found));
            }
            sleep(LOOK).await;
        }
        Ok(None)
    }

    async fn first_told(&self, id: &str) -> Result<Option<Timestamp>, Failure> {
        let answer = self.get(&format!("{}/{id}", super::PATH)).await?;
        let mut lines = answer["timeline"].as_array().into_iter().flatten();
        let told =
            lines.find(|line| line["kind"] == "told").and_then(|line| line["at"].as_str()?.parse().ok());
        Ok(told)
    }

    async fn break_it(&self, sim: &Uri, fault: &str) -> Result<Value, Failure> {
        let wish = json!({"kind": fault});
        let answer = admin_api::ask(sim, Method::POST, "/_sim/faults", Some(&wish)).await;
        let (status, body) = answer.map_err(|why| no_simulator(sim, &why.to_string()))?;
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            let why = said["message"].as_str().unwrap_or("it refused").to_owned();
            return Err(Failure::usage(format!("the simulator does not know the fault `{fault}`: {why}"))
                .hint(format!("{sim}_sim/faults/kinds lists what there is")));
        }
        Ok(said["id"].clone())
    }

    async fn mend(&self, sim: &Uri, id: &Value) -> Result<(), Failure> {
        let id = id.as_str().map_or_else(|| id.to_string(), String::from);
        let answer = admin_api::ask(sim, Method::DELETE, &format!("/_sim/faults/{id}"), None).await;
        answer.map(drop).map_err(|why| no_simulator(sim, &why.to_string()))
    }
}

fn no_simulator(sim: &Uri, why: &str) -> Failure {
    Failure::unsure(format!("no simulator answers at {sim}: {why}"))
        .hint("a drill needs `hubkeeper demo`, or `hubkeeper sim` behind the gateway with calls going through; name it with --sim")
}
