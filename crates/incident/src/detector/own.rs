//! Rules over ourselves, and over what reaches us.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::memory::{NAMES_MAX, SLOT, keep};
use super::settings::Thresholds;
use super::{Firing, RuleId};
use crate::signal::{Commits, Deliveries, Place, Process, Seen, Signal, Standing, Wellness};
use crate::window::Window;

mod judge;

pub(super) use judge::judge;

/// Ten minutes of the finest slots.
const SLOTS: usize = 60;

/// What stood for longer ago says nothing.
const OLD: SignedDuration = SignedDuration::from_mins(10);

/// What is remembered of it.
#[derive(Debug, Clone)]
pub(super) struct Own {
    deliveries: Window<Deliveries>,
    commits: Window<Commits>,
    standings: BTreeMap<(Standing, String), Stood>,
    dead: BTreeMap<String, Dead>,
    ledgers: BTreeMap<String, Ledger>,
    /// By connection.
    forecasts: BTreeMap<String, Timestamp>,
    /// Looks at our process in a row at which it was at its limit are counted by the judge; these are the last few.
    processes: Vec<(Timestamp, Process)>,
    disk: Option<(u64, u64)>,
    /// The latest two.
    clocks: Vec<i64>,
}

/// One that is well or ill.
#[derive(Debug, Clone)]
struct Stood {
    ill_since: Option<Timestamp>,
    /// Looks in a row.
    ill: u32,
    at: Timestamp,
    observed: String,
}

/// Work given up; what there was at the first look is old news.
#[derive(Debug, Clone, Copy)]
struct Dead {
    count: u64,
    /// How many came, and when the last did.
    grew: u64,
    grew_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
struct Ledger {
    accepted: u64,
    accounted: u64,
}

/// Looks at our process that are kept.
const LOOKS_MAX: usize = 3;

impl Own {
    pub(super) fn new() -> Self {
        Self {
            deliveries: Window::new(SLOT, SLOTS),
            commits: Window::new(SLOT, SLOTS),
            standings: BTreeMap::new(),
            dead: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            forecasts: BTreeMap::new(),
            processes: Vec::new(),
            disk: None,
            clocks: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, signal: &Signal) {
        let at = signal.at;
        match &signal.seen {
            Seen::Deliveries(counts) => self.deliveries.add(at, *counts),
            Seen::Commits(counts) => self.commits.add(at, *counts),
            Seen::Standing { of, name, well, observed } => self.stood(at, (*of, name), *well, observed),
            Seen::Dead { name, count } => self.dead(at, name, *count),
            Seen::Ledger { name, accepted, ended, waiting } => {
                let ledger = Ledger { accepted: *accepted, accounted: ended.saturating_add(*waiting) };
                keep(&mut self.ledgers, name, ledger);
            }
            Seen::Forecast { used_up_at } => {
                let name = signal.place.connection.clone().unwrap_or_default();
                match used_up_at {
                    Some(used_up_at) => keep(&mut self.forecasts, &name, *used_up_at),
                    None => drop(self.forecasts.remove(&name)),
                }
            }
            Seen::Process(process) => last(&mut self.processes, (at, *process), LOOKS_MAX),
            Seen::Disk { free_bytes, total_bytes } => self.disk = Some((*free_bytes, *total_bytes)),
            Seen::Clock { offset_ms } => last(&mut self.clocks, *offset_ms, 2),
            Seen::Calls(_)
            | Seen::Daily { .. }
            | Seen::Health { .. }
            | Seen::Webhooks { .. }
            | Seen::Job { .. }
            | Seen::Credential { .. }
            | Seen::Sunset { .. }
            | Seen::Backlog { .. } => {}
        }
    }

    /// What was accepted and what became of it, where they do not add up.
    pub(super) fn unequal(&self) -> Option<String> {
        let mut unequal = self.ledgers.iter().filter(|(_, ledger)| ledger.accepted != ledger.accounted);
        let (name, ledger) = unequal.next()?;
        Some(format!("{name}: {} accepted, {} accounted for", ledger.accepted, ledger.accounted))
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.standings.len()
            + self.dead.len()
            + self.ledgers.len()
            + self.forecasts.len()
            + self.processes.len()
    }

    fn stood(&mut self, at: Timestamp, (of, name): (Standing, &String), well: Wellness, observed: &str) {
        let key = (of, name.clone());
        if self.standings.len() >= NAMES_MAX && !self.standings.contains_key(&key) {
            self.standings.retain(|_, stood| at.duration_since(stood.at) <= OLD);
            if self.standings.len() >= NAMES_MAX {
                return;
            }
        }
        let before = self.standings.get(&key).filter(|stood| at.duration_since(stood.at) <= OLD);
        let (ill, ill_since) = match well {
            Wellness::Well => (0, None),
            Wellness::Ill => {
                let (ill, since) = before.map_or((0, None), |stood| (stood.ill, stood.ill_since));
                (ill.saturating_add(1), since.or(Some(at)))
            }
        };
        self.standings.insert(key, Stood { ill_since, ill, at, observed: observed.to_owned() });
    }

    fn dead(&mut self, at: Timestamp, name: &str, count: u64) {
        let dead = match self.dead.get(name) {
            None => Dead { count, grew: 0, grew_at: None },
            Some(before) if count > before.count => {
                let fresh = before.grew_at.is_some_and(|grew| at.duration_since(grew) < judge::NEWS);
                let grew = count - before.count + if fresh { before.grew } else { 0 };
                Dead { count, grew, grew_at: Some(at) }
            }
            // Somebody has seen to some of them.
            Some(before) if count < before.count => Dead { count, grew: 0, grew_at: None },
            Some(before) => *before,
        };
        keep(&mut self.dead, name, dead);
    }
}

fn last<T>(kept: &mut Vec<T>, one: T, max: usize) {
    if kept.len() == max {
        kept.remove(0);
    }
    kept.push(one);
}
