//! The worker, the store and the receiver's keys together: what came several times in any order is seen once and in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use store::deliveries::NewDelivery;
use uuid::Uuid;

use super::*;
use crate::dispatch::filter::Filter;
use crate::dispatch::subscriber::{Order, Sink};
use crate::dispatch::verdict::Reason;
use crate::event::{self, Event};

const EVENTS: u64 = 10_000;
const OBJECTS: u64 = 100;

/// Keeps what it gets, and fails now and then.
#[derive(Default)]
struct Subscribed {
    got: Mutex<Vec<(String, String, Timestamp)>>,
    posts: Mutex<u64>,
}

impl Door for Subscribed {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict> {
        let mut posts = self.posts.lock();
        *posts += 1;
        // It took this one, and its answer was lost.
        let answers = !posts.is_multiple_of(17);
        let mut got = self.got.lock();
        got.extend(parcel.items.iter().map(|item| (item.id(), item.object.to_string(), item.occurred_at)));
        let verdict = if answers { Verdict::Delivered } else { Verdict::none(Reason::Late) };
        Box::pin(std::future::ready(verdict))
    }
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn body(number: u64, attempt: u64) -> String {
    format!(
        r#"{{"eventId":{number},"portalId":1,"appId":2,"occurredAt":{},"subscriptionType":"contact.propertyChange","attemptNumber":{attempt},"objectId":{},"propertyName":"p","propertyValue":"{number}"}}"#,
        start().as_millisecond() + i64::try_from(number / OBJECTS).unwrap(),
        9_007_199_254_740_993 + number % OBJECTS,
    )
}

/// Every event one to ten times, in any order, up to a hundred in a delivery.
async fn deliver(store: &Store, seed: u64) -> i64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut bodies: Vec<String> = Vec::new();
    for number in 0..EVENTS {
        let times = random.random_range(1..=10);
        bodies.extend((0..times).map(|attempt| body(number, attempt)));
    }
    bodies.shuffle(&mut random);
    for chunk in bodies.chunks(100) {
        let body = format!("[{}]", chunk.join(",")).into_bytes();
        let keys = event::read(&body).unwrap().iter().map(Event::key).collect();
        store.receive(NewDelivery { received_at: start(), connection: "c".into(), body, keys }).await.unwrap();
    }
    println!("seed {seed}: {EVENTS} events came {} times", bodies.len());
    store.last_delivery().await.unwrap()
}

/// What the subscriber got, with so much time for events to settle.
async fn forwarded(settle: Duration) -> Vec<(String, String, Timestamp)> {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("s.db").display());
    let store = Store::open(&url).await.unwrap();
    store.enrol("s", None, start()).await.unwrap();
    let last = deliver(&store, 1).await;
    let seconds = Arc::new(AtomicI64::new(0));
    let passed = seconds.clone();
    let door = Arc::new(Subscribed::default());
    let status = Arc::new(Mutex::new(Status::default()));
    let subscriber = Subscriber {
        name: "s".into(),
        sink: Sink::Stdout,
        filter: Filter::default(),
        order: Order::PerObject,
        batch: 10,
        concurrency: 8,
        settle,
    };
    let worker = Worker {
        store,
        subscriber,
        door: door.clone(),
        clock: Arc::new(move || start() + SignedDuration::from_secs(passed.load(Ordering::SeqCst))),
        lead: Lead { subscriber: "s".into(), owner: Uuid::from_u128(1) },
        seed: 1,
        status: status.clone(),
    };
    let (stop, stopped) = watch::channel(false);
    let (_arrived, arrivals) = watch::channel(0);
    let work = tokio::spawn(worker.run(arrivals, stopped));
    // Paused time passes while nothing else is to be done; the clock that decides moves only here.
    while status.lock().read_to < last {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while status.lock().position < last {
        seconds.fetch_add(2, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stop.send(true).unwrap();
    work.await.unwrap();
    let got = door.got.lock().clone();
    got
}

/// As a subscriber sees it that tells repetitions by name.
fn seen(got: &[(String, String, Timestamp)]) -> Vec<(String, Timestamp)> {
    let mut names = BTreeSet::new();
    let first = got.iter().filter(|(name, ..)| names.insert(name.clone()));
    first.map(|(_, object, at)| (object.clone(), *at)).collect()
}

fn out_of_order(seen: &[(String, Timestamp)]) -> usize {
    let mut last: HashMap<&str, Timestamp> = HashMap::new();
    seen.iter().filter(|(object, at)| last.insert(object, *at).is_some_and(|before| before > *at)).count()
}

#[tokio::test(start_paused = true)]
async fn events_that_came_up_to_ten_times_in_any_order_are_seen_once_and_in_order() {
    let got = forwarded(Duration::from_secs(60)).await;
    let seen = seen(&got);
    assert_eq!(seen.len() as u64, EVENTS);
    assert_eq!(out_of_order(&seen), 0);
    let mut each: BTreeMap<&str, u64> = BTreeMap::new();
    for (object, _) in &seen {
        *each.entry(object).or_default() += 1;
    }
    assert!(each.values().all(|count| *count == EVENTS / OBJECTS));
    assert!(got.len() > seen.len(), "lost answers make repetitions");
}

/// The controls: who does not tell repetitions sees some, and who does not wait gets what comes late, late.
#[tokio::test(start_paused = true)]
async fn control_without_names_and_without_waiting_it_is_neither_once_nor_in_order() {
    let got = forwarded(Duration::ZERO).await;
    assert!(got.len() as u64 > EVENTS);
    assert!(out_of_order(&seen(&got)) > 0);
}
