//! How far the log may be read. Numbers are given out before commits, so that a delivery may appear with a lower number
//! than one that is there already; who reads by number would pass it by.
//!
//! Every delivery's transaction has its own id before it gets its number (it has written to `seen`). So: look at the
//! highest number, then draw an id; once every transaction with a lower id has ended, every number up to that one is there
//! or never will be. Nothing is locked, and no id is stored, so that a database that is moved loses nothing.

use tokio_postgres::Client;

use super::unreadable;
use crate::failure::StoreError;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Horizon {
    /// Numbers up to it are settled.
    safe: i64,
    /// Numbers up to the first are, once every transaction below the second has ended.
    pending: Option<(i64, i64)>,
}

impl Horizon {
    pub(super) fn safe(self) -> i64 {
        self.safe
    }

    /// Looks once more, where there may be something new.
    pub(super) async fn look(mut self, client: &Client) -> Result<Self, StoreError> {
        self = self.settle(client).await?;
        if self.pending.is_none() {
            let sql = "SELECT coalesce(max(seq), 0) FROM deliveries";
            let highest: i64 = client.query_one(sql, &[]).await.map_err(unreadable)?.get(0);
            if highest > self.safe {
                // Of its own statement: it must be drawn after the look.
                let sql = "SELECT pg_current_xact_id()::TEXT::BIGINT";
                let drawn: i64 = client.query_one(sql, &[]).await.map_err(unreadable)?.get(0);
                self.pending = Some((highest, drawn));
                self = self.settle(client).await?;
            }
        }
        Ok(self)
    }

    async fn settle(mut self, client: &Client) -> Result<Self, StoreError> {
        let Some((highest, drawn)) = self.pending else { return Ok(self) };
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT";
        let oldest: i64 = client.query_one(sql, &[]).await.map_err(unreadable)?.get(0);
        if oldest >= drawn {
            self = Self { safe: highest, pending: None };
        }
        Ok(self)
    }
}
