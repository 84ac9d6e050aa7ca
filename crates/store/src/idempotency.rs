//! Writes that callers sent with a key of their own: what came of each, so that the same again gets the same answer.
//!
//! A key is begun on the disk before anything is sent. One that was begun and never ended was interrupted: what became of
//! its write nobody knows, and whoever sends it again is told so, or asks HubSpot first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;
use crate::failure::StoreError;

/// A digest of whose key it is and of the key itself.
pub type KeyDigest = [u8; 32];

/// A digest of what was sent with it.
pub type Fingerprint = [u8; 32];

/// A write with a key, about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    pub key: KeyDigest,
    pub fingerprint: Fingerprint,
    pub now: Timestamp,
    /// Without an end by then, it was interrupted.
    pub until: Timestamp,
    /// What a create is marked with at HubSpot, where it is: by this it is found if its answer is lost.
    pub stamp: Option<String>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: it is begun now.
    New,
    /// It was answered, and this was the answer.
    Answered {
        answer: KeptAnswer,
        /// When its write was begun.
        since: Timestamp,
    },
    InProgress,
    /// It was begun and never ended; whoever came now has it, as it was begun first.
    Interrupted {
        since: Timestamp,
        stamp: Option<String>,
    },
    /// Another write has it.
    Different,
}

/// Whose a key is when its write is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// Nobody's, as far as the accepting knows.
    Free,
    /// This very write has begun it.
    Ours,
}

/// An answer as a caller got it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeptAnswer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// One row.
pub(crate) struct Row {
    pub(crate) key: Vec<u8>,
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) begun_at: i64,
    pub(crate) until: i64,
    pub(crate) status: Option<i64>,
    pub(crate) headers: Option<Vec<u8>>,
    pub(crate) answer: Option<Vec<u8>>,
    pub(crate) checksum: i64,
}

impl Row {
    pub(crate) fn begun(keyed: &Keyed) -> Self {
        Self {
            key: keyed.key.to_vec(),
            fingerprint: keyed.fingerprint.to_vec(),
            begun_at: keyed.now.as_millisecond(),
            until: keyed.until.as_millisecond(),
            status: None,
            // Headers come with an answer; until then this is all there is to keep.
            headers: keyed.stamp.as_ref().map(|stamp| stamp.as_bytes().to_vec()),
            answer: None,
            checksum: 0,
        }
        .summed()
    }

    pub(crate) fn answered(keyed: &Keyed, answer: &KeptAnswer) -> Self {
        let headers = serde_json::to_vec(&answer.headers).expect("plain lists of text");
        let (status, body) = (Some(answer.status.into()), Some(answer.body.clone()));
        Self { status, headers: Some(headers), answer: body, ..Self::begun(keyed) }.summed()
    }

    /// What a write finds that comes with this key.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was written.
    pub(crate) fn found(&self, keyed: &Keyed) -> Result<Begun, StoreError> {
        let damaged = || StoreError::Damaged { table: "idempotency", id: hex(&self.key) };
        if self.checksum != self.sum() {
            return Err(damaged());
        }
        if self.fingerprint != keyed.fingerprint {
            return Ok(Begun::Different);
        }
        let since = Timestamp::from_millisecond(self.begun_at).map_err(|_| damaged())?;
        if let Some(status) = self.status {
            let answer = self.kept(status).ok_or_else(damaged)?;
            return Ok(Begun::Answered { answer, since });
        }
        if self.until > keyed.now.as_millisecond() {
            return Ok(Begun::InProgress);
        }
        Ok(Begun::Interrupted { since, stamp: self.stamp() })
    }

    fn stamp(&self) -> Option<String> {
        String::from_utf8(self.headers.clone()?).ok()
    }

    /// Its key and the answer that is kept, where it is what was written.
    pub(crate) fn answer(&self) -> Option<(KeyDigest, KeptAnswer)> {
        let whole = self.checksum == self.sum();
        Some((self.key.as_slice().try_into().ok()?, self.kept(self.status?)?)).filter(|_| whole)
    }

    pub(crate) fn with_answer(self, body: Vec<u8>) -> Self {
        Self { answer: Some(body), ..self }.summed()
    }

    fn kept(&self, status: i64) -> Option<KeptAnswer> {
        Some(KeptAnswer {
            status: status.try_into().ok()?,
            headers: serde_json::from_slice(self.headers.as_deref()?).ok()?,
            body: self.answer.clone()?,
        })
    }

    fn summed(self) -> Self {
        Self { checksum: self.sum(), ..self }
    }

    /// Without `until`, which a start changes for all at once.
    fn sum(&self) -> i64 {
        let sum = Checksum::default()
            .bytes(&self.key)
            .bytes(&self.fingerprint)
            .number(self.begun_at)
            .number(self.status.unwrap_or(i64::MIN))
            .maybe(self.headers.as_deref())
            .maybe(self.answer.as_deref());
        sum.finish().into()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
