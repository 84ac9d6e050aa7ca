//! Writes that are accepted now and applied later, and keys that make a write count once.
//!
//! ```text
//! caller ─▶ wish ─▶ accept ─▶ store (durable) ─▶ 202
//!                               │
//!                    worker ◀───┘  line by line, in order per record
//!                      │
//!                      ▼
//!                  client::stack ─▶ HubSpot ─▶ verdict ─▶ applied | dead | again | in doubt ─▶ settle
//! ```
//!
//! | module | is |
//! |---|---|
//! | `wish` | whether a call is to be kept, by its headers and the route's rule |
//! | `write` | which calls are writes, and of which record |
//! | `key` | a caller's key: whose it is, and what it was sent with |
//! | `doubt` | a create with a key whose answer was lost |
//! | `accept` | into the store, and what the caller is told |
//! | [`queueing`] | keeping all writes for a while |
//! | `worker` | takes what is due, and sends it |
//! | `pace` | how many of a line may be under way |
//! | `verdict` | what an answer means for an operation |
//! | `send` | one try of one operation |
//! | `create`, `pack` | creates with a stamp, several as one batch |
//! | `settle` | what may have taken effect without a word |
//! | `keeping` | how long what is settled is kept |
//! | `life` | several processes on one store |
//! | `books`, `forecast` | how it stands, and when it will have caught up |
//! | `manage` | what people do with operations |
//! | `forget`, [`person`] | a person who is to be forgotten |
//! | [`show`] | an operation in JSON |
//! | `tell` | what a caller is told of its own |

use std::sync::Arc;
use std::time::Duration;

use client::accounts::{Connection, Holds};
use client::clock::WallClock;
use client::stack::Stack;
use http::HeaderValue;
use store::Store;
use tokio::sync::Notify;

mod accept;
mod books;
mod create;
mod doubt;
mod forecast;
mod forget;
mod keeping;
pub(crate) mod key;
mod life;
mod manage;
mod pace;
mod pack;
pub mod person;
pub mod queueing;
mod send;
mod settle;
pub mod show;
mod strikes;
mod tell;
mod verdict;
pub(crate) mod wish;
mod worker;
mod write;

pub(crate) use accept::{Accepted, Asked, response};
pub use books::{Standing, Stopped, Totals};
pub(crate) use doubt::Settled;
pub use forecast::{CatchUp, Outlook};
pub use forget::Forgotten;
pub use manage::{Changed, Deed};
pub(crate) use verdict::{Again, Blame, Twice, Verdict, of_answer, of_failure};
pub use wish::Queue;

use books::Books;
use life::Life;
use queueing::Queueing;

/// The path that operations are asked about at.
pub(crate) const PATH: &str = "/operations/";

/// Where accepted writes are kept, and how they go.
pub struct Outbox {
    store: Store,
    stack: Arc<Stack>,
    clock: WallClock,
    /// Those whose token we hold: no other credential is there when an operation's time comes.
    connections: Vec<Arc<Connection>>,
    settings: OutboxSettings,
    /// Where all writes are kept for a while.
    pub queueing: Queueing,
    books: Books,
    life: Life,
    /// Something may be due.
    wake: Notify,
}

/// How writes are kept.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
    /// A property of the portal with unique values, which creates are marked with: then each is made once.
    pub stamp_property: Option<String>,
    /// How long applied and cancelled ones can be looked at.
    pub keep: Duration,
    /// What the store may take up before the oldest of them go sooner.
    pub keep_bytes_max: u64,
    /// The longest that one request to HubSpot may take. One of several processes that has not been heard of for so long
    /// sends nothing more, and after as long again others take over what it was sending.
    pub attempt_timeout: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            stamp_property: None,
            keep: Duration::from_secs(7 * 24 * 3600),
            keep_bytes_max: 4 * 1024 * 1024 * 1024,
            attempt_timeout: Duration::from_secs(60),
        }
    }
}

impl Outbox {
    pub fn new(
        store: Store,
        stack: Arc<Stack>,
        connections: Vec<Arc<Connection>>,
        settings: OutboxSettings,
    ) -> Self {
        let clock = stack.clock();
        let life = Life::default();
        let (queueing, books, wake) = (Queueing::default(), Books::default(), Notify::new());
        Self { store, stack, clock, connections, settings, queueing, books, life, wake }
    }

    /// By the clock that operations are stamped with.
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The connection that a caller's own token is that of, or was. All are compared, each in constant time.
    pub(crate) fn connection_of(&self, authorization: &HeaderValue) -> Option<(&Arc<Connection>, Holds)> {
        let held = self.connections.iter().map(|connection| (connection, connection.holds(authorization)));
        held.filter(|(_, holds)| *holds != Holds::No).last()
    }

    fn connection(&self, name: &str) -> Option<&Arc<Connection>> {
        self.connections.iter().find(|connection| connection.name == name)
    }
}
