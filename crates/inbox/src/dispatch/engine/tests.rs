//! The engine against a made-up log, store and subscriber: crashes between any two steps, outages, poison, disorder.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use rand::RngExt;
use rand::seq::SliceRandom;
use store::deliveries::EventKey;
use store::dispatch::{Letter, LetterState, NewLetter};

use super::*;
use crate::dispatch::filter::Filter;
use crate::dispatch::schedule;
use crate::dispatch::subscriber::Sink;
use crate::dispatch::verdict::{Failed, Reason};

fn subscriber(order: Order, batch: usize, concurrency: usize) -> Subscriber {
    Subscriber {
        name: "s".into(),
        sink: Sink::Stdout,
        filter: Filter::default(),
        order,
        batch,
        concurrency,
        settle: std::time::Duration::ZERO,
    }
}

fn start() -> Timestamp {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// Event `number` of an object, which occurred at its number.
fn event(seq: i64, place: usize, object: u64, number: u64, received_at: Timestamp) -> Item {
    let occurred_at = start() + SignedDuration::from_millis(i64::try_from(number).unwrap());
    let mut digest = [0; 10];
    digest[..8].copy_from_slice(&(object << 32 | number).to_be_bytes());
    Item {
        seq,
        place,
        letter: None,
        event: EventKey::new(occurred_at, digest),
        connection: "c".into(),
        object: object.to_string().into(),
        kind: "contact.propertyChange".into(),
        subject: u128::from(object).to_be_bytes(),
        occurred_at,
        received_at,
        body: bytes::Bytes::from(format!("{object}:{number}")),
        attempts: 0,
        alone: false,
    }
}

/// What outlives a crash.
#[derive(Default)]
struct Kept {
    position: i64,
    letters: BTreeMap<i64, (NewLetter, LetterState)>,
    letters_ever: i64,
    latest: HashMap<Subject, Timestamp>,
    disabled: bool,
}

impl Kept {
    fn keep(&mut self, progress: &Progress, now: Timestamp) {
        self.position = progress.position.unwrap_or(self.position);
        for letter in &progress.letters {
            let known =
                |(one, _): &(NewLetter, LetterState)| (one.seq, one.place) == (letter.seq, letter.place);
            if !self.letters.values().any(known) {
                self.letters_ever += 1;
                self.letters.insert(self.letters_ever, (letter.clone(), state(&letter.standing)));
            }
        }
        for (id, ending) in &progress.endings {
            if *ending == LetterEnding::Delivered {
                self.letters.remove(id);
            } else if let Some((letter, standing)) = self.letters.get_mut(id) {
                letter.standing = ending.clone();
                *standing = state(ending);
            }
        }
        for (subject, at) in &progress.latest {
            let latest = self.latest.entry(*subject).or_insert(*at);
            *latest = (*latest).max(*at);
        }
        if progress.hurry {
            for (letter, _) in self.letters.values_mut() {
                if let LetterEnding::Again { due_at, .. } = &mut letter.standing {
                    *due_at = (*due_at).min(now);
                }
            }
        }
        self.disabled |= progress.disabled.is_some();
    }

    fn engine(&self, subscriber: &Subscriber, seed: u64) -> Engine {
        let mut parked: BTreeMap<String, u64> = BTreeMap::new();
        for (letter, state) in self.letters.values() {
            if *state == LetterState::Waiting {
                *parked.entry(letter.object.clone()).or_default() += 1;
            }
        }
        let written = self.letters.values().map(|(letter, _)| (letter.seq, letter.place)).collect();
        let begin = Begin { position: self.position, parked: parked.into_iter().collect(), written };
        Engine::new(subscriber, begin, seed)
    }

    /// The first of each object, where it is due.
    fn due(&self, now: Timestamp) -> Vec<Item> {
        let mut first: BTreeMap<&str, (i64, &NewLetter)> = BTreeMap::new();
        let rank = |letter: &NewLetter| (letter.occurred_at, letter.seq, letter.place);
        for (id, (letter, state)) in &self.letters {
            if *state == LetterState::Waiting {
                let one = first.entry(&letter.object).or_insert((*id, letter));
                if rank(letter) < rank(one.1) {
                    *one = (*id, letter);
                }
            }
        }
        let due = first.into_values().filter(|(_, letter)| match &letter.standing {
            LetterEnding::Again { due_at, .. } => *due_at <= now,
            LetterEnding::Delivered | LetterEnding::Dead { .. } => false,
        });
        let item = |(id, letter): (i64, &NewLetter)| {
            let letter =
                Letter { id, subscriber: "s".into(), content: letter.clone(), state: LetterState::Waiting };
            Item { subject: subject_of(&letter.content.object), ..Item::from(letter) }
        };
        due.map(item).collect()
    }

    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.letters.values().filter_map(|(letter, _)| match &letter.standing {
            LetterEnding::Again { due_at, .. } => Some(*due_at).filter(|due| *due > now),
            LetterEnding::Delivered | LetterEnding::Dead { .. } => None,
        });
        due.min()
    }
}

