//! The outbox in PostgreSQL.

use jiff::Timestamp;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::{Postgres, unknown, unreadable};
use crate::failure::StoreError;
use crate::outbox::{Claim, Filter, NewOperation, Operation, State};
use crate::stored::{COLUMNS, Stored};

impl Postgres {
    pub(crate) async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        let stored = Stored::of(&Operation::new(asked));
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        insert(&transaction, &stored).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Vec<Operation>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let rows = take(&transaction, &claim).await.map_err(unknown)?;
        let mut claimed = Vec::new();
        for row in &rows {
            let mut operation = read(row).checked()?;
            operation.take(claim.until);
            update(&transaction, &operation).await.map_err(unknown)?;
            claimed.push(operation);
        }
        transaction.commit().await.map_err(unknown)?;
        Ok(claimed)
    }

    pub(crate) async fn change(
        &self,
        id: Uuid,
        mut act: impl FnMut(&mut Operation) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = $1 FOR UPDATE");
        let Some(row) =
            transaction.query_opt(&cached(&transaction, &sql).await?, &[&id]).await.map_err(unknown)?
        else {
            return Ok(false);
        };
        let mut operation = read(&row).checked()?;
        if !act(&mut operation) {
            return Ok(false);
        }
        keep_the_turns(&transaction, &operation.asked.connection, operation.asked.record.as_deref())
            .await
            .map_err(unknown)?;
        update(&transaction, &operation).await.map_err(unknown)?;
        next_of_record(&transaction, &operation).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)?;
        Ok(true)
    }

    pub(crate) async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        let client = self.client().await?;
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = $1");
        let row = client.query_opt(&sql, &[&id]).await.map_err(unreadable)?;
        row.map(|row| read(&row).checked()).transpose()
    }

    pub(crate) async fn operations(
        &self,
        filter: Filter,
        after: i64,
        max: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let client = self.client().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM operations
             WHERE seq > $1 AND ($2::BIGINT IS NULL OR state = $2) AND ($3::TEXT IS NULL OR caller = $3)
                 AND ($4::TEXT IS NULL OR connection = $4) AND ($5::TEXT IS NULL OR record = $5)
                 AND ($6::BIGINT IS NULL OR due_at <= $6)
             ORDER BY seq LIMIT $7"
        );
        let Filter { state, caller, connection, record, due_before } = filter;
        let state = state.map(|state| state as i64);
        let due_before = due_before.map(Timestamp::as_millisecond);
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = client
            .query(&sql, &[&after, &state, &caller, &connection, &record, &due_before, &max])
            .await
            .map_err(unreadable)?;
        rows.iter().map(|row| read(row).checked()).collect()
    }

    pub(crate) async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT state, count(*) FROM operations GROUP BY state ORDER BY state";
        let rows = client.query(sql, &[]).await.map_err(unreadable)?;
        let known =
            |row: &Row| Some((State::of_number(row.get(0))?, u64::try_from(row.get::<_, i64>(1)).ok()?));
        Ok(rows.iter().filter_map(known).collect())
    }
}

/// Statements are prepared once for each connection.
async fn cached(
    transaction: &deadpool_postgres::Transaction<'_>,
    sql: &str,
) -> Result<tokio_postgres::Statement, StoreError> {
    transaction.prepare_cached(sql).await.map_err(unknown)
}

/// Whoever changes whose turn it is among a record's operations is alone in it: two who do not see each other's rows yet
/// could otherwise each think that it is the other's.
async fn keep_the_turns(
    transaction: &Transaction<'_>,
    connection: &str,
    record: Option<&str>,
) -> Result<(), tokio_postgres::Error> {
    let Some(record) = record else { return Ok(()) };
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || E'\\x01' || $2, 0))";
    transaction.execute(sql, &[&connection, &record]).await.map(drop)
}

