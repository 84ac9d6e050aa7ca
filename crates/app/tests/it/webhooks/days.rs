//! Days in seconds: a simulated HubSpot, our inbox, the reader of its journal and the dispatch, and a subscriber, in one
//! process and in virtual time. What the subscriber took is held against what programs did to HubSpot's records.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use client::journal::{Journal, Next, SCOPES};
use client::stack::Feature;
use futures_util::future::BoxFuture;
use http::{Method, Uri};
use hubspot::secret::Secret;
use hubspot::signature::Rules;
use inbox::address::PublicAddress;
use inbox::books::Books;
use inbox::clock::Clock;
use inbox::dispatch::filter::Filter;
use inbox::dispatch::http_door::HttpDoor;
use inbox::dispatch::signing::SigningKey;
use inbox::dispatch::subscriber::{HttpSink, Order, Reach, Sink, Subscriber};
use inbox::dispatch::worker::Worker;
use inbox::effects::NoEffects;
use inbox::journal::{Entry, Reader, Source};
use inbox::receive::{App, Receiver, Request, Ways};
use inbox::secrets::ClientSecrets;
use inbox::workflow::Sender;
use jiff::SignedDuration;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulator::config::Latency;
use simulator::webhooks::{Outgoing, Way};
use simulator::{Config, Shell};
use store::Store;
use store::dispatch::Lead;
use store::journal::GapKind;
use tokio::sync::watch;
use uuid::Uuid;

use super::forwarding::SECRET;
use crate::house::{Act, Upstream, json_answer};
use crate::virtual_hubspot::Virtual;

const PUBLIC: &str = "https://hooks.example.com";
const TARGET: &str = "/webhooks/hubspot";

/// Without anything due, how long until something may have changed.
const LOOK: Duration = Duration::from_secs(600);

const HOUR: Duration = Duration::from_secs(3_600);

/// Is the journal read?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    Off,
}

/// What a subscriber does that is down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Down {
    /// It breaks off.
    Breaks,
    /// It takes everything and keeps nothing; a control.
    Lies,
}

struct Town {
    hubspot: Arc<Virtual>,
    receiver: Arc<Receiver>,
    /// Ends the forwarding.
    forwarding: watch::Sender<bool>,
    /// HubSpot cannot reach us.
    unreachable: Arc<AtomicBool>,
    subscriber: Taker,
    promised: Mutex<Promised>,
    clock: Clock,
    seed: u64,
    _data: tempfile::TempDir,
}

/// A subscriber over HTTP, and what it has kept.
struct Taker {
    server: Upstream,
    down: Arc<AtomicBool>,
    kept: Arc<Mutex<Vec<(String, Value)>>>,
}

/// What was done to HubSpot's records: each of it makes one event.
#[derive(Default)]
struct Promised {
    contacts: Vec<String>,
    values: Vec<String>,
}

impl Taker {
    async fn new(down_means: Down) -> Self {
        let (down, kept) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<(String, Value)>>>::default());
        let (is_down, book) = (down.clone(), kept.clone());
        let server = Upstream::start(move |heard| {
            match (is_down.load(Ordering::SeqCst), down_means) {
                (true, Down::Breaks) => return vec![Act::Reset],
                (true, Down::Lies) => {}
                (false, _) => {
                    let events: Vec<Value> = serde_json::from_slice(&heard.body).unwrap();
                    let names = heard.header("hubkeeper-event-ids").unwrap().split(',').map(str::to_owned);
                    book.lock().extend(names.zip(events));
                }
            }
            vec![json_answer("200 OK", "{}")]
        })
        .await;
        Self { server, down, kept }
    }

    /// Each event once, as somebody sees them who tells repetitions by name.
    fn seen(&self) -> Vec<Value> {
        let mut names = BTreeSet::new();
        self.kept
            .lock()
            .iter()
            .filter(|(name, _)| names.insert(name.clone()))
            .map(|(_, event)| event.clone())
            .collect()
    }
}