fn subject_of(object: &str) -> Subject {
    object.parse::<u128>().unwrap().to_be_bytes()
}

fn state(ending: &LetterEnding) -> LetterState {
    match ending {
        LetterEnding::Delivered | LetterEnding::Again { .. } => LetterState::Waiting,
        LetterEnding::Dead { .. } => LetterState::Dead,
    }
}

/// A log, a store, a subscriber with its own memory, and an engine that may be killed between any two steps.
struct World<'a> {
    subscriber: Subscriber,
    log: Vec<(i64, Vec<Item>)>,
    kept: Kept,
    engine: Engine,
    flights: Vec<Batch>,
    now: Timestamp,
    random: ChaCha8Rng,
    /// Every event in the order in which the subscriber saw it for the first time.
    seen: Vec<(String, Timestamp, String)>,
    ids: BTreeSet<String>,
    requests: u64,
    repeated: u64,
    verdict: Answering<'a>,
    /// The engine hears how far the log has been read.
    tells_how_far: bool,
}

/// How the subscriber answers.
type Answering<'a> = Box<dyn FnMut(&Batch, Timestamp) -> Verdict + 'a>;

const DOWN: Verdict = Verdict::none(Reason::Connect);

impl<'a> World<'a> {
    fn new(
        subscriber: Subscriber,
        log: Vec<(i64, Vec<Item>)>,
        seed: u64,
        verdict: impl FnMut(&Batch, Timestamp) -> Verdict + 'a,
    ) -> Self {
        let kept = Kept::default();
        let engine = kept.engine(&subscriber, seed);
        Self {
            subscriber,
            log,
            kept,
            engine,
            flights: Vec::new(),
            now: start(),
            random: ChaCha8Rng::seed_from_u64(seed),
            seen: Vec::new(),
            ids: BTreeSet::new(),
            requests: 0,
            repeated: 0,
            verdict: Box::new(verdict),
            tells_how_far: true,
        }
    }

    fn read(&mut self) {
        let from = self.log.partition_point(|(seq, _)| *seq <= self.engine.read_to());
        let mut last = None;
        for (seq, items) in &self.log[from..] {
            if items.iter().any(|item| item.received_at > self.now) {
                last = None;
                break;
            }
            last = items.iter().map(|item| item.received_at).max();
            if !self.engine.has_room() {
                break;
            }
            for item in items {
                if let Some(subject) = self.engine.asks(item)
                    && let Some(at) = self.kept.latest.get(&subject)
                {
                    self.engine.told(subject, *at);
                }
            }
            self.engine.read(*seq, items.clone(), self.now);
        }
        if self.tells_how_far {
            self.engine.has_read_what_came_before(last.unwrap_or(self.now));
        }
    }

    fn letters(&mut self) {
        let due = self.kept.due(self.now);
        self.engine.letters(due, self.now);
    }

    fn send(&mut self) {
        while let Some(batch) = self.engine.next(self.now) {
            self.flights.push(batch);
        }
    }

