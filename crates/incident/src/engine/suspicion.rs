//! What shows, and since when; and whether a cause is to be asked for. A rule that comes and goes is one suspicion.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::seconds;
use crate::detector::{Firing, RuleId};
use crate::incident::Incident;
use crate::signal::Place;

pub(super) type Key = (RuleId, Place);

/// One rule at one place.
#[derive(Debug, Clone)]
pub(super) struct Suspicion {
    pub(super) observed: String,
    pub(super) since: Timestamp,
    pub(super) seen_at: Timestamp,
    /// The diagnoses that found nothing while it held.
    pub(super) cleared: u32,
}

/// All of them, and the diagnosis that is under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspicions {
    pub(super) held: BTreeMap<Key, Suspicion>,
    asked_at: Option<Timestamp>,
    next_at: Option<Timestamp>,
    pause: u32,
}

/// What a tick changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) new: Vec<Key>,
    /// With when it last showed.
    pub(super) gone: Vec<(Key, Timestamp)>,
}

impl Suspicions {
    /// Symptoms of incidents that were kept go on from where they were.
    pub(super) fn of(kept: &[Incident]) -> Self {
        let open = kept.iter().filter(|incident| !incident.stage.is_over());
        let held = open.flat_map(Incident::showing).map(|symptom| {
            let suspicion = Suspicion {
                observed: symptom.observed.clone(),
                since: symptom.since,
                seen_at: symptom.since,
                cleared: 0,
            };
            ((symptom.rule, symptom.place.clone()), suspicion)
        });
        Self { held: held.collect(), ..Self::default() }
    }

    pub(super) fn update(&mut self, firings: Vec<Firing>, now: Timestamp, calm: SignedDuration) -> Changes {
        let mut changes = Changes::default();
        for Firing { rule, place, observed } in firings {
            let key = (rule, place);
            if let Some(held) = self.held.get_mut(&key) {
                held.observed = observed;
                held.seen_at = held.seen_at.max(now);
            } else {
                changes.new.push(key.clone());
                self.held.insert(key, Suspicion { observed, since: now, seen_at: now, cleared: 0 });
            }
        }
        let gone = self.held.iter().filter(|(_, held)| now.duration_since(held.seen_at) >= calm);
        changes.gone = gone.map(|(key, held)| (key.clone(), held.seen_at)).collect();
        for (key, _) in &changes.gone {
            self.held.remove(key);
        }
        if changes.new.iter().any(|(rule, _)| rule.wants_a_cause()) {
            self.hurry();
        }
        changes
    }

    /// A cause is wanted for what shows, or that it is gone is to be proven.
    pub(super) fn wants_a_cause(&self, recovering: bool, now: Timestamp) -> bool {
        let wanted = recovering || self.held.keys().any(|(rule, _)| rule.wants_a_cause());
        wanted && self.asked_at.is_none() && self.next_at.is_none_or(|next| now >= next)
    }

    pub(super) fn asked(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
    }

    pub(super) fn is_lost(&self, now: Timestamp, patience: SignedDuration) -> bool {
        self.asked_at.is_some_and(|asked| now.duration_since(asked) > patience)
    }

    /// An answer came, or none will. `same`: it says what was known; the next one may wait longer.
    pub(super) fn answered(&mut self, same: Answer, now: Timestamp, pause: u32, pause_max: u32) {
        self.asked_at = None;
        self.pause = match same {
            Answer::New => pause,
            Answer::Same => self.pause.saturating_mul(2).clamp(pause, pause_max),
        };
        self.next_at = Some(now + seconds(self.pause));
    }

    /// Something new shows, or nothing does any more: the next diagnosis need not wait for long.
    pub(super) fn hurry(&mut self) {
        self.pause = 0;
        self.next_at = None;
    }

    pub(super) fn first_since(&self, keys: &[Key]) -> Option<Timestamp> {
        keys.iter().filter_map(|key| self.held.get(key)).map(|held| held.since).min()
    }
}

/// Whether an answer told anything new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    New,
    Same,
}
