//! An event that was taken out of the line: HubSpot's bytes, whom it is for, and how it went so far.

use jiff::Timestamp;

use super::{Lead, key, time};
use crate::Store;
use crate::checksum::Checksum;
use crate::deliveries::EventKey;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, Value, values};

/// An event as it lies in the log, or lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLetter {
    pub seq: i64,
    pub place: usize,
    pub event: EventKey,
    pub connection: String,
    /// Letters of one object are sent one after the other.
    pub object: String,
    /// HubSpot's name for what happened, such as `contact.creation`.
    pub kind: String,
    pub occurred_at: Timestamp,
    pub received_at: Timestamp,
    /// Byte for byte.
    pub body: Vec<u8>,
    pub standing: LetterEnding,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub id: i64,
    pub subscriber: String,
    pub content: NewLetter,
    pub state: LetterState,
}

/// The numbers are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LetterState {
    /// To be sent, after those of its object before it.
    Waiting = 0,
    /// Not sent any more, until a person says so.
    Dead = 1,
    /// A person said so.
    Replaying = 2,
}

/// Where a letter stands after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetterEnding {
    Delivered,
    Again { attempts: u32, due_at: Timestamp, status: Option<u16>, reason: Option<String> },
    Dead { attempts: u32, at: Timestamp, status: Option<u16>, reason: String },
}

/// Which letters a person means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LetterFilter {
    pub subscriber: Option<String>,
    pub state: Option<LetterState>,
    pub object: Option<String>,
    pub event: Option<EventKey>,
    pub received_from: Option<Timestamp>,
    pub received_until: Option<Timestamp>,
}

impl LetterState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Dead, Self::Replaying];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
            Self::Replaying => "replaying",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub(crate) fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == number)
    }
}

impl NewLetter {
    pub(super) fn insert(&self, lead: &Lead) -> Statement {
        let (state, attempts, due_at, status, reason) = self.standing.columns();
        Statement::new(
            "INSERT INTO letters (subscriber, seq, place, event, connection, object, kind, occurred_at, received_at, body,
                 checksum, state, attempts, due_at, status, reason)
             SELECT name, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, CAST($14 AS BIGINT), $15
             FROM subscribers WHERE name = $16 AND owner = $17
             ON CONFLICT DO NOTHING",
            values![
                self.seq,
                place(self.place),
                &self.event.bytes()[..],
                &self.connection,
                &self.object,
                &self.kind,
                self.occurred_at,
                self.received_at,
                &self.body[..],
                self.checksum(&lead.subscriber),
                state as i64,
                attempts,
                due_at,
                status,
                reason,
                &lead.subscriber,
                &lead.owner.as_bytes()[..],
            ],
        )
    }

    pub(crate) fn checksum(&self, subscriber: &str) -> i64 {
        let sum = Checksum::default()
            .text(subscriber)
            .number(self.seq)
            .number(place(self.place))
            .bytes(self.event.bytes())
            .text(&self.connection)
            .text(&self.object)
            .text(&self.kind)
            .number(self.occurred_at.as_millisecond())
            .number(self.received_at.as_millisecond())
            .bytes(&self.body);
        sum.finish().into()
    }
}

impl LetterEnding {
    pub fn attempts(&self) -> u32 {
        match self {
            Self::Delivered => 0,
            Self::Again { attempts, .. } | Self::Dead { attempts, .. } => *attempts,
        }
    }

    fn columns(&self) -> (LetterState, i64, Timestamp, Option<i64>, Option<&str>) {
        match self {
            Self::Delivered => (LetterState::Waiting, 0, Timestamp::MIN, None, None),
            Self::Again { attempts, due_at, status, reason } => {
                let status = status.map(i64::from);
                (LetterState::Waiting, (*attempts).into(), *due_at, status, reason.as_deref())
            }
            Self::Dead { attempts, at, status, reason } => {
                (LetterState::Dead, (*attempts).into(), *at, status.map(i64::from), Some(reason))
            }
        }
    }

