//! What is kept of settled operations, and for how long, in PostgreSQL.

use jiff::Timestamp;
use uuid::Uuid;

use super::operations::{find, keep_the_turns, next_of_record};
use super::{Postgres, unknown};
use crate::failure::StoreError;

impl Postgres {
    pub(crate) async fn remove(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let Some(stored) = find(&transaction, id).await? else { return Ok(false) };
        let operation = stored.checked()?;
        if !operation.can_be_dropped() {
            return Ok(false);
        }
        let asked = &operation.asked;
        keep_the_turns(&transaction, &asked.connection, asked.record.as_deref()).await.map_err(unknown)?;
        let sql = "DELETE FROM operations WHERE seq = $1";
        transaction.execute(sql, &[&operation.seq]).await.map_err(unknown)?;
        next_of_record(&transaction, &operation).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)?;
        Ok(true)
    }

    pub(crate) async fn forget_settled(&self, before: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM operations WHERE seq IN (
            SELECT seq FROM operations WHERE state IN (2, 4) AND settled_at < $1 ORDER BY settled_at LIMIT $2)";
        let client = self.client().await?;
        let forgotten = client.execute(sql, &[&before.as_millisecond(), &crate::FORGOTTEN_AT_ONCE]).await;
        forgotten.map(|count| usize::try_from(count).unwrap_or(usize::MAX)).map_err(unknown)
    }
}
