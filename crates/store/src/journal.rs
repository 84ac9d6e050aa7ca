//! How far the webhooks journal has been read, by connection.

use jiff::Timestamp;

use crate::Store;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};

/// Where a reader of the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// HubSpot's name for the last entry that was read.
    pub place: Option<String>,
    /// When that entry was published.
    pub read_until: Timestamp,
}

impl Store {
    /// # Errors
    /// [`StoreError`].
    pub async fn bookmark(&self, connection: &str) -> Result<Option<Bookmark>, StoreError> {
        let sql = "SELECT place, read_until FROM journal WHERE connection = $1";
        let row = self.ask(Statement::new(sql, values![connection])).await?.pop();
        Ok(row.map(|mut row| Bookmark { place: row.maybe_text(), read_until: time(row.number()) }))
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn set_bookmark(&self, connection: &str, bookmark: &Bookmark) -> Result<(), StoreError> {
        let statement = Statement::new(
            "INSERT INTO journal (connection, place, read_until) VALUES ($1, $2, $3)
             ON CONFLICT (connection) DO UPDATE SET place = excluded.place, read_until = excluded.read_until",
            values![connection, bookmark.place.as_deref(), bookmark.read_until],
        );
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }
}