    /// One of the requests under way arrives, and its answer too unless we are killed before.
    fn land(&mut self) {
        if self.flights.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.flights.len());
        let batch = self.flights.swap_remove(place);
        self.requests += 1;
        let verdict = (self.verdict)(&batch, self.now);
        if verdict == Verdict::Delivered {
            for item in &batch.items {
                if self.ids.insert(item.id()) {
                    let value = String::from_utf8(item.body.to_vec()).unwrap();
                    self.seen.push((item.object.to_string(), item.occurred_at, value));
                } else {
                    self.repeated += 1;
                }
            }
        }
        self.engine.ended(batch.number, &verdict, self.now);
    }

    fn keep(&mut self) {
        let progress = self.engine.progress().clone();
        self.kept.keep(&progress, self.now);
        self.engine.kept();
    }

    fn kill(&mut self) {
        self.flights.clear();
        self.engine = self.kept.engine(&self.subscriber, self.random.random());
    }

    fn is_done(&self) -> bool {
        let last = self.log.last().map_or(0, |(seq, _)| *seq);
        let waits = |(_, state): &(NewLetter, LetterState)| *state == LetterState::Waiting;
        self.kept.position == last && !self.kept.letters.values().any(waits)
    }

    /// Until all is kept that there is to do. `kills` is the chance of a crash at each step.
    fn run(&mut self, kills: f64) {
        for _ in 0..3_000_000 {
            if self.is_done() {
                return;
            }
            if self.random.random::<f64>() < kills {
                self.kill();
            }
            match self.random.random_range(0..5) {
                0 => self.read(),
                1 => self.letters(),
                2 => self.send(),
                3 => self.land(),
                _ => self.keep(),
            }
            self.pass_time();
        }
        panic!("it does not end: position {}, {} letters", self.kept.position, self.kept.letters.len());
    }

    /// Without anything to do, time passes until there is.
    fn pass_time(&mut self) {
        self.read();
        self.letters();
        self.send();
        if !self.flights.is_empty() || !self.engine.progress().is_nothing() {
            return;
        }
        let from = self.log.partition_point(|(seq, _)| *seq <= self.engine.read_to());
        let next = self.log.get(from).and_then(|(_, items)| items.iter().map(|item| item.received_at).max());
        let moments = [self.engine.wake_at(self.now), self.kept.next_due(self.now), next];
        self.now = moments.into_iter().flatten().filter(|at| *at > self.now).min().unwrap_or(self.now);
    }

    /// Events in the order of their objects, as the subscriber saw them.
    fn is_in_order(&self) -> bool {
        let mut last: HashMap<&str, Timestamp> = HashMap::new();
        self.seen.iter().all(|(object, at, _)| last.insert(object, *at).is_none_or(|before| before <= *at))
    }
}

/// `count` events over `objects`, one after the other, ten in a delivery.
fn log(count: u64, objects: u64, every: SignedDuration) -> Vec<(i64, Vec<Item>)> {
    let events: Vec<u64> = (0..count).collect();
    let deliveries = events.chunks(10).enumerate().map(|(index, chunk)| {
        let seq = i64::try_from(index).unwrap() + 1;
        let at = start() + every * i32::try_from(index).unwrap();
        let item = |(place, number): (usize, &u64)| event(seq, place, number % objects, number / objects, at);
        (seq, chunk.iter().enumerate().map(item).collect())
    });
    deliveries.collect()
}

#[test]
fn nothing_is_lost_in_an_outage_of_36_hours_and_order_holds() {
    let back = start() + SignedDuration::from_hours(36);
    // One delivery each 36 s for 40 hours.
    let log = log(40_000, 700, SignedDuration::from_secs(36));
    let up = move |_: &Batch, now: Timestamp| if now < back { DOWN } else { Verdict::Delivered };
    let mut world = World::new(subscriber(Order::PerObject, 1, 8), log, 1, up);
    world.run(0.0);
    assert_eq!(world.seen.len(), 40_000, "counts are equal");
    assert!(world.is_in_order());
    let (sent, letters) = (world.engine.counts().failed, world.kept.letters_ever);
    assert!(sent < 15_000, "{sent} requests failed: asked every 7.5 to 15 s, it is left alone");
    assert!(letters < 50, "{letters} letters: an outage takes nothing out of the line");
    assert!(world.now < back + SignedDuration::from_hours(5), "done at {}", world.now);
}

#[test]
fn after_an_outage_it_is_served_again_within_fifteen_seconds() {
    let back = start() + SignedDuration::from_mins(90);
    let up = move |_: &Batch, now: Timestamp| if now < back { DOWN } else { Verdict::Delivered };
    let mut world =
        World::new(subscriber(Order::PerObject, 1, 4), log(100, 100, SignedDuration::ZERO), 7, up);
    world.run(0.0);
    assert!(world.now <= back + SignedDuration::from_secs(15), "{}", world.now);
    assert_eq!(world.seen.len(), 100);
}

