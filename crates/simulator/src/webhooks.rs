//! Webhooks: changes become events, events become signed deliveries, and what is not taken comes again for a day.
//!
//! Pure: it says what to send when, and is told how it went; [`crate::sender`] does the sending.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::crm::change::Change;
use crate::seed::{Purpose, Seed};

pub mod api;
pub mod disorder;
pub mod event;
pub mod forgery;
pub mod journal;
pub mod news;
pub mod sign;
pub mod subscription;
mod tampering;
pub mod workflow;

pub use disorder::Disorder;
use disorder::Forger;
use forgery::Forgery;
use journal::Journal;
use news::News;
use subscription::Subscription;
pub use tampering::Settings;
use workflow::Workflows;

/// Events in one request: facts §6.4 [DOC api/webhooks].
const EVENTS_MAX: usize = 100;

/// Requests to one app at a time, unless its settings say otherwise: facts §6.2.
const CONCURRENT_DEFAULT: u32 = 10;

/// How long events wait for others to travel with.
const GATHERING: SignedDuration = SignedDuration::from_millis(100);

/// A failed delivery comes again up to ten times, at random moments over a day: facts §6.5 [DOC error-handling]. How they
/// are spread is ours: each so many minutes after the one before, half as much or half as much again.
const RETRY_MINUTES: [i64; 10] = [1, 3, 8, 20, 45, 90, 150, 240, 360, 480];

/// Deliveries remembered for `/_sim/webhooks/log`.
const LOG_MAX: usize = 200_000;

/// All apps' webhooks.
pub struct Webhooks {
    seed: Seed,
    apps: BTreeMap<u64, App>,
    /// Events ever made; each one's `eventId` is drawn by its number.
    events: u64,
    deliveries: u64,
    under_way: BTreeMap<u64, Delivery>,
    log: VecDeque<Sent>,
    /// Set by hand.
    pub(crate) disorder: Disorder,
    /// Set by faults.
    pub(crate) faulty: Disorder,
    forger: Forger,
    pub(crate) journal: Journal,
    pub workflows: Workflows,
    /// `None` while nobody writes it down.
    news: Option<Vec<News>>,
}

/// One app's settings and what waits for it.
struct App {
    target_url: Option<String>,
    concurrent_max: u32,
    subscriptions: Vec<Subscription>,
    /// By the moment they are due and the order they came in.
    waiting: BTreeMap<(Timestamp, u64), Waiting>,
    arrivals: u64,
    in_flight: u32,
}

struct Waiting {
    event: Value,
    attempt: u32,
}

struct Delivery {
    app_id: u64,
    events: Vec<Value>,
    attempt: u32,
    forgery: Option<Forgery>,
}

/// One request to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub number: u64,
    pub app_id: u64,
    pub url: String,
    /// The address that is signed.
    pub signed_url: String,
    pub body: Bytes,
    pub secret: SignedWith,
    pub way: Way,
    pub forgery: Option<Forgery>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedWith {
    /// The app's own.
    Secret,
    OtherSecret,
}

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Open,
    /// It arrives, and its answer comes too late to count.
    Slow,
    Closed,
}

/// What became of a delivery.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Sent {
    pub number: u64,
    pub app_id: u64,
    pub at: Timestamp,
    pub attempt: u32,
    pub events: Vec<Value>,
    /// `None` where no answer came in time.
    pub status: Option<u16>,
    /// Not tried again.
    pub given_up: bool,
    /// Not HubSpot's at all: a fault made it up.
    pub forged: bool,
}

impl Webhooks {
    pub fn new(seed: Seed) -> Self {
        Self {
            seed,
            apps: BTreeMap::new(),
            events: 0,
            deliveries: 0,
            under_way: BTreeMap::new(),
            log: VecDeque::new(),
            disorder: Disorder::default(),
            faulty: Disorder::default(),
            forger: Forger::default(),
            journal: Journal::new(seed),
            workflows: Workflows::default(),
            news: None,
        }
    }

    /// Somebody wants to know of changes.
    pub fn is_watching(&self) -> bool {
        self.journal.is_watching() || self.is_subscribed()
    }

