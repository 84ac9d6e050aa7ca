//! The audit log in PostgreSQL.

use jiff::Timestamp;
use tokio_postgres::{GenericClient, Row};

use super::{Postgres, unknown, unreadable};
use crate::audit::chain::{End, KEPT_EVERY};
use crate::audit::key::AuditKey;
use crate::audit::{Checkpoint, CheckpointKind, Digest, Entry, NewEntry};
use crate::failure::StoreError;

/// Held while an entry is added: several hubkeepers write one chain.
const CHAIN_LOCK: i64 = 0x6875_6261;

impl Postgres {
    pub(crate) async fn audit(&self, key: &AuditKey, new: &NewEntry) -> Result<i64, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let seq = append(&*transaction, key, new).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)?;
        Ok(seq)
    }

    pub(crate) async fn begin_audit(&self, key: &AuditKey, at: Timestamp) -> Result<bool, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let begun = begin(&*transaction, key, at).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)?;
        Ok(begun)
    }

    pub(crate) async fn audit_entries(&self, after: i64, max: usize) -> Result<Vec<Entry>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT seq, at, actor, act, subject, outcome, request_id, detail, hash FROM audit
                   WHERE seq > $1 ORDER BY seq LIMIT $2";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&after, &max]).await.map_err(unreadable)?;
        let damaged =
            |row: &Row| StoreError::Damaged { table: "audit", id: row.get::<_, i64>(0).to_string() };
        rows.iter().map(|row| entry(row).ok_or_else(|| damaged(row))).collect()
    }

    pub(crate) async fn audit_checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let client = self.client().await?;
        checkpoints(&**client, "").await.map_err(unreadable)
    }
}

async fn begin(
    transaction: &impl GenericClient,
    key: &AuditKey,
    at: Timestamp,
) -> Result<bool, tokio_postgres::Error> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&CHAIN_LOCK]).await?;
    let awaited = transaction.execute("DELETE FROM audit_checkpoints WHERE kind = 2", &[]).await? > 0;
    if awaited {
        write(transaction, key, End::BEGINNING, &NewEntry::beginning(key, at)).await?;
    }
    Ok(awaited)
}

async fn append(
    transaction: &impl GenericClient,
    key: &AuditKey,
    new: &NewEntry,
) -> Result<i64, tokio_postgres::Error> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&CHAIN_LOCK]).await?;
    let last = transaction.query_opt("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", &[]).await?;
    let last = last
        .map(|row| End { seq: row.get(0), hash: Digest::of_slice(row.get(1)).unwrap_or(Digest::BEGINNING) });
    let head = checkpoints(transaction, "WHERE kind = 0").await?.into_iter().next();
    write(transaction, key, End::of(last, head.as_ref(), key), new).await
}

async fn write(
    transaction: &impl GenericClient,
    key: &AuditKey,
    end: End,
    new: &NewEntry,
) -> Result<i64, tokio_postgres::Error> {
    let entry = Entry::after(end, new, key);
    let keep = "INSERT INTO audit (seq, at, actor, act, subject, outcome, request_id, detail, hash)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let (at, hash) = (entry.at.as_millisecond(), entry.hash.bytes().as_slice());
    let Entry { seq, actor, act, subject, outcome, request_id, detail, .. } = &entry;
    transaction.execute(keep, &[seq, &at, actor, act, subject, outcome, request_id, detail, &hash]).await?;
    transaction.execute("DELETE FROM audit_checkpoints WHERE kind = 0", &[]).await?;
    sign(transaction, &Checkpoint::of(&entry, CheckpointKind::Head, key)).await?;
    if entry.seq % KEPT_EVERY == 0 {
        sign(transaction, &Checkpoint::of(&entry, CheckpointKind::Kept, key)).await?;
    }
    Ok(entry.seq)
}

async fn sign(
    transaction: &impl GenericClient,
    checkpoint: &Checkpoint,
) -> Result<(), tokio_postgres::Error> {
    let keep =
        "INSERT INTO audit_checkpoints (kind, seq, hash, public_key, signature) VALUES ($1, $2, $3, $4, $5)";
    let Checkpoint { seq, kind, hash, public_key, signature } = checkpoint;
    let (kind, hash) = (*kind as i64, hash.bytes().as_slice());
    transaction.execute(keep, &[&kind, seq, &hash, public_key, signature]).await.map(drop)
}

/// One that cannot be read is none: then its signature is missing.
async fn checkpoints(
    client: &impl GenericClient,
    condition: &str,
) -> Result<Vec<Checkpoint>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT kind, seq, hash, public_key, signature FROM audit_checkpoints {condition} ORDER BY kind, seq"
    );
    let rows = client.query(&sql, &[]).await?;
    let read = |row: &Row| {
        Some(Checkpoint {
            kind: CheckpointKind::of_number(row.get(0))?,
            seq: row.get(1),
            hash: Digest::of_slice(row.get(2))?,
            public_key: row.get(3),
            signature: row.get(4),
        })
    };
    Ok(rows.iter().filter_map(read).collect())
}

fn entry(row: &Row) -> Option<Entry> {
    Some(Entry {
        seq: row.get(0),
        at: Timestamp::from_millisecond(row.get(1)).ok()?,
        actor: row.get(2),
        act: row.get(3),
        subject: row.get(4),
        outcome: row.get(5),
        request_id: row.get(6),
        detail: row.get(7),
        hash: Digest::of_slice(row.get(8))?,
    })
}
