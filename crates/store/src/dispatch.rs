//! Forwarding, as it is kept: how far each subscriber has come in the log of deliveries, and the events that were taken
//! out of the line.
//!
//! ```text
//! deliveries ──position──▶ subscriber
//!     └─ an event that cannot be delivered now ─▶ letter: waiting ─▶ gone, or dead ─(a person)─▶ replayed
//! ```
//!
//! Everything up to a subscriber's position is done with: delivered, not wanted, or a letter. Position and letters
//! change in one commit, so that nothing falls between.

use jiff::Timestamp;
use uuid::Uuid;

use crate::deliveries::EventKey;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};
use crate::{Backend, Store};

mod letter;
mod replay;

pub use letter::{Letter, LetterEnding, LetterFilter, LetterState, NewLetter};
pub use replay::{Replay, ReplayProgress};

/// Where a subscriber stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub name: String,
    /// As made through the admin API; none where the configuration file names it.
    pub settings: Option<Vec<u8>>,
    /// All deliveries up to it are done with.
    pub position: i64,
    /// Why nothing is sent, if so.
    pub disabled: Option<String>,
    pub changed_at: Timestamp,
}

/// Of several hubkeepers, the one that serves a subscriber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lead {
    pub subscriber: String,
    pub owner: Uuid,
}

/// What a subscriber's worker has done since it last told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    pub position: Option<i64>,
    /// Events taken out of the line.
    pub letters: Vec<NewLetter>,
    /// What became of letters.
    pub endings: Vec<(i64, LetterEnding)>,
    /// The moments of the latest events delivered, by their subject.
    pub latest: Vec<([u8; 16], Timestamp)>,
    /// Letters that wait for later are due at once: what kept them has passed.
    pub hurry: bool,
    /// Nothing more is sent, and why.
    pub disabled: Option<String>,
}

impl Progress {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What there is to deliver still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Deliveries behind the position; a few more where some were taken out by time.
    pub deliveries: u64,
    /// When the first of them came.
    pub since: Option<Timestamp>,
    pub waiting: u64,
    pub dead: u64,
}

const STANDING: &str = "SELECT name, settings, position, disabled, changed_at FROM subscribers ORDER BY name";

