//! One delivery's way from the request to the answer.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use hubspot::signature::{Refusal, Rules};
use jiff::Timestamp;
use store::Store;
use store::deliveries::Places;
use store::step::{self, Step};
use tokio::sync::watch;

use crate::address::PublicAddress;
use crate::books::Books;
use crate::effects::Effects;
use crate::event::{self, Event, NoDelivery};
use crate::proxy::Network;
use crate::seen::Seen;
use crate::suspect;
use crate::workflow::{self, Sender};

mod app;
mod keep;
mod outcome;
#[cfg(test)]
mod tests;
mod verify;

pub use app::{App, Ways};
pub use outcome::Outcome;
use verify::{is_untimely, may_be_our_mistake};

/// Takes deliveries.
pub struct Receiver {
    pub store: Store,
    pub public: PublicAddress,
    pub rules: Rules,
    pub apps: Vec<App>,
    /// Changes whenever something new is on the disk.
    pub arrived: watch::Sender<u64>,
    pub books: Books,
    /// Proxies of ours: from them, and nobody else, what they say about the address is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hears of new events at once, such as a cache.
    pub effects: Arc<dyn Effects>,
}

/// A request to our webhook address.
pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query as they arrived.
    pub target: &'a str,
    /// The connection that the path names, if it does.
    pub connection: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// Who connected to us.
    pub peer: Option<IpAddr>,
}

impl Receiver {
    /// Takes one delivery. [`Outcome::Kept`] only after it is on the disk.
    pub async fn receive(&self, request: &Request<'_>, now: Timestamp) -> Outcome {
        self.receive_seen(request, now).await.0
    }

    /// The same, with what the delivery told of itself.
    pub async fn receive_seen(&self, request: &Request<'_>, now: Timestamp) -> (Outcome, Seen) {
        let (outcome, seen) = if workflow::is_one(request) {
            self.receive_workflows(request, now).await
        } else {
            self.receive_apps(request, now).await
        };
        self.books.delivery(outcome.name());
        (outcome, seen)
    }

    async fn receive_apps(&self, request: &Request<'_>, now: Timestamp) -> (Outcome, Seen) {
        match event::read(request.body) {
            Ok(events) => {
                let incoming = Incoming { sender: Sender::App, body: request.body, events: &events };
                let taken = self.take(request, &incoming, now).await;
                let mut seen = Seen::of(&events, taken.app, taken.new, now);
                seen.untimely = taken.is_untimely();
                (taken.outcome, seen)
            }
            // Somebody who has the secret tries whether we are reached; there is nothing to keep.
            Err(NoDelivery::Empty) if self.is_signed(request, now) => {
                (Outcome::Kept { events: 0, new: 0 }, Seen::default())
            }
            Err(no_delivery) => (Outcome::NoDelivery(no_delivery), Seen::default()),
        }
    }

    /// What a workflow sends says nothing of whether an app's webhooks come, or come in time: its event is not `seen`.
    async fn receive_workflows(&self, request: &Request<'_>, now: Timestamp) -> (Outcome, Seen) {
        let mut seen = Seen { sender: Sender::Workflow, ..Seen::default() };
        let outcome = match workflow::delivery(request, now) {
            Ok(body) => match event::read(&body) {
                Ok(events) => {
                    let incoming = Incoming { sender: Sender::Workflow, body: &body, events: &events };
                    let taken = self.take(request, &incoming, now).await;
                    seen.untimely = taken.is_untimely();
                    seen.connection = taken.app.map(|app| app.connection.clone());
                    taken.outcome
                }
                Err(no_delivery) => Outcome::NoDelivery(no_delivery),
            },
            Err(no_delivery) => Outcome::NoDelivery(no_delivery),
        };
        (outcome, seen)
    }

    fn is_signed(&self, request: &Request<'_>, now: Timestamp) -> bool {
        let is_meant = |app: &&App| request.connection.is_none_or(|name| app.connection == name);
        self.apps.iter().filter(is_meant).any(|app| self.verify(app, request, now).is_ok())
    }

    async fn take(&self, request: &Request<'_>, incoming: &Incoming<'_>, now: Timestamp) -> Taken<'_> {
        let Incoming { sender, body, events } = *incoming;
        let is_meant = |app: &&App| request.connection.is_none_or(|name| app.connection == name);
        let candidates: Vec<&App> = self.apps.iter().filter(is_meant).collect();
        if candidates.is_empty() {
            return Taken { outcome: Outcome::UnknownConnection, app: None, new: None };
        }
        let mut refused = Refusal::NoSecret;
        let (mut doubtful, mut meant) = (None, None);
        for app in candidates {
            match self.verify_by(&self.rules_for(sender), app, request, now) {
                Ok(()) => {
                    step::at(Step::DeliveryVerified);
                    return self.keep_for(app, body, events, now).await;
                }
                Err(refusal) => {
                    let named = app.is_named_in(events);
                    // A workflow's is not put aside: nothing in it is sure to be HubSpot's, and HubSpot tries for days.
                    if sender == Sender::App && may_be_our_mistake(refusal) && named {
                        doubtful = Some((app, refusal));
                    }
                    // Whose signature fits at another time, who is named, or who has no number to be named by.
                    if is_untimely(refusal) || named || (meant.is_none() && app.has_no_number()) {
                        meant = Some(app);
                    }
                    refused = refusal;
                }
            }
        }
        let Some((app, refusal)) = doubtful else {
            return Taken { outcome: Outcome::Forged(refused), app: meant, new: None };
        };
        let suspect = suspect::suspect(request, events, &app.connection, refusal, now);
        if !self.store.quarantine(&suspect).await.unwrap_or(false) {
            self.books.suspect_lost();
        }
        let outcome = Outcome::Doubtful { connection: app.connection.clone(), refusal };
        Taken { outcome, app: Some(app), new: None }
    }
}

/// What came, before it is verified.
struct Incoming<'a> {
    sender: Sender,
    /// As it is kept.
    body: &'a [u8],
    events: &'a [Event<'a>],
}

/// What became of a delivery, whose it is, and which of its events had not come before.
struct Taken<'a> {
    outcome: Outcome,
    app: Option<&'a App>,
    new: Option<Places>,
}

impl Taken<'_> {
    const fn is_untimely(&self) -> bool {
        matches!(&self.outcome, Outcome::Forged(refusal) if is_untimely(*refusal))
    }
}
