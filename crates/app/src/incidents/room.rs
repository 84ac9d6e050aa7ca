//! The loop: what happens goes into the engine, what it decides is kept and then done.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use incident::engine::{Command, Effect, Engine, Event, Refused, Settings};
use incident::facts::Facts;
use incident::incident::Incident;
use incident::message::Moment;
use incident::mitigation::Measure;
use incident::runbook::Runbooks;
use incident::signal::Place;
use incident::timeline::By;
use store::Store;
use store::failure::StoreError;
use store::incidents::IncidentStep;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::acts::Acts;
use super::addresses::Addresses;
use super::beat::Lease;
use super::channels::Channels;
use super::dependencies::{self, Dependency};
use super::doorbell::Doorbell;
use super::front_door::FrontDoor;
use super::glance::Glances;
use super::keys::Keys;
use super::others::{self, Others};
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
    settings: Settings,
    seed: u64,
    /// We run the room for all hubkeepers on this store; else another does, and we tell it.
    leads: bool,
    /// Something of our own parts was ill at the last glance.
    ill: bool,
    others: Others,
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
    /// When to try again, where the store has refused.
    again_at: Option<Instant>,
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
        let incidents = kept(&store).await.map_err(|error| {
            Failure::work(format!("the incidents that were kept cannot be read: {error}"))
        })?;
        let lease =
            Lease::new(store.clone(), opening.ledgers.clone(), opening.watch.traffic.clone(), clock.clone());
        if store.is_shared() {
            lease.write().await;
        }
        let mut others = Others::new(store.clone(), store.owner(), opening.questions.heard.clone());
        others.follow(&incidents, &opening.acts);
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
            leads: lease.is_ours(),
            ill: false,
            lease: Arc::new(lease),
            others,
            lookouts: Some(lookouts),
            engine: Engine::new(settings.clone(), runbooks.clone(), incidents, seed),
            settings,
            seed,
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
            again_at: None,
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
                        if let Some(facts) = facts.ok().filter(|_| self.leads) {
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
            let seen = self.glances.look(&self.questions.in_passing(), &self.runbooks, now);
            self.ill = others::of_ourselves(&seen);
            signals.extend(seen);
            self.follow().await;
        }
        if !self.leads {
            let (traffic, inside) = self.questions.told(self.ill);
            return self.others.pass_on(signals, traffic, inside, now).await;
        }
        for letter in self.others.letters().await {
            signals.extend(letter.signals);
            for wish in letter.wishes {
                self.wished(wish.name, wish.command).await;
            }
            if let Some(until) = letter.maintenance {
                self.step(Event::Maintenance { until, place: Place::default() }).await;
            }
        }
        for signal in signals {
            self.step(Event::Signal(signal)).await;
        }
        self.step(Event::Tick).await;
    }

    /// Who runs the room may have changed; who does not, does what is turned on by whoever does.
    async fn follow(&mut self) {
        let leads = self.lease.is_ours();
        if leads && self.leads {
            return;
        }
        let Ok(incidents) = kept(&self.store).await else { return };
        self.others.follow(&incidents, &self.acts);
        self.door.board.stands(&incidents);
        if leads {
            self.seed = self.seed.wrapping_add(1);
            self.engine = Engine::new(self.settings.clone(), self.runbooks.clone(), incidents, self.seed);
        }
        self.leads = leads;
    }

    async fn take(&mut self, asked: Asked) {
        let now = self.clock.now();
        match asked {
            Asked::Signal(signal) if self.leads => drop(self.step(Event::Signal(signal)).await),
            Asked::Signal(signal) => {
                let (traffic, inside) = self.questions.told(self.ill);
                self.others.pass_on(vec![signal], traffic, inside, now).await;
            }
            Asked::Maintenance { until } if self.leads => {
                let place = Place::default();
                self.step(Event::Maintenance { until, place }).await;
            }
            Asked::Maintenance { until } => self.others.maintenance(until, now).await,
            Asked::Person { name, command, answer } if self.leads => {
                let refused = self.wished(name, command).await;
                let _gone = answer.send(refused.map_or(Ok(()), Err));
            }
            Asked::Person { name, command, answer } => {
                let incident = command.incident().to_owned();
                let known = self.others.wish(name, command, now).await;
                let _gone = answer.send(if known { Ok(()) } else { Err(Refused::NoSuchIncident(incident)) });
            }
        }
    }

    /// A note may be about an incident that has long been over: the store still knows it.
    async fn wished(&mut self, name: String, command: Command) -> Option<Refused> {
        let id = command.incident();
        if !self.engine.incidents().iter().any(|incident| incident.id == id)
            && let Ok(Some(kept)) = self.store.incident(id).await
            && let Ok(incident) = serde_json::from_slice(&kept.document)
        {
            self.step(Event::Recalled(incident)).await;
        }
        self.step(Event::Person { name, command }).await
    }

    /// One step: decided, kept, then done.
    async fn step(&mut self, event: Event) -> Option<Refused> {
        let (diagnosed, asked) = (matches!(event, Event::Facts(_)), matches!(event, Event::Person { .. }));
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
                Effect::Act { incident, by, measure } => acts.push((incident, by, measure)),
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
        if asked || self.again_at.is_none_or(|at| Instant::now() >= at) {
            self.keep().await;
        }
        self.act(acts).await;
        refused
    }

    async fn keep(&mut self) {
        if self.unkept.is_empty() {
            return;
        }
        let step = std::mem::take(&mut self.unkept);
        match self.store.keep_incidents(step.clone()).await {
            Ok(()) => {
                if self.again_at.take().is_some() {
                    self.door.board.waits(IncidentStep::default());
                }
                self.bell.notify_one();
            }
            Err(error) => {
                tracing::error!(%error, "the incident room cannot keep what it decided; it tries again");
                self.unkept = keep::bounded(step);
                let (channels, board) = (self.channels.clone(), self.door.board.clone());
                board.waits(self.unkept.clone());
                delivery::at_once(&channels, &board, &mut self.unkept, self.clock.now()).await;
                self.again_at = Some(Instant::now() + TICK);
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

    async fn act(&mut self, acts: Vec<(String, By, Measure)>) {
        let mut turned = Vec::new();
        for (incident, by, measure) in acts {
            let refused = self.acts.take_up(&incident, &measure);
            self.others.turned(&incident, &measure);
            turned.push((incident, by, measure, refused));
        }
        // Once all are turned: none waits for a disk.
        for (incident, by, measure, refused) in turned {
            self.acts.tell(&incident, &by, &measure, refused).await;
        }
    }
}

/// Those that go on, and enough of the latest, the oldest first.
async fn kept(store: &Store) -> Result<Vec<Incident>, StoreError> {
    let kept = store.incidents(KEPT_MAX).await?;
    let mut incidents: Vec<Incident> =
        kept.iter().filter_map(|kept| serde_json::from_slice(&kept.document).ok()).collect();
    incidents.sort_by_key(|incident| incident.began_at);
    Ok(incidents)
}
