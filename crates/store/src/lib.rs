//! Durable truth: what was accepted is on the disk before anybody is told, and stays there until it has ended.
//!
//! | module | is |
//! |---|---|
//! | [`outbox`] | writes to be applied later |
//! | [`idempotency`] | writes that came with a key, and their answers |
//! | [`deliveries`] | webhooks as they came |
//! | [`dispatch`] | how far each has been forwarded |
//! | [`incidents`] | incidents, their history, and messages to people |
//! | [`quarantine`] | deliveries that did not verify |
//! | [`journal`] | how far HubSpot's journal has been read, and the gaps it showed |
//! | [`lease`] | what one process at a time does |
//! | [`privacy`] | people who were forgotten |
//! | [`watch`] | since when a credential has been in use |
//! | [`retention`] | what goes in time |
//! | [`audit`] | who did what, in a chain that tells when somebody took a link out |
//! | [`grants`] | the tokens of OAuth connections, and who renews them |
//! | [`scopes`] | which scopes calls needed, by day |
//! | [`consents`] | people on their way to HubSpot's consent page |
//! | [`seal`] | what is secret is unreadable without a key that is kept elsewhere |
//! | [`schema`] | what is stored, and how much care it needs |
//! | [`failure`] | what can go wrong |
//! | [`step`] | where the proof kills us |
//! | [`fall`] | where it makes us panic |
//! | `sqlite` | the embedded store |
//! | `postgres` | the store at scale |
//! | `statement` | a request as data, for either |
//! | `keys` | what the store does with callers' keys |
//! | `stored` | an operation as a row |
//! | `checksum` | damaged records are noticed |

use jiff::Timestamp;
use uuid::Uuid;

pub mod audit;
mod checksum;
pub mod consents;
pub mod deliveries;
pub mod dispatch;
pub mod failure;
pub mod fall;
pub mod grants;
pub mod idempotency;
pub mod incidents;
pub mod journal;
pub mod lease;
pub mod outbox;
mod postgres;
pub mod privacy;
pub mod quarantine;
pub mod retention;
pub mod room;
pub mod schema;
pub mod scopes;
pub mod seal;
mod sqlite;
mod statement;
pub mod step;
mod stored;
pub mod watch;

use deliveries::{Delivery, NewDelivery, Places, Twin};
use failure::{OpenError, Refusing, StoreError};
use incidents::{IncidentStep, KeptIncident, Notice, NoticeEnd, Recording};
use outbox::{Attempt, Claim, Edit, Ending, Filter, Found, Line, NewOperation, Operation, State};
use postgres::Postgres;
use sqlite::Sqlite;

/// Rows forgotten in one transaction: those who wait for the store meanwhile wait some milliseconds.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// The store. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Backend);

#[derive(Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// The same request to whichever it is.
macro_rules! on {
    ($store:expr, $backend:ident => $request:expr) => {
        match &$store.0 {
            Backend::Sqlite($backend) => $request.await,
            Backend::Postgres($backend) => $request.await,
        }
    };
}

