//! The verdict over three histories: a pure function, so that it can be shown to see what it must see.

use std::collections::{BTreeMap, BTreeSet};

use crate::histories::{Histories, Receipt};

/// What was found. Everything under "must be empty" fails the rig.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) writes: usize,
    pub(crate) events: usize,
    /// Must be empty: acknowledged, not applied, and not said to be dead, cancelled or unknown.
    pub(crate) lost_writes: Vec<String>,
    /// Must be empty: applied more often than hubkeeper says that it tried.
    pub(crate) twice_undeclared: Vec<String>,
    /// Must be empty: a record got an earlier write after a later one.
    pub(crate) disordered_writes: Vec<String>,
    /// Must be empty: acknowledged, and the subscriber never got it.
    pub(crate) lost_events: Vec<u64>,
    /// Must be empty: got for the first time after a later one of its object.
    pub(crate) disordered_events: Vec<u64>,
    /// Must be none: said to be waiting still, when the rig's patience was over. Not lost, and not proven either.
    pub(crate) unfinished: usize,
    /// Said to be dead, cancelled or unknown.
    pub(crate) given_up: usize,
    /// Applied again, and said so.
    pub(crate) twice_declared: usize,
    /// Got again by the subscriber, under the same name.
    pub(crate) repeated_events: usize,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost_writes.is_empty()
            && self.twice_undeclared.is_empty()
            && self.disordered_writes.is_empty()
            && self.lost_events.is_empty()
            && self.disordered_events.is_empty()
            && self.unfinished == 0
    }

    /// Of several rounds one.
    pub(crate) fn add(&mut self, other: Self) {
        self.writes += other.writes;
        self.events += other.events;
        self.lost_writes.extend(other.lost_writes);
        self.twice_undeclared.extend(other.twice_undeclared);
        self.disordered_writes.extend(other.disordered_writes);
        self.lost_events.extend(other.lost_events);
        self.disordered_events.extend(other.disordered_events);
        self.given_up += other.given_up;
        self.unfinished += other.unfinished;
        self.twice_declared += other.twice_declared;
        self.repeated_events += other.repeated_events;
    }

    /// Acknowledged things that are nowhere: what a control must have.
    pub(crate) fn lost(&self) -> usize {
        self.lost_writes.len() + self.lost_events.len()
    }
}

pub(crate) fn check(histories: &Histories) -> Verdict {
    let mut verdict = Verdict::default();
    writes(histories, &mut verdict);
    events(histories, &mut verdict);
    verdict
}

fn writes(histories: &Histories, verdict: &mut Verdict) {
    let mut times: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for applied in &histories.applied {
        let (all, created) = times.entry(applied.key.as_str()).or_default();
        *all += 1;
        *created += u64::from(applied.created);
    }
    let declared: BTreeMap<&str, (&str, u64)> = histories
        .receipts
        .iter()
        .filter_map(|receipt| match receipt {
            Receipt::Declared { key, state, attempts } => Some((key.as_str(), (state.as_str(), *attempts))),
            Receipt::Write { .. } | Receipt::Event { .. } => None,
        })
        .collect();
    let mut places: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for receipt in &histories.receipts {
        let Receipt::Write { key, record, place } = receipt else { continue };
        verdict.writes += 1;
        let (state, attempts) = declared.get(key.as_str()).copied().unwrap_or(("", 1));
        let gives_up = matches!(state, "dead" | "cancelled" | "unknown");
        verdict.given_up += usize::from(gives_up);
        let (applied, created) = times.get(key.as_str()).copied().unwrap_or_default();
        let waits = matches!(state, "pending" | "sending");
        match applied {
            0 if waits => verdict.unfinished += 1,
            0 if !gives_up => verdict.lost_writes.push(key.clone()),
            _ => {}
        }
        // A second record is a duplicate whatever is said of attempts, unless it is said to be unknown.
        let undeclared = applied > attempts.max(1) || created > 1;
        if undeclared && state != "unknown" {
            verdict.twice_undeclared.push(key.clone());
        } else if applied > 1 {
            verdict.twice_declared += 1;
        }
        if let Some(record) = record {
            places.insert((record, key), *place);
        }
    }
    let mut latest: BTreeMap<&str, u64> = BTreeMap::new();
    for applied in &histories.applied {
        let Some(place) = places.get(&(applied.record.as_str(), applied.key.as_str())) else { continue };
        let latest = latest.entry(applied.record.as_str()).or_default();
        if *place < *latest {
            verdict.disordered_writes.push(applied.key.clone());
        }
        *latest = (*latest).max(*place);
    }
}

