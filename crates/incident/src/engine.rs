//! The incident engine: `(state, event, now) → (state, effects)`, and nothing else.
//!
//! It reads no clock, asks nobody and keeps nothing outside its state. What it wants done comes out as effects; whoever
//! runs it keeps the durable ones (incident, timeline, messages) in one transaction before acting on the others, so that
//! a process killed at any step goes on with exactly one incident.
//!
//! | module | decides |
//! |---|---|
//! | `suspicion` | what shows, since when, whether a cause is to be asked for |
//! | `correlation` | which incident a cause belongs to |
//! | `condition` | rules that need no cause |
//! | `findings` | what a diagnosis means, or none |
//! | `opening` | how an incident begins, takes in symptoms, and gets its name |
//! | `lifecycle` | recovery, relapse, the end, and when people are told again |
//! | `recovery` | what an end is proven with |
//! | `people` | what people do |
//! | `measures` | what we do ourselves |
//! | `books` | what passed since when |
//! | `cost` | what it cost, in numbers |

mod books;
mod condition;
mod correlation;
mod cost;
mod findings;
mod lifecycle;
mod measures;
mod opening;
mod people;
mod recovery;
mod suspicion;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::detector::settings::Settings as Detectors;
use crate::detector::{self, Memory};
use crate::facts::Facts;
use crate::incident::Incident;
use crate::message::{Message, Moment};
use crate::mitigation::{Measure, Mitigation, Permission};
use crate::runbook::Runbooks;
use crate::signal::{Place, Signal};
use crate::timeline::{By, Entry, What};
use books::Books;
use suspicion::Suspicions;

pub use people::{Command, Refused};

/// An incident that is over is remembered for so long, so that a relapse is not a new one.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// So many at most.
const OVER_MAX: usize = 64;

/// How the engine is set.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub detectors: Detectors,
    pub response: Response,
    /// Of what can be done at all; what is not there is off.
    pub permissions: Vec<(Mitigation, Permission)>,
}

/// Spans of patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Response {
    /// A symptom that has been gone for as long is over; one that comes and goes is one.
    pub calm_seconds: u32,
    /// Between two diagnoses, at least; each costs up to eight calls.
    pub diagnosis_seconds: u32,
    /// Between two diagnoses that say the same while an incident goes on, at most.
    pub diagnosis_seconds_max: u32,
    /// Between two diagnoses that find nothing wrong, at most.
    pub diagnosis_seconds_idle: u32,
    /// A diagnosis that has not come back by then will not.
    pub diagnosis_patience_seconds: u32,
    /// A cause that comes back within this time is the same incident.
    pub reopen_minutes: u32,
    /// How often people are told again, by severity.
    pub update_minutes_p1: u32,
    pub update_minutes_p2: u32,
}

impl Default for Response {
    fn default() -> Self {
        Self {
            calm_seconds: 60,
            diagnosis_seconds: 15,
            diagnosis_seconds_max: 300,
            diagnosis_seconds_idle: 1_800,
            diagnosis_patience_seconds: 30,
            reopen_minutes: 30,
            update_minutes_p1: 30,
            update_minutes_p2: 60,
        }
    }
}

/// What happens to the engine.
#[derive(Debug, Clone)]
pub enum Event {
    Signal(Signal),
    /// Some seconds have passed.
    Tick,
    /// An answer to [`Effect::Diagnose`].
    Facts(Arc<Facts>),
    /// One that is over and was forgotten, as it was kept: somebody is about to ask for something.
    Recalled(Box<Incident>),
    /// Somebody asks for something.
    Person {
        name: String,
        command: Command,
    },
    /// During which new incidents are not opened.
    Maintenance {
        until: Timestamp,
        place: Place,
    },
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Keep this as the incident stands now.
    Keep(Box<Incident>),
    /// Keep this line for good.
    Write { incident: String, entry: Entry },
    /// Keep what a diagnosis was drawn from.
    Record { incident: String },
    /// Tell people; at least once, under one key.
    Tell { moment: Moment, message: Box<Message> },
    /// Gather facts: probes, with what traffic shows.
    Diagnose,
    /// Turn a mitigation on or off, as somebody wished or by ourselves.
    Act { incident: String, by: By, measure: Measure },
    /// A person asked for something that cannot be.
    Refuse(Refused),
}

