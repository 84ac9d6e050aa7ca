//! How far the webhooks journal has been read, by connection, and the gaps that it showed.

use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::deliveries::EventKey;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};

/// What is told of gaps, and for how long.
const GAPS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where a reader of the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// HubSpot's name for the last entry that was read.
    pub place: Option<String>,
    /// When that entry was published.
    pub read_until: Timestamp,
}

/// What became of a gap. The numbers are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapKind {
    /// The journal had the events, and they are kept now.
    Filled = 0,
    /// The journal does not reach back so far: what happened then is not known.
    Lost = 1,
}

/// A time in which events happened that no webhook had brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub connection: String,
    pub found_at: Timestamp,
    pub kind: GapKind,
    /// When the first of its events occurred, and the last.
    pub begins: Timestamp,
    pub ends: Timestamp,
    pub events: u64,
}

impl GapKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Lost => "lost",
        }
    }
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

    /// Keeps what is known of a gap, in place of what was known before; forgets gaps of long ago.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_gap(&self, gap: &Gap) -> Result<(), StoreError> {
        let Gap { connection, found_at, kind, begins, ends, events } = gap;
        let events = i64::try_from(*events).unwrap_or(i64::MAX);
        let note = Statement::new(
            "INSERT INTO gaps (connection, found_at, kind, begins, ends, events) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (connection, found_at, kind) DO UPDATE
             SET begins = excluded.begins, ends = excluded.ends, events = excluded.events",
            values![connection, *found_at, *kind as i64, *begins, *ends, events],
        );
        let before = found_at.saturating_sub(GAPS_KEPT).unwrap_or(Timestamp::MIN);
        let forget = Statement::new("DELETE FROM gaps WHERE found_at < $1", values![before]);
        self.run(Intent::Settle, vec![note, forget]).await.map(drop)
    }

    /// The latest gaps, the last one first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn gaps(&self, max: usize) -> Result<Vec<Gap>, StoreError> {
        let sql = "SELECT connection, found_at, kind, begins, ends, events FROM gaps ORDER BY found_at DESC LIMIT $1";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        Ok(self.ask(Statement::new(sql, values![max])).await?.into_iter().map(gap).collect())
    }

    /// Remembers events as if they had just come; for those that came before anybody asked for their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember(&self, keys: &[EventKey]) -> Result<(), StoreError> {
        let sql = "INSERT INTO seen (key) VALUES ($1) ON CONFLICT DO NOTHING";
        let remember = |key: &EventKey| Statement::new(sql, values![&key.bytes()[..]]);
        self.run(Intent::Settle, keys.iter().map(remember).collect()).await.map(drop)
    }
}

fn gap(mut row: Row) -> Gap {
    Gap {
        connection: row.text(),
        found_at: time(row.number()),
        kind: if row.number() == GapKind::Lost as i64 { GapKind::Lost } else { GapKind::Filled },
        begins: time(row.number()),
        ends: time(row.number()),
        events: row.number().unsigned_abs(),
    }
}
