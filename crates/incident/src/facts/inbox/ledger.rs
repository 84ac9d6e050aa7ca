//! Counts deliveries as they come in, for whoever receives them. Bounded: connections by configuration, records by a
//! table that forgets.

use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::{Inbox, Sender, Strangers};
use crate::facts::minutes::Minutes;

/// An event that took longer is late; HubSpot promises no time, and usually needs seconds.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// Newest moments remembered, one for each property of a record.
const SUBJECTS_MAX: usize = 4_096;

/// Answer times remembered for the slowest of twenty.
const ACKS_MAX: usize = 200;

/// How much a quarter of an hour weighs in what is usual.
const USUAL_WEIGHT: f64 = 0.3;

/// What stands for the app of a delivery that nobody could read.
const UNREAD: &str = "unread";

/// One delivery and what became of it.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    pub at: Timestamp,
    /// The app's connection; `None` where it names none of ours.
    pub connection: Option<&'a str>,
    pub portal_id: Option<u64>,
    pub outcome: Outcome,
    pub ack_ms: u64,
    pub events: &'a [EventSeen],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Taken,
    /// The signature does not fit.
    Refused,
    /// Signed too long ago, or in the future.
    Untimely,
    /// Our store did not keep it.
    NotKept,
}

/// What an event tells of itself.
#[derive(Debug, Clone, Copy)]
pub struct EventSeen {
    /// A hash of portal, record and property.
    pub subject: u64,
    pub occurred_at: Timestamp,
    pub attempt: u32,
    /// It had come before.
    pub repeated: bool,
}

#[derive(Debug, Default)]
pub struct Ledger {
    since: Option<Timestamp>,
    senders: BTreeMap<String, Kept>,
    strangers: Minutes,
    stranger_sources: HashMap<u64, Timestamp>,
    newest: HashMap<u64, Timestamp>,
    /// Somebody compares HubSpot's journal with what comes.
    journal_is_read: bool,
}

#[derive(Debug, Default)]
struct Kept {
    portal_id: Option<u64>,
    events: Minutes,
    repeated: Minutes,
    repeated_at_first: Minutes,
    retried: Minutes,
    late: Minutes,
    overtaken: Minutes,
    refused: Minutes,
    refused_amid: Minutes,
    untimely: Minutes,
    not_kept: Minutes,
    first_refused_at: Option<Timestamp>,
    last_refused_at: Option<Timestamp>,
    last_taken_at: Option<Timestamp>,
    oldest: VecDeque<(Timestamp, i64)>,
    acks: VecDeque<(Timestamp, u64)>,
    usual: Usual,
    /// When HubSpot sent anything, whatever became of it.
    heard_at: Option<Timestamp>,
    /// When that happened which only the journal told of.
    untold: VecDeque<Timestamp>,
}

/// What is usual: quarters of an hour, the newer ones weighing more.
#[derive(Debug, Default)]
struct Usual {
    quarter_began: Option<Timestamp>,
    events: u64,
    per_min: Option<f64>,
}

impl Ledger {
    pub fn new(since: Timestamp) -> Self {
        Self { since: Some(since), ..Self::default() }
    }

    /// An app that should send us events, before it has sent one.
    pub fn introduce(&mut self, connection: &str, portal_id: Option<u64>) {
        self.senders.entry(connection.to_owned()).or_default().portal_id = portal_id;
    }

    pub fn note(&mut self, delivery: &Delivery<'_>) {
        let at = delivery.at;
        let Some(name) = delivery.connection else {
            self.strangers.add(1, at);
            return;
        };
        let kept = self.senders.entry(name.to_owned()).or_default();
        kept.portal_id = delivery.portal_id.or(kept.portal_id);
        kept.heard_at = kept.heard_at.max(Some(at));
        let count = delivery.events.len().max(1) as u64;
        match delivery.outcome {
            Outcome::Taken => kept.taken(delivery, &mut self.newest),
            Outcome::Refused => kept.refused(count, at),
            Outcome::Untimely => kept.untimely.add(count, at),
            Outcome::NotKept => kept.not_kept.add(count, at),
        }
        push(&mut kept.acks, (at, delivery.ack_ms));
    }

    /// A delivery that nobody could read was answered after so long. Whose it was is known where its address names one, or
    /// where there is only one.
    pub fn answered_late(&mut self, connection: Option<&str>, ack_ms: u64, at: Timestamp) {
        let only = self.senders.keys().next().filter(|_| self.senders.len() == 1).map(String::as_str);
        let name = connection.or(only).unwrap_or(UNREAD).to_owned();
        let kept = self.senders.entry(name).or_default();
        kept.heard_at = kept.heard_at.max(Some(at));
        push(&mut kept.acks, (at, ack_ms));
    }

