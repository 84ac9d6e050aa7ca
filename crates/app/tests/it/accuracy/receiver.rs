//! Our webhook receiver in memory: it reads and verifies deliveries as the inbox does, keeps them in a store that may be
//! ill, notes them where `up` notes them, and hands them on.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use hubspot::secret::Secret;
use hubspot::signature::{self, Refusal, Rules, SignedRequest};
use incident::facts::inbox::ledger::{Delivery, EventSeen, Outcome};
use incident::facts::inside::StoreProblem;
use jiff::Timestamp;
use parking_lot::Mutex;
use simulator::Shell;
use simulator::registry::PRIVATE_APP_ID;
use simulator::webhooks::{Outgoing, Way};

use super::own::{Shared, StoreMood};

/// HubSpot hears no answer after this long.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Without anything due, how long until something may have changed.
const LOOK: Duration = Duration::from_millis(250);

const SUBSCRIBERS: [&str; 2] = ["billing.example", "search.example"];

#[derive(Clone)]
pub(super) struct Receiving {
    pub(super) shell: Arc<Shell>,
    pub(super) own: Shared,
    pub(super) clock: WallClock,
    /// Connections by portal.
    pub(super) portals: Arc<Vec<(u64, String)>>,
    pub(super) seen: Arc<Mutex<HashSet<u64>>>,
}

impl Receiving {
    /// Carries deliveries from the simulator to us for as long as the case lives.
    pub(super) async fn run(self) {
        loop {
            let (outgoing, wait) = self.shell.webhooks_due();
            for delivery in outgoing {
                let receiving = self.clone();
                tokio::spawn(async move { receiving.carry(&delivery).await });
            }
            let changed = self.shell.webhooks_changed();
            let _something_happened = tokio::time::timeout(wait.unwrap_or(LOOK).min(LOOK), changed).await;
        }
    }