    fn is_subscribed(&self) -> bool {
        self.apps.values().any(|app| app.subscriptions.iter().any(|subscription| subscription.active))
    }

    /// Turns changes of a portal into events for every subscription that wants them.
    pub fn note(&mut self, portal_id: u64, changes: &[Change]) {
        for change in changes {
            self.journal.note(portal_id, change);
            for app_id in self.apps.keys().copied().collect::<Vec<_>>() {
                let wanted: Vec<Subscription> = self.apps[&app_id]
                    .subscriptions
                    .iter()
                    .filter(|subscription| subscription.active && subscription.wants(change))
                    .cloned()
                    .collect();
                for subscription in wanted {
                    let number = self.next_event();
                    let event_id = self.seed.below(Purpose::EventId, number, 4_000_000_000);
                    let event = event::of_change(change, &subscription, event_id, app_id, portal_id);
                    self.enqueue(app_id, &event, change.at);
                }
            }
        }
    }

    /// An event for an app, however it came to be.
    pub fn enqueue(&mut self, app_id: u64, event: &Value, now: Timestamp) {
        let number = self.next_event();
        let disorder = self.in_force();
        let twice = self.seed.share(Purpose::EventTwice, number) < disorder.duplicates;
        let late = self.seed.share(Purpose::EventLate, number) < disorder.late;
        let late =
            if late { SignedDuration::from_secs_f64(disorder.late_seconds) } else { SignedDuration::ZERO };
        let app = self.apps.entry(app_id).or_default();
        for _ in 0..=u32::from(twice) {
            app.wait(event.clone(), now + GATHERING + late, 0);
        }
        if let Some(news) = &mut self.news {
            news.push(News::Emitted { app_id, event: event.clone() });
        }
    }

    /// What hand and faults do, together.
    pub(crate) fn in_force(&self) -> Disorder {
        self.disorder.and(self.faulty)
    }

    /// What leaves now: as many requests as each app's concurrency allows.
    pub fn due(&mut self, now: Timestamp) -> Vec<Outgoing> {
        let disorder = self.in_force();
        let mut outgoing = self.forged(disorder.forged_per_second, now);
        if disorder.silent {
            return outgoing;
        }
        for (app_id, app) in &mut self.apps {
            let Some(url) = app.target_url.clone() else { continue };
            while app.in_flight < app.concurrent_max
                && let Some((attempt, events)) = app.take(now, disorder.shuffled, self.seed, self.deliveries)
            {
                app.in_flight += 1;
                self.deliveries += 1;
                let body = Bytes::from(Value::Array(events.clone()).to_string());
                let delivery = Delivery { app_id: *app_id, events, attempt, forgery: None };
                self.under_way.insert(self.deliveries, delivery);
                outgoing.push(Outgoing {
                    number: self.deliveries,
                    app_id: *app_id,
                    signed_url: disorder.signed_for.map_or_else(|| url.clone(), |part| part.instead_of(&url)),
                    url: url.clone(),
                    body,
                    secret: if disorder.wrong_secret { SignedWith::OtherSecret } else { SignedWith::Secret },
                    way: way(disorder),
                    forgery: None,
                });
            }
        }
        outgoing
    }

    /// What somebody else sends to whoever has an address.
    fn forged(&mut self, per_second: f64, now: Timestamp) -> Vec<Outgoing> {
        let due = self.forger.due(per_second, now);
        let target = self.apps.iter().find_map(|(id, app)| Some((*id, app.target_url.clone()?)));
        let Some((app_id, url)) = target else { return Vec::new() };
        let mut outgoing = Vec::new();
        for _ in 0..due {
            self.deliveries += 1;
            let number = self.deliveries;
            let events = vec![Forgery::event(number, now)];
            let body = Bytes::from(Value::Array(events.clone()).to_string());
            let forgery = Some(Forgery::drawn(self.seed, number));
            self.under_way.insert(number, Delivery { app_id, events, attempt: 0, forgery });
            outgoing.push(Outgoing {
                number,
                app_id,
                url: url.clone(),
                signed_url: url.clone(),
                body,
                secret: SignedWith::Secret,
                way: Way::Open,
                forgery,
            });
        }
        outgoing
    }

