//! Several processes on one database: each says that it lives, by the server's clock, and what one that died was sending is
//! found by the others.

use std::time::Duration;

use uuid::Uuid;

use super::operations::read;
use super::{Postgres, unknown, unreadable};
use crate::failure::StoreError;
use crate::outbox::Found;
use crate::stored::COLUMNS;

/// The server's time in milliseconds: processes' own clocks may differ.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT";

/// A name is kept for so long after its end.
const DAY_MS: i64 = 24 * 3600 * 1000;

impl Postgres {
    pub(crate) async fn keep_alive(&self, owner: Uuid, lease: Duration) -> Result<(), StoreError> {
        // Each start leaves a name behind; one that is not there is dead as well.
        let sql = format!(
            "WITH long_dead AS (DELETE FROM leases WHERE name LIKE 'process/%' AND until < {NOW} - {DAY_MS})
             INSERT INTO leases (name, owner, until) VALUES ($1, $2, {NOW} + $3)
             ON CONFLICT (name) DO UPDATE SET until = excluded.until"
        );
        let (name, owner) = (format!("process/{owner}"), owner.as_bytes().as_slice());
        let kept = self.client().await?.execute(&sql, &[&name, &owner, &milliseconds(lease)]).await;
        kept.map(drop).map_err(unknown)
    }

    pub(crate) async fn orphans(&self, grace: Duration) -> Result<Found, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operations WHERE state = 1 AND owner IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM leases WHERE name LIKE 'process/%' AND leases.owner = operations.owner
                     AND leases.until >= {NOW} - $1)
             ORDER BY seq"
        );
        let client = self.client().await?;
        let rows = client.query(&sql, &[&milliseconds(grace)]).await.map_err(unreadable)?;
        Ok(rows.iter().map(|row| read(row).checked()).collect())
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
