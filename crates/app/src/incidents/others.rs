//! Several hubkeepers on one store: one of them runs the room. The others tell it by letter what they observe and what people
//! ask of them, and turn on what it has turned on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use incident::code::Code;
use incident::engine::Command;
use incident::facts::inside::Inside;
use incident::facts::traffic::Traffic;
use incident::incident::Incident;
use incident::mitigation::{Measure, Mitigation, Turn};
use incident::signal::{Seen, Signal, Standing, Wellness};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use store::Store;
use store::room::RoomLetter;
use tokio::sync::Notify;
use uuid::Uuid;

use super::acts::Acts;

mod siblings;

/// Observations that wait for a store that refuses; older ones are lost.
const UNSENT_MAX: usize = 2_000;

/// A look of theirs, one of ours, and some time to spare.
const CATCH_UP_MAX: Duration = Duration::from_secs(12);

/// What another saw so long ago is not what it sees.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// What one tells the room.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Letter {
    pub(super) signals: Vec<Signal>,
    pub(super) wishes: Vec<Wish>,
    pub(super) maintenance: Option<Timestamp>,
    /// What passed through it.
    traffic: Option<Traffic>,
    /// How its own parts stand, where something of them is ill.
    inside: Option<Inside>,
}

/// What a person asked of one that does not run the room.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Wish {
    pub(super) name: String,
    pub(super) command: Command,
}

/// What the others told last, for a diagnosis.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Told>);

#[derive(Default)]
struct Told {
    last: Mutex<BTreeMap<Uuid, Last>>,
    noted: Notify,
}

/// The latest of one of them.
struct Last {
    at: Timestamp,
    traffic: Traffic,
    inside: Option<Inside>,
}

impl Last {
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) <= FRESH
    }
}

impl Heard {
    fn note(&self, sender: Uuid, last: Last) {
        let mut heard = self.0.last.lock();
        heard.retain(|_, known| known.is_fresh(last.at));
        heard.insert(sender, last);
        self.0.noted.notify_waiters();
    }

    /// Waits until each of them has told what it did until then, or will not: what one sent since its last letter would pass
    /// for a stranger's.
    pub(super) async fn catch_up(&self, until: Timestamp) {
        let all = async {
            loop {
                let noted = self.0.noted.notified();
                let behind = |last: &Last| last.is_fresh(until) && last.at < until;
                if !self.0.last.lock().values().any(behind) {
                    return;
                }
                noted.await;
            }
        };
        let _who_has_not_told_by_then_is_gone = tokio::time::timeout(CATCH_UP_MAX, all).await;
    }

    /// Everything that passed, here and there.
    pub(super) fn beside(&self, mut own: Traffic, now: Timestamp) -> Traffic {
        for Last { traffic, .. } in self.0.last.lock().values().filter(|last| last.is_fresh(now)) {
            own.governed &= traffic.governed;
            // What came before the youngest of us, not all of us have counted.
            own.since = own.since.max(traffic.since);
            own.known_ids_gone += traffic.known_ids_gone;
            own.groups.extend(traffic.groups.iter().cloned());
            own.changes.extend(traffic.changes.iter().cloned());
        }
        let others = self.0.last.lock();
        let others = others.values().filter(|last| last.is_fresh(now)).map(|last| &last.traffic.connections);
        own.connections = siblings::together(std::iter::once(&own.connections).chain(others));
        own
    }

    /// The parts of another, where they are ill.
    pub(super) fn ill(&self, now: Timestamp) -> Option<Inside> {
        let heard = self.0.last.lock();
        heard.values().filter(|last| last.is_fresh(now)).find_map(|last| last.inside.clone())
    }
}

/// Do they tell that something of our own parts is ill?
pub(super) fn of_ourselves(signals: &[Signal]) -> bool {
    let ours = [Code::Store, Code::Disk, Code::Resources, Code::Secrets, Code::Blind].map(Code::id);
    signals.iter().any(|signal| {
        matches!(&signal.seen, Seen::Standing { of: Standing::Likeness, name, well: Wellness::Ill, .. }
            if ours.contains(&name.as_str()))
    })
}

/// Our side of it.
pub(super) struct Others {
    store: Store,
    me: Uuid,
    heard: Heard,
    unsent: Letter,
    /// What is turned on here, by incident.
    on: BTreeMap<(String, Mitigation), Measure>,
    /// Incidents that go on, as far as we know.
    open: BTreeSet<String>,
}

