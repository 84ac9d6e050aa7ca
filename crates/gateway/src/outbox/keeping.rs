//! What is kept of settled operations and answered keys, and for how long. What is dead or unknown stays until a person
//! drops it.

use jiff::{SignedDuration, Timestamp};
use store::failure::StoreError;

use super::Outbox;

/// A key is answered for so long.
const KEYS_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Rounds in one go: then others get their turn, and the rest goes the next time.
const ROUNDS_MAX: u32 = 20;

impl Outbox {
    /// Forgets what is old, and the oldest of what takes too much room.
    pub(super) async fn forget(&self) {
        if let Err(error) = self.try_to_forget().await {
            tracing::warn!(%error, "what is settled and old could not be forgotten");
        }
    }

    async fn try_to_forget(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let before = |age: SignedDuration| now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let keep = SignedDuration::try_from(self.settings.keep).unwrap_or(SignedDuration::MAX);
        for _ in 0..ROUNDS_MAX {
            let keys = self.store.forget_answers(before(KEYS_FOR)).await?;
            let settled = self.store.forget_settled(before(keep)).await?;
            let crowded =
                self.store.used_bytes().await?.is_some_and(|used| used > self.settings.keep_bytes_max);
            // All that is settled is old enough then; the oldest goes first.
            let made_room = if crowded { self.store.forget_settled(now).await? } else { 0 };
            self.books.dropped(settled + made_room);
            if keys + settled + made_room == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}
