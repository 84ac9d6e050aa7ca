//! A stretch of the log that a person wants sent once more.

use jiff::Timestamp;

use super::{Lead, time};
use crate::Store;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    pub id: i64,
    pub subscriber: String,
    /// Everything up to it is done with.
    pub position: i64,
    /// The last delivery that belongs to it.
    pub until: i64,
    /// Which events, as whoever asked wrote it.
    pub filter: Vec<u8>,
    pub asked_at: Timestamp,
    pub sent: u64,
    pub ended_at: Option<Timestamp>,
    /// Why it ended early.
    pub reason: Option<String>,
}

/// How far a replay has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayProgress {
    pub position: i64,
    pub sent: u64,
    pub ended_at: Option<Timestamp>,
    pub reason: Option<String>,
}

impl Store {
    /// Has deliveries that came from `from` until `until` sent once more; its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_log(
        &self,
        subscriber: &str,
        from: Timestamp,
        until: Timestamp,
        filter: &[u8],
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        let statement = Statement::new(
            "INSERT INTO replays (subscriber, position, until, filter, asked_at, sent)
             SELECT $1, coalesce(min(seq), 1) - 1, coalesce(max(seq), 0), $2, $3, 0
             FROM deliveries WHERE received_at >= $4 AND received_at <= $5 RETURNING id",
            values![subscriber, filter, now, from, until],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(rows.pop().and_then(|mut rows| rows.pop()).map(|mut row| row.number()).unwrap_or_default())
    }

    /// The replays of a subscriber, or of all; the latest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replays(&self, subscriber: Option<&str>, max: usize) -> Result<Vec<Replay>, StoreError> {
        let sql =
            "SELECT id, subscriber, position, until, filter, asked_at, sent, ended_at, reason FROM replays
             WHERE CAST($1 AS TEXT) IS NULL OR subscriber = $1 ORDER BY id DESC LIMIT $2";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        Ok(self.ask(Statement::new(sql, values![subscriber, max])).await?.into_iter().map(replay).collect())
    }

    /// The earliest of a subscriber that has not ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_replay(&self, subscriber: &str) -> Result<Option<Replay>, StoreError> {
        let sql =
            "SELECT id, subscriber, position, until, filter, asked_at, sent, ended_at, reason FROM replays
             WHERE subscriber = $1 AND ended_at IS NULL ORDER BY id LIMIT 1";
        Ok(self.ask(Statement::new(sql, values![subscriber])).await?.pop().map(replay))
    }

    /// `false` when another serves the subscriber by now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advance_replay(
        &self,
        lead: &Lead,
        id: i64,
        progress: &ReplayProgress,
    ) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "UPDATE replays SET position = $1, sent = $2, ended_at = CAST($3 AS BIGINT), reason = $4
             WHERE id = $5 AND EXISTS (SELECT 1 FROM subscribers WHERE name = $6 AND owner = $7)
             RETURNING id",
            values![
                progress.position,
                i64::try_from(progress.sent).unwrap_or(i64::MAX),
                progress.ended_at,
                progress.reason.as_deref(),
                id,
                &lead.subscriber,
                &lead.owner.as_bytes()[..],
            ],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }
}

fn replay(mut row: Row) -> Replay {
    Replay {
        id: row.number(),
        subscriber: row.text(),
        position: row.number(),
        until: row.number(),
        filter: row.bytes(),
        asked_at: time(row.number()),
        sent: row.number().unsigned_abs(),
        ended_at: row.maybe_number().map(time),
        reason: row.maybe_text(),
    }
}