impl Others {
    pub(super) fn new(store: Store, me: Uuid, heard: Heard) -> Self {
        Self { store, me, heard, unsent: Letter::default(), on: BTreeMap::new(), open: BTreeSet::new() }
    }

    /// What the others have told since. A store of our own has no others.
    pub(super) async fn letters(&self) -> Vec<Letter> {
        if !self.store.is_shared() {
            return Vec::new();
        }
        let letters = self.store.room_letters().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what other hubkeepers observe cannot be read");
            Vec::new()
        });
        let read = letters.into_iter().filter_map(|letter| {
            let mut read: Letter = serde_json::from_slice(&letter.document).ok()?;
            // Of our own, from before the room was ours, only what was observed counts.
            if let Some(traffic) = read.traffic.take().filter(|_| letter.sender != self.me) {
                let inside = read.inside.take();
                self.heard.note(letter.sender, Last { at: letter.at, traffic, inside });
            }
            Some(read)
        });
        read.collect()
    }

    /// Tells whoever runs the room what was observed here.
    pub(super) async fn pass_on(
        &mut self,
        signals: Vec<Signal>,
        traffic: Option<Traffic>,
        inside: Option<Inside>,
        now: Timestamp,
    ) {
        self.unsent.signals.extend(signals);
        let too_many = self.unsent.signals.len().saturating_sub(UNSENT_MAX);
        self.unsent.signals.drain(..too_many);
        (self.unsent.traffic, self.unsent.inside) = (traffic, inside);
        self.send(now).await;
    }

    /// Tells it what a person wants; `false` where there is no such incident.
    pub(super) async fn wish(&mut self, name: String, command: Command, now: Timestamp) -> bool {
        let known = self.open.contains(command.incident());
        if known {
            self.unsent.wishes.push(Wish { name, command });
            self.send(now).await;
        }
        known
    }

    pub(super) async fn maintenance(&mut self, until: Timestamp, now: Timestamp) {
        self.unsent.maintenance = Some(until);
        self.send(now).await;
    }

    async fn send(&mut self, now: Timestamp) {
        let document = serde_json::to_vec(&self.unsent).unwrap_or_default();
        match self.store.tell_the_room(RoomLetter { at: now, sender: self.me, document }).await {
            Ok(()) => self.unsent = Letter::default(),
            Err(error) => tracing::warn!(%error, "the incident room cannot be told; it is tried again"),
        }
    }

    /// Turns on here what is on, and off what is not any more.
    pub(super) fn follow(&mut self, incidents: &[Incident], acts: &Acts) {
        let open = || incidents.iter().filter(|incident| !incident.stage.is_over());
        self.open = open().map(|incident| incident.id.clone()).collect();
        let mut stands = BTreeMap::new();
        for incident in open() {
            for measure in incident.measures.iter().filter(|measure| measure.turn == Turn::On) {
                stands.insert((incident.id.clone(), measure.mitigation), measure.clone());
            }
        }
        for ((id, _), measure) in stands.iter().filter(|(key, _)| !self.on.contains_key(key)) {
            let _refused_is_logged = acts.take_up(id, measure);
        }
        let was_taken_back = |id: &str, measure: &Measure| {
            let of =
                incidents.iter().filter(|incident| incident.id == id).flat_map(|incident| &incident.measures);
            let off = |known: &Measure| known.mitigation == measure.mitigation && known.turn == Turn::Off;
            !measure.mitigation.stays() || of.into_iter().any(off)
        };
        let gone = self.on.iter().filter(|(key, _)| !stands.contains_key(key));
        for ((id, _), measure) in gone.filter(|((id, _), measure)| was_taken_back(id, measure)) {
            let _refused_is_logged = acts.take_up(id, &Measure { turn: Turn::Off, ..measure.clone() });
        }
        self.on = stands;
    }

    /// The room is ours, and has turned one.
    pub(super) fn turned(&mut self, incident: &str, measure: &Measure) {
        let key = (incident.to_owned(), measure.mitigation);
        match measure.turn {
            Turn::On => drop(self.on.insert(key, measure.clone())),
            Turn::Off | Turn::Offered => drop(self.on.remove(&key)),
        }
    }
}