    /// Where a stranger's delivery came from, by hash.
    pub fn stranger_from(&mut self, source: u64, at: Timestamp) {
        if self.stranger_sources.len() < SUBJECTS_MAX || self.stranger_sources.contains_key(&source) {
            self.stranger_sources.insert(source, at);
        }
    }

    /// HubSpot's journal is read, and held against what has come.
    pub fn journal_is_read(&mut self) {
        self.journal_is_read = true;
    }

    /// This happened at these moments, is in the journal, and no webhook has brought it in the time that one may take.
    pub fn only_in_the_journal(&mut self, connection: &str, moments: impl IntoIterator<Item = Timestamp>) {
        let kept = self.senders.entry(connection.to_owned()).or_default();
        moments.into_iter().for_each(|moment| push(&mut kept.untold, moment));
    }

    /// Of what happened since HubSpot was last heard of. What is older may have been lost singly, or before we listened.
    fn journal_missed(&self) -> Option<u64> {
        let untold = self.senders.values().map(|kept| {
            let heard = kept.heard_at.max(self.since);
            kept.untold.iter().filter(|moment| Some(**moment) > heard).count() as u64
        });
        self.journal_is_read.then(|| untold.sum())
    }

    pub fn report(&self, now: Timestamp) -> Inbox {
        let senders = self.senders.iter().map(|(name, kept)| kept.report(name, now)).collect();
        let fresh = |at: &&Timestamp| now.duration_since(**at) <= SignedDuration::from_mins(15);
        let strangers = Strangers {
            refused: self.strangers.lately(now),
            refused_recent: self.strangers.recent(now),
            sources: self.stranger_sources.values().filter(fresh).count() as u64,
        };
        let journal_missed = self.journal_missed();
        Inbox { since: self.since, senders, strangers, journal_missed, ..Inbox::default() }
    }
}

impl Kept {
    fn refused(&mut self, count: u64, at: Timestamp) {
        self.refused.add(count, at);
        if self.last_refused_at.is_some() && self.last_taken_at > self.last_refused_at {
            self.refused_amid.add(count, at);
        }
        self.first_refused_at.get_or_insert(at);
        self.last_refused_at = Some(at);
    }

    fn taken(&mut self, delivery: &Delivery<'_>, newest: &mut HashMap<u64, Timestamp>) {
        let at = delivery.at;
        self.events.add(delivery.events.len() as u64, at);
        self.usual.note(delivery.events.len() as u64, at);
        self.last_taken_at = Some(at);
        self.first_refused_at = None;
        for event in delivery.events {
            let age = at.duration_since(event.occurred_at);
            let counts = [
                (&mut self.repeated, event.repeated),
                (&mut self.repeated_at_first, event.repeated && event.attempt == 0),
                (&mut self.retried, event.attempt > 0),
                (&mut self.late, age > LATE),
                (&mut self.overtaken, !event.repeated && is_overtaken(event, newest)),
            ];
            for (count, holds) in counts {
                count.add(u64::from(holds), at);
            }
            push(&mut self.oldest, (at, age.as_secs()));
        }
    }

    fn report(&self, name: &str, now: Timestamp) -> Sender {
        let lately = |at: Timestamp| now.duration_since(at) <= SignedDuration::from_mins(15);
        let mut acks: Vec<u64> = self.acks.iter().filter(|(at, _)| lately(*at)).map(|(_, ms)| *ms).collect();
        acks.sort_unstable();
        let oldest = self.oldest.iter().filter(|(at, _)| lately(*at)).map(|(_, age)| *age).max();
        Sender {
            connection: name.to_owned(),
            portal_id: self.portal_id,
            events: self.events.lately(now),
            events_recent: self.events.recent(now),
            repeated: self.repeated.lately(now),
            repeated_at_first: self.repeated_at_first.lately(now),
            repeated_at_first_recent: self.repeated_at_first.recent(now),
            retried: self.retried.lately(now),
            late: self.late.lately(now),
            oldest_s: oldest.and_then(|age| u64::try_from(age).ok()).unwrap_or_default(),
            overtaken: self.overtaken.lately(now),
            refused: self.refused.lately(now),
            refused_recent: self.refused.recent(now),
            refused_amid: self.refused_amid.lately(now),
            first_refused_at: self.first_refused_at,
            untimely: self.untimely.lately(now),
            not_kept: self.not_kept.lately(now),
            last_taken_at: self.last_taken_at,
            usual_per_min: self.usual.per_min,
            ack_p95_ms: acks.get(acks.len().saturating_sub(1) * 95 / 100).copied().unwrap_or_default(),
        }
    }
}

