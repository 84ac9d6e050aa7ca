//! Deliveries that look like HubSpot's and do not verify: most likely our secret or address is wrong. They are kept, so
//! that they can be looked at, and taken once that is mended. Bounded: what does not fit HubSpot sends again anyway.

use jiff::Timestamp;

use crate::Store;
use crate::checksum::Checksum;
use crate::dispatch::time;
use crate::failure::StoreError;
use crate::sqlite::writer::Intent;
use crate::statement::{Row, Statement, values};

/// Kept at most.
pub const SUSPECTS_MAX: i64 = 10_000;

/// Bytes of their bodies at most.
pub const SUSPECT_BYTES_MAX: i64 = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    pub id: i64,
    /// The same for every try to deliver the same events.
    pub digest: Vec<u8>,
    /// When it came last.
    pub received_at: Timestamp,
    pub connection: String,
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Those that the signature needs, and the ones that tell how it came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Why it was not taken.
    pub refusal: String,
    /// How often it has come.
    pub times: u64,
}

impl Store {
    /// Keeps a delivery that did not verify; `false` where there is no room for it. Its `id` and `times` are ours.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn quarantine(&self, suspect: &Suspect) -> Result<bool, StoreError> {
        let headers = serde_json::to_vec(&suspect.headers).expect("a plain list of texts");
        let statement = Statement::new(
            "INSERT INTO quarantine (digest, received_at, connection, method, target, headers, body, refusal, times, checksum)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, 1, $9
             WHERE (SELECT count(*) FROM quarantine) < $10
                 AND (SELECT coalesce(sum(length(body)), 0) FROM quarantine) < $11
             ON CONFLICT (digest) DO UPDATE SET received_at = excluded.received_at, method = excluded.method,
                 target = excluded.target, headers = excluded.headers, body = excluded.body, refusal = excluded.refusal,
                 times = quarantine.times + 1, checksum = excluded.checksum
             RETURNING id",
            values![
                &suspect.digest[..],
                suspect.received_at,
                &suspect.connection,
                &suspect.method,
                &suspect.target,
                &headers[..],
                &suspect.body[..],
                &suspect.refusal,
                suspect.checksum(&headers),
                SUSPECTS_MAX,
                SUSPECT_BYTES_MAX,
            ],
        );
        let mut rows = self.run(Intent::Accept, vec![statement]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// Those after `after`, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suspects(&self, after: i64, max: usize) -> Result<Vec<Suspect>, StoreError> {
        let sql = "SELECT id, digest, received_at, connection, method, target, headers, body, refusal, times, checksum
             FROM quarantine WHERE id > $1 ORDER BY id LIMIT $2";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.ask(Statement::new(sql, values![after, max])).await?.into_iter().map(suspect).collect()
    }

    /// Those that came last, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest_suspects(&self, max: usize) -> Result<Vec<Suspect>, StoreError> {
        let sql = "SELECT id, digest, received_at, connection, method, target, headers, body, refusal, times, checksum
             FROM quarantine WHERE id IN (SELECT id FROM quarantine ORDER BY received_at DESC LIMIT $1) ORDER BY id";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        self.ask(Statement::new(sql, values![max])).await?.into_iter().map(suspect).collect()
    }

    /// It was taken, or is of no interest any more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release(&self, id: i64) -> Result<bool, StoreError> {
        let statement = Statement::new("DELETE FROM quarantine WHERE id = $1 RETURNING id", values![id]);
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// How many are kept.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn suspects_count(&self) -> Result<u64, StoreError> {
        let mut rows = self.ask(Statement::new("SELECT count(*) FROM quarantine", [])).await?;
        Ok(rows.pop().map(|mut row| row.number().unsigned_abs()).unwrap_or_default())
    }
}

impl Suspect {
    fn checksum(&self, headers: &[u8]) -> i64 {
        let sum = Checksum::default()
            .bytes(&self.digest)
            .number(self.received_at.as_millisecond())
            .text(&self.connection)
            .text(&self.method)
            .text(&self.target)
            .bytes(headers)
            .bytes(&self.body);
        sum.finish().into()
    }
}

fn suspect(mut row: Row) -> Result<Suspect, StoreError> {
    let (id, digest, received_at) = (row.number(), row.bytes(), time(row.number()));
    let (connection, method, target) = (row.text(), row.text(), row.text());
    let (written, body, refusal) = (row.bytes(), row.bytes(), row.text());
    let (times, sum) = (row.number().unsigned_abs(), row.number());
    let headers = serde_json::from_slice(&written).unwrap_or_default();
    let suspect =
        Suspect { id, digest, received_at, connection, method, target, headers, body, refusal, times };
    if suspect.checksum(&written) == sum {
        Ok(suspect)
    } else {
        Err(StoreError::Damaged { table: "quarantine", id: id.to_string() })
    }
}
