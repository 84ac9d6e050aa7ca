//! The outbox in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::Sqlite;
use super::writer::Intent;
use crate::failure::StoreError;
use crate::outbox::{Claim, Filter, Found, Line, NewOperation, Operation, State};
use crate::stored::{COLUMNS, Stored};

impl Sqlite {
    pub(crate) async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        let stored = Stored::of(&Operation::new(asked));
        self.writer.write(Intent::Accept, move |transaction| insert(transaction, &stored)).await
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Found, StoreError> {
        let claimed = self.writer.write(Intent::Settle, move |transaction| take(transaction, &claim));
        Ok(claimed.await?.into_iter().collect())
    }

    pub(crate) async fn lines(&self, connection: String) -> Result<Vec<Line>, StoreError> {
        self.reader.read(move |store| Ok(lines(store, &connection)?)).await
    }

    pub(crate) async fn has_unsettled(&self, connection: String, record: String) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM operations
                   WHERE connection = ?1 AND record = ?2 AND state IN (0, 1))";
        let look = move |store: &Connection| {
            Ok(store.prepare_cached(sql)?.query_row([&connection, &record], |row| row.get(0))?)
        };
        self.reader.read(look).await
    }

    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, StoreError> {
        let look = |store: &Connection| {
            let sql = "SELECT accepted_at FROM operations INDEXED BY operations_state WHERE state = 0
                       ORDER BY seq LIMIT 1";
            Ok(store.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).optional()?)
        };
        Ok(self.reader.read(look).await?.and_then(|at| Timestamp::from_millisecond(at).ok()))
    }

    pub(crate) async fn change(
        &self,
        id: Uuid,
        mut act: impl FnMut(&mut Operation) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        let changed = self.writer.write(Intent::Settle, move |transaction| {
            let Some(stored) = find(transaction, id)? else { return Ok(Ok(false)) };
            let mut operation = match stored.checked() {
                Ok(operation) => operation,
                Err(damaged) => return Ok(Err(damaged)),
            };
            let changed = act(&mut operation);
            if changed {
                update(transaction, &operation)?;
                next_of_record(transaction, &operation)?;
            }
            Ok(Ok(changed))
        });
        changed.await?
    }

    pub(crate) async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        self.reader.read(move |connection| find(connection, id)?.map(Stored::checked).transpose()).await
    }

    pub(crate) async fn operations(
        &self,
        filter: Filter,
        after: i64,
        max: usize,
    ) -> Result<Found, StoreError> {
        let found = self.reader.read(move |connection| Ok(list(connection, &filter, after, max)?));
        Ok(found.await?.into_iter().map(Stored::checked).collect())
    }

    pub(crate) async fn counts(&self) -> Result<Vec<(State, u64)>, StoreError> {
        let counted = self.reader.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT state, count(*) FROM operations GROUP BY state")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let known = |(state, count)| Some((State::of_number(state)?, u64::try_from(count).ok()?));
        Ok(counted.await?.into_iter().filter_map(known).collect())
    }
}

/// Every record's turn, worked out anew: it has no checksum, and must not be believed after a crash. One that was being
/// sent keeps its turn.
pub(super) fn work_out_turns(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TEMP TABLE turns (seq INTEGER PRIMARY KEY, ready INTEGER NOT NULL);
         INSERT INTO turns SELECT seq, record IS NULL OR seq IN (
             SELECT coalesce(min(CASE state WHEN 1 THEN seq END), min(seq)) FROM operations
             WHERE state IN (0, 1) AND record IS NOT NULL GROUP BY connection, record)
             FROM operations WHERE state IN (0, 1);
         UPDATE operations SET ready = turns.ready FROM turns
         WHERE turns.seq = operations.seq AND turns.ready <> operations.ready;
         DROP TABLE turns;",
    )
}

pub(super) fn insert(transaction: &Connection, stored: &Stored) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO operations (id, accepted_at, connection, caller, lane, method, target, headers, body, record, stamp,
             checksum, state, ready, fence, due_at, attempts, standing, family)
         VALUES (:id, :accepted_at, :connection, :caller, :lane, :method, :target, :headers, :body, :record, :stamp,
             :checksum, :state,
             :record IS NULL OR NOT EXISTS (
                 SELECT 1 FROM operations WHERE connection = :connection AND record = :record AND state IN (0, 1)),
             :fence, :due_at, :attempts, :standing, :family)",
    )?;
    statement.execute(named_params! {
        ":id": stored.id,
        ":accepted_at": stored.accepted_at,
        ":connection": stored.connection,
        ":caller": stored.caller,
        ":lane": stored.lane,
        ":method": stored.method,
        ":target": stored.target,
        ":headers": stored.headers,
        ":body": stored.body,
        ":record": stored.record,
        ":stamp": stored.stamp,
        ":checksum": stored.checksum,
        ":state": stored.state,
        ":fence": stored.fence,
        ":due_at": stored.due_at,
        ":attempts": stored.attempts,
        ":standing": stored.standing,
        ":family": stored.family,
    })?;
    Ok(())
}

