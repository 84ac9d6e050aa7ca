//! What one process leaves to the next: whose tokens it knew, what the days brought, and which slots HubSpot may still
//! count. Plain data; whoever runs the process decides where it lies meanwhile.
//!
//! It makes things better and is never needed: without it everything is learned anew, or waited for.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::accounts::Portal;
use crate::governor::handover::GateHandover;
use crate::stack::Stack;

/// The version of the shape. Another one is not understood.
pub const VERSION: u32 = 1;

/// Credentials and portals that are passed on; far more than anybody has.
pub(crate) const CREDENTIALS_MAX: usize = 1024;
pub(crate) const GATES_MAX: usize = 128;

/// What has lain for longer says nothing of today.
const AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A clock may be corrected by this much between two processes.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Which portal a token is of never changes, but the portal's time zone may: it is asked for again after this time.
const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

/// All that is passed on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    pub version: u32,
    pub written_at: Timestamp,
    pub(crate) introduced: Vec<Introduced>,
    pub(crate) gates: Vec<HandedGate>,
}

/// Whether whoever writes goes on calling afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It does: what it will have sent since cannot be known, so that the next one waits as after no handover at all.
    Not,
    /// Nothing is sent any more, and the next one may go on slot by slot.
    Now,
}

/// A credential, by its fingerprint, and its portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Introduced {
    pub(crate) fingerprint: String,
    pub(crate) portal: Portal,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandedGate {
    pub(crate) whose: Whose,
    pub(crate) gate: GateHandover,
}

/// Whom a gate belongs to: a portal, or a credential whose portal is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    Portal(u64),
    Credential(String),
}

/// Why a handover is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("it is of another version ({0}; this is {VERSION})")]
    Version(u32),
    #[error("it was written later than now: the clock was set back, or was wrong then")]
    FromTheFuture,
    #[error("it is more than 30 days old")]
    Old,
    #[error("it holds what cannot be")]
    Nonsense,
}

impl Handover {
    fn check(&self, now: Timestamp) -> Result<(), NotTaken> {
        let age = now.duration_since(self.written_at);
        if self.version != VERSION {
            return Err(NotTaken::Version(self.version));
        }
        if age < -AHEAD_MAX {
            return Err(NotTaken::FromTheFuture);
        }
        if age > AGE_MAX {
            return Err(NotTaken::Old);
        }
        let few = self.introduced.len() <= CREDENTIALS_MAX && self.gates.len() <= GATES_MAX;
        if !few || !self.gates.iter().all(|handed| handed.gate.is_sound()) {
            return Err(NotTaken::Nonsense);
        }
        Ok(())
    }

    /// The credentials that HubSpot has answered well, by the names that accounts have without a connection.
    pub fn proven(&self) -> Vec<String> {
        let introduced = self.introduced.iter().map(|known| &known.fingerprint);
        let told = self.gates.iter().filter_map(|handed| match &handed.whose {
            Whose::Credential(fingerprint) => Some(fingerprint),
            Whose::Portal(_) => None,
        });
        introduced.chain(told).cloned().collect()
    }

    /// How many portals it tells of.
    pub fn portals(&self) -> usize {
        self.gates.len()
    }
}

/// What has been handed over and nobody has claimed yet.
#[derive(Debug, Default)]
pub(crate) struct Unclaimed {
    introduced: Vec<Introduced>,
    gates: Vec<HandedGate>,
    written_at: Timestamp,
}

impl Unclaimed {
    pub(crate) fn is_empty(&self) -> bool {
        self.introduced.is_empty() && self.gates.is_empty()
    }

    /// The portal of a credential.
    pub(crate) fn portal(&self, fingerprint: &str, now: Timestamp) -> Option<&Introduced> {
        let fresh = |known: &&Introduced| now.duration_since(known.at) < KNOWN_FOR;
        self.introduced.iter().find(|known| known.fingerprint == fingerprint).filter(fresh)
    }

    /// The gate of a portal or credential, and how long ago it was written down; it is claimed once.
    pub(crate) fn claim(&mut self, whose: &Whose) -> Option<(GateHandover, Timestamp)> {
        let place = self.gates.iter().position(|handed| handed.whose == *whose)?;
        Some((self.gates.swap_remove(place).gate, self.written_at))
    }

    /// What nobody claimed is passed on as it came; but for its slots, which have long cooled.
    fn pass_on(&self, handover: &mut Handover) {
        for known in &self.introduced {
            let same = |other: &Introduced| other.fingerprint == known.fingerprint;
            if !handover.introduced.iter().any(same) {
                handover.introduced.push(known.clone());
            }
        }
        for handed in &self.gates {
            if !handover.gates.iter().any(|other| other.whose == handed.whose) {
                let gate = handed.gate.clone().passed_on();
                handover.gates.push(HandedGate { whose: handed.whose.clone(), gate });
            }
        }
    }
}

impl Stack {
    /// Takes over from the process before, ahead of the first call.
    ///
    /// # Errors
    /// [`NotTaken`]: then everything is learned anew.
    pub fn take_over(&self, handover: Handover) -> Result<(), NotTaken> {
        handover.check(self.clock().now())?;
        let Handover { introduced, gates, written_at, .. } = handover;
        *self.accounts.unclaimed().lock() = Unclaimed { introduced, gates, written_at };
        Ok(())
    }

    /// What the next process should know.
    pub fn hand_over(&self, leaving: Leaving) -> Handover {
        let now = self.clock().now();
        let mut handover =
            Handover { version: VERSION, written_at: now, introduced: Vec::new(), gates: Vec::new() };
        let mut governors = Vec::new();
        for (account, fingerprint, introduced_at) in self.accounts.fingerprints() {
            if let Some(portal) = account.portal() {
                let at = introduced_at.unwrap_or(now);
                handover.introduced.push(Introduced {
                    fingerprint: fingerprint.clone(),
                    portal: portal.clone(),
                    at,
                });
            }
            let Some(gate) = account.gate() else { continue };
            let known = governors.iter().any(|governor| Arc::ptr_eq(governor, &gate.governor));
            let whose =
                account.portal().map_or(Whose::Credential(fingerprint), |portal| Whose::Portal(portal.id));
            // A token that HubSpot never answered well leaves nothing.
            if known || !gate.governor.has_been_told() {
                continue;
            }
            handover.gates.push(HandedGate { whose, gate: gate.governor.hand_over(leaving) });
            governors.push(gate.governor.clone());
        }
        self.accounts.unclaimed().lock().pass_on(&mut handover);
        handover.introduced.truncate(CREDENTIALS_MAX);
        handover.gates.truncate(GATES_MAX);
        handover
    }
}

/// Time from one process to the next, as slots see it: a clock that was set back makes nothing cool longer ago.
pub(crate) fn passed(since: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(since).try_into().unwrap_or_default()
}
