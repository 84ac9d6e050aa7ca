//! Durable truth: what was accepted is on the disk before anybody is told, and stays there until it has ended.
//!
//! | module | is |
//! |---|---|
//! | [`outbox`] | writes to be applied later |
//! | [`deliveries`] | webhooks as they came |
//! | [`schema`] | what is stored, and how much care it needs |
//! | [`failure`] | what can go wrong |
//! | `sqlite` | the embedded store |
//! | `stored` | an operation as a row |
//! | `checksum` | damaged records are noticed |

use jiff::Timestamp;
use uuid::Uuid;

mod checksum;
pub mod deliveries;
pub mod failure;
pub mod outbox;
pub mod schema;
mod sqlite;
mod stored;

use deliveries::{Delivery, NewDelivery, Places};
use failure::{OpenError, Refusing, StoreError};
use outbox::{Attempt, Claim, Edit, Ending, Filter, NewOperation, Operation, State};
use sqlite::Sqlite;

/// The store. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Store(Sqlite);

impl Store {
    /// Opens `sqlite:PATH`. Blocks for as long as it takes to open, or to recover after a crash.
    ///
    /// # Errors
    /// [`OpenError`] says what to do about it.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let path = sqlite::file_of(url).ok_or_else(|| OpenError::Url(url.to_owned()))?;
        Sqlite::open(&path).map(Self)
    }

    /// Why nothing new is taken, if so.
    pub fn refusing(&self) -> Option<Refusing> {
        self.0.writer.refusing()
    }

    /// Keeps an operation. `Ok` means that it will be applied, or end visibly otherwise.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        self.0.accept(asked).await
    }

    /// Takes operations that are due for sending, the earliest accepted first. Of each record only the first that is not
    /// settled; none is taken twice.
    ///
    /// # Errors
    /// [`StoreError`]; after one, what was taken is found by [`Store::interrupted`].
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError> {
        self.0.claim(claim).await
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
        self.0.change(claimed.asked.id, end).await
    }

    /// Takes an operation back. `false` when it is already being sent, or settled, or not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.0.change(id, move |operation| operation.cancel(now)).await
    }

    /// Has an operation tried again that ended without being applied. `false` when it cannot be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay(&self, id: Uuid, edit: Edit, now: Timestamp) -> Result<bool, StoreError> {
        self.0.change(id, move |operation| operation.replay(&edit, now)).await
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        self.0.operation(id).await
    }

    /// The operations that a filter lets through, the earliest accepted first, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn operations(
        &self,
        filter: Filter,
        after: i64,
        max: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        self.0.operations(filter, after, max).await
    }

    /// How many are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        self.0.counts().await
    }

    /// What was claimed and has not ended in time: whether it arrived is for the caller to find out. After a start with
    /// an embedded store, all that was being sent: `now` is the end of time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interrupted(&self, now: Timestamp) -> Result<Vec<Operation>, StoreError> {
        let filter = Filter { state: Some(State::Sending), due_before: Some(now), ..Filter::default() };
        self.0.operations(filter, 0, usize::MAX).await
    }

    /// Keeps a delivery, unless all its events have come before; tells which had not.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn receive(&self, delivery: NewDelivery) -> Result<Places, StoreError> {
        self.0.receive(delivery).await
    }

    /// Up to `max` deliveries after a place in the order of arrival.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn deliveries(&self, after: i64, max: usize) -> Result<Vec<Delivery>, StoreError> {
        self.0.deliveries(after, max).await
    }

    /// Forgets the keys of events that occurred before a moment: they will not come again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_keys(&self, before: Timestamp) -> Result<usize, StoreError> {
        self.0.forget_keys(before).await
    }
}