fn update(transaction: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    let stored = Stored::of(operation);
    // What is settled is nobody's turn.
    let mut statement = transaction.prepare_cached(
        "UPDATE operations SET state = :state, fence = :fence, due_at = :due_at, attempts = :attempts,
             settled_at = :settled_at, reason = :reason, status = :status, answer = :answer, standing = :standing,
             target = :target, body = :body, record = :record, checksum = :checksum, ready = ready AND :state IN (0, 1)
         WHERE seq = :seq",
    )?;
    statement.execute(named_params! {
        ":seq": stored.seq,
        ":state": stored.state,
        ":fence": stored.fence,
        ":due_at": stored.due_at,
        ":attempts": stored.attempts,
        ":settled_at": stored.settled_at,
        ":reason": stored.reason,
        ":status": stored.status,
        ":answer": stored.answer,
        ":standing": stored.standing,
        ":target": stored.target,
        ":body": stored.body,
        ":record": stored.record,
        ":checksum": stored.checksum,
    })?;
    Ok(())
}

/// Unless it is somebody's turn already, it is that of the record's earliest that is not settled.
pub(super) fn next_of_record(transaction: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    let Some(record) = &operation.asked.record else {
        let mut free = transaction.prepare_cached("UPDATE operations SET ready = 1 WHERE seq = ?1")?;
        return free.execute([operation.seq]).map(drop);
    };
    let mut next = transaction.prepare_cached(
        "UPDATE operations SET ready = 1
         WHERE seq = (SELECT min(seq) FROM operations WHERE connection = ?1 AND record = ?2 AND state IN (0, 1))
             AND NOT EXISTS (
                 SELECT 1 FROM operations WHERE connection = ?1 AND record = ?2 AND state IN (0, 1) AND ready = 1)",
    )?;
    next.execute(params![operation.asked.connection, record]).map(drop)
}

fn take(transaction: &Connection, claim: &Claim) -> rusqlite::Result<Vec<Result<Operation, StoreError>>> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM operations INDEXED BY operations_ready
         WHERE connection = ?1 AND family = ?2 AND lane = ?3 AND state = 0 AND ready = 1 AND due_at <= ?4
         ORDER BY seq LIMIT ?5"
    ))?;
    let Line { connection, family, lane } = &claim.line;
    let (now, max) = (claim.now.as_millisecond(), number(claim.max));
    let rows = statement.query_map(params![connection, family, lane, now, max], read)?;
    let mut claimed = Vec::new();
    for stored in rows.collect::<Result<Vec<_>, _>>()? {
        let seq = stored.seq;
        let mut operation = stored.checked();
        match &mut operation {
            Ok(operation) => {
                operation.take(claim.until);
                update(transaction, operation)?;
            }
            // It stays, for people to look at, and holds up nothing but its own record.
            Err(_) => set_aside(transaction, seq)?,
        }
        claimed.push(operation);
    }
    Ok(claimed)
}

fn set_aside(transaction: &Connection, seq: i64) -> rusqlite::Result<()> {
    transaction.execute("UPDATE operations SET ready = 0 WHERE seq = ?1", [seq]).map(drop)
}

/// Line after line, each found by one step in the index.
fn lines(store: &Connection, connection: &str) -> rusqlite::Result<Vec<Line>> {
    let mut statement = store.prepare_cached(
        "SELECT family, lane FROM operations INDEXED BY operations_ready
         WHERE connection = ?1 AND state = 0 AND ready = 1 AND (family, lane) > (?2, ?3)
         ORDER BY family, lane LIMIT 1",
    )?;
    let mut lines: Vec<Line> = Vec::new();
    loop {
        let (family, lane) = lines.last().map_or(("", ""), |line| (&line.family, &line.lane));
        let next = statement.query_row([connection, family, lane], |row| Ok((row.get(0)?, row.get(1)?)));
        let Some((family, lane)) = next.optional()? else { return Ok(lines) };
        lines.push(Line { connection: connection.to_owned(), family, lane });
    }
}

pub(super) fn find(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Stored>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM operations WHERE id = ?1"))?;
    statement.query_row([id], read).optional()
}

fn list(connection: &Connection, filter: &Filter, after: i64, max: usize) -> rusqlite::Result<Vec<Stored>> {
    // Of a million applied ones, the ten dead are found by the index.
    let (index, of_state) = match filter.state {
        Some(_) => ("INDEXED BY operations_state", "state = :state"),
        None => ("NOT INDEXED", ":state IS NULL"),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM operations {index}
         WHERE seq > :after AND {of_state} AND (:caller IS NULL OR caller = :caller)
             AND (:connection IS NULL OR connection = :connection) AND (:record IS NULL OR record = :record)
             AND (:due_before IS NULL OR due_at <= :due_before)
         ORDER BY seq LIMIT :max"
    ))?;
    let rows = statement.query_map(
        named_params! {
            ":after": after,
            ":state": filter.state.map(|state| state as i64),
            ":caller": filter.caller,
            ":connection": filter.connection,
            ":record": filter.record,
            ":due_before": filter.due_before.map(Timestamp::as_millisecond),
            ":max": number(max),
        },
        read,
    )?;
    rows.collect()
}

fn number(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        seq: row.get("seq")?,
        id: row.get("id")?,
        accepted_at: row.get("accepted_at")?,
        connection: row.get("connection")?,
        caller: row.get("caller")?,
        lane: row.get("lane")?,
        method: row.get("method")?,
        target: row.get("target")?,
        headers: row.get("headers")?,
        body: row.get("body")?,
        record: row.get("record")?,
        stamp: row.get("stamp")?,
        checksum: row.get("checksum")?,
        state: row.get("state")?,
        fence: row.get("fence")?,
        due_at: row.get("due_at")?,
        attempts: row.get("attempts")?,
        settled_at: row.get("settled_at")?,
        reason: row.get("reason")?,
        status: row.get("status")?,
        answer: row.get("answer")?,
        standing: row.get("standing")?,
        family: row.get("family")?,
    })
}
