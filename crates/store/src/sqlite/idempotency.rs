//! Callers' keys in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::Sqlite;
use super::operations::insert;
use super::writer::Intent;
use crate::failure::StoreError;
use crate::idempotency::{Begun, Hold, KeptAnswer, KeyDigest, Keyed, Row};
use crate::outbox::{NewOperation, Operation};
use crate::stored::Stored;

impl Sqlite {
    pub(crate) async fn begin_key(&self, keyed: Keyed) -> Result<Begun, StoreError> {
        let begin = move |transaction: &Connection| {
            let found = find(transaction, &keyed)?;
            match found {
                Ok(Begun::New) => put(transaction, &Row::begun(&keyed))?,
                Ok(Begun::Interrupted { .. }) => hold(transaction, &keyed)?,
                Ok(Begun::Answered { .. } | Begun::InProgress | Begun::Different) | Err(_) => {}
            }
            Ok(found)
        };
        self.writer.write(Intent::Accept, begin).await?
    }

    pub(crate) async fn end_key(&self, keyed: Keyed, answer: KeptAnswer) -> Result<(), StoreError> {
        let end = move |transaction: &Connection| put(transaction, &Row::answered(&keyed, &answer));
        self.writer.write(Intent::Settle, end).await
    }

    pub(crate) async fn release_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        let release = move |transaction: &Connection| {
            let sql = "DELETE FROM idempotency WHERE key = ?1 AND status IS NULL";
            transaction.execute(sql, [key.as_slice()]).map(drop)
        };
        self.writer.write(Intent::Settle, release).await
    }

    pub(crate) async fn interrupt_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        let interrupt = move |transaction: &Connection| {
            let sql = "UPDATE idempotency SET until = 0 WHERE key = ?1 AND status IS NULL";
            transaction.execute(sql, [key.as_slice()]).map(drop)
        };
        self.writer.write(Intent::Settle, interrupt).await
    }

    pub(crate) async fn accept_once(
        &self,
        asked: NewOperation,
        keyed: Keyed,
        answer: KeptAnswer,
        hold: Hold,
    ) -> Result<Begun, StoreError> {
        let stored = Stored::of(&Operation::new(asked));
        let accept = move |transaction: &Connection| {
            let found = match hold {
                Hold::Ours => Ok(Begun::New),
                Hold::Free => find(transaction, &keyed)?,
            };
            if matches!(found, Ok(Begun::New)) {
                put(transaction, &Row::answered(&keyed, &answer))?;
                insert(transaction, &stored)?;
            }
            Ok(found)
        };
        self.writer.write(Intent::Accept, accept).await?
    }

    pub(crate) async fn forget_answers(&self, before: Timestamp) -> Result<usize, StoreError> {
        let forget = move |transaction: &Connection| {
            let sql = "DELETE FROM idempotency WHERE key IN (
                SELECT key FROM idempotency WHERE begun_at < ?1 ORDER BY begun_at LIMIT ?2)";
            transaction.execute(sql, [before.as_millisecond(), super::FORGOTTEN_AT_ONCE])
        };
        self.writer.write(Intent::Settle, forget).await
    }
}

/// Whoever was at it is gone: only one process has the file.
pub(super) fn interrupt_all(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE idempotency SET until = 0 WHERE status IS NULL AND until <> 0", []).map(drop)
}

/// When it was begun, and with what, stays: by that it is looked for.
fn hold(transaction: &Connection, keyed: &Keyed) -> rusqlite::Result<()> {
    let sql = "UPDATE idempotency SET until = ?1 WHERE key = ?2";
    transaction.execute(sql, rusqlite::params![keyed.until.as_millisecond(), keyed.key.as_slice()]).map(drop)
}

fn find(transaction: &Connection, keyed: &Keyed) -> rusqlite::Result<Result<Begun, StoreError>> {
    let mut statement = transaction.prepare_cached(
        "SELECT key, fingerprint, begun_at, until, status, headers, answer, checksum FROM idempotency WHERE key = ?1",
    )?;
    let row = statement.query_row([keyed.key.as_slice()], |row| {
        Ok(Row {
            key: row.get(0)?,
            fingerprint: row.get(1)?,
            begun_at: row.get(2)?,
            until: row.get(3)?,
            status: row.get(4)?,
            headers: row.get(5)?,
            answer: row.get(6)?,
            checksum: row.get(7)?,
        })
    });
    Ok(row.optional()?.map_or(Ok(Begun::New), |row| row.found(keyed)))
}

fn put(transaction: &Connection, row: &Row) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT OR REPLACE INTO idempotency (key, fingerprint, begun_at, until, status, headers, answer, checksum)
         VALUES (:key, :fingerprint, :begun_at, :until, :status, :headers, :answer, :checksum)",
    )?;
    statement.execute(named_params! {
        ":key": row.key,
        ":fingerprint": row.fingerprint,
        ":begun_at": row.begun_at,
        ":until": row.until,
        ":status": row.status,
        ":headers": row.headers,
        ":answer": row.answer,
        ":checksum": row.checksum,
    })?;
    Ok(())
}