#[test]
fn one_bad_event_holds_up_its_object_and_no_other_and_dies_after_72_hours() {
    let bad = "3:0";
    let refuses = |batch: &Batch, _: Timestamp| {
        let has = batch.items.iter().any(|item| item.body == bad);
        let failed = Failed { status: Some(422), reason: Reason::Status, wait: None };
        if has { Verdict::Failed(failed) } else { Verdict::Delivered }
    };
    let mut world =
        World::new(subscriber(Order::PerObject, 10, 4), log(1_000, 20, SignedDuration::ZERO), 3, refuses);
    while world.kept.position < 100 {
        world.read();
        world.letters();
        world.send();
        world.land();
        world.keep();
        world.pass_time();
    }
    let early = world.now.duration_since(start());
    assert!(early < SignedDuration::from_mins(1), "the others were done after {early}");
    assert_eq!(world.seen.iter().filter(|(object, ..)| object != "3").count(), 950);
    world.run(0.0);
    let dead: Vec<_> = world.kept.letters.values().filter(|(_, state)| *state == LetterState::Dead).collect();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0.body, bad.as_bytes());
    assert!(world.now.duration_since(start()) >= schedule::TRIED_FOR);
    assert_eq!(world.seen.len(), 999, "those behind it followed");
    assert!(world.is_in_order());
}

#[test]
fn a_subscriber_that_says_gone_is_left_alone_and_loses_nothing() {
    let mut answers = 0;
    let gone = |_: &Batch, _: Timestamp| {
        answers += 1;
        if answers == 5 { Verdict::Gone } else { Verdict::Delivered }
    };
    let mut world =
        World::new(subscriber(Order::PerObject, 1, 1), log(20, 20, SignedDuration::ZERO), 3, gone);
    for _ in 0..100 {
        world.read();
        world.send();
        world.land();
        world.keep();
    }
    assert!(world.kept.disabled);
    assert_eq!(world.seen.len(), 4);
    world.kill();
    world.run(0.0);
    assert_eq!(world.seen.len(), 20, "switched on again, it gets the rest");
}

#[test]
fn asked_to_wait_it_waits() {
    let mut asked = false;
    let busy = |_: &Batch, now: Timestamp| {
        if std::mem::replace(&mut asked, true) {
            assert!(now >= start() + SignedDuration::from_secs(120), "{now}");
            return Verdict::Delivered;
        }
        let wait = Some(SignedDuration::from_secs(120));
        Verdict::Failed(Failed { status: Some(429), reason: Reason::Status, wait })
    };
    let mut world =
        World::new(subscriber(Order::PerObject, 1, 1), log(10, 10, SignedDuration::ZERO), 3, busy);
    world.run(0.0);
    assert_eq!(world.seen.len(), 10);
}

#[test]
fn with_latest_wins_an_older_event_is_never_seen_after_a_newer_one() {
    for seed in 0..50 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers: Vec<u64> = (0..300).collect();
        numbers.shuffle(&mut random);
        let item = |(index, number): (usize, &u64)| {
            let seq = i64::try_from(index).unwrap() + 1;
            let at = start() + SignedDuration::from_millis(i64::try_from(index).unwrap());
            (seq, vec![event(seq, 0, number % 7, *number, at)])
        };
        let log = numbers.iter().enumerate().map(item).collect();
        let shaky = |batch: &Batch, _: Timestamp| {
            if batch.items[0].attempts == 0 && batch.number.is_multiple_of(5) {
                DOWN
            } else {
                Verdict::Delivered
            }
        };
        let mut world = World::new(subscriber(Order::LatestWins, 1, 3), log, seed, shaky);
        world.run(0.01);
        assert!(world.is_in_order(), "seed {seed}");
        let last: HashMap<&str, &str> =
            world.seen.iter().map(|(object, _, value)| (object.as_str(), value.as_str())).collect();
        for object in 0..7u64 {
            let newest = (0..300).rev().find(|number| number % 7 == object).unwrap();
            assert_eq!(last[object.to_string().as_str()], format!("{object}:{newest}"), "seed {seed}");
        }
    }
}

#[test]
fn what_settles_is_put_in_order_before_it_goes() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut events: Vec<(u64, u64)> = (0..10_000).map(|number| (number % 40, number / 40)).collect();
    events.shuffle(&mut random);
    let log = |events: &[(u64, u64)]| -> Vec<(i64, Vec<Item>)> {
        let item = |(index, (object, number)): (usize, &(u64, u64))| {
            let seq = i64::try_from(index).unwrap() + 1;
            (seq, vec![event(seq, 0, *object, *number, start() + SignedDuration::from_millis(seq / 10))])
        };
        events.iter().enumerate().map(item).collect()
    };
    let settled =
        Subscriber { settle: std::time::Duration::from_secs(5), ..subscriber(Order::PerObject, 10, 8) };
    let few = 4_000;
    let mut world = World::new(settled, log(&events[..few]), 1, |_, _| Verdict::Delivered);
    world.run(0.0);
    assert_eq!(world.seen.len(), few);
    assert!(world.is_in_order());
    // The control: without waiting, what comes late is sent late.
    let mut world =
        World::new(subscriber(Order::PerObject, 10, 8), log(&events[..few]), 1, |_, _| Verdict::Delivered);
    world.run(0.0);
    assert_eq!(world.seen.len(), few);
    assert!(!world.is_in_order());
}

