//! The callers and HubSpot's side of webhooks, as rude as the real ones: who gets no answer asks again, under the same key.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::webhooks::sign;

use crate::histories::{KEY, Pen};
use crate::http::{Client, Message};
use crate::random::Random;

/// Threads of each kind. Each has records and objects of its own, and so knows their order.
const THREADS: u64 = 4;

/// Between an attempt that got no answer and the next.
const PAUSE: Duration = Duration::from_millis(15);

/// Beyond what a float can hold: ids must stay exact.
const FIRST_OBJECT: u64 = 9_007_199_254_740_993;

/// HubSpot's side, and the address that it believes to call.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) secret: String,
    pub(crate) signed_url: String,
    pub(crate) target: String,
    pub(crate) portal_id: u64,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) seed: u64,
    pub(crate) gateway: SocketAddr,
    pub(crate) token: String,
    pub(crate) hook: Hook,
    /// Contacts to be changed.
    pub(crate) records: Vec<String>,
    pub(crate) writes_per_s: u64,
    /// Of the writes, so many are answered when they have been made.
    pub(crate) at_once: f64,
    pub(crate) events_per_s: u64,
    /// Events of one delivery: from 1 to this.
    pub(crate) events_of_delivery_max: u64,
    pub(crate) receipts: Arc<Pen>,
}

/// What is under way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    pub(crate) tally: Arc<Tally>,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) writes: AtomicU64,
    pub(crate) events: AtomicU64,
    /// Answers that no repetition would change: the rig itself is wrong, or hubkeeper is.
    pub(crate) refused: AtomicU64,
}

impl Load {
    pub(crate) fn start(settings: &Settings) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Tally::default());
        let mut threads = Vec::new();
        for thread in 0..THREADS {
            let caller = Caller {
                settings: settings.clone(),
                thread,
                random: Random::new(settings.seed, thread),
                client: Client::new(settings.gateway),
                stop: stop.clone(),
                tally: tally.clone(),
            };
            let hubspot = Caller {
                random: Random::new(settings.seed, THREADS + thread),
                client: Client::new(settings.gateway),
                settings: settings.clone(),
                stop: stop.clone(),
                tally: tally.clone(),
                thread,
            };
            if settings.writes_per_s > 0 {
                threads.push(std::thread::spawn(move || caller.write_on()));
            }
            if settings.events_per_s > 0 {
                threads.push(std::thread::spawn(move || hubspot.deliver_on()));
            }
        }
        Self { stop, threads, tally }
    }

    /// Ends it, once everything begun has been answered or given up.
    pub(crate) fn end(self) -> Arc<Tally> {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().expect("the load does not panic");
        }
        self.tally
    }
}

struct Caller {
    settings: Settings,
    thread: u64,
    random: Random,
    client: Client,
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
}

/// Even steps at a rate.
struct Pace {
    next: Instant,
    step: Duration,
}

impl Pace {
    fn new(per_s: u64) -> Self {
        Self {
            next: Instant::now(),
            step: Duration::from_secs(1) / u32::try_from(per_s.max(1)).unwrap_or(u32::MAX),
        }
    }

    fn wait(&mut self, steps: u64) {
        let now = Instant::now();
        std::thread::sleep(self.next.saturating_duration_since(now));
        // What an outage swallowed is not made up for all at once.
        self.next = self.next.max(now) + self.step * u32::try_from(steps).unwrap_or(1);
    }
}

impl Caller {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn write_on(mut self) {
        let mut pace = Pace::new(self.settings.writes_per_s / THREADS);
        let mut records: Vec<String> = self
            .settings
            .records
            .iter()
            .enumerate()
            .filter(|(place, _)| *place as u64 % THREADS == self.thread)
            .map(|(_, id)| id.clone())
            .collect();
        // What is answered at once overtakes what is kept for later: it has a record of its own.
        let at_once = records.pop();
        for number in 1.. {
            pace.wait(1);
            if self.is_over() {
                return;
            }
            let key = format!("w{}-{number}", self.thread);
            if let Some(record) = &at_once
                && self.random.chance(self.settings.at_once)
            {
                self.write_at_once(&key, record, number);
                continue;
            }
            let creates = records.is_empty() || self.random.chance(0.1);
            let record = usize::try_from(self.random.below(records.len() as u64)).unwrap_or(0);
            let record = (!creates).then(|| records[record].clone());
            self.write(&key, record.as_deref(), number);
        }
    }

    /// A write whose answer is waited for. Whoever asks again under its key may have it sent again, where hubkeeper died between
    /// the two: as often as was asked, and no more.
    fn write_at_once(&mut self, key: &str, record: &str, place: u64) {
        let body = json!({"properties": {KEY: key}}).to_string();
        let target = format!("/crm/v3/objects/contacts/{record}");
        let authorization = format!("Bearer {}", self.settings.token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", key),
        ];
        let Some((answer, asked)) = self.insist("PATCH", &target, |_| Vec::new(), &headers, |_| body.clone())
        else {
            return;
        };
        self.tally.writes.fetch_add(1, Ordering::Relaxed);
        self.settings.receipts.write(&[
            json!({"what": "write", "key": key, "record": record, "place": place, "status": answer.status()}),
            json!({"what": "declared", "key": key, "state": "applied", "attempts": asked}),
        ]);
    }