impl Town {
    async fn new(seed: u64, ways: Ways, down_means: Down) -> Self {
        let config = Config { seed, latency: Latency(20..=60), ..Config::default() };
        let hubspot = Arc::new(Virtual::with(config, Feature::On, |_| {}));
        let wall = hubspot.stack.clock();
        let clock: Clock = Arc::new(move || wall.now());
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", data.path().join("hubkeeper.db").display())).await;
        let store = store.unwrap().with_a_clock_that_stands_still();
        let app = App {
            connection: "default".into(),
            app_id: None,
            portal_id: None,
            secrets: ClientSecrets::new([Secret::new(
                hubspot.shell.with(|simulator| simulator.client_secret()),
            )]),
            ways,
        };
        let (arrived, arrivals) = watch::channel(0);
        let receiver = Arc::new(Receiver {
            store: store.clone(),
            public: PublicAddress::new(PUBLIC).unwrap(),
            rules: Rules::default(),
            apps: vec![app],
            arrived,
            books: Books::default(),
            trusted_proxies: Vec::new(),
            effects: Arc::new(NoEffects),
        });
        let subscriber = Taker::new(down_means).await;
        let forwarding = forward(store, &subscriber.server, &clock, arrivals).await;
        let unreachable = Arc::new(AtomicBool::new(false));
        let promised = Mutex::default();
        let town = Self {
            hubspot,
            receiver,
            forwarding,
            unreachable,
            subscriber,
            promised,
            clock,
            seed,
            _data: data,
        };
        town.subscribe().await;
        let carrier = Carrier {
            shell: town.hubspot.shell.clone(),
            receiver: town.receiver.clone(),
            unreachable: town.unreachable.clone(),
            clock: town.clock.clone(),
        };
        tokio::spawn(carrier.run());
        town
    }

    /// By webhook and in the journal, to the same.
    async fn subscribe(&self) {
        let events = ["contact.creation", "contact.propertyChange:firstname"];
        let target = json!({"url": format!("{PUBLIC}{TARGET}"), "events": events});
        self.hubspot.control(Method::POST, "/_sim/webhooks/target", &target.to_string()).await;
        let portal = Config::default().portal_id;
        let journal = json!({"subscriptionType": "OBJECT", "portalId": portal, "objectTypeId": "0-1",
            "actions": ["CREATE", "UPDATE"], "properties": ["firstname"]});
        let path = "/webhooks-journal/subscriptions/2026-03";
        let made = self.hubspot.call(Method::POST, path, &journal.to_string()).await.unwrap();
        assert!(made.response.status().is_success());
    }

    /// Reads the journal until the sender goes, or says so.
    fn read(&self) -> watch::Sender<bool> {
        let (stop, stopped) = watch::channel(false);
        let (id, secret) =
            self.hubspot.shell.with(|simulator| (simulator.client_id(), simulator.client_secret()));
        let app = self.hubspot.stack.app("default", id, Secret::new(secret), SCOPES);
        let journal = Journal { stack: self.hubspot.stack.clone(), app: Arc::new(app) };
        let reader = Reader {
            receiver: self.receiver.clone(),
            source: Arc::new(Files(journal)),
            connection: "default".into(),
            app_id: None,
            clock: self.clock.clone(),
            hold: SignedDuration::from_mins(10),
            every: Duration::from_secs(180),
            owner: Uuid::nil(),
            status: Arc::default(),
        };
        tokio::spawn(reader.run(stopped));
        stop
    }

    /// Programs that make contacts and change them for a while.
    async fn programs(&self, lasts: Duration) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ self.promised.lock().values.len() as u64);
        let ends = tokio::time::Instant::now() + lasts;
        while tokio::time::Instant::now() < ends {
            self.change(&mut random).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(1_000..400_000))).await;
        }
    }

    async fn change(&self, random: &mut ChaCha8Rng) {
        let (value, known) = {
            let promised = self.promised.lock();
            let known = promised.contacts.len();
            let one = (known > 5).then(|| promised.contacts[random.random_range(0..known)].clone());
            (format!("v{}", promised.values.len()), one.filter(|_| random.random_bool(0.7)))
        };
        let body = json!({"properties": {"firstname": value}}).to_string();
        let (method, path) = match &known {
            Some(id) => (Method::PATCH, format!("/crm/v3/objects/contacts/{id}")),
            None => (Method::POST, "/crm/v3/objects/contacts".to_owned()),
        };
        let answer = self.hubspot.call(method, &path, &body).await.unwrap();
        assert!(answer.response.status().is_success(), "{:?}", answer.error);
        let record: Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap();
        let mut promised = self.promised.lock();
        promised.values.push(value);
        if known.is_none() {
            promised.contacts.push(record["id"].as_str().unwrap().to_owned());
        }
    }

    /// Everything that the subscriber has not got, or twice.
    fn complaints(&self) -> Vec<String> {
        let seen = self.subscriber.seen();
        let of = |kind: &str, field: &str| -> Vec<String> {
            let events = seen.iter().filter(|event| event["subscriptionType"] == kind);
            events
                .map(|event| event[field].as_str().map_or_else(|| event[field].to_string(), str::to_owned))
                .collect()
        };
        let promised = self.promised.lock();
        let mut complaints = different(&promised.contacts, &of("contact.creation", "objectId"));
        complaints.extend(different(&promised.values, &of("contact.propertyChange", "propertyValue")));
        complaints
    }
}