/// It came due between the look at the log and the next request: nothing else may come to wake us for a long time.
#[test]
fn what_settles_just_after_the_log_was_read_is_woken_for() {
    let settled =
        Subscriber { settle: std::time::Duration::from_secs(3), ..subscriber(Order::PerObject, 1, 1) };
    let mut engine = Engine::new(&settled, Begin::default(), 1);
    let due = start() + SignedDuration::from_secs(3);
    engine.read(1, vec![event(1, 0, 1, 1, start())], start());
    engine.has_read_what_came_before(due - SignedDuration::from_micros(10));
    assert!(engine.next(due).is_none());
    let woken = engine.wake_at(due).expect("something waits");
    assert!(woken > due && woken < due + SignedDuration::from_secs(1));
    engine.has_read_what_came_before(woken);
    assert_eq!(engine.next(woken).map(|batch| batch.items.len()), Some(1));
    assert_eq!(engine.wake_at(woken), None, "nothing waits any more");
}

/// An hour behind, it has waited long enough for everything but for what it has not read yet.
#[test]
fn what_settles_is_put_in_order_behind_the_log_as_well() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut events: Vec<(u64, u64)> = (0..20_000).map(|number| (number % 40, number / 40)).collect();
    // Nothing is further out of its place than what memory holds.
    events.chunks_mut(1_500).for_each(|window| window.shuffle(&mut random));
    let deliveries = events.iter().enumerate().map(|(index, (object, number))| {
        let seq = i64::try_from(index).unwrap() + 1;
        (seq, vec![event(seq, 0, *object, *number, start() + SignedDuration::from_millis(seq))])
    });
    let log: Vec<_> = deliveries.collect();
    for tells_how_far in [true, false] {
        let settled =
            Subscriber { settle: std::time::Duration::from_secs(2), ..subscriber(Order::PerObject, 100, 8) };
        let mut world = World::new(settled, log.clone(), 1, |_, _| Verdict::Delivered);
        (world.now, world.tells_how_far) = (start() + SignedDuration::from_hours(1), tells_how_far);
        world.run(0.0);
        assert_eq!(world.seen.len(), log.len());
        assert_eq!(world.is_in_order(), tells_how_far, "the control knows only how long it has waited");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Killed anywhere, with a subscriber that fails at random: each event is seen, and first seen in order.
    #[test]
    fn killed_at_any_step_nothing_is_lost(
        seed in any::<u64>(),
        kills in prop::sample::select(vec![0.0, 0.001, 0.02]),
        fails in prop::sample::select(vec![0.0, 0.1, 0.4]),
        batch in prop::sample::select(vec![1usize, 3, 100]),
        concurrency in 1usize..6,
        objects in 1u64..30,
    ) {
        let mut dice = ChaCha8Rng::seed_from_u64(!seed);
        let shaky = move |_: &Batch, _: Timestamp| match dice.random::<f64>() < fails {
            false => Verdict::Delivered,
            true if dice.random::<bool>() => DOWN,
            true => Verdict::Failed(Failed { status: Some(400), reason: Reason::Status, wait: None }),
        };
        let log = log(60, objects, SignedDuration::from_millis(20));
        let mut world = World::new(subscriber(Order::PerObject, batch, concurrency), log, seed, shaky);
        world.run(kills);
        let dead = world.kept.letters.len();
        prop_assert_eq!(world.seen.len() + dead, 60);
        prop_assert!(world.is_in_order());
    }
}

/// The control: an engine whose work counts as kept before it is done loses events when it is killed.
#[test]
fn control_a_position_that_runs_ahead_loses_events() {
    let mut lost = 0;
    for seed in 0..20 {
        let log = log(150, 10, SignedDuration::ZERO);
        let mut world = World::new(subscriber(Order::PerObject, 1, 4), log, seed, |_, _| Verdict::Delivered);
        while !world.is_done() {
            world.read();
            world.kept.position = world.engine.read_to();
            world.send();
            world.land();
            if world.random.random::<f64>() < 0.05 {
                world.kill();
            }
        }
        lost += 150 - world.seen.len();
    }
    assert!(lost > 0);
}
