//! What to send to one subscriber now, what to keep, and how far we are. Pure: it is told of events, answers and the time,
//! and says what to do; [`super::worker`] does it.
//!
//! ```text
//! log ─▶ objects (in order each) ─▶ batch ─▶ taken: done ─▶ position
//!              ▲                      │
//!              └── later, a few times ┘ then a letter, with all of its object; those of other objects go on
//! ```
//!
//! Nothing here is durable. What was done and not yet kept is done again after a crash: an event may be sent twice, under
//! the same name, and none is left out.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use store::dispatch::{LetterEnding, Progress};

use super::breaker::{Breaker, Leave};
use super::item::{Item, Subject};

use super::subscriber::{Order, Subscriber};
use super::verdict::Verdict;

mod books;
mod latest;
mod queue;
mod setback;
mod settling;

use books::Books;
pub use books::Counts;
use latest::Latest;
use queue::{Given, Queue};
use settling::Settling;

/// Events in memory at most.
const EVENTS_MAX: usize = 4_096;

/// Their bytes at most.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Objects that letters wait for at most: past it, the log waits.
const PARKED_MAX: usize = 50_000;

/// As good as at once.
const SOON: SignedDuration = SignedDuration::from_millis(1);

/// Decides for one subscriber.
pub struct Engine {
    order: Order,
    batch: usize,
    concurrency: usize,
    objects: HashMap<Arc<str>, Queue>,
    ready: VecDeque<Arc<str>>,
    later: BTreeSet<(Timestamp, Arc<str>)>,
    settling: Settling,
    flying: HashMap<u64, Vec<Item>>,
    flights: u64,
    /// Objects with letters that wait, and how many.
    parked: HashMap<Arc<str>, u64>,
    /// Letters in memory.
    loaded: BTreeSet<i64>,
    /// Events behind the position that are letters already: seq and place.
    written: BTreeSet<(i64, usize)>,
    breaker: Breaker,
    paused_until: Option<Timestamp>,
    disabled: bool,
    latest: Latest,
    books: Books,
    random: ChaCha8Rng,
}

/// What was kept of earlier work.
#[derive(Debug, Clone, Default)]
pub struct Begin {
    pub position: i64,
    /// Objects with letters that wait, and how many.
    pub parked: Vec<(String, u64)>,
    /// Events behind the position that are letters already: seq and place.
    pub written: Vec<(i64, usize)>,
}

/// Events of one request, in order.
#[derive(Debug, Clone)]
pub struct Batch {
    pub number: u64,
    pub items: Vec<Item>,
}

