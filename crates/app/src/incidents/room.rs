//! The loop: what happens goes into the engine, what it decides is kept and then done.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use incident::engine::{Effect, Engine, Event, Refused, Settings};
use incident::facts::Facts;
use incident::incident::{Incident, Stage};
use incident::mitigation::{Measure, Turn};
use incident::runbook::Runbooks;
use incident::signal::{Place, Seen, Signal};
use jiff::Timestamp;
use store::Store;
use store::incidents::IncidentStep;
use store::outbox::{Filter, State};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::acts::Acts;
use super::channels::Channels;
use super::dependencies::{self, Dependency};
use super::questions::Questions;
use super::watch::Watch;
use super::{Asked, Incidents, delivery, keep};
use crate::failure::Failure;

/// How often rules are judged: a sixth of the shortest window.
const TICK: Duration = Duration::from_secs(5);

/// Incidents taken up at the start: all that go on, and enough of the latest to know a relapse.
const KEPT_MAX: usize = 256;

/// What a room is made of.
pub(crate) struct Opening {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) runbooks: Runbooks,
    pub(crate) watch: Watch,
    pub(crate) questions: Questions,
    pub(crate) acts: Acts,
    pub(crate) channels: Channels,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) door: Incidents,
    pub(crate) clock: WallClock,
    pub(crate) seed: u64,
    pub(crate) asked: mpsc::Receiver<Asked>,
}

pub(crate) struct Room {
    engine: Engine,
    store: Store,
    watch: Watch,
    questions: Arc<Questions>,
    acts: Acts,
    channels: Arc<Channels>,
    dependencies: Vec<Dependency>,
    door: Incidents,
    clock: WallClock,
    asked: mpsc::Receiver<Asked>,
    asking: JoinSet<Facts>,
    facts: Arc<Facts>,
    /// Decided and not kept yet, because the store refused: kept with the next step.
    unkept: IncidentStep,
    bell: Arc<Notify>,
}

