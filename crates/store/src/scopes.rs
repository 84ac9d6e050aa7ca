//! Which scopes calls needed, by connection and day: what is granted and never needed can be taken away.

use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};

/// Reports reach back 30 days; a little more is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);
const DAY_MS: i64 = 24 * 3600 * 1000;

/// Calls of one connection with one need, on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeUse {
    pub connection: String,
    /// Its first moment, in UTC.
    pub day: Timestamp,
    /// The scopes of which any one is enough, or what else is needed, in the words of who counts.
    pub need: String,
    pub calls: u64,
    /// Of them, those that were refused.
    pub refused: u64,
    pub last_at: Timestamp,
}

impl Store {
    /// Adds to what is kept, and forgets what is old.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_scope_uses(&self, uses: &[ScopeUse], now: Timestamp) -> Result<(), StoreError> {
        let add = |one: &ScopeUse| {
            Statement::new(
                "INSERT INTO scope_uses (connection, day, need, calls, refused, last_at) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (connection, day, need) DO UPDATE
                 SET calls = scope_uses.calls + excluded.calls, refused = scope_uses.refused + excluded.refused,
                     last_at = CASE WHEN excluded.last_at > scope_uses.last_at THEN excluded.last_at
                                    ELSE scope_uses.last_at END",
                values![&one.connection, day(one.day), &one.need, count(one.calls), count(one.refused), one.last_at],
            )
        };
        let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let forget = Statement::new("DELETE FROM scope_uses WHERE day < $1", values![day(before)]);
        let statements = uses.iter().map(add).chain([forget]).collect();
        self.run(Intent::Settle, statements).await.map(drop)
    }

    /// Since that day, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scope_uses(&self, since: Timestamp) -> Result<Vec<ScopeUse>, StoreError> {
        let sql = "SELECT connection, day, need, calls, refused, last_at FROM scope_uses WHERE day >= $1
                   ORDER BY day, connection, need";
        Ok(self.ask(Statement::new(sql, values![day(since)])).await?.into_iter().map(read).collect())
    }
}

fn day(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(DAY_MS)
}

fn count(calls: u64) -> i64 {
    i64::try_from(calls).unwrap_or(i64::MAX)
}

fn read(mut row: Row) -> ScopeUse {
    ScopeUse {
        connection: row.text(),
        day: time(row.number().saturating_mul(DAY_MS)),
        need: row.text(),
        calls: row.number().unsigned_abs(),
        refused: row.number().unsigned_abs(),
        last_at: time(row.number()),
    }
}
