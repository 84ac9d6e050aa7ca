//! The incident room: what the pure engine needs around it. It watches, asks, keeps, tells and acts.
//!
//! ```text
//! watch ─▶ signals ─▶ ┌──────────┐ ─▶ keep (one transaction) ─▶ delivery ─▶ channels
//! questions ─▶ facts ▶│  engine  │ ─▶ questions
//! people ─▶ commands ▶└──────────┘ ─▶ acts
//! ```
//!
//! | module | is |
//! |---|---|
//! | `room` | the loop |
//! | `watch` | from what has passed to signals |
//! | `glance` | what passes anyway, held against the faults that no rate tells of |
//! | `addresses` | every address of HubSpot's, connected to now and then |
//! | `beat` | our own timer and a small write, which tell how late we are and how our store is |
//! | `board` | how the room stands, for metrics |
//! | `keys` | secrets, read again where they come from |
//! | `front_door` | HubSpot, knocked at without a credential |
//! | `doorbell` | our own delivery to our public address |
//! | `parts` | how our own parts stand, and those we work for |
//! | `suspects` | what the quarantine tells |
//! | `dependencies` | checks of what else the company's programs need |
//! | `questions` | from a question to facts: probes, within HubSpot's limits |
//! | `keep` | from effects to what is stored |
//! | `acts` | mitigations, done |
//! | `others` | several hubkeepers on one store: one runs the room, the others tell it |
//! | `delivery` | messages that wait, sent until they have arrived |
//! | `channels` | how each is sent |

use std::sync::Arc;

use incident::engine::{Command, Refused};
use incident::signal::{Seen, Signal};
use store::Store;
use store::failure::StoreError;
use tokio::sync::{mpsc, oneshot};

mod acts;
mod addresses;
mod beat;
mod board;
mod channels;
mod delivery;
mod dependencies;
mod doorbell;
mod front_door;
mod glance;
mod installs;
mod keep;
mod keys;
mod others;
mod parts;
mod questions;
mod room;
mod suspects;
mod watch;

pub(crate) use acts::Acts;
pub(crate) use addresses::{Addresses, Latest};
pub(crate) use board::{Board, Standing};
pub(crate) use channels::Channels;
pub(crate) use dependencies::Dependency;
pub(crate) use doorbell::{Doorbell, HEADER as DOORBELL_HEADER};
pub(crate) use front_door::FrontDoor;
pub(crate) use installs::Installs;
pub(crate) use keep::{Shown, listed, shown};
pub(crate) use others::Heard;
pub(crate) use parts::Parts;
pub(crate) use questions::Questions;
pub(crate) use room::{Opening, Room};
pub(crate) use watch::Watch;

/// Commands that wait for the room; it takes them at once.
const WAITING_MAX: usize = 64;

/// The door to the room, for the admin API.
#[derive(Clone)]
pub(crate) struct Incidents {
    asked: mpsc::Sender<Asked>,
    pub(crate) store: Store,
    pub(crate) board: Arc<Board>,
}

/// What comes in by the door.
pub(crate) enum Asked {
    Person { name: String, command: Command, answer: oneshot::Sender<Result<(), Refused>> },
    Signal(Signal),
    Maintenance { until: jiff::Timestamp },
}

/// Why a wish was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotDone {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the incident room is closing")]
    Closing,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Incidents {
    /// Does what a person asks; it is kept before this returns.
    ///
    /// # Errors
    /// [`NotDone`].
    pub(crate) async fn person(&self, name: String, command: Command) -> Result<(), NotDone> {
        let (answer, answered) = oneshot::channel();
        let asked = Asked::Person { name, command, answer };
        self.asked.send(asked).await.map_err(|_| NotDone::Closing)?;
        Ok(answered.await.map_err(|_| NotDone::Closing)??)
    }

    /// Hands an observation in.
    ///
    /// # Errors
    /// [`NotDone::Closing`].
    pub(crate) async fn signal(&self, at: jiff::Timestamp, seen: Seen) -> Result<(), NotDone> {
        let signal = Signal { at, place: incident::signal::Place::default(), seen };
        self.asked.send(Asked::Signal(signal)).await.map_err(|_| NotDone::Closing)
    }

    /// Opens nothing new until then.
    ///
    /// # Errors
    /// [`NotDone::Closing`].
    pub(crate) async fn maintenance(&self, until: jiff::Timestamp) -> Result<(), NotDone> {
        self.asked.send(Asked::Maintenance { until }).await.map_err(|_| NotDone::Closing)
    }
}

/// A room's door and the end of it that the room holds.
pub(crate) fn door(store: Store) -> (Incidents, mpsc::Receiver<Asked>) {
    let (asked, waiting) = mpsc::channel(WAITING_MAX);
    (Incidents { asked, store, board: Arc::default() }, waiting)
}