    /// When the next request may leave, if nothing else happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.in_force().silent {
            return None;
        }
        let ready =
            self.apps.values().filter(|app| app.target_url.is_some() && app.in_flight < app.concurrent_max);
        ready.filter_map(|app| app.waiting.keys().next().map(|(due, _)| *due)).min()
    }

    /// How a request went. What was not taken with a 2xx comes again, or is given up.
    pub fn ended(&mut self, number: u64, status: Option<u16>, now: Timestamp) {
        let Some(Delivery { app_id, events, attempt, forgery }) = self.under_way.remove(&number) else {
            return;
        };
        let taken = status.is_some_and(|status| (200..300).contains(&status));
        let again = RETRY_MINUTES.get(attempt as usize).filter(|_| !taken && forgery.is_none());
        let app = self.apps.entry(app_id).or_default();
        if forgery.is_none() {
            app.in_flight = app.in_flight.saturating_sub(1);
        }
        if let Some(minutes) = again {
            let share = 0.5 + self.seed.share(Purpose::WebhookRetry, number);
            let due = now + SignedDuration::from_secs_f64(share * 60.0 * *minutes as f64);
            for event in &events {
                let event = event::with_attempt(event.clone(), attempt + 1);
                app.wait(event, due, attempt + 1);
            }
        }
        if self.log.len() == LOG_MAX {
            self.log.pop_front();
        }
        let given_up = !taken && again.is_none();
        let forged = forgery.is_some();
        let sent = Sent { number, app_id, at: now, attempt, events, status, given_up, forged };
        if let Some(news) = &mut self.news {
            news.push(News::of_delivery(&sent));
        }
        self.log.push_back(sent);
    }

    /// From now on events and deliveries are kept for whoever writes them down.
    pub fn keep_news(&mut self) {
        self.news.get_or_insert_default();
    }

    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What was sent and how it went, oldest first.
    pub fn log(&self) -> impl Iterator<Item = &Sent> {
        self.log.iter()
    }

    /// The address of an app's webhooks, if it has one.
    pub fn target_of(&self, app_id: u64) -> Option<&str> {
        self.apps.get(&app_id)?.target_url.as_deref()
    }

    /// Events that wait for their first delivery or their next.
    pub fn waiting(&self) -> usize {
        self.apps.values().map(|app| app.waiting.len()).sum()
    }

    fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

const fn way(disorder: Disorder) -> Way {
    if disorder.unreachable {
        Way::Closed
    } else if disorder.slow {
        Way::Slow
    } else {
        Way::Open
    }
}

impl Default for App {
    fn default() -> Self {
        Self {
            target_url: None,
            concurrent_max: CONCURRENT_DEFAULT,
            subscriptions: Vec::new(),
            waiting: BTreeMap::new(),
            arrivals: 0,
            in_flight: 0,
        }
    }
}

impl App {
    fn wait(&mut self, event: Value, due: Timestamp, attempt: u32) {
        self.arrivals += 1;
        self.waiting.insert((due, self.arrivals), Waiting { event, attempt });
    }

    /// The events of the next request: all of one attempt, so that it says the same of each.
    fn take(&mut self, now: Timestamp, shuffled: bool, seed: Seed, number: u64) -> Option<(u32, Vec<Value>)> {
        let due = || self.waiting.range(..=(now, u64::MAX));
        let attempt = due().next()?.1.attempt;
        let taken: Vec<_> =
            due().filter(|(_, one)| one.attempt == attempt).map(|(key, _)| *key).take(EVENTS_MAX).collect();
        let mut events: Vec<Value> =
            taken.iter().filter_map(|key| self.waiting.remove(key)).map(|one| one.event).collect();
        if shuffled {
            for place in (1..events.len()).rev() {
                let other = seed.below(Purpose::EventOrder, number << 8 | place as u64, place as u64 + 1);
                events.swap(place, usize::try_from(other).unwrap_or(0));
            }
        }
        Some((attempt, events))
    }
}

#[cfg(test)]
mod tests;
