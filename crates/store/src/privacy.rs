//! People who were forgotten: what is kept of that, and what of theirs is found and rewritten.

use jiff::Timestamp;
use uuid::Uuid;

use crate::checksum::of_document;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::idempotency::{KeptAnswer, KeyDigest, Row as Kept};
use crate::incidents::Line;
use crate::outbox::{Operation, Purged};
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};
use crate::{Backend, Store};

/// A contact who was forgotten, and how many records of ours lost something of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    pub portal_id: String,
    pub contact_id: String,
    pub connection: String,
    /// When HubSpot asked, and when we were done.
    pub asked_at: Timestamp,
    pub purged_at: Timestamp,
    pub counts: PurgeCounts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeCounts {
    pub deliveries: u64,
    pub letters: u64,
    pub suspects: u64,
    pub operations: u64,
    pub answers: u64,
    /// Of incidents' histories: somebody wrote down their address.
    pub lines: u64,
}

/// A line of an incident's history, by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedLine {
    pub seq: i64,
    pub line: Line,
}

const COLUMNS: &str = "SELECT portal_id, contact_id, connection, asked_at, purged_at, deliveries, letters, suspects, operations, \
                       answers, lines FROM purges WHERE purged_at >= $1 ORDER BY purged_at DESC LIMIT $2";

impl Store {
    /// Keeps that a person was forgotten. Asked again, the counts are added.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_purge(&self, purge: &Purge) -> Result<(), StoreError> {
        let Purge { portal_id, contact_id, connection, asked_at, purged_at, counts } = purge;
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let statement = Statement::new(
            "INSERT INTO purges (portal_id, contact_id, connection, asked_at, purged_at, deliveries, letters, suspects,
                 operations, answers, lines) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (portal_id, contact_id) DO UPDATE SET purged_at = excluded.purged_at,
                 deliveries = purges.deliveries + excluded.deliveries, letters = purges.letters + excluded.letters,
                 suspects = purges.suspects + excluded.suspects, operations = purges.operations + excluded.operations,
                 answers = purges.answers + excluded.answers, lines = purges.lines + excluded.lines",
            values![
                portal_id,
                contact_id,
                connection,
                *asked_at,
                *purged_at,
                number(counts.deliveries),
                number(counts.letters),
                number(counts.suspects),
                number(counts.operations),
                number(counts.answers),
                number(counts.lines),
            ],
        );
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }

    /// Who was forgotten since a moment, the last one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purges(&self, since: Timestamp, max: usize) -> Result<Vec<Purge>, StoreError> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        Ok(self.ask(Statement::new(COLUMNS, values![since, max])).await?.into_iter().map(purge).collect())
    }

    /// Takes what is somebody's out of an operation. `false` while it is being sent, or where it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn purge(&self, id: Uuid, purged: Purged, now: Timestamp) -> Result<bool, StoreError> {
        let act = move |operation: &mut Operation| operation.purge(&purged, now);
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.change(id, act).await,
            Backend::Postgres(postgres) => postgres.change(id, act).await,
        }
    }

    /// Answers to callers' keys after a key, in the keys' own order. What is damaged is left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answers(
        &self,
        after: Option<KeyDigest>,
        max: usize,
    ) -> Result<Vec<(KeyDigest, KeptAnswer)>, StoreError> {
        let sql =
            "SELECT key, fingerprint, begun_at, until, status, headers, answer, checksum FROM idempotency
                   WHERE key > $1 AND status IS NOT NULL ORDER BY key LIMIT $2";
        let after: Vec<u8> = after.map_or_else(Vec::new, |key| key.to_vec());
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = self.ask(Statement::new(sql, values![&after[..], max])).await?;
        Ok(rows.into_iter().filter_map(|row| kept(row).answer()).collect())
    }

    /// Puts another body in an answer's place: the key stays used, and whoever repeats it gets that.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_answer(&self, key: KeyDigest, body: &[u8]) -> Result<bool, StoreError> {
        let sql =
            "SELECT key, fingerprint, begun_at, until, status, headers, answer, checksum FROM idempotency
                   WHERE key = $1 AND status IS NOT NULL";
        let Some(row) = self.ask(Statement::new(sql, values![&key[..]])).await?.pop() else {
            return Ok(false);
        };
        let row = kept(row).with_answer(body.to_vec());
        let sql = "UPDATE idempotency SET answer = $1, checksum = $2 WHERE key = $3 RETURNING key";
        let rewrite = Statement::new(sql, values![body, row.checksum, &key[..]]);
        let mut rows = self.run(Intent::Settle, vec![rewrite]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// Lines of all incidents' histories after a place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn timeline_lines(&self, after: i64, max: usize) -> Result<Vec<NumberedLine>, StoreError> {
        let sql = "SELECT seq, incident, at, document FROM timeline WHERE seq > $1 ORDER BY seq LIMIT $2";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        Ok(self.ask(Statement::new(sql, values![after, max])).await?.into_iter().map(line).collect())
    }

    /// Puts another text in a line's place. The line stays, by whom and of when it is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_line(&self, numbered: &NumberedLine) -> Result<(), StoreError> {
        let NumberedLine { seq, line } = numbered;
        let checksum = of_document(&line.incident, line.at.as_millisecond(), &line.document);
        let sql = "UPDATE timeline SET document = $1, checksum = $2 WHERE seq = $3";
        let rewrite = Statement::new(sql, values![&line.document[..], checksum, *seq]);
        self.run(Intent::Settle, vec![rewrite]).await.map(drop)
    }

    /// What was overwritten or deleted leaves the disk now, and not when its place is used again. PostgreSQL does that in
    /// its own time.
    ///
    /// # Errors
    /// [`StoreError`]; it may be asked again.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.writer.fold().await,
            Backend::Postgres(_) => Ok(()),
        }
    }
}

fn purge(mut row: Row) -> Purge {
    Purge {
        portal_id: row.text(),
        contact_id: row.text(),
        connection: row.text(),
        asked_at: time(row.number()),
        purged_at: time(row.number()),
        counts: PurgeCounts {
            deliveries: row.number().unsigned_abs(),
            letters: row.number().unsigned_abs(),
            suspects: row.number().unsigned_abs(),
            operations: row.number().unsigned_abs(),
            answers: row.number().unsigned_abs(),
            lines: row.number().unsigned_abs(),
        },
    }
}

fn line(mut row: Row) -> NumberedLine {
    let seq = row.number();
    let incident = row.text();
    NumberedLine { seq, line: Line { incident, at: time(row.number()), document: row.bytes() } }
}

fn kept(mut row: Row) -> Kept {
    Kept {
        key: row.bytes(),
        fingerprint: row.bytes(),
        begun_at: row.number(),
        until: row.number(),
        status: row.maybe_number(),
        headers: row.maybe_bytes(),
        answer: row.maybe_bytes(),
        checksum: row.number(),
    }
}
