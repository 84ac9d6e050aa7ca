//! What people do with operations, each with a line in the log.

use store::failure::StoreError;
use store::outbox::{Edit, Filter, Found, Operation};
use uuid::Uuid;

use super::Outbox;

/// Operations looked at in one step, when a filter names many.
const PAGE: usize = 500;

/// Operations that one request may change.
const CHANGED_MAX: usize = 100_000;

/// What a person does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    Cancel,
    /// Tried again, as it is or changed.
    Replay(Edit),
    /// Changed, and left where it is.
    Edit(Edit),
    Drop,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changed {
    pub changed: usize,
    /// Found by the filter, and in a state in which it cannot be done.
    pub left: usize,
    /// There are more: as many as one request may change have been.
    pub more: bool,
}

impl Deed {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Replay(_) => "replayed",
            Self::Edit(_) => "edited",
            Self::Drop => "dropped",
        }
    }
}

impl Outbox {
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, filter: Filter, after: i64, max: usize) -> Result<Found, StoreError> {
        self.store.operations(filter, after, max).await
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn show(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        self.store.operation(id).await
    }

    /// Does it to one. `false` where that cannot be done: it is being sent, or settled otherwise, or not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn act(&self, id: Uuid, deed: Deed) -> Result<bool, StoreError> {
        let (name, now) = (deed.name(), self.clock.now());
        let done = match deed {
            Deed::Cancel => self.store.cancel(id, now).await,
            Deed::Replay(edit) => self.store.replay(id, edit, now).await,
            Deed::Edit(edit) => self.store.edit(id, edit).await,
            Deed::Drop => {
                let removed = self.store.remove(id).await;
                self.books.dropped(usize::from(matches!(removed, Ok(true))));
                removed
            }
        }?;
        if done {
            tracing::info!(%id, by = "person", deed = name, "an accepted write was {name}");
            self.wake.notify_one();
        }
        Ok(done)
    }

    /// Does it to all that a filter lets through.
    ///
    /// # Errors
    /// [`StoreError`]; what was done before it stays done.
    pub async fn act_on_all(&self, filter: &Filter, deed: &Deed) -> Result<Changed, StoreError> {
        let mut told = Changed::default();
        let mut after = 0;
        loop {
            let found = self.store.operations(filter.clone(), after, PAGE).await?;
            let Some(last) = found.operations.last() else { return Ok(told) };
            after = last.seq;
            for operation in found.operations {
                if self.act(operation.asked.id, deed.clone()).await? {
                    told.changed += 1;
                } else {
                    told.left += 1;
                }
            }
            if told.changed + told.left >= CHANGED_MAX {
                return Ok(Changed { more: true, ..told });
            }
        }
    }

    /// Why nothing new is taken, if so.
    pub fn refusing(&self) -> Option<store::failure::Refusing> {
        self.store.refusing()
    }
}