/// Everything the engine knows.
pub struct Engine {
    pub(crate) settings: Settings,
    pub(crate) runbooks: Arc<Runbooks>,
    memory: Memory,
    books: Books,
    suspicions: Suspicions,
    incidents: Vec<Incident>,
    maintenance: Vec<(Timestamp, Place)>,
    /// Of the latest diagnosis, for HubSpot's support.
    correlation_ids: Vec<String>,
    seed: u64,
    effects: Vec<Effect>,
}

impl Engine {
    /// Goes on with the incidents that were kept: those that are not over, and the latest that are. `seed` makes ids.
    pub fn new(settings: Settings, runbooks: Arc<Runbooks>, kept: Vec<Incident>, seed: u64) -> Self {
        Self {
            settings,
            runbooks,
            memory: Memory::new(),
            books: Books::default(),
            suspicions: Suspicions::of(&kept),
            incidents: kept,
            maintenance: Vec::new(),
            correlation_ids: Vec::new(),
            seed,
            effects: Vec::new(),
        }
    }

    /// One step. Effects are in the order in which they are to be kept.
    pub fn step(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        match event {
            Event::Signal(signal) => {
                self.memory.note(&signal);
                self.books.note(&signal);
                self.count_impact(&signal);
            }
            Event::Tick => self.tick(now),
            Event::Facts(facts) => self.diagnosed(&facts, now),
            Event::Recalled(incident) => self.incidents.insert(0, *incident),
            Event::Person { name, command } => self.person(&name, command, now),
            Event::Maintenance { until, place } => self.maintenance.push((until, place)),
        }
        std::mem::take(&mut self.effects)
    }

    /// Those that are not over, and the latest that are; newest last.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    fn tick(&mut self, now: Timestamp) {
        self.maintenance.retain(|(until, _)| *until > now);
        let maintenance = &self.maintenance;
        let mut firings = detector::firings(&self.memory, &self.settings.detectors, now);
        firings.retain(|firing| !maintenance.iter().any(|(_, place)| place.meets(&firing.place)));
        let calm = seconds(self.settings.response.calm_seconds);
        let changes = self.suspicions.update(firings, now, calm);
        self.symptoms_changed(changes, now);
        self.books.mark(now);
        self.ask_for_a_cause(now);
        self.care(now);
        self.memory.forget(now);
        self.forget_what_is_over(now);
    }

    fn ask_for_a_cause(&mut self, now: Timestamp) {
        let recovering = self.incidents.iter().any(Incident::awaits_proof);
        if self.suspicions.is_lost(now, seconds(self.settings.response.diagnosis_patience_seconds)) {
            self.no_diagnosis_came(now);
        }
        if self.suspicions.wants_a_cause(recovering, now) {
            self.suspicions.asked(now);
            self.effects.push(Effect::Diagnose);
        }
    }

    fn forget_what_is_over(&mut self, now: Timestamp) {
        let remembered = REMEMBERED.max(minutes(self.settings.response.reopen_minutes));
        let is_past = |at: Timestamp| now.duration_since(at) > remembered;
        self.incidents
            .retain(|incident| !incident.stage.is_over() || !incident.resolved_at.is_some_and(is_past));
        let over = self.incidents.iter().filter(|incident| incident.stage.is_over()).count();
        let mut too_many = over.saturating_sub(OVER_MAX);
        self.incidents.retain(|incident| {
            let forget = too_many > 0 && incident.stage.is_over();
            too_many -= usize::from(forget);
            !forget
        });
    }

    fn write(&mut self, incident: &str, at: Timestamp, what: What) {
        self.effects.push(Effect::Write { incident: incident.to_owned(), entry: Entry::ours(at, what) });
    }

    fn keep(&mut self, index: usize) {
        self.effects.push(Effect::Keep(Box::new(self.incidents[index].clone())));
    }

    fn tell(&mut self, index: usize, moment: Moment, now: Timestamp) {
        self.incidents[index].told_at = Some(now);
        if moment == Moment::Opened && correlation::costs_calls(&self.incidents[index]) {
            self.memory.slo.told(now, self.incidents[index].impact.total);
        }
        let cadence = self.cadence(self.incidents[index].severity);
        let message = Message::of(&self.incidents[index], moment, cadence, &self.runbooks, now);
        self.effects.push(Effect::Tell { moment, message: Box::new(message) });
    }
}

fn seconds(count: u32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(count))
}

fn minutes(count: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(count))
}
