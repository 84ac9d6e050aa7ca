//! The loop: what happens goes into the engine, what it decides is kept and then done.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use incident::engine::{Effect, Engine, Event, Refused, Settings};
use incident::facts::Facts;
use incident::incident::{Incident, Stage};
use incident::message::Moment;
use incident::mitigation::{Measure, Turn};
use incident::runbook::Runbooks;
use incident::signal::Place;
use store::Store;
use store::incidents::IncidentStep;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::acts::Acts;
use super::addresses::Addresses;
use super::beat::Lease;
use super::channels::Channels;
use super::dependencies::{self, Dependency};
use super::doorbell::Doorbell;
use super::front_door::FrontDoor;
use super::glance::Glances;
use super::keys::Keys;
use super::parts::Parts;
use super::questions::Questions;
use super::watch::Watch;
use super::{Asked, Incidents, delivery, keep};
use crate::failure::Failure;
use crate::ledgers::Ledgers;
use crate::secrets::Secrets;

/// How often rules are judged: a sixth of the shortest window.
const TICK: Duration = Duration::from_secs(5);

/// Incidents taken up at the start: all that go on, and enough of the latest to know a relapse.
const KEPT_MAX: usize = 256;

/// Whoever looks out by itself, and tells at the door.
struct Lookouts {
    dependencies: Vec<Dependency>,
    keys: Keys,
    addresses: Addresses,
    front_door: Option<FrontDoor>,
    doorbell: Option<Doorbell>,
}

/// What a room is made of.
pub(crate) struct Opening {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) runbooks: Runbooks,
    pub(crate) watch: Watch,
    pub(crate) parts: Parts,
    pub(crate) questions: Questions,
    pub(crate) acts: Acts,
    pub(crate) channels: Channels,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) secrets: Secrets,
    pub(crate) addresses: Addresses,
    pub(crate) front_door: Option<FrontDoor>,
    pub(crate) doorbell: Option<Doorbell>,
    pub(crate) door: Incidents,
    pub(crate) clock: WallClock,
    pub(crate) seed: u64,
    pub(crate) asked: mpsc::Receiver<Asked>,
}

pub(crate) struct Room {
    engine: Engine,
    store: Store,
    watch: Watch,
    parts: Parts,
    glances: Glances,
    runbooks: Arc<Runbooks>,
    questions: Arc<Questions>,
    acts: Acts,
    channels: Arc<Channels>,
    lookouts: Option<Lookouts>,
    lease: Arc<Lease>,
    door: Incidents,
    clock: WallClock,
    asked: mpsc::Receiver<Asked>,
    asking: JoinSet<Facts>,
    facts: Arc<Facts>,
    /// Decided and not kept yet, because the store refused: kept with the next step.
    unkept: IncidentStep,
    bell: Arc<Notify>,
}

impl Lookouts {
    async fn run(self, found: mpsc::Sender<Asked>, clock: WallClock) {
        let knocking = async {
            if let Some(front_door) = &self.front_door {
                front_door.run(&found, &clock).await;
            }
        };
        let ringing = async {
            if let Some(doorbell) = &self.doorbell {
                doorbell.run(&found, &clock).await;
            }
        };
        let checking = dependencies::run(self.dependencies, found.clone(), clock.clone());
        tokio::join!(knocking, ringing, checking, self.keys.run(), self.addresses.run());
    }
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
        let keys = Keys {
            secrets: opening.secrets,
            ledgers: opening.ledgers.clone(),
            store: store.clone(),
            clock: clock.clone(),
            found: opening.door.asked.clone(),
        };
        let lookouts = Lookouts {
            dependencies: opening.dependencies,
            keys,
            addresses: opening.addresses,
            front_door: opening.front_door,
            doorbell: opening.doorbell,
        };
        let runbooks = Arc::new(runbooks);
        Ok(Self {
            lease: Arc::new(Lease::new(store.clone(), opening.ledgers, clock.clone())),
            lookouts: Some(lookouts),
            engine: Engine::new(settings, runbooks.clone(), incidents, seed),
            store,
            watch: opening.watch,
            parts: opening.parts,
            glances: Glances::default(),
            runbooks,
            questions: Arc::new(opening.questions),
            acts: opening.acts,
            channels: Arc::new(opening.channels),
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
        let sending = delivery::run(
            self.store.clone(),
            self.channels.clone(),
            self.clock.clone(),
            self.bell.clone(),
            self.door.board.clone(),
        );
        let (found, clock) = (self.door.asked.clone(), self.clock.clone());
        let looking_out = self.lookouts.take().map(|lookouts| lookouts.run(found, clock));
        let looking_out = async {
            match looking_out {
                Some(looking_out) => looking_out.await,
                None => std::future::pending().await,
            }
        };
        let lease = self.lease.clone();
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
        tokio::join!(sending, looking_out, lease.run(), working);
    }

    async fn look(&mut self) {
        let now = self.clock.now();
        let mut signals = self.watch.look(now);
        signals.extend(self.parts.look(now));
        signals.extend(self.parts.work(&self.store, now).await);
        if self.glances.is_due(now) {
            signals.extend(self.glances.look(&self.questions.in_passing(), &self.runbooks, now));
        }
        for signal in signals {
            self.step(Event::Signal(signal)).await;
        }
        self.engine.heard(now);
        self.step(Event::Tick).await;
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
        let diagnosed = matches!(event, Event::Facts(_));
        let effects = self.engine.step(event, self.clock.now());
        let board = self.door.board.clone();
        if diagnosed {
            board.diagnosed();
        }
        if !effects.is_empty() {
            board.stands(self.engine.incidents());
        }
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
                    if moment == Moment::Opened {
                        board.opened(message.code);
                    }
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
