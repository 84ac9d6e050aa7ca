//! The audit log in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sqlite;
use super::writer::Intent;
use crate::audit::chain::{End, KEPT_EVERY};
use crate::audit::key::AuditKey;
use crate::audit::{Checkpoint, CheckpointKind, Digest, Entry, NewEntry};
use crate::failure::StoreError;

impl Sqlite {
    pub(crate) async fn audit(&self, key: AuditKey, entry: NewEntry) -> Result<i64, StoreError> {
        self.writer.write(Intent::Settle, move |transaction| append(transaction, &key, &entry)).await
    }

    pub(crate) async fn begin_audit(&self, key: AuditKey, at: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(Intent::Settle, move |transaction| begin(transaction, &key, at)).await
    }
}

fn begin(transaction: &Connection, key: &AuditKey, at: Timestamp) -> rusqlite::Result<bool> {
    let awaited = transaction.execute("DELETE FROM audit_checkpoints WHERE kind = 2", [])? > 0;
    if awaited {
        write(transaction, key, End::BEGINNING, &NewEntry::beginning(key, at))?;
    }
    Ok(awaited)
}

fn append(transaction: &Connection, key: &AuditKey, new: &NewEntry) -> rusqlite::Result<i64> {
    let mut last = transaction.prepare_cached("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")?;
    let last = last
        .query_row([], |row| {
            let hash = Digest::of_slice(&row.get::<_, Vec<u8>>(1)?).unwrap_or(Digest::BEGINNING);
            Ok(End { seq: row.get(0)?, hash })
        })
        .optional()?;
    let head = all(transaction, "WHERE kind = 0")?.into_iter().next();
    write(transaction, key, End::of(last, head.as_ref(), key), new)
}

fn write(transaction: &Connection, key: &AuditKey, end: End, new: &NewEntry) -> rusqlite::Result<i64> {
    let entry = Entry::after(end, new, key);
    let mut keep = transaction.prepare_cached(
        "INSERT INTO audit (seq, at, actor, act, subject, outcome, request_id, detail, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    keep.execute(params![
        entry.seq,
        entry.at.as_millisecond(),
        entry.actor,
        entry.act,
        entry.subject,
        entry.outcome,
        entry.request_id,
        entry.detail,
        entry.hash.bytes()
    ])?;
    transaction.prepare_cached("DELETE FROM audit_checkpoints WHERE kind = 0")?.execute([])?;
    sign(transaction, &Checkpoint::of(&entry, CheckpointKind::Head, key))?;
    if entry.seq % KEPT_EVERY == 0 {
        sign(transaction, &Checkpoint::of(&entry, CheckpointKind::Kept, key))?;
    }
    Ok(entry.seq)
}

fn sign(transaction: &Connection, checkpoint: &Checkpoint) -> rusqlite::Result<()> {
    let mut keep = transaction.prepare_cached(
        "INSERT INTO audit_checkpoints (kind, seq, hash, public_key, signature) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let Checkpoint { seq, kind, hash, public_key, signature } = checkpoint;
    keep.execute(params![*kind as i64, seq, hash.bytes(), public_key, signature]).map(drop)
}

pub(crate) fn checkpoints(connection: &Connection) -> Result<Vec<Checkpoint>, StoreError> {
    Ok(all(connection, "")?)
}

/// One that cannot be read is none: then its signature is missing.
fn all(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<Checkpoint>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT kind, seq, hash, public_key, signature FROM audit_checkpoints {condition} ORDER BY kind, seq"
    ))?;
    let rows = statement.query_map([], |row| Ok(checkpoint(row)))?;
    Ok(rows.filter_map(|row| row.ok().flatten()).collect())
}

fn checkpoint(row: &Row<'_>) -> Option<Checkpoint> {
    Some(Checkpoint {
        kind: CheckpointKind::of_number(row.get(0).ok()?)?,
        seq: row.get(1).ok()?,
        hash: Digest::of_slice(&row.get::<_, Vec<u8>>(2).ok()?)?,
        public_key: row.get(3).ok()?,
        signature: row.get(4).ok()?,
    })
}

pub(crate) fn entries(connection: &Connection, after: i64, max: usize) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, at, actor, act, subject, outcome, request_id, detail, hash FROM audit
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![after, max], |row| {
        let seq: i64 = row.get(0)?;
        Ok(entry(seq, row).ok_or_else(|| StoreError::Damaged { table: "audit", id: seq.to_string() }))
    })?;
    rows.map(|row| row?).collect()
}

fn entry(seq: i64, row: &Row<'_>) -> Option<Entry> {
    Some(Entry {
        seq,
        at: Timestamp::from_millisecond(row.get(1).ok()?).ok()?,
        actor: row.get(2).ok()?,
        act: row.get(3).ok()?,
        subject: row.get(4).ok()?,
        outcome: row.get(5).ok()?,
        request_id: row.get(6).ok()?,
        detail: row.get(7).ok()?,
        hash: Digest::of_slice(&row.get::<_, Vec<u8>>(8).ok()?)?,
    })
}
