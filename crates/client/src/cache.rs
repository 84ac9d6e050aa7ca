//! Kept answers: definitions for minutes, others where that was asked for, and of every good read the last answer, for
//! when HubSpot does not give one.
//!
//! | module | decides |
//! |---|---|
//! | `key` | which calls may share an answer |
//! | `wishes` | what the caller says about it (`Cache-Control`) |
//! | `freshness` | whether an answer of some age is served |
//! | `needs`, `touch`, `marks` | whether a write has made it untrue |
//! | `areas` | which parts of the API are written as a whole |
//! | `aliases` | which other ids a written record has |
//! | `elsewhere` | likewise a change that webhooks tell of |
//! | `look` | what a call gets: an answer, a flight to join, a flight to lead |
//! | `learn` | what an answer or a write adds and ends |
//! | `fields` | what of a record's answer serves a read with fewer properties |
//! | `kept`, `store` | how answers lie in memory, within a budget |
//! | `evicted` | what had to make room, and is missed |
//! | `flight` | one request for all who ask the same at once |
//! | `counters` | how often all this happened |
//!
//! The layer that waits and sends is `stack::cached`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, Response};
use hubspot::endpoint::Cacheable;
use hubspot::error::ErrorKind;
use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::body::Body;
use crate::call::{Call, Source};
use crate::stack::Feature;

mod aliases;
mod areas;
mod counters;
mod elsewhere;
mod evicted;
mod fields;
mod flight;
mod freshness;
mod kept;
mod key;
mod kind;
mod learn;
mod look;
mod marks;
mod needs;
mod settings;
mod store;
mod target;
mod touch;
mod wishes;
mod writing;

pub use counters::CacheReport;
pub use elsewhere::{Elsewhere, Extent};
pub(crate) use flight::{Flight, Landing, Shared};
pub(crate) use freshness::Outage;
pub(crate) use marks::Marks;
pub use settings::CacheSettings;
pub(crate) use touch::Touch;
pub(crate) use writing::{Outcome, Writing};

use aliases::Aliases;
use counters::Counters;
use flight::Flights;
use freshness::Lifetime;
use key::KeyMaker;
use marks::Moment;
use store::Store;
use wishes::Wishes;

/// Everything kept, and every flight.
pub(crate) struct Cache {
    settings: CacheSettings,
    keys: KeyMaker,
    state: Mutex<State>,
    /// The order of reads and writes.
    moment: AtomicU64,
    /// Writes whose outcome is unknown and looked at once more.
    late_writes: AtomicUsize,
    pub(crate) counters: Counters,
}

struct State {
    store: Store,
    flights: Flights,
    aliases: Aliases,
    random: ChaCha8Rng,
}

/// What a call is to the cache, worked out once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    variant: u64,
    wishes: Wishes,
    lifetime: Lifetime,
    /// The route says outright that an old answer is better than none.
    stale_said: bool,
    /// A search is shared, and never kept.
    keeps: bool,
}

/// Where a call goes.
pub(crate) enum Approach {
    /// There is an answer; with a flight, somebody must fly it behind the scenes.
    Kept(Box<Found>, Option<(Asked, Arc<Flight>)>),
    Lead(Asked, Arc<Flight>),
    Follow(Asked, oneshot::Receiver<Landing>),
    /// The cache has nothing to do with it.
    Apart,
    /// There is no answer, and HubSpot is not to be asked.
    NotKept,
}

/// HubSpot's answer, as it has come.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub(crate) response: &'a Response<Body>,
    pub(crate) error: Option<ErrorKind>,
    /// What it took to get.
    pub(crate) took: Duration,
    pub(crate) now: Instant,
}

/// A kept answer on its way out.
pub(crate) struct Found {
    pub(crate) response: Response<Body>,
    pub(crate) source: Source,
}

impl Cache {
    pub(crate) fn new(settings: CacheSettings, seed: u64) -> Self {
        Self {
            settings,
            keys: KeyMaker::new(seed),
            state: Mutex::new(State {
                store: Store::new(settings.bytes_max),
                flights: Flights::default(),
                aliases: Aliases::default(),
                random: ChaCha8Rng::seed_from_u64(seed),
            }),
            moment: AtomicU64::new(1),
            late_writes: AtomicUsize::new(0),
            counters: Counters::default(),
        }
    }

    pub(crate) fn report(&self) -> CacheReport {
        let state = self.state.lock();
        self.counters.report(state.store.bytes(), state.store.entries())
    }

    /// An answer up to this size is worth having whole; `None` where the call has nothing to do with the cache.
    pub(crate) fn whole_bytes_max(&self, call: &Call) -> Option<usize> {
        let kept = call.endpoint.cacheable != Cacheable::No && call.method == Method::GET;
        (kept && self.settings.feature == Feature::On).then_some(self.settings.answer_bytes_max)
    }

    /// What a call may change of what is kept.
    pub(crate) fn touch(&self, call: &Call, body: &Body) -> Touch {
        if self.settings.feature == Feature::Off {
            return Touch::default();
        }
        let body = match body {
            Body::Whole(bytes) => Some(&**bytes),
            Body::Empty | Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_) => None,
        };
        let mut touch = Touch::of_call(&call.method, call.target.as_str(), &call.endpoint, body);
        if !touch.records.is_empty() {
            self.state.lock().aliases.follow(&mut touch);
        }
        touch
    }

    /// Nobody joins it any more.
    pub(crate) fn end(&self, flight: &Arc<Flight>) {
        self.state.lock().flights.end(flight);
    }

    /// Its leader goes. Is there anybody else to fly it for?
    pub(crate) fn leave(&self, flight: &Arc<Flight>) -> bool {
        self.state.lock().flights.leave(flight)
    }

    pub(crate) fn pass_on(self: &Arc<Self>, flight: &Arc<Flight>) {
        self.state.lock().flights.pass_on(flight, self);
    }

    fn next_moment(&self) -> Moment {
        self.moment.fetch_add(1, Ordering::AcqRel) + 1
    }
}
