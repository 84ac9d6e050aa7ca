//! The outbox in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use uuid::Uuid;

use super::Sqlite;
use super::writer::Intent;
use crate::checksum::Checksum;
use crate::failure::StoreError;
use crate::outbox::{Answer, Attempt, Ending, Filter, NewOperation, Operation, State};

const COLUMNS: &str = "seq, id, accepted_at, connection, caller, lane, method, target, headers, body, record, stamp, \
                       checksum, state, fence, due_at, attempts, settled_at, reason, status, answer, standing";

impl Sqlite {
    /// Keeps an operation. `Ok` means that it will be applied, or end visibly otherwise.
    pub(crate) async fn accept(&self, asked: NewOperation) -> Result<(), StoreError> {
        self.writer.write(Intent::Accept, move |transaction| insert(transaction, &asked)).await
    }

    /// Takes up to `max` operations that are due, the earliest accepted first, for sending. Of each record only the first
    /// that is not settled; none is taken twice.
    pub(crate) async fn claim(
        &self,
        connection: String,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let claimed =
            self.writer.write(Intent::Settle, move |transaction| claim(transaction, &connection, now, max));
        claimed.await?.into_iter().collect()
    }

    /// Ends one try of a claimed operation. `false` when the claim is outdated: nothing was changed.
    pub(crate) async fn end(
        &self,
        id: Uuid,
        fence: i64,
        attempt: Option<Attempt>,
        ending: Ending,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self.change(id, move |operation| {
            if operation.state != State::Sending || operation.fence != fence {
                return false;
            }
            operation.attempts.extend(attempt.clone());
            operation.end(ending.clone(), now);
            true
        });
        changed.await
    }

    /// Changes how an operation stands, if `act` says so. `false` also where there is none of that id.
    pub(crate) async fn change(
        &self,
        id: Uuid,
        mut act: impl FnMut(&mut Operation) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        let changed = self.writer.write(Intent::Settle, move |transaction| {
            let Some(found) = find(transaction, id)? else { return Ok(Ok(false)) };
            let mut operation = match found {
                Ok(operation) => operation,
                Err(damaged) => return Ok(Err(damaged)),
            };
            let changed = act(&mut operation);
            if changed {
                update(transaction, &operation)?;
            }
            Ok(Ok(changed))
        });
        changed.await?
    }

    pub(crate) async fn operation(&self, id: Uuid) -> Result<Option<Operation>, StoreError> {
        self.reader.read(move |connection| find(connection, id)?.transpose()).await
    }

    /// The operations that a filter lets through, the earliest accepted first, after `after`.
    pub(crate) async fn operations(
        &self,
        filter: Filter,
        after: i64,
        max: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let found = self.reader.read(move |connection| Ok(list(connection, &filter, after, max)?));
        found.await?.into_iter().collect()
    }

    /// How many are in each state.
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

    /// What was being sent when the process ended: whether it arrived is for the caller to find out.
    pub(crate) async fn interrupted(&self) -> Result<Vec<Operation>, StoreError> {
        self.operations(Filter { state: Some(State::Sending), ..Filter::default() }, 0, usize::MAX).await
    }
}

/// Every record's turn, worked out anew: it has no checksum, and must not be believed after a crash.
pub(super) fn work_out_turns(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "UPDATE operations SET ready = (record IS NULL OR seq IN (
             SELECT coalesce(min(CASE state WHEN 1 THEN seq END), min(seq)) FROM operations
             WHERE state IN (0, 1) AND record IS NOT NULL GROUP BY connection, record))
         WHERE state IN (0, 1)",
    )
}

