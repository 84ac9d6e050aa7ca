//! What is kept of settled operations, and for how long, in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::Sqlite;
use super::operations::{find, next_of_record};
use super::writer::Intent;
use crate::failure::StoreError;

impl Sqlite {
    pub(crate) async fn remove(&self, id: Uuid) -> Result<bool, StoreError> {
        let removed = self.writer.write(Intent::Settle, move |transaction| {
            let Some(stored) = find(transaction, id)? else { return Ok(Ok(false)) };
            let operation = match stored.checked() {
                Ok(operation) => operation,
                Err(damaged) => return Ok(Err(damaged)),
            };
            let can = operation.can_be_dropped();
            if can {
                transaction.execute("DELETE FROM operations WHERE seq = ?1", [operation.seq])?;
                next_of_record(transaction, &operation)?;
            }
            Ok(Ok(can))
        });
        removed.await?
    }

    pub(crate) async fn forget_settled(&self, before: Timestamp) -> Result<usize, StoreError> {
        let forget = move |transaction: &Connection| {
            let sql = "DELETE FROM operations WHERE seq IN (
                SELECT seq FROM operations INDEXED BY operations_settled
                WHERE state > 1 AND state IN (2, 4) AND settled_at < ?1 ORDER BY settled_at LIMIT ?2)";
            transaction.execute(sql, params![before.as_millisecond(), super::FORGOTTEN_AT_ONCE])
        };
        self.writer.write(Intent::Settle, forget).await
    }

    pub(crate) async fn used_bytes(&self) -> Result<Option<u64>, StoreError> {
        let used = self.reader.read(|connection| {
            let figure = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            Ok((figure("page_count")? - figure("freelist_count")?) * figure("page_size")?)
        });
        Ok(u64::try_from(used.await?).ok())
    }
}