    pub(super) fn statement(&self, id: i64, lead: &Lead) -> Statement {
        let (name, owner) = (&lead.subscriber, &lead.owner.as_bytes()[..]);
        if *self == Self::Delivered {
            let sql = "DELETE FROM letters WHERE id = $1
                AND EXISTS (SELECT 1 FROM subscribers WHERE name = $2 AND owner = $3)";
            return Statement::new(sql, values![id, name, owner]);
        }
        let (state, attempts, due_at, status, reason) = self.columns();
        // One that is being replayed stays in the lane of its own.
        let sql = "UPDATE letters SET state = CASE WHEN state = 2 AND CAST($1 AS BIGINT) = 0 THEN 2 ELSE $1 END, attempts = $2, due_at = $3,
                 status = CAST($4 AS BIGINT), reason = $5
             WHERE id = $6 AND EXISTS (SELECT 1 FROM subscribers WHERE name = $7 AND owner = $8)";
        Statement::new(sql, values![state as i64, attempts, due_at, status, reason, id, name, owner])
    }

    fn of_columns(state: LetterState, row: &mut Row) -> Self {
        let attempts = u32::try_from(row.number()).unwrap_or(u32::MAX);
        let due_at = time(row.number());
        let status = row.maybe_number().and_then(|status| u16::try_from(status).ok());
        let reason = row.maybe_text();
        match state {
            LetterState::Waiting | LetterState::Replaying => Self::Again { attempts, due_at, status, reason },
            LetterState::Dead => {
                Self::Dead { attempts, at: due_at, status, reason: reason.unwrap_or_default() }
            }
        }
    }
}