impl Room {
    /// Takes up what was kept: incidents that go on, with what was turned on for them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn open(opening: Opening) -> Result<Self, Failure> {
        let Opening { store, settings, runbooks, clock, seed, .. } = opening;
        let kept = store.incidents(KEPT_MAX).await.map_err(|error| {
            Failure::work(format!("the incidents that were kept cannot be read: {error}"))
        })?;
        let mut incidents: Vec<Incident> =
            kept.iter().filter_map(|kept| serde_json::from_slice(&kept.document).ok()).collect();
        incidents.sort_by_key(|incident| incident.began_at);
        for incident in incidents.iter().filter(|incident| incident.stage != Stage::Resolved) {
            for measure in incident.measures.iter().filter(|measure| measure.turn == Turn::On) {
                opening.acts.turn(&incident.id, measure);
            }
        }
        Ok(Self {
            engine: Engine::new(settings, Arc::new(runbooks), incidents, seed),
            store,
            watch: opening.watch,
            questions: Arc::new(opening.questions),
            acts: opening.acts,
            channels: Arc::new(opening.channels),
            dependencies: opening.dependencies,
            door: opening.door,
            clock,
            asked: opening.asked,
            asking: JoinSet::new(),
            facts: Arc::default(),
            unkept: IncidentStep::default(),
            bell: Arc::new(Notify::new()),
        })
    }

    /// Works for as long as it is polled.
    pub(crate) async fn run(mut self) {
        let sending =
            delivery::run(self.store.clone(), self.channels.clone(), self.clock.clone(), self.bell.clone());
        let dependencies = std::mem::take(&mut self.dependencies);
        let checking = dependencies::run(dependencies, self.door.asked.clone(), self.clock.clone());
        let working = async {
            let mut due = tokio::time::interval(TICK);
            due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = due.tick() => self.look().await,
                    Some(facts) = self.asking.join_next(), if !self.asking.is_empty() => {
                        if let Ok(facts) = facts {
                            self.facts = Arc::new(facts);
                            self.step(Event::Facts(self.facts.clone())).await;
                        }
                    }
                    Some(asked) = self.asked.recv() => self.take(asked).await,
                }
            }
        };
        tokio::join!(sending, checking, working);
    }

    async fn look(&mut self) {
        let now = self.clock.now();
        for signal in self.watch.look(now) {
            self.step(Event::Signal(signal)).await;
        }
        if let Some(signal) = self.backlog(now).await {
            self.step(Event::Signal(signal)).await;
        }
        self.engine.heard(now);
        self.step(Event::Tick).await;
    }

    /// Writes that were accepted for later, and how long the first of them has waited.
    async fn backlog(&self, now: Timestamp) -> Option<Signal> {
        let counts = self.store.counts().await.ok()?;
        let waits = |state: &State| matches!(state, State::Pending | State::Sending);
        let waiting = counts.iter().filter(|(state, _)| waits(state)).map(|(_, count)| count).sum();
        let filter = Filter { state: Some(State::Pending), ..Filter::default() };
        let first = self.store.operations(filter, 0, 1).await.ok()?.operations.into_iter().next();
        let age = first.map(|first| now.duration_since(first.asked.accepted_at).as_secs());
        let oldest_seconds = age.and_then(|age| u64::try_from(age).ok()).unwrap_or(0);
        let seen = Seen::Backlog { name: "outbox".into(), waiting, oldest_seconds };
        Some(Signal { at: now, place: Place::default(), seen })
    }

    async fn take(&mut self, asked: Asked) {
        match asked {
            Asked::Signal(signal) => drop(self.step(Event::Signal(signal)).await),
            Asked::Maintenance { until } => {
                let place = Place::default();
                self.step(Event::Maintenance { until, place }).await;
            }
            Asked::Person { name, command, answer } => {
                let refused = self.step(Event::Person { name, command }).await;
                let _gone = answer.send(refused.map_or(Ok(()), Err));
            }
        }
    }

    /// One step: decided, kept, then done.
    async fn step(&mut self, event: Event) -> Option<Refused> {
        let effects = self.engine.step(event, self.clock.now());
        let (mut refused, mut acts) = (None, Vec::new());
        for effect in effects {
            match effect {
                Effect::Diagnose => self.ask(),
                Effect::Act { incident, measure } => acts.push((incident, measure)),
                Effect::Refuse(why) => refused = Some(why),
                Effect::Keep(incident) => keep::incident(&mut self.unkept, &incident),
                Effect::Write { incident, entry } => keep::line(&mut self.unkept, &incident, &entry),
                Effect::Record { incident } => {
                    keep::recording(&mut self.unkept, &incident, &self.facts, self.clock.now());
                }
                Effect::Tell { moment, message } => {
                    let told = self.store.notices(&message.incident).await.unwrap_or_default();
                    let names = self.channels.for_message(&message, &told);
                    keep::notices(&mut self.unkept, names, moment, &message);
                }
            }
        }
        self.keep().await;
        self.act(acts);
        refused
    }

    async fn keep(&mut self) {
        if self.unkept.is_empty() {
            return;
        }
        let step = std::mem::take(&mut self.unkept);
        match self.store.keep_incidents(step.clone()).await {
            Ok(()) => self.bell.notify_one(),
            Err(error) => {
                tracing::error!(%error, "the incident room cannot keep what it decided; it tries again");
                self.unkept = keep::bounded(step);
            }
        }
    }

    /// One diagnosis at a time.
    fn ask(&mut self) {
        if self.asking.is_empty() {
            let questions = self.questions.clone();
            self.asking.spawn(async move { questions.ask().await });
        }
    }

    fn act(&self, acts: Vec<(String, Measure)>) {
        for (incident, measure) in acts {
            self.acts.turn(&incident, &measure);
        }
    }
}
