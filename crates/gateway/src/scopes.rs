//! Which scopes each connection's token has, which of them calls need, and what follows: a call that the token surely cannot
//! make is refused before it costs HubSpot a request, with the scope named.
//!
//! What is known is what HubSpot itself said of the token. A refusal rests on an answer of the last seconds, or HubSpot is
//! asked again first, so that a scope which was added a moment ago counts. What cannot be found out is HubSpot's to say: the call goes.
//!
//! | file | is |
//! |---|---|
//! | `known` | what is known of a token, and what follows for a call; pure |
//! | `asking` | one question to HubSpot |
//! | `uses` | which scopes calls needed, day by day |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use client::accounts::{Connection, Credential};
use client::clock::WallClock;
use client::stack::{Feature, Stack};
use futures_util::future::join_all;
use http::Method;
use hubspot::endpoint::ApiFamily;
use hubspot::scope::required_scopes;
use hubspot::secret::Secret;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

mod asking;
mod known;
mod uses;

use known::{Judgement, Known};
use uses::{Count, Uses};
pub use uses::{Need, Use};

/// Scopes change rarely; whoever must be sure asks by himself.
const LOOK_AGAIN: Duration = Duration::from_secs(3600);

/// A call that would be refused waits this long for HubSpot's word.
const PATIENCE: Duration = Duration::from_secs(3);

/// A report may be this old.
const REPORT_AGE_MAX: Duration = Duration::from_secs(60);

/// The scopes of all connections.
pub struct Scopes {
    watched: HashMap<String, Watched>,
    stack: Arc<Stack>,
    clock: WallClock,
    refuses: Feature,
    bell: Notify,
}

/// A connection, and the app that may ask about its token if it is an OAuth app's.
pub struct OfConnection {
    pub connection: Arc<Connection>,
    pub app: Option<AppOf>,
}

pub struct AppOf {
    pub client_id: String,
    /// Another one may come while we run.
    pub client_secret: Arc<ArcSwap<Secret>>,
}

struct Watched {
    of: OfConnection,
    known: Mutex<Known>,
    /// One question at a time; who waits for it hears its answer.
    asking: tokio::sync::Mutex<()>,
    uses: Mutex<Uses>,
}

/// What a call needs and the token has not. `age` is that of HubSpot's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lacking {
    pub(crate) any_of: &'static [&'static str],
    pub(crate) age: Duration,
}

/// What is known of one connection's token, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub connection: String,
    /// `None`: HubSpot did not tell.
    pub granted: Option<Arc<[String]>>,
    pub told_ago: Option<Duration>,
}

impl Scopes {
    pub fn new(stack: Arc<Stack>, connections: Vec<OfConnection>, refuses: Feature) -> Self {
        let watched = connections.into_iter().map(|of| {
            let (known, asking, uses) = (Mutex::default(), tokio::sync::Mutex::default(), Mutex::default());
            (of.connection.name.clone(), Watched { of, known, asking, uses })
        });
        let clock = stack.clock();
        Self { watched: watched.collect(), stack, clock, refuses, bell: Notify::new() }
    }

