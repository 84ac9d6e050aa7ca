//! What the store does with callers' keys.

use jiff::Timestamp;

use crate::failure::StoreError;
use crate::idempotency::{Begun, Hold, KeptAnswer, KeyDigest, Keyed};
use crate::outbox::NewOperation;
use crate::{Backend, Store};

impl Store {
    /// Begins a write with a caller's key, unless the key is known.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn begin_key(&self, keyed: Keyed) -> Result<Begun, StoreError> {
        on!(self, backend => backend.begin_key(keyed))
    }

    /// Keeps the answer to a write that was begun.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_key(&self, keyed: Keyed, answer: KeptAnswer) -> Result<(), StoreError> {
        on!(self, backend => backend.end_key(keyed, answer))
    }

    /// Forgets a key that was begun for a write that surely had no effect: it may be sent again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        on!(self, backend => backend.release_key(key))
    }

    /// Nobody works any more on a key that was begun, and its outcome is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn interrupt_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        on!(self, backend => backend.interrupt_key(key))
    }

    /// Keeps an operation and the answer to its key in one commit, unless the key is known; then only that is told.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; [`StoreError::OutcomeUnknown`] when it may have been.
    pub async fn accept_once(
        &self,
        asked: NewOperation,
        keyed: Keyed,
        answer: KeptAnswer,
        hold: Hold,
    ) -> Result<Begun, StoreError> {
        on!(self, backend => backend.accept_once(asked, keyed, answer, hold))
    }

    /// Forgets keys that were begun before a moment, some at a time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_answers(&self, before: Timestamp) -> Result<usize, StoreError> {
        on!(self, backend => backend.forget_answers(before))
    }
}