impl Usual {
    fn note(&mut self, events: u64, at: Timestamp) {
        let began = *self.quarter_began.get_or_insert(at);
        let passed = at.duration_since(began);
        if passed >= SignedDuration::from_mins(15) {
            let now = self.events as f64 / passed.as_secs_f64() * 60.0;
            self.per_min = Some(self.per_min.map_or(now, |old| old + (now - old) * USUAL_WEIGHT));
            (self.quarter_began, self.events) = (Some(at), 0);
        }
        self.events += events;
    }
}

/// A newer event of the same property came before. The table forgets everything when it is full: then an old event may
/// pass for a new one, never the other way.
fn is_overtaken(event: &EventSeen, newest: &mut HashMap<u64, Timestamp>) -> bool {
    if newest.len() >= SUBJECTS_MAX && !newest.contains_key(&event.subject) {
        newest.clear();
    }
    let known = newest.entry(event.subject).or_insert(event.occurred_at);
    let overtaken = event.occurred_at < *known;
    *known = (*known).max(event.occurred_at);
    overtaken
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == ACKS_MAX {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_366_400 + second).unwrap()
    }

    fn event(subject: u64, second: i64) -> EventSeen {
        EventSeen { subject, occurred_at: at(second), attempt: 0, repeated: false }
    }

    fn taken(ledger: &mut Ledger, second: i64, events: &[EventSeen]) {
        let outcome = Outcome::Taken;
        let connection = Some("acme");
        ledger.note(&Delivery { at: at(second), connection, portal_id: None, outcome, ack_ms: 4, events });
    }

    #[test]
    fn late_repeated_and_overtaken_events_are_told_apart() {
        let mut ledger = Ledger::new(at(0));
        taken(&mut ledger, 10, &[event(1, 9), event(2, 9)]);
        taken(&mut ledger, 12, &[event(1, 8), EventSeen { repeated: true, ..event(2, 9) }]);
        taken(&mut ledger, 500, &[EventSeen { attempt: 1, ..event(3, 100) }]);
        let sender = ledger.report(at(510)).senders[0].clone();
        let counts = (sender.events, sender.overtaken, sender.repeated_at_first, sender.late, sender.retried);
        assert_eq!(counts, (5, 1, 1, 1, 1));
        assert_eq!((sender.oldest_s, sender.ack_p95_ms, sender.usual_per_min), (400, 4, None));
    }

    #[test]
    fn what_is_usual_is_known_after_a_quarter_of_an_hour_and_survives_silence() {
        let mut ledger = Ledger::new(at(0));
        for minute in 0..=20 {
            taken(&mut ledger, minute * 60, &[event(1, minute * 60), event(2, minute * 60)]);
        }
        let sender = ledger.report(at(4_000)).senders[0].clone();
        assert_eq!((sender.events, sender.usual_per_min), (0, Some(2.0)));
    }

    #[test]
    fn a_delivery_that_nobody_could_read_is_a_late_answer_of_whoever_it_can_be() {
        let mut ledger = Ledger::new(at(0));
        ledger.answered_late(None, 5_000, at(1));
        assert_eq!(ledger.report(at(2)).senders[0].connection, UNREAD);
        let mut ledger = Ledger::new(at(0));
        ledger.introduce("acme", None);
        (1..4).for_each(|second| ledger.answered_late(None, 5_000, at(second)));
        let sender = ledger.report(at(5)).senders[0].clone();
        assert_eq!((sender.connection.as_str(), sender.ack_p95_ms, sender.events), ("acme", 5_000, 0));
    }

    #[test]
    fn what_only_the_journal_tells_counts_until_hubspot_is_heard_of() {
        let mut ledger = Ledger::new(at(100));
        assert_eq!(ledger.report(at(100)).journal_missed, None, "nobody reads it");
        ledger.journal_is_read();
        // From before we listened, and after.
        ledger.only_in_the_journal("acme", [at(50), at(200), at(210)]);
        assert_eq!(ledger.report(at(900)).journal_missed, Some(2));
        taken(&mut ledger, 900, &[event(1, 890)]);
        ledger.only_in_the_journal("acme", [at(220)]);
        assert_eq!(ledger.report(at(910)).journal_missed, Some(0), "single ones may be lost");
    }

    #[test]
    fn refusals_of_our_app_and_of_strangers_are_counted_apart() {
        let mut ledger = Ledger::new(at(0));
        let refused = |connection| Delivery {
            at: at(1),
            connection,
            portal_id: None,
            outcome: Outcome::Refused,
            ack_ms: 1,
            events: &[],
        };
        ledger.note(&refused(Some("acme")));
        ledger.note(&refused(None));
        ledger.stranger_from(7, at(1));
        let inbox = ledger.report(at(2));
        assert_eq!((inbox.senders[0].refused, inbox.senders[0].first_refused_at), (1, Some(at(1))));
        assert_eq!((inbox.strangers.refused, inbox.strangers.sources), (1, 1));
    }
}