mod keys;

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`; the former blocks for as long as it takes to recover after a crash.
    ///
    /// # Errors
    /// [`OpenError`] says what to do about it.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_over(url, None).await
    }

    /// The same; `tls` says whom to believe where the address says `sslmode=require`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_over(url: &str, tls: Option<rustls::ClientConfig>) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Postgres::open(url, tls).await.map(Backend::Postgres).map(Self);
        }
        let path = sqlite::file_of(url).ok_or_else(|| OpenError::Url(url.to_owned()))?;
        Sqlite::open(&path).map(Backend::Sqlite).map(Self)
    }

    /// For tests in which tokio's clock is paused: while the store works, no time passes.
    #[must_use]
    pub fn with_a_clock_that_stands_still(self) -> Self {
        match self.0 {
            Backend::Sqlite(sqlite) => Self(Backend::Sqlite(sqlite.with_a_clock_that_stands_still())),
            // Its sockets are the runtime's own, but a server's time is not ours to stop.
            Backend::Postgres(_) => self,
        }
    }

    /// A store that lives as long as the process, for those who have named no place.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn in_memory() -> Result<Self, OpenError> {
        Sqlite::in_memory().map(Backend::Sqlite).map(Self)
    }

    /// Why nothing new is taken, if so.
    pub fn refusing(&self) -> Option<Refusing> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.writer.refusing(),
            // The server tells with each request.
            Backend::Postgres(_) => None,
        }
    }

    /// Keeps an operation. `Ok` means that it will be applied, or end visibly otherwise.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        on!(self, backend => backend.accept(asked))
    }

    /// Takes operations that are due for sending, the earliest accepted first. Of each record only the first that is not
    /// settled; none is taken twice.
    ///
    /// # Errors
    /// [`StoreError`]; after one, what was taken is found by [`Store::interrupted`].
    pub async fn claim(&self, claim: Claim) -> Result<Found, StoreError> {
        on!(self, backend => backend.claim(claim))
    }

    /// The lines of a connection in which somebody's turn has come, due or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lines(&self, connection: &str) -> Result<Vec<Line>, StoreError> {
        on!(self, backend => backend.lines(connection.to_owned()))
    }

    /// Does a record have operations that are not settled?
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_unsettled(&self, connection: &str, record: &str) -> Result<bool, StoreError> {
        on!(self, backend => backend.has_unsettled(connection.to_owned(), record.to_owned()))
    }

    /// When the operation was accepted that has waited longest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        on!(self, backend => backend.oldest())
    }

    /// Ends one try of a claimed operation. `false` when the claim is outdated: nothing was changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end(
        &self,
        claimed: &Operation,
        attempt: Option<Attempt>,
        ending: Ending,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let fence = claimed.fence;
        let end = move |operation: &mut Operation| operation.end_claim(fence, attempt.as_ref(), &ending, now);
        on!(self, backend => backend.change(claimed.asked.id, end))
    }

    /// Takes an operation back. `false` when it is already being sent, or settled, or not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        on!(self, backend => backend.change(id, move |operation| operation.cancel(now)))
    }

    /// Has an operation tried again that ended without being applied. `false` when it cannot be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay(&self, id: Uuid, edit: Edit, now: Timestamp) -> Result<bool, StoreError> {
        on!(self, backend => backend.change(id, move |operation| operation.replay(&edit, now)))
    }

    /// Changes what an operation will send. `false` while it is being sent, once it is applied, or where it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn edit(&self, id: Uuid, edit: Edit) -> Result<bool, StoreError> {
        on!(self, backend => backend.change(id, move |operation| operation.edit(&edit)))
    }

    /// Drops an operation for good that ended without being applied. `false` when it cannot be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remove(&self, id: Uuid) -> Result<bool, StoreError> {
        on!(self, backend => backend.remove(id))
    }

    /// Forgets operations that were applied or cancelled before a moment, some at a time. Dead and unknown ones stay until
    /// a person drops them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_settled(&self, before: Timestamp) -> Result<usize, StoreError> {
        on!(self, backend => backend.forget_settled(before))
    }

    /// What the store's content takes up, where that can be told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn used_bytes(&self) -> Result<Option<u64>, StoreError> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.used_bytes().await,
            // A database that others share says nothing about us.
            Backend::Postgres(_) => Ok(None),
        }
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        on!(self, backend => backend.operation(id))
    }

    /// The operations that a filter lets through, the earliest accepted first, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations(&self, filter: Filter, after: i64, max: usize) -> Result<Found, StoreError> {
        on!(self, backend => backend.operations(filter, after, max))
    }

    /// How many are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        on!(self, backend => backend.counts())
    }

    /// What was claimed and has not ended in time: whether it arrived is for the caller to find out. After a start with
    /// an embedded store, all that was being sent: `now` is the end of time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interrupted(&self, now: Timestamp) -> Result<Found, StoreError> {
        let filter = Filter { state: Some(State::Sending), due_before: Some(now), ..Filter::default() };
        on!(self, backend => backend.operations(filter, 0, usize::MAX))
    }

    /// Keeps a delivery, unless all its events have come before; tells which had not.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn receive(&self, delivery: NewDelivery) -> Result<Places, StoreError> {
        self.receive_beside(delivery, Vec::new()).await
    }

    /// The same for events that may have come another way, too: one twin for each, or none at all.
    ///
    /// # Errors
    /// As [`Store::receive`].
    pub async fn receive_beside(
        &self,
        delivery: NewDelivery,
        twins: Vec<Twin>,
    ) -> Result<Places, StoreError> {
        on!(self, backend => backend.receive(delivery, twins))
    }

    /// Up to `max` deliveries after a place in the order of arrival.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries(&self, after: i64, max: usize) -> Result<Vec<Delivery>, StoreError> {
        on!(self, backend => backend.deliveries(after, max))
    }

    /// Forgets the keys of events that occurred before a moment: they will not come again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_keys(&self, before: Timestamp) -> Result<usize, StoreError> {
        on!(self, backend => backend.forget_keys(before))
    }

    /// Keeps one step of the incident engine: all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_incidents(&self, step: IncidentStep) -> Result<(), StoreError> {
        on!(self, backend => backend.keep_incidents(step))
    }

    /// Up to `max` incidents: those that go on, then the latest that are over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn incidents(&self, max: usize) -> Result<Vec<KeptIncident>, StoreError> {
        on!(self, backend => backend.incidents(max))
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn incident(&self, id: &str) -> Result<Option<KeptIncident>, StoreError> {
        on!(self, backend => backend.incident(id.to_owned()))
    }

    /// An incident's history, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn timeline(&self, incident: &str) -> Result<Vec<incidents::Line>, StoreError> {
        on!(self, backend => backend.timeline(incident.to_owned()))
    }

    /// What an incident's diagnoses were drawn from, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn recordings(&self, incident: &str) -> Result<Vec<Recording>, StoreError> {
        on!(self, backend => backend.recordings(incident.to_owned()))
    }

    /// Takes messages that are due, for each incident and channel the first that has not ended. One whose sender has not
    /// come back by `until` is taken again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        max: usize,
    ) -> Result<Vec<Notice>, StoreError> {
        on!(self, backend => backend.claim_notices(now, until, max))
    }

    /// Ends one try of a claimed message. `false` when the claim is outdated: nothing was changed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_notice(&self, claimed: &Notice, end: NoticeEnd) -> Result<bool, StoreError> {
        on!(self, backend => backend.end_notice(claimed, end))
    }

    /// Every message about an incident, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices(&self, incident: &str) -> Result<Vec<Notice>, StoreError> {
        on!(self, backend => backend.notices(incident.to_owned()))
    }
}
