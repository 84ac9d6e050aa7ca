//! The incident room's loop in virtual time: the program's own watch, the pure engine, the probes; and a process that may
//! be killed at any step, before what it decided is kept or after.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use incident::engine::{Effect, Engine, Event, Settings};
use incident::facts::Facts;
use incident::facts::grants::Install;
use incident::facts::probes::Tcp;
use incident::incident::Incident;
use incident::runbook::Runbooks;
use incident::signal::{Place, Seen, Signal, Standing, Wellness};
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::glance::Glances;
use super::house::House;
use super::look::{connects, in_passing, look_from_the_room};
use super::plan::Random;
use super::watch::Watch;

/// As in the program.
const TICK: Duration = Duration::from_secs(5);
const KNOCK: Duration = Duration::from_secs(60);
const SLOW_MS: u64 = 3_000;

/// How long a killed process is away.
const AWAY: Duration = Duration::from_secs(2);

/// Of a hundred steps of which something comes, after how many the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadly(pub(super) u32);

pub(super) struct Room {
    engine: Engine,
    watch: Watch,
    glances: Glances,
    runbooks: Arc<Runbooks>,
    knocked_at: Option<Instant>,
    tcp: Option<Tcp>,
    /// As the store holds them.
    pub(super) kept: Vec<Incident>,
    /// Every line of every timeline, for whoever wonders.
    pub(super) history: Vec<String>,
    deadly: Deadly,
    pub(super) deaths: u32,
    random: Random,
    seed: u64,
}

impl Room {
    pub(super) fn open(house: &House, deadly: Deadly, seed: u64) -> Self {
        Self {
            engine: engine(Vec::new(), seed),
            glances: Glances::default(),
            runbooks: Arc::new(Runbooks::embedded()),
            knocked_at: None,
            tcp: None,
            watch: Watch::new(house.stack.clone(), house.traffic.clone(), SLOW_MS),
            kept: Vec::new(),
            history: Vec::new(),
            deadly,
            deaths: 0,
            random: Random::seed_from_u64(seed ^ 0xdead),
            seed,
        }
    }

    /// Watches for so long.
    pub(super) async fn passes(&mut self, house: &House, length: Duration) {
        let ends = Instant::now() + length;
        let mut due = tokio::time::interval(TICK);
        let mut asking: Option<Pin<Box<dyn Future<Output = Facts> + '_>>> = None;
        while Instant::now() < ends {
            let asks = tokio::select! {
                _ = due.tick() => {
                    self.knocks(house).await;
                    self.looks(house)
                }
                facts = answer(&mut asking) => {
                    asking = None;
                    self.step(Event::Facts(Arc::new(facts)), house)
                }
                () = tokio::time::sleep_until(ends) => Went::On,
            };
            match asks {
                Went::On => {}
                Went::Asking if asking.is_some() => {}
                Went::Asking => asking = Some(Box::pin(look_from_the_room(house))),
                Went::Down => {
                    asking = None;
                    tokio::time::sleep(AWAY).await;
                }
            }
        }
    }

    /// Once a minute: what time is it at HubSpot's, and which of its addresses connect? The program reads the time off an
    /// answer; here it is what the case says.
    async fn knocks(&mut self, house: &House) {
        if self.knocked_at.is_some_and(|at| at.elapsed() < KNOCK) {
            return;
        }
        self.knocked_at = Some(Instant::now());
        self.tcp = connects(house).await;
        let (at, offset_ms) = (house.clock.now(), house.own.lock().clock_off_s * 1_000);
        let seen = Seen::Clock { offset_ms };
        self.engine.step(Event::Signal(Signal { at, place: Place::default(), seen }), at);
    }

    fn looks(&mut self, house: &House) -> Went {
        let now = house.clock.now();
        let mut signals = self.watch.look(now);
        signals.extend(grants(house));
        if self.glances.is_due(now) {
            signals.extend(self.glances.look(&in_passing(house, self.tcp.clone()), &self.runbooks, now));
        }
        for signal in signals {
            if self.step(Event::Signal(signal), house) == Went::Down {
                return Went::Down;
            }
        }
        self.step(Event::Tick, house)
    }

    fn step(&mut self, event: Event, house: &House) -> Went {
        let effects = self.engine.step(event, house.clock.now());
        let deadly = !effects.is_empty() && self.random.random_range(0..100) < self.deadly.0;
        // One transaction: all of a step is kept, or nothing.
        if !(deadly && self.random.random_bool(0.5)) {
            for effect in &effects {
                match effect {
                    Effect::Keep(incident) => {
                        self.kept.retain(|known| known.id != incident.id);
                        self.kept.push((**incident).clone());
                    }
                    Effect::Write { incident, entry } => {
                        self.history.push(format!("{} {incident} {}", entry.at, entry.tell()));
                    }
                    _ => {}
                }
            }
        }
        if deadly {
            self.deaths += 1;
            self.engine = engine(self.kept.clone(), self.seed + u64::from(self.deaths));
            return Went::Down;
        }
        if effects.contains(&Effect::Diagnose) { Went::Asking } else { Went::On }
    }
}

/// Whether each install's token is renewed, as whoever renews them tells the program's room.
fn grants(house: &House) -> Vec<Signal> {
    let at = house.clock.now();
    let standing = |install: Install| {
        let well = if install.refusal.is_some() { Wellness::Ill } else { Wellness::Well };
        let (of, observed) = (Standing::Grant, format!("{:?}", install.refusal));
        let seen = Seen::Standing { of, name: install.connection, well, observed };
        Signal { at, place: Place::default(), seen }
    };
    house.own.lock().grants.report().installs.into_iter().map(standing).collect()
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    On,
    Asking,
    Down,
}

async fn answer(asking: &mut Option<Pin<Box<dyn Future<Output = Facts> + '_>>>) -> Facts {
    match asking {
        Some(facts) => facts.await,
        None => std::future::pending().await,
    }
}

fn engine(mut kept: Vec<Incident>, seed: u64) -> Engine {
    kept.sort_by_key(|incident| incident.began_at);
    Engine::new(Settings::default(), Arc::new(Runbooks::embedded()), kept, seed)
}