fn insert(transaction: &Connection, asked: &NewOperation) -> rusqlite::Result<()> {
    let operation = Operation::new(asked.clone());
    let mut statement = transaction.prepare_cached(
        "INSERT INTO operations (id, accepted_at, connection, caller, lane, method, target, headers, body, record, stamp,
             checksum, state, ready, fence, due_at, attempts, standing)
         VALUES (:id, :accepted_at, :connection, :caller, :lane, :method, :target, :headers, :body, :record, :stamp,
             :checksum, :state,
             :record IS NULL OR NOT EXISTS (SELECT 1 FROM operations WHERE connection = :connection AND record = :record AND state IN (0, 1)),
             :fence, :due_at, :attempts, :standing)",
    )?;
    statement.execute(named_params! {
        ":id": asked.id,
        ":accepted_at": asked.accepted_at.as_millisecond(),
        ":connection": asked.connection,
        ":caller": asked.caller,
        ":lane": asked.lane,
        ":method": asked.method,
        ":target": asked.target,
        ":headers": json(&asked.headers),
        ":body": asked.body,
        ":record": asked.record,
        ":stamp": asked.stamp,
        ":checksum": of_asked(asked),
        ":state": operation.state as i64,
        ":fence": operation.fence,
        ":due_at": operation.due_at.as_millisecond(),
        ":attempts": json(&operation.attempts),
        ":standing": of_standing(&operation),
    })?;
    Ok(())
}

/// Writes how an operation stands, and lets the next of its record go once it is settled. The sum holds the id, so that
/// a row cannot be taken for another's.
fn update(transaction: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    write(transaction, operation)?;
    let Some(record) = &operation.asked.record else { return Ok(()) };
    // What is settled is nobody's turn; what was and is replayed stands in line again.
    let mut yields = transaction
        .prepare_cached("UPDATE operations SET ready = 0 WHERE seq = ?1 AND state NOT IN (0, 1)")?;
    yields.execute([operation.seq])?;
    let mut next = transaction.prepare_cached(
        "UPDATE operations SET ready = 1
         WHERE seq = (SELECT min(seq) FROM operations WHERE connection = ?1 AND record = ?2 AND state IN (0, 1))
             AND NOT EXISTS (
                 SELECT 1 FROM operations WHERE connection = ?1 AND record = ?2 AND state IN (0, 1) AND ready = 1)",
    )?;
    next.execute(params![operation.asked.connection, record])?;
    Ok(())
}

fn write(transaction: &Connection, operation: &Operation) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "UPDATE operations SET state = :state, fence = :fence, due_at = :due_at, attempts = :attempts,
             settled_at = :settled_at, reason = :reason, status = :status, answer = :answer, standing = :standing,
             target = :target, body = :body, checksum = :checksum
         WHERE seq = :seq",
    )?;
    statement.execute(named_params! {
        ":seq": operation.seq,
        ":state": operation.state as i64,
        ":fence": operation.fence,
        ":due_at": operation.due_at.as_millisecond(),
        ":attempts": json(&operation.attempts),
        ":settled_at": operation.settled_at.map(Timestamp::as_millisecond),
        ":reason": operation.reason,
        ":status": operation.answer.as_ref().map(|answer| answer.status),
        ":answer": operation.answer.as_ref().map(|answer| &answer.body),
        ":standing": of_standing(operation),
        ":target": operation.asked.target,
        ":body": operation.asked.body,
        ":checksum": of_asked(&operation.asked),
    })?;
    Ok(())
}

type Checked = Result<Operation, StoreError>;

fn claim(
    transaction: &Connection,
    connection: &str,
    now: Timestamp,
    max: usize,
) -> rusqlite::Result<Vec<Checked>> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM operations INDEXED BY operations_ready
         WHERE connection = ?1 AND state = 0 AND ready = 1 AND due_at <= ?2 ORDER BY seq LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![connection, now.as_millisecond(), max as i64], read)?;
    let mut claimed: Vec<Checked> = rows.collect::<Result<_, _>>()?;
    for operation in claimed.iter_mut().flatten() {
        operation.state = State::Sending;
        operation.fence += 1;
        update(transaction, operation)?;
    }
    Ok(claimed)
}

fn find(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Checked>> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM operations WHERE id = ?1"))?;
    statement.query_row([id], read).optional()
}

