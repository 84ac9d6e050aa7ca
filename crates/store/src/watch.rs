//! What a watch keeps beside incidents: since when a credential has been in use.

use jiff::Timestamp;

use crate::Store;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};

impl Store {
    /// Since when a credential has been in use, by a digest of it that tells nothing: today, where it is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn in_use_since(
        &self,
        name: &str,
        digest: &[u8],
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let statement = Statement::new(
            "INSERT INTO credentials (name, digest, since) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET digest = excluded.digest,
                 since = CASE WHEN credentials.digest = excluded.digest THEN credentials.since ELSE excluded.since END
             RETURNING since",
            values![name, digest, now],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(rows.swap_remove(0).pop().map_or(now, |mut row| time(row.number())))
    }
}