    fn write(&mut self, key: &str, record: Option<&str>, place: u64) {
        let body = json!({"properties": {KEY: key}}).to_string();
        let (method, target) = match record {
            Some(id) => ("PATCH", format!("/crm/v3/objects/contacts/{id}")),
            None => ("POST", "/crm/v3/objects/contacts".to_owned()),
        };
        let authorization = format!("Bearer {}", self.settings.token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/json"),
            ("prefer", "respond-async"),
            ("idempotency-key", key),
        ];
        let answer = self.insist(method, &target, |_| Vec::new(), &headers, |_| body.clone());
        let Some((answer, _)) = answer else { return };
        self.tally.writes.fetch_add(1, Ordering::Relaxed);
        let operation = answer.header("location").map(str::to_owned);
        self.settings.receipts.write(&[json!({
            "what": "write", "key": key, "record": record, "place": place, "status": answer.status(),
            "operation": operation,
        })]);
    }

    fn deliver_on(mut self) {
        let mut pace = Pace::new(self.settings.events_per_s / THREADS);
        let (mut number, mut occurred_at) = (0, 0);
        loop {
            let count = 1 + self.random.below(self.settings.events_of_delivery_max);
            pace.wait(count);
            if self.is_over() {
                return;
            }
            let mut events = Vec::new();
            for _ in 0..count {
                number += 1;
                occurred_at = Timestamp::now().as_millisecond().max(occurred_at + 1);
                events.push(self.event(number, occurred_at));
            }
            self.deliver(&events, number);
        }
    }

    fn event(&mut self, number: u64, occurred_at: i64) -> Value {
        let object = FIRST_OBJECT + self.thread * 1_000 + self.random.below(10);
        json!({
            "eventId": self.thread << 40 | number, "subscriptionId": 1, "portalId": self.settings.hook.portal_id,
            "appId": 54_321, "occurredAt": occurred_at, "subscriptionType": "contact.propertyChange",
            "attemptNumber": 0, "objectId": object, "propertyName": "firstname", "propertyValue": number.to_string(),
            "changeSource": "CRM",
        })
    }

    /// As HubSpot does: what is not taken with a 2xx comes again with a higher number.
    fn deliver(&mut self, events: &[Value], last: u64) {
        let hook = self.settings.hook.clone();
        let body = |attempt: u64| {
            let mut events = events.to_vec();
            events.iter_mut().for_each(|event| event["attemptNumber"] = json!(attempt));
            Value::Array(events).to_string()
        };
        let signed = |attempt: u64| {
            let headers =
                sign::headers(&hook.secret, &hook.signed_url, body(attempt).as_bytes(), Timestamp::now());
            let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
            headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
        };
        let headers = [("content-type", "application/json")];
        if self.insist("POST", &hook.target, signed, &headers, body).is_none() {
            return;
        }
        self.tally.events.fetch_add(events.len() as u64, Ordering::Relaxed);
        let first = last + 1 - events.len() as u64;
        let receipts: Vec<Value> = events
            .iter()
            .zip(first..)
            .map(|(event, place)| {
                json!({"what": "event", "id": event["eventId"], "object": event["objectId"], "place": place})
            })
            .collect();
        self.settings.receipts.write(&receipts);
    }

    /// Until there is a 2xx; how often was asked. `None` when the time is over, or nothing would help.
    fn insist(
        &mut self,
        method: &str,
        target: &str,
        signed: impl Fn(u64) -> Vec<(String, String)>,
        headers: &[(&str, &str)],
        body: impl Fn(u64) -> String,
    ) -> Option<(Message, u64)> {
        for attempt in 0.. {
            let more = signed(attempt);
            let all: Vec<(&str, &str)> = headers
                .iter()
                .copied()
                .chain(more.iter().map(|(name, value)| (name.as_str(), value.as_str())))
                .collect();
            match self.client.ask(method, target, &all, body(attempt).as_bytes()) {
                Ok(answer) if (200..300).contains(&answer.status()) => return Some((answer, attempt + 1)),
                Ok(answer) if matches!(answer.status(), 400..=408 | 410..=428) => {
                    self.tally.refused.fetch_add(1, Ordering::Relaxed);
                    eprintln!("proof: {method} {target} was refused: {} {}", answer.status(), answer.json());
                    return None;
                }
                Ok(_) | Err(_) => {}
            }
            if self.is_over() {
                return None;
            }
            std::thread::sleep(PAUSE);
        }
        None
    }
}
