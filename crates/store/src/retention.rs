//! What is delivered goes in time, and a person's own data at once. What is not delivered stays, however old it is.

use jiff::Timestamp;

use crate::checksum::of_delivery;
use crate::deliveries::Delivery;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};
use crate::{Store, dispatch};

/// Deliveries that go in one commit: a long one would keep others waiting.
const AT_ONCE: i64 = 1_000;

/// How long, and how much, of what is delivered is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Older ones go.
    pub before: Timestamp,
    /// Bytes of bodies; past it the oldest go.
    pub bytes_max: u64,
}

impl Store {
    /// Forgets deliveries that every subscriber is done with and that are too old or too many; tells how many went.
    ///
    /// # Errors
    /// [`StoreError`]; what went is gone.
    pub async fn expire(&self, retention: Retention) -> Result<usize, StoreError> {
        let mut gone = 0;
        loop {
            let count = self.expire_some(retention).await?;
            gone += count;
            if count < usize::try_from(AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(gone);
            }
        }
    }

    async fn expire_some(&self, retention: Retention) -> Result<usize, StoreError> {
        // A replay under way holds back what it has not read yet.
        let statement = Statement::new(
            "DELETE FROM deliveries WHERE seq IN (
                 SELECT seq FROM deliveries
                 WHERE seq <= coalesce((SELECT min(position) FROM (
                         SELECT position FROM subscribers
                         UNION ALL SELECT position FROM replays WHERE ended_at IS NULL) AS held), seq)
                     AND (received_at < $1 OR seq <= coalesce((
                         SELECT max(seq) FROM (SELECT seq, sum(length(body)) OVER (ORDER BY seq DESC) AS total
                             FROM deliveries) AS sizes WHERE total > $2), 0))
                 ORDER BY seq LIMIT $3)
             RETURNING seq",
            values![retention.before, i64::try_from(retention.bytes_max).unwrap_or(i64::MAX), AT_ONCE],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(rows.swap_remove(0).len())
    }

    /// How many deliveries are older than a moment and not done with by every subscriber: they are kept beyond their time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held_back(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "SELECT count(*) FROM deliveries WHERE received_at < $1
                 AND seq > coalesce((SELECT min(position) FROM subscribers), seq)",
            values![before],
        );
        let mut rows = self.ask(statement).await?;
        Ok(rows.pop().map(|mut row| row.number().unsigned_abs()).unwrap_or_default())
    }

    /// The place of the last delivery.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_delivery(&self) -> Result<i64, StoreError> {
        let mut rows = self.ask(Statement::new("SELECT coalesce(max(seq), 0) FROM deliveries", [])).await?;
        Ok(rows.pop().map(|mut row| row.number()).unwrap_or_default())
    }

    /// The place before the first delivery that came at a moment or after it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery_before(&self, at: Timestamp) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(min(seq), 1) - 1 FROM deliveries WHERE received_at >= $1";
        let mut rows = self.ask(Statement::new(sql, values![at])).await?;
        Ok(rows.pop().map(|mut row| row.number()).unwrap_or_default())
    }

    /// Writes a delivery anew: the same events, without what is personal in them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let received_at = delivery.received_at.as_millisecond();
        let checksum = of_delivery(received_at, &delivery.connection, delivery.new, &delivery.body);
        let sql = "UPDATE deliveries SET body = $1, checksum = $2 WHERE seq = $3";
        let statement = Statement::new(sql, values![&delivery.body[..], checksum, delivery.seq]);
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }

    /// Likewise a letter.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rewrite_letter(&self, letter: &dispatch::Letter) -> Result<(), StoreError> {
        let checksum = letter.content.checksum(&letter.subscriber);
        let sql = "UPDATE letters SET body = $1, checksum = $2 WHERE id = $3";
        let statement = Statement::new(sql, values![&letter.content.body[..], checksum, letter.id]);
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }
}