impl Engine {
    pub fn new(subscriber: &Subscriber, begin: Begin, seed: u64) -> Self {
        Self {
            order: subscriber.order,
            batch: subscriber.batch.max(1),
            concurrency: subscriber.concurrency.max(1),
            objects: HashMap::new(),
            ready: VecDeque::new(),
            later: BTreeSet::new(),
            settling: Settling::new(subscriber.settle),
            flying: HashMap::new(),
            flights: 0,
            parked: begin.parked.into_iter().map(|(object, count)| (Arc::from(object), count)).collect(),
            loaded: BTreeSet::new(),
            written: begin.written.into_iter().collect(),
            breaker: Breaker::default(),
            paused_until: None,
            disabled: false,
            latest: Latest::default(),
            books: Books::new(begin.position),
            random: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// There is room for more of the log.
    pub fn has_room(&self) -> bool {
        self.books.events() < EVENTS_MAX
            && self.books.bytes() < BYTES_MAX
            && self.parked.len() < PARKED_MAX
            && !self.disabled
    }

    /// The last delivery that was read.
    pub fn read_to(&self) -> i64 {
        self.books.read_to()
    }

    /// Everything up to it is done with, kept or not.
    pub fn done_to(&self) -> i64 {
        self.books.done_to()
    }

    /// The next delivery of the log, and what of it is wanted.
    pub fn read(&mut self, seq: i64, items: Vec<Item>, now: Timestamp) {
        self.books.read(seq);
        for item in items {
            if self.written.remove(&(item.seq, item.place)) {
                continue;
            }
            self.books.open(&item);
            if self.parked.contains_key(&item.object) {
                self.park(item, LetterEnding::Again { attempts: 0, due_at: now, status: None, reason: None });
            } else {
                self.queue(item, now);
            }
        }
    }

    /// How far the log has been read, by when its deliveries came: to its end, or to the last one read.
    pub fn has_read_what_came_before(&mut self, at: Timestamp) {
        self.settling.has_read_what_came_before(at);
    }

    /// Subjects of items about which the store may know of later events; only latest-wins asks.
    pub fn asks(&self, item: &Item) -> Option<Subject> {
        (self.order == Order::LatestWins && !self.latest.knows(&item.subject)).then_some(item.subject)
    }

    /// The store's answer.
    pub fn told(&mut self, subject: Subject, occurred_at: Timestamp) {
        self.latest.note(subject, occurred_at);
    }

    /// Letters that are due, the first of each object.
    pub fn letters(&mut self, items: Vec<Item>, now: Timestamp) {
        for item in items {
            if let Some(id) = item.letter
                && self.loaded.insert(id)
            {
                self.queue(item, now);
            }
        }
    }

    /// Objects that letters wait for.
    pub fn parked(&self) -> usize {
        self.parked.len()
    }

    /// The next request, if one may go now.
    pub fn next(&mut self, now: Timestamp) -> Option<Batch> {
        self.ripen(now);
        let leave = self.breaker.leave(now);
        let most = match leave {
            Leave::Freely if self.flying.len() < self.concurrency => self.batch,
            Leave::One if self.flying.is_empty() => 1,
            Leave::Freely | Leave::One | Leave::Nothing => 0,
        };
        if most == 0 || self.disabled || self.paused_until.is_some_and(|until| until > now) {
            return None;
        }
        let mut items = Vec::new();
        while items.len() < most
            && let Some(object) = self.ready.pop_front()
        {
            let queue = self.objects.get_mut(&object).expect("what is ready is there");
            match queue.give(&mut items, most, self.settling.settled(now)) {
                Given::Some => {}
                Given::Nothing => self.place(&object, now),
                Given::NotBesideOthers => {
                    self.ready.push_front(object);
                    break;
                }
            }
        }
        if items.is_empty() {
            return None;
        }
        self.flights += 1;
        self.flying.insert(self.flights, items.clone());
        Some(Batch { number: self.flights, items })
    }

    /// How a request went.
    pub fn ended(&mut self, number: u64, verdict: &Verdict, now: Timestamp) {
        let Some(items) = self.flying.remove(&number) else { return };
        match verdict {
            Verdict::Delivered => {
                if self.breaker.good() {
                    self.recovered(now);
                }
                for item in &items {
                    self.delivered(item);
                }
            }
            Verdict::Failed(failed) => self.failed(items.clone(), failed, now),
            Verdict::Gone => {
                self.disabled = true;
                self.books.progress.disabled = Some("it answered 410 Gone".to_owned());
                self.books.counts.gone += 1;
                for item in items.iter().rev() {
                    self.objects.entry(item.object.clone()).or_default().give_back(item.clone());
                }
            }
        }
        let objects: BTreeSet<_> = items.into_iter().map(|item| item.object).collect();
        for object in objects {
            self.landed(&object, now);
        }
    }

    /// What is to be kept. Asked again after a failure to keep it, it says the same and what has come to it since.
    pub fn progress(&mut self) -> &Progress {
        self.books.progress()
    }

    /// That was kept.
    pub fn kept(&mut self) {
        self.books.kept();
        let waiting = self.objects.values().flat_map(|queue| &queue.items);
        self.latest.kept(waiting.chain(self.flying.values().flatten()));
    }

    /// When something may be done that may not be done now.
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let blocked = if self.ready.is_empty() { None } else { self.paused_until.max(self.breaker.until()) };
        let later = self.later.first().map(|(due, _)| *due);
        // What has waited long enough goes once the log has been looked at again, which whoever wakes does first.
        let unread = (self.has_room() && self.settling.keeps_any()).then_some(now + SOON);
        blocked.into_iter().chain(later).filter(|at| *at > now).chain(unread).min()
    }

    /// Nothing is on its way and nothing may go now.
    pub fn is_idle(&self) -> bool {
        self.flying.is_empty()
    }

    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    pub fn is_left_alone(&self) -> bool {
        self.breaker.is_open()
    }

    pub fn counts(&self) -> Counts {
        self.books.counts
    }

    fn queue(&mut self, item: Item, now: Timestamp) {
        if self.order == Order::LatestWins && item.letter.is_none() {
            if !self.latest.is_newest(&item) {
                self.books.counts.superseded += 1;
                return self.books.close(&item);
            }
            if let Some(queue) = self.objects.get_mut(&item.object)
                && let Some(older) = queue.remove_older(&item)
            {
                self.books.counts.superseded += 1;
                self.books.close(&older);
            }
            self.latest.note(item.subject, item.occurred_at);
        }
        let object = item.object.clone();
        self.objects.entry(object.clone()).or_default().add(item);
        self.place(&object, now);
    }

    fn delivered(&mut self, item: &Item) {
        self.books.counts.delivered += 1;
        if self.order == Order::LatestWins {
            self.books.progress.latest.push((item.subject, item.occurred_at));
        }
        match item.letter {
            Some(id) => self.end_letter(item, id, LetterEnding::Delivered),
            None => self.books.close(item),
        }
    }

    fn landed(&mut self, object: &Arc<str>, now: Timestamp) {
        if let Some(queue) = self.objects.get_mut(object) {
            queue.flying = false;
        }
        self.place(object, now);
    }

    /// Where an object stands: on its way, ready, waiting for a moment, or nowhere.
    fn place(&mut self, object: &Arc<str>, now: Timestamp) {
        let Some(queue) = self.objects.get_mut(object) else { return };
        if queue.flying {
            return;
        }
        let Some(due) = queue.due(self.settling.time()) else {
            if !queue.placed {
                self.objects.remove(object);
            }
            return;
        };
        if queue.placed {
            return;
        }
        queue.placed = true;
        if due > now {
            self.later.insert((due, object.clone()));
        } else if let Some(came) = queue.waits_for_others_since(self.settling.settled(now)) {
            self.settling.wait(came, object.clone());
        } else {
            self.ready.push_back(object.clone());
        }
    }

    /// What has become due stands in line.
    fn ripen(&mut self, now: Timestamp) {
        while self.later.first().is_some_and(|(due, _)| *due <= now)
            && let Some((_, object)) = self.later.pop_first()
        {
            self.place_again(&object, now);
        }
        while let Some(object) = self.settling.ripe(now) {
            self.place_again(&object, now);
        }
        // More of the log can be read only when some have gone: the one that came first, though earlier ones may follow.
        while !self.has_room()
            && self.ready.is_empty()
            && self.flying.is_empty()
            && let Some(object) = self.settling.hurry()
        {
            self.place_again(&object, now);
        }
    }

    fn place_again(&mut self, object: &Arc<str>, now: Timestamp) {
        if let Some(queue) = self.objects.get_mut(object) {
            queue.placed = false;
        }
        self.place(object, now);
    }
}

#[cfg(test)]
mod tests;