    /// Counts what a call needs. What it surely lacks by what was heard last; [`Self::settle`] says whether that holds.
    pub(crate) fn doubt(
        &self,
        credential: &Credential,
        method: &Method,
        path: &str,
        family: ApiFamily,
    ) -> Option<&'static [&'static str]> {
        let watched = self.of(credential)?;
        let any_of = required_scopes(method, path);
        let need = if any_of.is_empty() { Need::Unknown(family) } else { Need::AnyOf(any_of) };
        watched.uses.lock().note(need, Count::ASKED, self.clock.now());
        match self.refuses {
            Feature::On => watched.judge(any_of, Instant::now()).is_doubtful().then_some(any_of),
            Feature::Off => None,
        }
    }

    /// Whether a call may go after all: what HubSpot says now is what counts.
    pub(crate) async fn settle(
        &self,
        credential: &Credential,
        any_of: &'static [&'static str],
        deadline: Instant,
    ) -> Option<Lacking> {
        let watched = self.of(credential)?;
        if watched.judge(any_of, Instant::now()) == Judgement::Ask {
            let until = deadline.min(Instant::now() + PATIENCE);
            let _who_hears_nothing_lets_it_go = tokio::time::timeout_at(until, self.ask(watched)).await;
        }
        match watched.judge(any_of, Instant::now()) {
            Judgement::Lacks { age } => {
                watched.uses.lock().note(Need::AnyOf(any_of), Count::REFUSED, self.clock.now());
                Some(Lacking { any_of, age })
            }
            Judgement::Ask | Judgement::Go => None,
        }
    }

    /// HubSpot says that a scope is missing which we thought was there, or knew nothing of: it is asked once more.
    pub(crate) fn contradicted(&self, credential: &Credential) {
        if let Some(watched) = self.of(credential) {
            watched.known.lock().doubt(Instant::now());
            self.bell.notify_one();
        }
    }

    /// Keeps what is known fit for use, for as long as it is polled. Where nobody is refused, nobody needs it.
    pub async fn run(&self) {
        match self.refuses {
            Feature::On => {}
            Feature::Off => return std::future::pending().await,
        }
        loop {
            for watched in self.watched.values() {
                let is_due = watched.known.lock().is_due(watched.generation(), LOOK_AGAIN, Instant::now());
                if is_due && watched.of.connection.lack(Instant::now()).is_none() {
                    self.ask(watched).await;
                }
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(known::PAUSE) => {}
            }
        }
    }

    /// Asks HubSpot of which portal each connection is that nobody has told of yet.
    pub async fn introduce(&self) {
        let is_unknown = |watched: &&Watched| {
            let connection = &watched.of.connection;
            connection.portal_id().or(connection.told_portal_id()).is_none()
        };
        join_all(self.watched.values().filter(is_unknown).map(|watched| self.standing(watched))).await;
    }

    /// How each connection stands; HubSpot is asked where that is not known well enough for a report.
    pub async fn standings(&self) -> Vec<Standing> {
        let mut standings = join_all(self.watched.values().map(|watched| self.standing(watched))).await;
        standings.sort_by(|one, other| one.connection.cmp(&other.connection));
        standings
    }

    async fn standing(&self, watched: &Watched) -> Standing {
        let is_due = watched.known.lock().is_due(watched.generation(), REPORT_AGE_MAX, Instant::now());
        if is_due && watched.of.connection.lack(Instant::now()).is_none() {
            let _what_is_known_is_told = tokio::time::timeout(PATIENCE, self.ask(watched)).await;
        }
        let told = watched.known.lock().told(watched.generation(), Instant::now());
        let (granted, told_ago) = told.unzip();
        Standing { connection: watched.of.connection.name.clone(), granted, told_ago }
    }

    /// What has been counted and not yet taken away.
    pub fn uses(&self) -> Vec<Use> {
        self.watched.iter().flat_map(|(name, watched)| watched.uses.lock().list(name)).collect()
    }

    /// The same, to be kept elsewhere from now on.
    pub fn take_uses(&self) -> Vec<Use> {
        self.watched.iter().flat_map(|(name, watched)| watched.uses.lock().take(name)).collect()
    }

    /// They could not be kept.
    pub fn give_back(&self, uses: &[Use]) {
        for given in uses {
            if let Some(watched) = self.watched.get(&given.connection) {
                watched.uses.lock().give_back(given);
            }
        }
    }

    fn of(&self, credential: &Credential) -> Option<&Watched> {
        match credential {
            Credential::Connection(connection) => self.watched.get(&connection.name),
            Credential::Anonymous | Credential::Passthrough | Credential::App(_) => None,
        }
    }

    async fn ask(&self, watched: &Watched) {
        let began = Instant::now();
        let _one_at_a_time = watched.asking.lock().await;
        let generation = watched.generation();
        if watched.known.lock().was_asked_since(began) {
            return;
        }
        let told = asking::ask(&self.stack, &watched.of).await;
        let mut known = watched.known.lock();
        match told {
            Some(told) => {
                if let Some(id) = told.portal_id {
                    watched.of.connection.note_told_portal_id(id);
                }
                known.heard(told.scopes, generation, Instant::now());
            }
            None => known.heard_nothing(Instant::now()),
        }
    }
}

impl Watched {
    fn generation(&self) -> u64 {
        self.of.connection.generation()
    }

    fn judge(&self, any_of: &[&str], now: Instant) -> Judgement {
        self.known.lock().judge(self.generation(), any_of, now)
    }
}
