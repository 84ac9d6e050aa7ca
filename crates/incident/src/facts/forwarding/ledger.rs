//! Counts what was handed on, for the dispatcher.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{Forwarding, Subscriber};
use crate::facts::minutes::Minutes;

/// Newest moments remembered for each subscriber.
const SUBJECTS_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub struct Ledger {
    subscribers: BTreeMap<String, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    delivered: Minutes,
    failed: Minutes,
    out_of_order: Minutes,
    last_ok_at: Option<Timestamp>,
    last_failed_at: Option<Timestamp>,
    waiting: u64,
    oldest: Option<Timestamp>,
    newest: HashMap<u64, Timestamp>,
}

impl Ledger {
    /// An event was taken by a subscriber; `subject` is a hash of portal, record and property.
    pub fn delivered(&mut self, subscriber: &str, subject: u64, occurred_at: Timestamp, at: Timestamp) {
        let kept = self.kept(subscriber);
        kept.delivered.add(1, at);
        kept.last_ok_at = Some(at);
        if kept.newest.len() >= SUBJECTS_MAX && !kept.newest.contains_key(&subject) {
            kept.newest.clear();
        }
        let newest = kept.newest.entry(subject).or_insert(occurred_at);
        kept.out_of_order.add(u64::from(occurred_at < *newest), at);
        *newest = (*newest).max(occurred_at);
    }

    pub fn failed(&mut self, subscriber: &str, at: Timestamp) {
        let kept = self.kept(subscriber);
        kept.failed.add(1, at);
        kept.last_failed_at = Some(at);
    }

    /// What waits for a subscriber now, and since when the oldest of it has.
    pub fn waits(&mut self, subscriber: &str, waiting: u64, oldest: Option<Timestamp>) {
        let kept = self.kept(subscriber);
        (kept.waiting, kept.oldest) = (waiting, oldest);
    }

    pub fn report(&self, now: Timestamp) -> Forwarding {
        let subscribers = self.subscribers.iter().map(|(name, kept)| {
            let oldest_s = kept.oldest.map_or(0, |at| now.duration_since(at).as_secs());
            Subscriber {
                name: name.clone(),
                delivered: kept.delivered.lately(now),
                delivered_recent: kept.delivered.recent(now),
                failed: kept.failed.lately(now),
                failed_recent: kept.failed.recent(now),
                last_ok_at: kept.last_ok_at,
                last_failed_at: kept.last_failed_at,
                waiting: kept.waiting,
                oldest_s: u64::try_from(oldest_s).unwrap_or_default(),
                out_of_order: kept.out_of_order.lately(now),
                out_of_order_recent: kept.out_of_order.recent(now),
            }
        });
        Forwarding { subscribers: subscribers.collect() }
    }

    fn kept(&mut self, subscriber: &str) -> &mut Kept {
        self.subscribers.entry(subscriber.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_judged_for_each_subscriber() {
        let at = |second: i64| Timestamp::from_second(1_772_366_400 + second).unwrap();
        let mut ledger = Ledger::default();
        ledger.delivered("a.example", 1, at(5), at(10));
        ledger.delivered("a.example", 1, at(4), at(11));
        ledger.delivered("b.example", 1, at(4), at(12));
        ledger.failed("b.example", at(13));
        ledger.waits("b.example", 3, Some(at(4)));
        let report = ledger.report(at(20)).subscribers;
        assert_eq!((report[0].delivered, report[0].out_of_order), (2, 1));
        assert_eq!((report[1].failed, report[1].out_of_order, report[1].oldest_s), (1, 0, 16));
    }
}
