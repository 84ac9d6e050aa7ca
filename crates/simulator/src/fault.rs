//! What is broken at the moment.
//!
//! A fault is data: whom it aims at, from when until when, and the effects it has. Each effect belongs to one stage
//! of a call's way through the simulator, and the stage alone knows how to carry it out:
//!
//! | module | stage |
//! |---|---|
//! | [`network`] | the line and what stands on it, before HubSpot |
//! | [`hubspot`] | HubSpot itself failing or slow |
//! | [`auth`] | tokens, scopes, rights |
//! | [`grants`] | the token endpoint, and authentication as a whole |
//! | [`quota`] | limits spent by others, locks, overload |
//! | [`content`] | single requests refused for what they hold |
//! | [`hook`] | webhooks on their way, and the settings of an app |
//! | [`generic`] | any status, delay or broken line, for tests of one's own |

pub mod aim;
pub mod auth;
pub mod catalogue;
pub mod content;
pub mod generic;
pub mod grants;
pub mod hook;
pub mod hubspot;
pub mod network;
pub mod params;
pub mod quota;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::arrival::Arrival;
use crate::status::Incident;
use aim::Aim;
use catalogue::Kind;

/// One thing a fault does.
#[derive(Debug, Clone)]
pub enum Effect {
    Network(network::Trouble),
    HubSpot(hubspot::Trouble),
    Auth(auth::Trouble),
    Grants(grants::Trouble),
    Quota(quota::Trouble),
    Content(content::Trouble),
    Hook(hook::Trouble),
    /// Shown on the status page; it does nothing to calls.
    Status(Incident),
}

#[derive(Debug)]
pub struct Fault {
    pub id: u64,
    pub kind: &'static Kind,
    /// As asked for, tokens replaced by their fingerprints.
    pub params: Map<String, Value>,
    pub aim: Aim,
    pub effects: Vec<Effect>,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    /// Has what it does to records been done?
    pub settled: bool,
    /// How to undo that.
    pub undo: Vec<content::Undo>,
    pub hook_undo: Vec<hook::Undo>,
}

/// An effect that strikes one call.
#[derive(Debug, Clone)]
pub struct Strike {
    pub fault_id: u64,
    pub since: Timestamp,
    pub effect: Effect,
}

/// Every fault there is, in the order they were made.
#[derive(Debug, Default)]
pub struct FaultBook {
    faults: Vec<Fault>,
    made: u64,
}

impl Fault {
    pub fn is_active(&self, now: Timestamp) -> bool {
        now >= self.from && self.until.is_none_or(|until| now < until)
    }
}

impl FaultBook {
    /// Gives the fault its id.
    pub fn add(&mut self, mut fault: Fault) -> u64 {
        self.made += 1;
        fault.id = self.made;
        self.faults.push(fault);
        self.made
    }

    pub fn remove(&mut self, id: u64) -> Option<Fault> {
        let at = self.faults.iter().position(|fault| fault.id == id)?;
        Some(self.faults.remove(at))
    }

    pub fn clear(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    pub fn all(&self) -> &[Fault] {
        &self.faults
    }

    pub fn all_mut(&mut self) -> &mut [Fault] {
        &mut self.faults
    }

    /// The effects that strike this call: active, aimed at it, and drawn by their rate.
    pub fn strikes(&self, arrival: &Arrival<'_>) -> Vec<Strike> {
        self.faults
            .iter()
            .filter(|fault| fault.is_active(arrival.now) && fault.aim.strikes(fault.id, arrival))
            .flat_map(|fault| {
                fault.effects.iter().map(|effect| Strike {
                    fault_id: fault.id,
                    since: fault.from,
                    effect: effect.clone(),
                })
            })
            .collect()
    }

    /// Incidents the status page shows now.
    pub fn incidents(&self, now: Timestamp) -> Vec<(u64, Timestamp, Incident)> {
        self.active_effects(now)
            .filter_map(|(fault, effect)| {
                let Effect::Status(incident) = effect else { return None };
                Some((fault.id, fault.from, incident.clone()))
            })
            .collect()
    }

    /// Every effect in force, whomever it aims at.
    pub fn active_effects(&self, now: Timestamp) -> impl Iterator<Item = (&Fault, &Effect)> {
        self.faults
            .iter()
            .filter(move |fault| fault.is_active(now))
            .flat_map(|fault| fault.effects.iter().map(move |effect| (fault, effect)))
    }
}