async fn insert(
    transaction: &deadpool_postgres::Transaction<'_>,
    stored: &Stored,
) -> Result<(), tokio_postgres::Error> {
    keep_the_turns(transaction, &stored.connection, stored.record.as_deref()).await?;
    let sql = "INSERT INTO operations (id, accepted_at, connection, caller, lane, method, target, headers, body, record,
             stamp, checksum, state, fence, due_at, attempts, standing, ready)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
             $10::TEXT IS NULL OR NOT EXISTS (
                 SELECT 1 FROM operations WHERE connection = $3 AND record = $10 AND state IN (0, 1)))";
    let statement = transaction.prepare_cached(sql).await?;
    transaction
        .execute(
            &statement,
            &[
                &stored.id,
                &stored.accepted_at,
                &stored.connection,
                &stored.caller,
                &stored.lane,
                &stored.method,
                &stored.target,
                &stored.headers,
                &stored.body,
                &stored.record,
                &stored.stamp,
                &stored.checksum,
                &stored.state,
                &stored.fence,
                &stored.due_at,
                &stored.attempts,
                &stored.standing,
            ],
        )
        .await
        .map(drop)
}

async fn take(
    transaction: &deadpool_postgres::Transaction<'_>,
    claim: &Claim,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM operations WHERE connection = $1 AND state = 0 AND ready AND due_at <= $2
         ORDER BY seq LIMIT $3 FOR UPDATE SKIP LOCKED"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let max = i64::try_from(claim.max).unwrap_or(i64::MAX);
    transaction.query(&statement, &[&claim.connection, &claim.now.as_millisecond(), &max]).await
}

async fn update(
    transaction: &deadpool_postgres::Transaction<'_>,
    operation: &Operation,
) -> Result<(), tokio_postgres::Error> {
    let stored = Stored::of(operation);
    // What is settled is nobody's turn.
    let sql = "UPDATE operations SET state = $2, fence = $3, due_at = $4, attempts = $5, settled_at = $6, reason = $7,
             status = $8, answer = $9, standing = $10, target = $11, body = $12, checksum = $13,
             ready = ready AND $2::BIGINT IN (0, 1)
         WHERE seq = $1";
    let statement = transaction.prepare_cached(sql).await?;
    transaction
        .execute(
            &statement,
            &[
                &stored.seq,
                &stored.state,
                &stored.fence,
                &stored.due_at,
                &stored.attempts,
                &stored.settled_at,
                &stored.reason,
                &stored.status,
                &stored.answer,
                &stored.standing,
                &stored.target,
                &stored.body,
                &stored.checksum,
            ],
        )
        .await
        .map(drop)
}

/// Unless it is somebody's turn already, it is that of the record's earliest that is not settled.
async fn next_of_record(
    transaction: &deadpool_postgres::Transaction<'_>,
    operation: &Operation,
) -> Result<(), tokio_postgres::Error> {
    let Some(record) = &operation.asked.record else {
        let sql = "UPDATE operations SET ready = TRUE WHERE seq = $1";
        return transaction.execute(sql, &[&operation.seq]).await.map(drop);
    };
    let sql = "UPDATE operations SET ready = TRUE
         WHERE seq = (SELECT min(seq) FROM operations WHERE connection = $1 AND record = $2 AND state IN (0, 1))
             AND NOT EXISTS (
                 SELECT 1 FROM operations WHERE connection = $1 AND record = $2 AND state IN (0, 1) AND ready)";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&operation.asked.connection, record]).await.map(drop)
}

fn read(row: &Row) -> Stored {
    Stored {
        seq: row.get("seq"),
        id: row.get("id"),
        accepted_at: row.get("accepted_at"),
        connection: row.get("connection"),
        caller: row.get("caller"),
        lane: row.get("lane"),
        method: row.get("method"),
        target: row.get("target"),
        headers: row.get("headers"),
        body: row.get("body"),
        record: row.get("record"),
        stamp: row.get("stamp"),
        checksum: row.get("checksum"),
        state: row.get("state"),
        fence: row.get("fence"),
        due_at: row.get("due_at"),
        attempts: row.get("attempts"),
        settled_at: row.get("settled_at"),
        reason: row.get("reason"),
        status: row.get("status"),
        answer: row.get("answer"),
        standing: row.get("standing"),
    }
}
