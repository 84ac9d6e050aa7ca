//! Incidents: as they stand, their history, what diagnoses were drawn from, and messages to people that wait to be sent.
//!
//! What they say is JSON that this crate does not read. One step of the engine is kept as a whole or not at all, so that a
//! process killed at any moment goes on with exactly what was decided.

use jiff::Timestamp;
use uuid::Uuid;

use crate::failure::StoreError;
use crate::{Backend, Store};

/// An incident as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptIncident {
    pub id: String,
    pub began_at: Timestamp,
    pub progress: Progress,
    pub document: Vec<u8>,
}

/// Whether it goes on. The numbers are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Progress {
    GoingOn = 0,
    Over = 1,
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub incident: String,
    pub at: Timestamp,
    pub document: Vec<u8>,
}

/// The facts of one diagnosis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    pub incident: String,
    pub at: Timestamp,
    pub document: Vec<u8>,
}

/// A message for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    pub id: Uuid,
    pub incident: String,
    pub channel: String,
    pub due_at: Timestamp,
    pub document: Vec<u8>,
}

/// A message as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub seq: i64,
    pub asked: NewNotice,
    /// Tries so far, this one included once it is claimed; a sender that was too slow finds its number outdated.
    pub attempts: i64,
    pub state: NoticeState,
    /// What the channel calls the incident, where it gave it a name.
    pub handle: Option<String>,
    pub why: Option<String>,
}

/// Where a message stands. The numbers are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NoticeState {
    Pending = 0,
    Sending = 1,
    Told = 2,
    GivenUp = 3,
}

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeEnd {
    Told { handle: Option<String> },
    Again { due_at: Timestamp, why: String },
    GivenUp { why: String },
}

/// Everything that one step of the engine decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentStep {
    pub incidents: Vec<KeptIncident>,
    pub lines: Vec<Line>,
    pub recordings: Vec<Recording>,
    pub notices: Vec<NewNotice>,
}

impl Store {
    /// Whatever is being sent is due again. Only for who has the store alone, and sends nothing yet: then it was a process before
    /// this one that sent it, and that one is gone. On a shared store claims run out by themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_notices(&self, now: Timestamp) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(backend) => backend.release_notices(now).await,
            Backend::Postgres(_) => Ok(()),
        }
    }
}

impl IncidentStep {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Progress {
    pub(crate) fn of_number(number: i64) -> Self {
        if number == Self::Over as i64 { Self::Over } else { Self::GoingOn }
    }
}

impl NoticeState {
    pub(crate) fn of_number(number: i64) -> Option<Self> {
        [Self::Pending, Self::Sending, Self::Told, Self::GivenUp]
            .into_iter()
            .find(|state| *state as i64 == number)
    }
}

/// What a try changes: state, when it is due, what the channel calls it, why it failed.
pub(crate) struct Ended {
    pub(crate) state: NoticeState,
    pub(crate) due_at: Option<i64>,
    pub(crate) handle: Option<String>,
    pub(crate) why: Option<String>,
}

impl From<NoticeEnd> for Ended {
    fn from(end: NoticeEnd) -> Self {
        match end {
            NoticeEnd::Told { handle } => Self { state: NoticeState::Told, due_at: None, handle, why: None },
            NoticeEnd::Again { due_at, why } => Self {
                state: NoticeState::Pending,
                due_at: Some(due_at.as_millisecond()),
                handle: None,
                why: Some(why),
            },
            NoticeEnd::GivenUp { why } => {
                Self { state: NoticeState::GivenUp, due_at: None, handle: None, why: Some(why) }
            }
        }
    }
}