impl Store {
    /// Makes a subscriber known, or changes its settings. A new one begins with what comes from now on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrol(&self, name: &str, settings: Option<&[u8]>, now: Timestamp) -> Result<(), StoreError> {
        let enrol = Statement::new(
            "INSERT INTO subscribers (name, settings, position, changed_at, owned_until)
             SELECT $1, $2, coalesce((SELECT max(seq) FROM deliveries), 0), $3, 0
             ON CONFLICT (name) DO UPDATE SET settings = excluded.settings",
            values![name, settings, now],
        );
        self.run(Intent::Settle, vec![enrol]).await.map(drop)
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        Ok(self.ask(Statement::new(STANDING, [])).await?.into_iter().map(standing).collect())
    }

    /// Becomes the one that serves a subscriber. `None` while another does.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lead(
        &self,
        lead: &Lead,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Standing>, StoreError> {
        let statement = Statement::new(
            "UPDATE subscribers SET owner = $1, owned_until = $2
             WHERE name = $3 AND (owner IS NULL OR owner = $1 OR owned_until < $4)
             RETURNING name, settings, position, disabled, changed_at",
            values![&lead.owner.as_bytes()[..], until, &lead.subscriber, now],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(rows.pop().and_then(|mut rows| rows.pop()).map(standing))
    }

    /// Stays the one that serves a subscriber. `None` for one that is it no more, and must [`lead`](Self::lead) anew.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_lead(&self, lead: &Lead, until: Timestamp) -> Result<Option<Standing>, StoreError> {
        let statement = Statement::new(
            "UPDATE subscribers SET owned_until = $1 WHERE name = $2 AND owner = $3
             RETURNING name, settings, position, disabled, changed_at",
            values![until, &lead.subscriber, &lead.owner.as_bytes()[..]],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(rows.pop().and_then(|mut rows| rows.pop()).map(standing))
    }

    /// Takes every lead away: whatever its holder has in memory is kept no more, and who leads next begins with what is
    /// kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_leads(&self) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE subscribers SET owner = NULL", []);
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }

    /// Lets go of a subscriber, so that another may serve it at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn yield_lead(&self, lead: &Lead) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE subscribers SET owner = NULL WHERE name = $1 AND owner = $2",
            values![&lead.subscriber, &lead.owner.as_bytes()[..]],
        );
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }

    /// Keeps what a worker has done, all of it or nothing. `false` when another serves the subscriber by now.
    ///
    /// # Errors
    /// [`StoreError`]; telling the same once more does no harm.
    pub async fn advance(
        &self,
        lead: &Lead,
        progress: &Progress,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut rows = self.run(Intent::Settle, statements(lead, progress, now)).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// Sends again to a subscriber that was switched off.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enable(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.switch(name, None, now).await
    }

    /// Sends nothing more to a subscriber; what comes for it is kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn disable(&self, name: &str, reason: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.switch(name, Some(reason), now).await
    }

    /// Forgets a subscriber and everything that waits for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn dismiss(&self, name: &str) -> Result<bool, StoreError> {
        let of = |sql| Statement::new(sql, values![name]);
        let statements = vec![
            of("DELETE FROM subscribers WHERE name = $1 RETURNING name"),
            of("DELETE FROM letters WHERE subscriber = $1"),
            of("DELETE FROM replays WHERE subscriber = $1"),
            of("DELETE FROM latest WHERE subscriber = $1"),
        ];
        let mut rows = self.run(Intent::Settle, statements).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// When the latest event of each subject was delivered that is known to have been.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self, subscriber: &str, subject: [u8; 16]) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT occurred_at FROM latest WHERE subscriber = $1 AND subject = $2";
        let mut rows = self.ask(Statement::new(sql, values![subscriber, &subject[..]])).await?;
        Ok(rows.pop().map(|mut row| time(row.number())))
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn backlog(&self, subscriber: &str, position: i64) -> Result<Backlog, StoreError> {
        // The first and the last, and not a count: there may be millions.
        let log = "SELECT coalesce((SELECT max(seq) FROM deliveries), $1) - $1,
            (SELECT received_at FROM deliveries WHERE seq > $1 ORDER BY seq LIMIT 1)";
        let mut log = self.ask(Statement::new(log, values![position])).await?;
        let letters = "SELECT state, count(*) FROM letters WHERE subscriber = $1 GROUP BY state";
        let mut backlog = Backlog::default();
        if let Some(mut row) = log.pop() {
            backlog.deliveries = u64::try_from(row.number()).unwrap_or_default();
            backlog.since = row.maybe_number().map(time);
        }
        for mut row in self.ask(Statement::new(letters, values![subscriber])).await? {
            let (state, count) = (row.number(), row.number().unsigned_abs());
            match LetterState::of_number(state) {
                Some(LetterState::Waiting) => backlog.waiting = count,
                Some(LetterState::Dead) => backlog.dead = count,
                Some(LetterState::Replaying) | None => {}
            }
        }
        Ok(backlog)
    }

    async fn switch(&self, name: &str, reason: Option<&str>, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE subscribers SET disabled = $1, changed_at = $2 WHERE name = $3 RETURNING name";
        let statement = Statement::new(sql, values![reason, now, name]);
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    pub(crate) async fn run(
        &self,
        intent: Intent,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.run(intent, statements).await,
            Backend::Postgres(postgres) => postgres.run(statements).await,
        }
    }

    pub(crate) async fn ask(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.ask(statement).await,
            Backend::Postgres(postgres) => postgres.ask(statement).await,
        }
    }
}

/// The first tells whether the lead still holds; the others do nothing when it does not.
fn statements(lead: &Lead, progress: &Progress, now: Timestamp) -> Vec<Statement> {
    let owner = &lead.owner.as_bytes()[..];
    let mut all = vec![Statement::new(
        "UPDATE subscribers SET position = coalesce(CAST($1 AS BIGINT), position),
             changed_at = CASE WHEN CAST($2 AS TEXT) IS NULL THEN changed_at ELSE $3 END,
             disabled = coalesce($2, disabled)
         WHERE name = $4 AND owner = $5 RETURNING position",
        values![progress.position, progress.disabled.as_deref(), now, &lead.subscriber, owner],
    )];
    all.extend(progress.letters.iter().map(|letter| letter.insert(lead)));
    all.extend(progress.endings.iter().map(|(id, ending)| ending.statement(*id, lead)));
    all.extend(progress.latest.iter().map(|(subject, at)| {
        Statement::new(
            "INSERT INTO latest (subscriber, subject, occurred_at)
             SELECT name, $1, $2 FROM subscribers WHERE name = $3 AND owner = $4
             ON CONFLICT (subscriber, subject) DO UPDATE SET occurred_at = excluded.occurred_at
             WHERE latest.occurred_at < excluded.occurred_at",
            values![&subject[..], *at, &lead.subscriber, owner],
        )
    }));
    if progress.hurry {
        all.push(Statement::new(
            "UPDATE letters SET due_at = $1 WHERE subscriber = $2 AND state = 0 AND due_at > $1
                 AND EXISTS (SELECT 1 FROM subscribers WHERE name = $2 AND owner = $3)",
            values![now, &lead.subscriber, owner],
        ));
    }
    all
}

fn standing(mut row: Row) -> Standing {
    Standing {
        name: row.text(),
        settings: row.maybe_bytes(),
        position: row.number(),
        disabled: row.maybe_text(),
        changed_at: time(row.number()),
    }
}

pub(crate) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

pub(crate) fn key(bytes: &[u8]) -> EventKey {
    EventKey::of_bytes(bytes.try_into().unwrap_or_default())
}
