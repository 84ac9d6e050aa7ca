//! Callers' keys in PostgreSQL.

use jiff::Timestamp;
use tokio_postgres::Row as Columns;
use uuid::Uuid;

use super::operations::insert;
use super::{Postgres, unknown};
use crate::failure::StoreError;
use crate::idempotency::{Begun, Hold, KeptAnswer, KeyDigest, Keyed, Row};
use crate::outbox::{NewOperation, Operation};
use crate::stored::Stored;

type Transaction<'a> = deadpool_postgres::Transaction<'a>;

impl Postgres {
    pub(crate) async fn begin_key(&self, keyed: Keyed) -> Result<Begun, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let found = find(&transaction, &keyed).await?;
        match found {
            Begun::New => put(&transaction, &Row::begun(&keyed), self.owner).await.map_err(unknown)?,
            Begun::Interrupted { .. } => hold(&transaction, &keyed, self.owner).await.map_err(unknown)?,
            Begun::Answered { .. } | Begun::InProgress | Begun::Different => return Ok(found),
        }
        transaction.commit().await.map_err(unknown)?;
        Ok(found)
    }

    pub(crate) async fn end_key(&self, keyed: Keyed, answer: KeptAnswer) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        put(&transaction, &Row::answered(&keyed, &answer), self.owner).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)
    }

    pub(crate) async fn release_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE key = $1 AND status IS NULL";
        self.client().await?.execute(sql, &[&key.as_slice()]).await.map(drop).map_err(unknown)
    }

    pub(crate) async fn interrupt_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET until = 0 WHERE key = $1 AND status IS NULL";
        self.client().await?.execute(sql, &[&key.as_slice()]).await.map(drop).map_err(unknown)
    }

    pub(crate) async fn accept_once(
        &self,
        asked: NewOperation,
        keyed: Keyed,
        answer: KeptAnswer,
        hold: Hold,
    ) -> Result<Begun, StoreError> {
        let stored = Stored::of(&Operation::new(asked));
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let found = match hold {
            Hold::Ours => Begun::New,
            Hold::Free => find(&transaction, &keyed).await?,
        };
        if found == Begun::New {
            put(&transaction, &Row::answered(&keyed, &answer), self.owner).await.map_err(unknown)?;
            insert(&transaction, &stored).await.map_err(unknown)?;
            transaction.commit().await.map_err(unknown)?;
        }
        Ok(found)
    }

    pub(crate) async fn forget_answers(&self, before: Timestamp) -> Result<usize, StoreError> {
        let sql = "DELETE FROM idempotency WHERE key IN (
            SELECT key FROM idempotency WHERE begun_at < $1 ORDER BY begun_at LIMIT $2)";
        let client = self.client().await?;
        let forgotten = client.execute(sql, &[&before.as_millisecond(), &crate::FORGOTTEN_AT_ONCE]).await;
        forgotten.map(|count| usize::try_from(count).unwrap_or(usize::MAX)).map_err(unknown)
    }
}

/// When it was begun, and with what, stays: by that it is looked for.
async fn hold(
    transaction: &Transaction<'_>,
    keyed: &Keyed,
    owner: Uuid,
) -> Result<(), tokio_postgres::Error> {
    let sql = "UPDATE idempotency SET until = $1, owner = $2 WHERE key = $3";
    let (until, owner, key) =
        (keyed.until.as_millisecond(), owner.as_bytes().as_slice(), keyed.key.as_slice());
    transaction.execute(sql, &[&until, &owner, &key]).await.map(drop)
}

/// Two who come with one key stand in line for it, also when there is no row yet.
async fn find(transaction: &Transaction<'_>, keyed: &Keyed) -> Result<Begun, StoreError> {
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended(encode($1, 'hex'), 1))";
    transaction.execute(lock, &[&keyed.key.as_slice()]).await.map_err(unknown)?;
    let sql = "SELECT key, fingerprint, begun_at, until, status, headers, answer, checksum FROM idempotency
               WHERE key = $1";
    let row = transaction.query_opt(sql, &[&keyed.key.as_slice()]).await.map_err(unknown)?;
    row.map_or(Ok(Begun::New), |columns| read(&columns).found(keyed))
}

async fn put(transaction: &Transaction<'_>, row: &Row, owner: Uuid) -> Result<(), tokio_postgres::Error> {
    let sql = "INSERT INTO idempotency (key, fingerprint, begun_at, until, status, headers, answer, checksum, owner)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (key) DO UPDATE SET fingerprint = $2, begun_at = $3, until = $4, status = $5, headers = $6,
             answer = $7, checksum = $8, owner = $9";
    let statement = transaction.prepare_cached(sql).await?;
    let Row { key, fingerprint, begun_at, until, status, headers, answer, checksum } = row;
    let owner = owner.as_bytes().as_slice();
    transaction
        .execute(&statement, &[key, fingerprint, begun_at, until, status, headers, answer, checksum, &owner])
        .await
        .map(drop)
}

fn read(columns: &Columns) -> Row {
    Row {
        key: columns.get(0),
        fingerprint: columns.get(1),
        begun_at: columns.get(2),
        until: columns.get(3),
        status: columns.get(4),
        headers: columns.get(5),
        answer: columns.get(6),
        checksum: columns.get(7),
    }
}