    async fn carry(&self, delivery: &Outgoing) {
        if delivery.way == Way::Closed || self.own.lock().receiver.unreachable {
            self.shell.webhook_ended(delivery.number, None);
            return;
        }
        let headers = self.shell.webhook_headers(delivery);
        let receiving = self.clone();
        let body = delivery.body.clone();
        let (tell, told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let status = receiving.take(&headers, &body).await;
            let _nobody_may_wait = tell.send(status);
        });
        let status = tokio::time::timeout(ANSWER_MAX, told).await.ok().and_then(Result::ok);
        self.shell.webhook_ended(delivery.number, status.filter(|_| delivery.way == Way::Open));
    }

    /// From request to answer; the status.
    async fn take(&self, headers: &http::HeaderMap, body: &[u8]) -> u16 {
        let arrived = tokio::time::Instant::now();
        let Ok(events) = inbox::event::read(body) else { return 400 };
        let (receiver, off_s) = {
            let own = self.own.lock();
            (own.receiver.clone(), own.clock_off_s)
        };
        let now = self.clock.now();
        let ours = now + jiff::SignedDuration::from_secs(off_s);
        let verified = verify(&receiver.secrets, &receiver.public_url, headers, body, ours);
        let portal = events[0].portal_id().and_then(|text| text.parse::<u64>().ok());
        let is_ours = events[0].app_id().and_then(|text| text.parse().ok()) == Some(PRIVATE_APP_ID);
        let connection = self.portals.iter().find(|(id, _)| Some(*id) == portal && is_ours);
        let seen: Vec<EventSeen> = events.iter().map(|event| self.event(event, verified.is_ok())).collect();
        let (outcome, status) = match verified {
            Ok(_) => self.keep(receiver.ack_ms).await,
            Err(Refusal::Stale { .. } | Refusal::FromTheFuture { .. }) => (Outcome::Untimely, 401),
            Err(_) => (Outcome::Refused, 503),
        };
        let mut own = self.own.lock();
        if outcome == Outcome::Refused && connection.is_some() {
            own.receiver.quarantine.tried += 1;
            let fits = |secrets: &[String], urls: &[String]| {
                urls.iter().any(|url| verify(secrets, url, headers, body, ours).is_ok())
            };
            let usual = [receiver.public_url.clone()];
            own.receiver.quarantine.fits_other_secret += u64::from(fits(&receiver.other_secrets, &usual));
            own.receiver.quarantine.fits_other_address +=
                u64::from(fits(&receiver.secrets, &receiver.other_urls));
        }
        let ack_ms = u64::try_from(arrived.elapsed().as_millis()).unwrap_or(u64::MAX);
        let connection = connection.map(|(_, name)| name.as_str());
        let noted = Delivery { at: ours, connection, portal_id: portal, outcome, ack_ms, events: &seen };
        own.inbox.note(&noted);
        if connection.is_none() {
            own.inbox.stranger_from(1, ours);
        }
        drop(own);
        if outcome == Outcome::Taken {
            self.hand_on(&seen);
        }
        status
    }

    /// Into the store, as ill as it is.
    async fn keep(&self, ack_ms: u64) -> (Outcome, u16) {
        tokio::time::sleep(Duration::from_millis(ack_ms)).await;
        commit(&self.own, &self.clock).await.map_or((Outcome::NotKept, 503), |()| (Outcome::Taken, 200))
    }

    fn event(&self, event: &inbox::event::Event<'_>, verified: bool) -> EventSeen {
        let mut hash = DefaultHasher::new();
        event.key().hash(&mut hash);
        let repeated = if verified {
            !self.seen.lock().insert(hash.finish())
        } else {
            self.seen.lock().contains(&hash.finish())
        };
        let mut subject = DefaultHasher::new();
        (event.object(), event.property_name.as_deref()).hash(&mut subject);
        EventSeen {
            subject: subject.finish(),
            occurred_at: event.occurred_at().unwrap_or_default(),
            attempt: event.attempt_number.unwrap_or_default(),
            repeated,
        }
    }

    /// In order per record, or as they came where that is broken. Each receiver gets every new event.
    fn hand_on(&self, events: &[EventSeen]) {
        let now = self.clock.now();
        let mut own = self.own.lock();
        let mut fresh: Vec<EventSeen> = events.iter().filter(|event| !event.repeated).copied().collect();
        if !own.receiver.hands_on_as_it_comes {
            fresh.sort_by_key(|event| event.occurred_at);
        }
        for (place, name) in SUBSCRIBERS.iter().enumerate() {
            let down = own.consumer_down && place == 0;
            for event in &fresh {
                if down {
                    own.forwarding.failed(name, now);
                } else if own.receiver.hands_on_as_it_comes || !is_overtaken(event, now) {
                    own.forwarding.delivered(name, event.subject, event.occurred_at, now);
                }
            }
            let waiting = if down { fresh.len() as u64 + 20 } else { 0 };
            own.forwarding.waits(name, waiting, down.then_some(now));
        }
    }
}

/// A dispatcher in order holds back nothing, and drops an event that a newer one has overtaken.
fn is_overtaken(event: &EventSeen, now: Timestamp) -> bool {
    now.duration_since(event.occurred_at) > jiff::SignedDuration::from_secs(10)
}

/// One commit of ours.
pub(super) async fn commit(own: &Shared, clock: &WallClock) -> Result<(), StoreProblem> {
    let mood = own.lock().store;
    let took_ms = match mood {
        StoreMood::Well => 4,
        StoreMood::Slow { ms } => ms,
        StoreMood::Failing(StoreProblem::Unreachable) => 3_000,
        StoreMood::Failing(_) => 2,
    };
    tokio::time::sleep(Duration::from_millis(took_ms)).await;
    let (now, mut own) = (clock.now(), own.lock());
    match mood {
        StoreMood::Well | StoreMood::Slow { .. } => {
            own.commits.committed(took_ms, now);
            Ok(())
        }
        StoreMood::Failing(problem) => {
            own.commits.failed(problem, took_ms, now);
            Err(problem)
        }
    }
}

fn verify(
    secrets: &[String],
    url: &str,
    headers: &http::HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let signed = SignedRequest { method: "POST", uri: url, headers, body };
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(secret.as_str())).collect();
    signature::verify(&signed, &secrets, now, &Rules::default()).map(|_| ())
}