fn list(connection: &Connection, filter: &Filter, after: i64, max: usize) -> rusqlite::Result<Vec<Checked>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM operations
         WHERE seq > :after AND (:state IS NULL OR state = :state) AND (:caller IS NULL OR caller = :caller)
             AND (:connection IS NULL OR connection = :connection) AND (:record IS NULL OR record = :record)
         ORDER BY seq LIMIT :max"
    ))?;
    let rows = statement.query_map(
        named_params! {
            ":after": after,
            ":state": filter.state.map(|state| state as i64),
            ":caller": filter.caller,
            ":connection": filter.connection,
            ":record": filter.record,
            ":max": i64::try_from(max).unwrap_or(i64::MAX),
        },
        read,
    )?;
    rows.collect()
}

/// A row as an operation, or what shows that it is damaged.
fn read(row: &Row<'_>) -> rusqlite::Result<Checked> {
    let id: Uuid = row.get("id")?;
    let status: Option<u16> = row.get("status")?;
    let answer: Option<Vec<u8>> = row.get("answer")?;
    let (headers, attempts): (Vec<u8>, Vec<u8>) = (row.get("headers")?, row.get("attempts")?);
    let (checksum, standing): (u32, u32) = (row.get("checksum")?, row.get("standing")?);
    let operation = (|| {
        Some(Operation {
            seq: row.get("seq").ok()?,
            asked: NewOperation {
                id,
                accepted_at: time(row, "accepted_at")?,
                connection: row.get("connection").ok()?,
                caller: row.get("caller").ok()?,
                lane: row.get("lane").ok()?,
                method: row.get("method").ok()?,
                target: row.get("target").ok()?,
                headers: serde_json::from_slice(&headers).ok()?,
                body: row.get("body").ok()?,
                record: row.get("record").ok()?,
                stamp: row.get("stamp").ok()?,
            },
            state: State::of_number(row.get("state").ok()?)?,
            fence: row.get("fence").ok()?,
            due_at: time(row, "due_at")?,
            attempts: serde_json::from_slice(&attempts).ok()?,
            settled_at: time(row, "settled_at"),
            reason: row.get("reason").ok()?,
            answer: status.zip(answer).map(|(status, body)| Answer { status, body }),
        })
    })();
    let whole = operation
        .filter(|operation| of_asked(&operation.asked) == checksum && of_standing(operation) == standing);
    Ok(whole.ok_or_else(|| StoreError::Damaged { table: "operations", id: id.to_string() }))
}

fn time(row: &Row<'_>, column: &str) -> Option<Timestamp> {
    let milliseconds: Option<i64> = row.get(column).ok()?;
    Timestamp::from_millisecond(milliseconds?).ok()
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain lists of text and numbers")
}

fn of_asked(asked: &NewOperation) -> u32 {
    Checksum::default()
        .bytes(asked.id.as_bytes())
        .number(asked.accepted_at.as_millisecond())
        .text(&asked.connection)
        .text(&asked.caller)
        .text(&asked.lane)
        .text(&asked.method)
        .text(&asked.target)
        .bytes(&json(&asked.headers))
        .bytes(&asked.body)
        .maybe(asked.record.as_deref().map(str::as_bytes))
        .maybe(asked.stamp.as_deref().map(str::as_bytes))
        .finish()
}

fn of_standing(operation: &Operation) -> u32 {
    let answer = operation.answer.as_ref();
    Checksum::default()
        .bytes(operation.asked.id.as_bytes())
        .number(operation.state as i64)
        .number(operation.fence)
        .number(operation.due_at.as_millisecond())
        .bytes(&json(&operation.attempts))
        .number(operation.settled_at.map_or(i64::MIN, Timestamp::as_millisecond))
        .maybe(operation.reason.as_deref().map(str::as_bytes))
        .number(answer.map_or(0, |answer| answer.status.into()))
        .maybe(answer.map(|answer| answer.body.as_slice()))
        .finish()
}
