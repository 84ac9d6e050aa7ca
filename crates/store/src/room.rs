//! Letters to whoever runs the incident room, from the other hubkeepers on the same store: what they observe, and what people
//! ask of them.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::Store;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};

/// What was observed so long ago says nothing any more; nobody ran the room then.
const OLD: SignedDuration = SignedDuration::from_mins(2);

/// Taken at once; the rest comes with the next look.
const LETTERS_MAX: i64 = 256;

/// One letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLetter {
    pub at: Timestamp,
    /// Which process wrote it.
    pub sender: Uuid,
    pub document: Vec<u8>,
}

impl Store {
    /// Leaves a letter, and clears away what nobody took in time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tell_the_room(&self, letter: RoomLetter) -> Result<(), StoreError> {
        let RoomLetter { at, sender, document } = letter;
        let old = Statement::new("DELETE FROM room_letters WHERE at < $1", values![at - OLD]);
        let new = Statement::new(
            "INSERT INTO room_letters (at, sender, document) VALUES ($1, $2, $3)",
            values![at, &sender.as_bytes()[..], &document[..]],
        );
        self.run(Intent::Settle, vec![old, new]).await.map(drop)
    }

    /// Takes all letters, the oldest first; what is taken is gone.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn room_letters(&self) -> Result<Vec<RoomLetter>, StoreError> {
        let taking = Statement::new(
            "DELETE FROM room_letters WHERE seq IN (SELECT seq FROM room_letters ORDER BY seq LIMIT $1)
             RETURNING seq, at, sender, document",
            values![LETTERS_MAX],
        );
        let mut rows = self.run(Intent::Settle, vec![taking]).await?.swap_remove(0);
        let mut letters: Vec<(i64, RoomLetter)> = rows
            .iter_mut()
            .map(|row| {
                let (seq, at) = (row.number(), time(row.number()));
                let sender = Uuid::from_slice(&row.bytes()).unwrap_or_default();
                (seq, RoomLetter { at, sender, document: row.bytes() })
            })
            .collect();
        letters.sort_by_key(|(seq, _)| *seq);
        Ok(letters.into_iter().map(|(_, letter)| letter).collect())
    }
}