fn events(histories: &Histories, verdict: &mut Verdict) {
    let mut places: BTreeMap<u64, u64> = BTreeMap::new();
    for receipt in &histories.receipts {
        if let Receipt::Event { id, place, .. } = receipt {
            places.insert(*id, *place);
        }
    }
    verdict.events = places.len();
    let mut seen = BTreeSet::new();
    let mut latest: BTreeMap<u64, u64> = BTreeMap::new();
    for heard in &histories.heard {
        if !seen.insert(heard.id) {
            verdict.repeated_events += 1;
            continue;
        }
        let Some(place) = places.get(&heard.id) else { continue };
        let latest = latest.entry(heard.object).or_default();
        if *place < *latest {
            verdict.disordered_events.push(heard.id);
        }
        *latest = (*latest).max(*place);
    }
    verdict.lost_events = places.keys().filter(|id| !seen.contains(id)).copied().collect();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::histories::{Applied, Heard};

    fn write(key: &str, place: u64) -> Receipt {
        Receipt::Write { key: key.into(), record: Some("r".into()), place }
    }

    fn declared(key: &str, state: &str, attempts: u64) -> Receipt {
        Receipt::Declared { key: key.into(), state: state.into(), attempts }
    }

    fn applied(key: &str) -> Applied {
        Applied { key: key.into(), record: "r".into(), created: false }
    }

    fn event(id: u64, place: u64) -> Receipt {
        Receipt::Event { id, object: 1, place }
    }

    fn verdict(receipts: &[Receipt], done: &[Applied], heard: &[u64]) -> Verdict {
        let heard = heard.iter().map(|id| Heard { id: *id, object: 1 }).collect();
        check(&Histories { receipts: receipts.to_vec(), applied: done.to_vec(), heard })
    }

    #[test]
    fn all_is_well() {
        let found = verdict(
            &[write("a", 1), write("b", 2), event(7, 1), event(8, 2)],
            &[applied("a"), applied("b")],
            &[7, 7, 8],
        );
        assert!(found.is_good());
        assert_eq!((found.writes, found.events, found.repeated_events), (2, 2, 1));
    }

    #[test]
    fn control_a_dropped_write_is_seen() {
        let found = verdict(&[write("a", 1), write("b", 2)], &[applied("a")], &[]);
        assert_eq!((found.lost_writes.as_slice(), found.is_good()), (["b".to_owned()].as_slice(), false));
    }

    #[test]
    fn control_a_dropped_event_is_seen() {
        assert_eq!(verdict(&[event(7, 1), event(8, 2)], &[], &[8]).lost_events, [7]);
    }

    #[test]
    fn what_is_said_to_be_dead_is_not_lost() {
        let found = verdict(&[write("a", 1), declared("a", "dead", 3)], &[], &[]);
        assert_eq!((found.is_good(), found.given_up), (true, 1));
        assert!(!verdict(&[write("a", 1), declared("a", "applied", 3)], &[], &[]).is_good());
        let found = verdict(&[write("a", 1), declared("a", "pending", 0)], &[], &[]);
        assert_eq!(
            (found.is_good(), found.unfinished, found.lost()),
            (false, 1, 0),
            "neither lost nor proven"
        );
    }

    #[test]
    fn control_twice_is_seen_unless_it_was_said() {
        let twice = [applied("a"), applied("a")];
        assert_eq!(verdict(&[write("a", 1)], &twice, &[]).twice_undeclared, ["a"]);
        let found = verdict(&[write("a", 1), declared("a", "applied", 2)], &twice, &[]);
        assert_eq!((found.is_good(), found.twice_declared), (true, 1));
        let created = [Applied { created: true, ..applied("a") }, Applied { created: true, ..applied("a") }];
        let found = verdict(&[write("a", 1), declared("a", "applied", 2)], &created, &[]);
        assert_eq!(found.twice_undeclared, ["a"], "two records are a duplicate, however often it was tried");
        assert!(verdict(&[write("a", 1), declared("a", "unknown", 2)], &created, &[]).is_good());
    }

    #[test]
    fn control_disorder_is_seen() {
        let found = verdict(&[write("a", 1), write("b", 2)], &[applied("b"), applied("a")], &[]);
        assert_eq!(found.disordered_writes, ["a"]);
        let found = verdict(&[event(7, 1), event(8, 2)], &[], &[8, 7]);
        assert_eq!(found.disordered_events, [7]);
        let late = [applied("a"), applied("b"), applied("a")];
        let found = verdict(&[write("a", 1), write("b", 2), declared("a", "applied", 2)], &late, &[]);
        assert_eq!(found.disordered_writes, ["a"], "an old value over a new one");
    }
}