fn different(promised: &[String], got: &[String]) -> Vec<String> {
    let count = |value: &String| got.iter().filter(|one| *one == value).count();
    let odd = promised.iter().filter(|value| count(value) != 1);
    let mut complaints: Vec<_> = odd.map(|value| format!("{value} came {} times", count(value))).collect();
    complaints.extend(
        got.iter().filter(|value| !promised.contains(value)).map(|value| format!("{value}: nobody's")),
    );
    complaints
}

/// What arrives goes on to the subscriber until the sender says so.
async fn forward(
    store: Store,
    server: &Upstream,
    clock: &Clock,
    arrivals: watch::Receiver<u64>,
) -> watch::Sender<bool> {
    let sink = HttpSink {
        url: format!("{}/in", server.url).parse().unwrap(),
        keys: vec![SigningKey::parse(&Secret::new(SECRET)).unwrap()],
        reach: Reach::Private,
        timeout: Duration::from_secs(15),
    };
    let subscriber = Subscriber {
        name: "billing".into(),
        sink: Sink::Http(sink.clone()),
        filter: Filter::default(),
        order: Order::PerObject,
        batch: 10,
        concurrency: 4,
        settle: Duration::ZERO,
    };
    store.enrol(&subscriber.name, None, clock()).await.unwrap();
    let tls = Arc::new(client::transport::tls::client_config(Vec::new()).unwrap());
    let worker = Worker {
        store,
        door: Arc::new(HttpDoor::new(sink, tls, clock.clone())),
        clock: clock.clone(),
        lead: Lead { subscriber: subscriber.name.clone(), owner: Uuid::nil() },
        seed: 1,
        status: Arc::default(),
        leads: watch::Sender::new(false),
        subscriber,
    };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(worker.run(arrivals, stopped));
    stop
}

/// Carries HubSpot's deliveries to us.
#[derive(Clone)]
struct Carrier {
    shell: Arc<Shell>,
    receiver: Arc<Receiver>,
    unreachable: Arc<AtomicBool>,
    clock: Clock,
}

impl Carrier {
    async fn run(self) {
        loop {
            let (outgoing, wait) = self.shell.webhooks_due();
            for delivery in outgoing {
                let carrier = self.clone();
                tokio::spawn(async move { carrier.carry(&delivery).await });
            }
            let changed = self.shell.webhooks_changed();
            let _something_happened = tokio::time::timeout(wait.unwrap_or(LOOK).min(LOOK), changed).await;
        }
    }

    async fn carry(&self, delivery: &Outgoing) {
        if delivery.way == Way::Closed || self.unreachable.load(Ordering::SeqCst) {
            return self.shell.webhook_ended(delivery.number, None);
        }
        let request = Request {
            method: "POST",
            target: TARGET,
            connection: None,
            headers: &self.shell.webhook_headers(delivery),
            body: &delivery.body,
            peer: None,
        };
        let outcome = self.receiver.receive(&request, (self.clock)()).await;
        self.shell.webhook_ended(delivery.number, Some(outcome.status(Sender::App).as_u16()));
    }
}

/// The journal and its files, which the simulator keeps at its own address.
struct Files(Journal);

impl Source for Files {
    fn next(&self, after: Option<String>) -> BoxFuture<'static, Result<inbox::journal::Next, String>> {
        let journal = self.0.clone();
        Box::pin(async move {
            let entry = match journal.next(after.as_deref()).await.map_err(|error| error.to_string())? {
                Next::Entry(entry) => entry,
                Next::Nothing => return Ok(inbox::journal::Next::Nothing),
                Next::Forgotten => return Ok(inbox::journal::Next::Forgotten),
            };
            let url: Uri = entry.url.parse().unwrap();
            let file = journal.own_file(url.path()).await.map_err(|error| error.to_string())?;
            let (place, published_at, events) = (entry.place, file.published_at, file.events);
            Ok(inbox::journal::Next::Entry(Entry { place, published_at, events }))
        })
    }
}

