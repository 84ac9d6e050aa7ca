//! The outbox in PostgreSQL.

use jiff::Timestamp;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

use super::{Postgres, unknown, unreadable};
use crate::failure::StoreError;
use crate::outbox::{Claim, Filter, Found, Line, NewOperation, Operation, State};
use crate::stored::{COLUMNS, Stored};

impl Postgres {
    pub(crate) async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        let stored = Stored::of(&Operation::new(asked));
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        insert(&transaction, &stored).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Found, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let rows = take(&transaction, &claim).await.map_err(unknown)?;
        let mut claimed = Found::default();
        for row in &rows {
            let stored = read(row);
            let seq = stored.seq;
            match stored.checked() {
                Ok(mut operation) => {
                    operation.take(claim.until);
                    update(&transaction, &operation).await.map_err(unknown)?;
                    claimed.operations.push(operation);
                }
                Err(damaged) => {
                    // It stays, for people to look at, and holds up nothing but its own record.
                    let sql = "UPDATE operations SET ready = FALSE WHERE seq = $1";
                    transaction.execute(sql, &[&seq]).await.map_err(unknown)?;
                    claimed.damaged.push(damaged);
                }
            }
        }
        let taken: Vec<i64> = claimed.operations.iter().map(|operation| operation.seq).collect();
        let sql = "UPDATE operations SET owner = $1 WHERE seq = ANY($2)";
        transaction.execute(sql, &[&claim.owner.as_bytes().as_slice(), &taken]).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)?;
        Ok(claimed)
    }

    /// Line after line, each found by one step in the index.
    pub(crate) async fn lines(&self, connection: String) -> Result<Vec<Line>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT family, lane FROM operations
                   WHERE connection = $1 AND state = 0 AND ready AND (family, lane) > ($2, $3)
                   ORDER BY family, lane LIMIT 1";
        let statement = client.prepare_cached(sql).await.map_err(unreadable)?;
        let mut lines: Vec<Line> = Vec::new();
        loop {
            let (family, lane) = lines.last().map_or(("", ""), |line| (&line.family, &line.lane));
            let next = client.query_opt(&statement, &[&connection, &family, &lane]).await;
            let Some(row) = next.map_err(unreadable)? else { return Ok(lines) };
            lines.push(Line { connection: connection.clone(), family: row.get(0), lane: row.get(1) });
        }
    }

    pub(crate) async fn has_unsettled(&self, connection: String, record: String) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM operations
                   WHERE connection = $1 AND record = $2 AND state IN (0, 1))";
        let found = self.client().await?.query_one(sql, &[&connection, &record]).await;
        found.map(|row| row.get(0)).map_err(unreadable)
    }

    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT accepted_at FROM operations WHERE state = 0 ORDER BY seq LIMIT 1";
        let found = self.client().await?.query_opt(sql, &[]).await.map_err(unreadable)?;
        Ok(found.and_then(|row| Timestamp::from_millisecond(row.get(0)).ok()))
    }

    pub(crate) async fn change(
        &self,
        id: Uuid,
        mut act: impl FnMut(&mut Operation) -> bool + Send,
    ) -> Result<bool, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let Some(stored) = find(&transaction, id).await? else { return Ok(false) };
        let mut operation = stored.checked()?;
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
    ) -> Result<Found, StoreError> {
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
        Ok(rows.iter().map(|row| read(row).checked()).collect())
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

/// The operation, held until the transaction ends.
pub(super) async fn find(
    transaction: &deadpool_postgres::Transaction<'_>,
    id: Uuid,
) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = $1 FOR UPDATE");
    let row = transaction.query_opt(&cached(transaction, &sql).await?, &[&id]).await.map_err(unknown)?;
    Ok(row.map(|row| read(&row)))
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
pub(super) async fn keep_the_turns(
    transaction: &Transaction<'_>,
    connection: &str,
    record: Option<&str>,
) -> Result<(), tokio_postgres::Error> {
    let Some(record) = record else { return Ok(()) };
    let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1 || E'\\x01' || $2, 0))";
    transaction.execute(sql, &[&connection, &record]).await.map(drop)
}

pub(super) async fn insert(
    transaction: &deadpool_postgres::Transaction<'_>,
    stored: &Stored,
) -> Result<(), tokio_postgres::Error> {
    keep_the_turns(transaction, &stored.connection, stored.record.as_deref()).await?;
    let sql = "INSERT INTO operations (id, accepted_at, connection, caller, lane, method, target, headers, body, record,
             stamp, checksum, state, fence, due_at, attempts, standing, family, ready)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
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
                &stored.family,
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
        "SELECT {COLUMNS} FROM operations WHERE connection = $1 AND family = $2 AND lane = $3 AND state = 0
             AND ready AND due_at <= $4
         ORDER BY seq LIMIT $5 FOR UPDATE SKIP LOCKED"
    );
    let statement = transaction.prepare_cached(&sql).await?;
    let max = i64::try_from(claim.max).unwrap_or(i64::MAX);
    let Line { connection, family, lane } = &claim.line;
    transaction.query(&statement, &[connection, family, lane, &claim.now.as_millisecond(), &max]).await
}

async fn update(
    transaction: &deadpool_postgres::Transaction<'_>,
    operation: &Operation,
) -> Result<(), tokio_postgres::Error> {
    let stored = Stored::of(operation);
    // What is settled is nobody's turn.
    let sql = "UPDATE operations SET state = $2, fence = $3, due_at = $4, attempts = $5, settled_at = $6, reason = $7,
             status = $8, answer = $9, standing = $10, target = $11, body = $12, checksum = $13,
             record = $14, ready = ready AND $2::BIGINT IN (0, 1)
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
                &stored.record,
            ],
        )
        .await
        .map(drop)
}

/// Unless it is somebody's turn already, it is that of the record's earliest that is not settled.
pub(super) async fn next_of_record(
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

pub(super) fn read(row: &Row) -> Stored {
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
        family: row.get("family"),
    }
}