impl Store {
    /// The first letter of each object that waits, where it is due.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn letters_due(
        &self,
        subscriber: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        const SQL: &str = "SELECT id, subscriber, seq, place, event, connection, object, kind, occurred_at, received_at,
                 body, checksum, state, attempts, due_at, status, reason
             FROM letters AS one WHERE subscriber = $1 AND state = 0 AND due_at <= $2 AND NOT EXISTS (
                 SELECT 1 FROM letters AS before WHERE before.subscriber = $1 AND before.object = one.object
                     AND before.state = 0
                     AND (before.occurred_at, before.seq, before.place) < (one.occurred_at, one.seq, one.place))
             ORDER BY due_at, id LIMIT $3";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.letters_by(Statement::new(SQL, values![subscriber, now, max])).await
    }

    /// Letters that a person wants sent again, those of one object in their order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn letters_replaying(
        &self,
        subscriber: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        const SQL: &str =
            "SELECT id, subscriber, seq, place, event, connection, object, kind, occurred_at, received_at,
                 body, checksum, state, attempts, due_at, status, reason
             FROM letters WHERE subscriber = $1 AND state = 2 AND due_at <= $2
             ORDER BY occurred_at, seq, place LIMIT $3";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.letters_by(Statement::new(SQL, values![subscriber, now, max])).await
    }

    /// Objects that letters wait for, with how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn letters_waiting(&self, subscriber: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = "SELECT object, count(*) FROM letters WHERE subscriber = $1 AND state = 0 GROUP BY object";
        let rows = self.ask(Statement::new(sql, values![subscriber])).await?;
        Ok(rows.into_iter().map(|mut row| (row.text(), row.number().unsigned_abs())).collect())
    }

    /// Events behind a position that are letters already: their seq and place.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn letters_behind(
        &self,
        subscriber: &str,
        position: i64,
    ) -> Result<Vec<(i64, usize)>, StoreError> {
        let sql = "SELECT seq, place FROM letters WHERE subscriber = $1 AND seq > $2";
        let rows = self.ask(Statement::new(sql, values![subscriber, position])).await?;
        let place = |mut row: Row| (row.number(), usize::try_from(row.number()).unwrap_or_default());
        Ok(rows.into_iter().map(place).collect())
    }

    /// When the next letter is due that is not due yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_letter(
        &self,
        subscriber: &str,
        state: LetterState,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT min(due_at) FROM letters WHERE subscriber = $1 AND state = $2 AND due_at > $3";
        let mut rows = self.ask(Statement::new(sql, values![subscriber, state as i64, now])).await?;
        Ok(rows.pop().and_then(|mut row| row.maybe_number()).map(time))
    }

    /// The letters that a filter lets through, after `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn letters(
        &self,
        filter: &LetterFilter,
        after: i64,
        max: usize,
    ) -> Result<Vec<Letter>, StoreError> {
        const SQL: &str = "SELECT id, subscriber, seq, place, event, connection, object, kind, occurred_at, received_at,
                 body, checksum, state, attempts, due_at, status, reason
             FROM letters WHERE (CAST($1 AS TEXT) IS NULL OR subscriber = $1) AND (CAST($2 AS BIGINT) IS NULL OR state = $2)
                 AND (CAST($3 AS TEXT) IS NULL OR object = $3)
                 AND ($4 = '' OR event = $5)
                 AND received_at >= $6 AND received_at <= $7 AND id > $8 ORDER BY id LIMIT $9";
        let mut values = filter.values();
        values.extend(values![after, i64::try_from(max).unwrap_or(i64::MAX)]);
        self.letters_by(Statement::new(SQL, values)).await
    }

    /// Has dead letters sent again, in a lane of their own; tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_letters(&self, ids: &[i64], now: Timestamp) -> Result<usize, StoreError> {
        let replay = |id: &i64| {
            let sql = "UPDATE letters SET state = 2, due_at = $1 WHERE id = $2 AND state = 1 RETURNING id";
            Statement::new(sql, values![now, *id])
        };
        let rows = self.run(Intent::Settle, ids.iter().map(replay).collect()).await?;
        Ok(rows.iter().map(Vec::len).sum())
    }

    /// Gives dead letters up for good; tells how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_letters(&self, ids: &[i64]) -> Result<usize, StoreError> {
        let delete = |id: &i64| {
            Statement::new("DELETE FROM letters WHERE id = $1 AND state = 1 RETURNING id", values![*id])
        };
        let rows = self.run(Intent::Settle, ids.iter().map(delete).collect()).await?;
        Ok(rows.iter().map(Vec::len).sum())
    }

    async fn letters_by(&self, statement: Statement) -> Result<Vec<Letter>, StoreError> {
        self.ask(statement).await?.into_iter().map(letter).collect()
    }
}

impl LetterFilter {
    fn values(&self) -> Vec<Value> {
        let event = self.event.map(|event| event.bytes().to_vec());
        values![
            self.subscriber.as_deref(),
            self.state.map(|state| state as i64),
            self.object.as_deref(),
            if event.is_some() { "one" } else { "" },
            &event.unwrap_or_default()[..],
            self.received_from.unwrap_or(Timestamp::MIN),
            self.received_until.unwrap_or(Timestamp::MAX),
        ]
    }
}

fn letter(mut row: Row) -> Result<Letter, StoreError> {
    let (id, subscriber) = (row.number(), row.text());
    let mut content = NewLetter {
        seq: row.number(),
        place: usize::try_from(row.number()).unwrap_or_default(),
        event: key(&row.bytes()),
        connection: row.text(),
        object: row.text(),
        kind: row.text(),
        occurred_at: time(row.number()),
        received_at: time(row.number()),
        body: row.bytes(),
        standing: LetterEnding::Delivered,
    };
    let whole = row.number() == content.checksum(&subscriber);
    let state = LetterState::of_number(row.number()).filter(|_| whole);
    let state = state.ok_or_else(|| StoreError::Damaged { table: "letters", id: id.to_string() })?;
    content.standing = LetterEnding::of_columns(state, &mut row);
    Ok(Letter { id, subscriber, content, state })
}

fn place(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