/// An hour of webhooks, 25 hours without any, and then a day for whatever HubSpot still tries.
async fn a_day_out_of_reach(town: &Town, reading: Reading, up_meanwhile: bool) {
    let read = |yes: bool| (yes && reading == Reading::On).then(|| town.read());
    let first = read(true);
    town.programs(HOUR).await;
    town.unreachable.store(true, Ordering::SeqCst);
    let second = if up_meanwhile {
        first
    } else {
        drop(first);
        None
    };
    town.programs(25 * HOUR).await;
    town.unreachable.store(false, Ordering::SeqCst);
    let _third = second.or_else(|| read(true));
    town.programs(HOUR).await;
    tokio::time::sleep(26 * HOUR).await;
}

/// Everything comes once, and what was filled is what is told; how much it was.
async fn repaired(seed: u64, up_meanwhile: bool) -> String {
    let town = Town::new(seed, Ways::WebhooksAndJournal, Down::Breaks).await;
    a_day_out_of_reach(&town, Reading::On, up_meanwhile).await;
    assert_eq!(town.complaints(), Vec::<String>::new(), "seed {seed}");
    let gaps = town.receiver.store.gaps(1_000).await.unwrap();
    let filled: u64 = gaps.iter().map(|gap| gap.events).sum();
    assert!(gaps.iter().all(|gap| gap.kind == GapKind::Filled), "seed {seed}: {gaps:?}");
    assert!(filled > 0, "seed {seed}: there was something to fill");
    assert_eq!(filled, town.receiver.books.counts().from_journal, "seed {seed}");
    let stats = town.hubspot.stats().await;
    assert_eq!(stats["statuses"]["429"].as_u64().unwrap_or(0), 0, "seed {seed}: within the journal's limit");
    town.forwarding.send(true).unwrap();
    let promised = town.promised.lock();
    let (contacts, values) = (promised.contacts.len(), promised.values.len());
    format!("seed {seed}: {contacts} contacts and {values} values, {filled} events from the journal")
}

#[tokio::test(start_paused = true)]
async fn what_hubspot_could_not_deliver_for_25_hours_is_taken_from_the_journal_once() {
    println!("{}", repaired(1, true).await);
}

#[tokio::test(start_paused = true)]
async fn what_happened_while_we_were_gone_for_25_hours_is_taken_from_the_journal_once() {
    println!("{}", repaired(2, false).await);
}

#[tokio::test(start_paused = true)]
async fn the_control_that_does_not_read_the_journal_misses_what_hubspot_gave_up() {
    let town = Town::new(1, Ways::Webhooks, Down::Breaks).await;
    a_day_out_of_reach(&town, Reading::Off, true).await;
    let missing = town.complaints().iter().filter(|line| line.contains("came 0 times")).count();
    assert!(missing > 0, "the rig cannot see a gap");
    town.forwarding.send(true).unwrap();
}

async fn a_subscriber_down_for_36_hours(town: &Town) {
    town.programs(HOUR).await;
    town.subscriber.down.store(true, Ordering::SeqCst);
    town.programs(36 * HOUR).await;
    town.subscriber.down.store(false, Ordering::SeqCst);
    town.programs(HOUR).await;
    tokio::time::sleep(HOUR).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_was_down_for_36_hours_gets_everything_in_order() {
    let town = Town::new(3, Ways::Webhooks, Down::Breaks).await;
    a_subscriber_down_for_36_hours(&town).await;
    assert_eq!(town.complaints(), Vec::<String>::new());
    let mut last = std::collections::BTreeMap::new();
    for event in town.subscriber.seen() {
        let (object, at) = (event["objectId"].to_string(), event["occurredAt"].as_i64().unwrap());
        assert!(last.insert(object, at).is_none_or(|before| before <= at), "{event}");
    }
    println!("{} values", town.promised.lock().values.len());
    town.forwarding.send(true).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_control_whose_subscriber_lies_misses_what_it_threw_away() {
    let town = Town::new(3, Ways::Webhooks, Down::Lies).await;
    a_subscriber_down_for_36_hours(&town).await;
    assert!(town.complaints().iter().any(|line| line.contains("came 0 times")), "the rig cannot see a loss");
    town.forwarding.send(true).unwrap();
}
