//! What came in, counted: for metrics, and for whoever asks whether HubSpot has fallen silent.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::event::Event;
use crate::silence::{Silence, Verdict};

/// Objects whose latest event is remembered; past it, all are forgotten at once.
const OBJECTS_MAX: usize = 65_536;

/// Moments kept for whoever asks; the newest say enough.
const UNTOLD_MAX: usize = 200;

/// Upper ends of the ranges of delay, in seconds.
pub const DELAY_SECONDS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 600.0, 3_600.0, 86_400.0];

/// What has come since the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Deliveries by what became of them.
    pub deliveries: BTreeMap<&'static str, u64>,
    pub new: u64,
    pub duplicates: u64,
    /// Events that HubSpot had tried to deliver before.
    pub retried: u64,
    /// Events that came after a later one of their object.
    pub out_of_order: u64,
    /// From the event to its arrival: how many in each range, the last one open.
    pub delays: [u64; DELAY_SECONDS.len() + 1],
    pub delay_sum_seconds: f64,
    /// Suspects that there was no room for.
    pub suspects_lost: u64,
    /// Events that only the journal brought.
    pub from_journal: u64,
}

#[derive(Default)]
pub struct Books(Mutex<State>);

#[derive(Default)]
struct State {
    counts: Counts,
    latest: HashMap<u64, i64>,
    silence: BTreeMap<String, Silence>,
    /// When that happened which the journal told of and no webhook, as long as nobody has taken it.
    untold: BTreeMap<String, VecDeque<Timestamp>>,
}

impl Books {
    /// A delivery has ended so.
    pub fn delivery(&self, outcome: &'static str) {
        *self.0.lock().counts.deliveries.entry(outcome).or_default() += 1;
    }

    /// Events that were kept, `new` of which had not come before.
    pub fn events(&self, connection: &str, events: &[Event<'_>], new: usize, now: Timestamp) {
        let mut state = self.0.lock();
        let State { counts, latest, silence, .. } = &mut *state;
        counts.new += new as u64;
        counts.duplicates += (events.len() - new.min(events.len())) as u64;
        if latest.len() > OBJECTS_MAX {
            latest.clear();
        }
        // What a workflow sends tells neither how often it was tried nor when it happened, and comes when people please.
        if events.iter().all(Event::is_of_workflow) {
            return;
        }
        for event in events {
            counts.retried += u64::from(event.attempt_number.is_some_and(|attempt| attempt > 0));
            let occurred_at = event.occurred_at().unwrap_or(now);
            let before = latest.entry(event.object_number()).or_insert(i64::MIN);
            counts.out_of_order += u64::from(occurred_at.as_millisecond() < *before);
            *before = (*before).max(occurred_at.as_millisecond());
            let delay = now.duration_since(occurred_at).as_secs_f64().max(0.0);
            counts.delays[DELAY_SECONDS.partition_point(|end| *end < delay)] += 1;
            counts.delay_sum_seconds += delay;
        }
        silence
            .entry(connection.to_owned())
            .or_insert_with(|| Silence::new(now))
            .note(events.len() as u64, now);
    }

    pub fn suspect_lost(&self) {
        self.0.lock().counts.suspects_lost += 1;
    }

    /// Only the journal brought these, which happened at these moments.
    pub fn from_journal(&self, connection: &str, moments: &[Timestamp]) {
        let mut state = self.0.lock();
        state.counts.from_journal += moments.len() as u64;
        let untold = state.untold.entry(connection.to_owned()).or_default();
        untold.extend(moments);
        let too_many = untold.len().saturating_sub(UNTOLD_MAX);
        untold.drain(..too_many);
    }

    /// The same, once, by connection.
    pub fn take_untold(&self) -> BTreeMap<String, VecDeque<Timestamp>> {
        std::mem::take(&mut self.0.lock().untold)
    }

    pub fn counts(&self) -> Counts {
        self.0.lock().counts.clone()
    }

    /// Whether each connection that has sent anything has fallen silent.
    pub fn silence(&self, now: Timestamp) -> Vec<(String, Verdict)> {
        self.0.lock().silence.iter().map(|(name, silence)| (name.clone(), silence.verdict(now))).collect()
    }
}
