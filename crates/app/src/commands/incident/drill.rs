//! A drill: breaks a simulated portal, watches the incident room at work, mends it, and prints a score card. With the
//! simulator's token it makes calls of its own meanwhile.

use std::pin::pin;
use std::time::Duration;

use anstream::eprintln;
use client::clock::WallClock;
use http::{Method, Uri};
use incident::code::Code;
use incident::incident::{Incident, Stage};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Room;
use crate::admin_api;
use crate::failure::{Exit, Failure};
use crate::process::asked_to_stop;

mod card;
mod reach;
mod work;

use card::Card;
use work::Work;

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

/// And a name that is not right by then will not be.
const NAME_MAX: Duration = Duration::from_secs(60);

/// Recovery is proven, and a diagnosis looks back on a quarter of an hour.
const RECOVER_MAX: Duration = Duration::from_secs(1_200);

/// Where a drill happens.
pub(super) struct Place {
    pub(super) sim: Uri,
    pub(super) gateway: Uri,
    /// The simulator's own; with it the drill makes calls.
    pub(super) token: Option<String>,
}

/// When it was broken.
#[derive(Clone, Copy)]
struct Broken {
    from: Timestamp,
    until: Timestamp,
}

impl Room {
    pub(super) async fn drill(&self, fault: &str, place: Place, clock: &WallClock) -> Result<Exit, Failure> {
        let fault = if fault == "random" { USUAL[rand::random_range(0..USUAL.len())] } else { fault };
        let Some(code) = Code::parse(fault) else {
            return Err(Failure::usage(format!(
                "a drill does not know the fault `{fault}`: no diagnosis is called that"
            ))
            .hint(format!(
                "{}_sim/faults/kinds lists what there is; those with an id have a diagnosis",
                place.sim
            )));
        };
        let sim = &place.sim;
        reach::check(code, sim, self).await?;
        self.is_quiet().await?;
        let work = match place.token {
            Some(token) => Some(Work::begin(place.gateway, sim, token, rand::random(), code).await?),
            None => None,
        };
        // Whoever stops a drill has not asked for a broken simulator.
        let mut stopped = pin!(asked_to_stop());
        let broken_at = clock.now();
        let id = self.break_it(sim, code).await?;
        eprintln!("`{fault}` is on its way; the room has {} s to notice it", NOTICE_MAX.as_secs());
        let noticed = tokio::select! {
            noticed = self.notice(fault) => noticed,
            () = &mut stopped => Err(Failure::work("the drill was stopped; what it broke is mended")),
        };
        self.mend(sim, &id).await?;
        let noticed = noticed?;
        let span = Broken { from: broken_at, until: clock.now() };
        if noticed.is_some() {
            eprintln!("it is noticed and mended; that it is over takes minutes to prove");
        }
        let mut card = tokio::select! {
            card = self.measured(fault, noticed, span) => card?,
            () = &mut stopped => return Err(Failure::work("the drill was stopped before its end")),
        };
        if let Some(work) = work {
            card.work = Some(work.end().await);
        }
        card.show(self.json)?;
        Ok(if card.is_passed() { Exit::Fine } else { Exit::Problem })
    }

    /// What became of it.
    async fn measured(
        &self,
        fault: &str,
        noticed: Option<Incident>,
        broken: Broken,
    ) -> Result<Card, Failure> {
        let mut card = Card { fault: fault.to_owned(), ..Card::default() };
        let Some(incident) = noticed else { return Ok(card) };
        let over =
            self.wait(RECOVER_MAX, |other| other.id == incident.id && other.stage == Stage::Resolved).await?;
        let last = over.as_ref().unwrap_or(&incident);
        // By its name while it was broken: what mends is seen in parts.
        card.named = incident.code().map(|code| code.id().to_owned());
        card.right = card.named.as_deref() == Some(fault);
        card.calls_failed = last.impact.total.failed;
        let since = |at: Timestamp| at.duration_since(broken.until).max(SignedDuration::ZERO).as_secs();
        card.recovered_s = over.as_ref().and_then(|over| over.recovered_at).map(since);
        self.timed(&mut card, &incident.id, broken.from).await?;
        card.incident = Some(incident.id);
        Ok(card)
    }

    /// The incident that it makes, under its first name or, a while later, the right one.
    async fn notice(&self, fault: &str) -> Result<Option<Incident>, Failure> {
        let has_a_name = |it: &Incident| !it.stage.is_over() && it.diagnosis.is_some();
        let Some(first) = self.wait(NOTICE_MAX, has_a_name).await? else { return Ok(None) };
        let is_right = |it: &Incident| has_a_name(it) && it.code().is_some_and(|code| code.id() == fault);
        Ok(self.wait(NAME_MAX, is_right).await?.or(Some(first)))
    }

    /// What is open already would be taken for what the drill breaks.
    async fn is_quiet(&self) -> Result<(), Failure> {
        let open = self.incidents().await?.into_iter().find(|incident| !incident.stage.is_over());
        match open {
            None => Ok(()),
            Some(open) => Err(Failure::work(format!("incident {} is open: {}", open.id, open.title))
                .hint(format!("wait until it is over, or close it: hubkeeper incident resolve {}", open.id))),
        }
    }

    /// By its timeline, which holds for an incident of before that is back as well.
    async fn timed(&self, card: &mut Card, id: &str, broken_at: Timestamp) -> Result<(), Failure> {
        let answer = self.get(&format!("{}/{id}", super::PATH)).await?;
        let lines = answer["timeline"].as_array().into_iter().flatten();
        let since: Vec<(i64, &Value)> = lines
            .filter_map(|line| Some((line["at"].as_str()?.parse::<Timestamp>().ok()?, line)))
            .filter(|(at, _)| *at >= broken_at)
            .map(|(at, line)| (at.duration_since(broken_at).as_secs(), line))
            .collect();
        let first = |is: &dyn Fn(&str, &Value) -> bool| {
            let mut lines = since.iter();
            lines
                .find(|(_, line)| is(line["kind"].as_str().unwrap_or_default(), line))
                .map(|(after, _)| *after)
        };
        let named = card.named.clone();
        card.detected_s = first(&|kind, _| matches!(kind, "opened" | "relapsed" | "symptom"));
        card.diagnosed_s = first(&|kind, line| kind == "cause" && line["code"].as_str() == named.as_deref());
        card.first_told_s = first(&|kind, _| kind == "told");
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

    async fn break_it(&self, sim: &Uri, fault: Code) -> Result<Value, Failure> {
        let answer = admin_api::ask(sim, Method::POST, "/_sim/faults", Some(&work::wish(fault))).await;
        let (status, body) = answer.map_err(|why| no_simulator(sim, &why.to_string()))?;
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            let why = said["message"].as_str().unwrap_or("it refused").to_owned();
            return Err(Failure::usage(format!("the simulator cannot break `{}`: {why}", fault.id()))
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
        .hint("a drill needs `hubkeeper demo`, or `hubkeeper sim` behind the gateway; name it with --sim")
}
