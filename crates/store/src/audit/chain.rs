//! How entries hang together, and what shows that somebody took one out. Pure.

use std::collections::BTreeMap;

use aws_lc_rs::digest;

use super::key::{self, AuditKey};
use super::{Checkpoint, CheckpointKind, Digest, Entry, NewEntry, Subject};

/// A signature each so many entries, so that a break is narrowed down by more than the chain.
pub(crate) const KEPT_EVERY: i64 = 1_000;

/// The log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq}: {fault}")]
pub struct Broken {
    /// The place: the first entry that does not fit, or that is missing.
    pub seq: i64,
    pub fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it is missing")]
    Missing,
    #[error("it is not as it was written, or the one before it is not")]
    Altered,
    #[error("the log was cut off here")]
    CutOff,
    #[error("the log is empty: it was emptied, or has not begun yet (it does at the first `up`)")]
    Empty,
    #[error("its signature is missing")]
    Unsigned,
    #[error("its signature is not of this key, or of something else")]
    Forged,
    #[error("a checkpoint that was kept elsewhere tells of another entry here")]
    AnotherPast,
}

/// What was looked at, and found whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    pub entries: i64,
    pub checkpoints: usize,
}

/// The end of the log, as the next entry finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) seq: i64,
    pub(crate) hash: Digest,
}

impl End {
    /// Where the first entry of all goes.
    pub(crate) const BEGINNING: Self = Self { seq: 0, hash: Digest::BEGINNING };

    /// Where the next entry goes on: after the signed head. When the entries do not reach to it, or it is not signed, the log
    /// was tampered with; then a gap is left, which no later signature covers up.
    pub(crate) fn of(last: Option<Self>, head: Option<&Checkpoint>, key: &AuditKey) -> Self {
        let head = head
            .filter(|head| is_ours(head, &key.public()))
            .map(|head| Self { seq: head.seq, hash: head.hash });
        match (last, head) {
            // Every log begins with an entry, before any act: this one was emptied.
            (None, None) => Self { seq: 1, hash: Digest::BEGINNING },
            (Some(last), Some(head)) if last.seq <= head.seq => head,
            (None, Some(head)) => head,
            (Some(last), _) => Self { seq: last.seq + 1, hash: last.hash },
        }
    }
}

impl Entry {
    /// The entry after `end`.
    pub(crate) fn after(end: End, new: &NewEntry, key: &AuditKey) -> Self {
        let subject = match &new.subject {
            Subject::Ours(name) => name.clone(),
            Subject::Person(person) => key.name_of(person),
        };
        let mut entry = Self {
            seq: end.seq + 1,
            // As precise as it is kept.
            at: jiff::Timestamp::from_millisecond(new.at.as_millisecond()).unwrap_or(new.at),
            actor: new.actor.clone(),
            act: new.act.name().to_owned(),
            subject,
            outcome: new.outcome.name().to_owned(),
            request_id: new.request_id.clone(),
            detail: new.detail.clone(),
            hash: Digest::BEGINNING,
        };
        entry.hash = entry.hash_after(&end.hash);
        entry
    }

    fn hash_after(&self, before: &Digest) -> Digest {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"hubkeeper audit entry v1\0");
        hash.update(before.bytes());
        hash.update(&self.seq.to_le_bytes());
        hash.update(&self.at.as_millisecond().to_le_bytes());
        // Lengths before texts, so that no byte moves from one to the next unnoticed.
        let texts = [&self.actor, &self.act, &self.subject, &self.outcome, &self.detail];
        for text in texts.into_iter().map(String::as_bytes) {
            hash.update(&(text.len() as u64).to_le_bytes());
            hash.update(text);
        }
        hash.update(&[u8::from(self.request_id.is_some())]);
        hash.update(self.request_id.as_deref().unwrap_or_default().as_bytes());
        Digest::of_slice(hash.finish().as_ref()).unwrap_or(Digest::BEGINNING)
    }
}

impl Checkpoint {
    pub(crate) fn of(entry: &Entry, kind: CheckpointKind, key: &AuditKey) -> Self {
        let message = message(entry.seq, kind, &entry.hash);
        let signature = key.sign(&message);
        Self { seq: entry.seq, kind, hash: entry.hash, public_key: key.public(), signature }
    }
}

/// The kind is signed too: a kept checkpoint is no head, or whoever cuts the log off at it would have one.
fn message(seq: i64, kind: CheckpointKind, hash: &Digest) -> Vec<u8> {
    let mut message = b"hubkeeper audit checkpoint v1\0".to_vec();
    message.push(kind as u8);
    message.extend(seq.to_le_bytes());
    message.extend(hash.bytes());
    message
}

fn is_ours(checkpoint: &Checkpoint, public: &str) -> bool {
    let message = message(checkpoint.seq, checkpoint.kind, &checkpoint.hash);
    checkpoint.public_key == public && key::is_signed(public, &message, &checkpoint.signature)
}

/// Takes the entries one after the other.
#[derive(Debug)]
pub struct Verifier {
    public: String,
    end: End,
    head: Option<Checkpoint>,
    kept: BTreeMap<i64, Checkpoint>,
    elsewhere: BTreeMap<i64, Digest>,
    checked: usize,
}

impl Verifier {
    /// `public` is the key that is believed.
    pub fn new(public: String, checkpoints: Vec<Checkpoint>) -> Self {
        let (head, kept): (Vec<_>, Vec<_>) =
            checkpoints.into_iter().partition(|checkpoint| checkpoint.kind == CheckpointKind::Head);
        Self {
            public,
            end: End::BEGINNING,
            head: head.into_iter().next(),
            kept: kept.into_iter().map(|checkpoint| (checkpoint.seq, checkpoint)).collect(),
            elsewhere: BTreeMap::new(),
            checked: 0,
        }
    }

    /// The end of the log at an earlier time, as it was kept elsewhere. `false`: it is not of this key.
    #[must_use]
    pub fn hold_against(&mut self, checkpoint: &Checkpoint) -> bool {
        self.elsewhere.insert(checkpoint.seq, checkpoint.hash);
        is_ours(checkpoint, &self.public)
    }

    /// # Errors
    /// The first thing that does not fit.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), Broken> {
        let broken = |seq, fault| Err(Broken { seq, fault });
        if entry.seq != self.end.seq + 1 {
            return broken(self.end.seq + 1, Fault::Missing);
        }
        if entry.hash != entry.hash_after(&self.end.hash) {
            return broken(entry.seq, Fault::Altered);
        }
        self.end = End { seq: entry.seq, hash: entry.hash };
        if self.elsewhere.remove(&entry.seq).is_some_and(|hash| hash != entry.hash) {
            return broken(entry.seq, Fault::AnotherPast);
        }
        match self.kept.remove(&entry.seq) {
            Some(kept) => self.signature(&kept),
            None if entry.seq % KEPT_EVERY == 0 => broken(entry.seq, Fault::Unsigned),
            None => Ok(()),
        }
    }

    fn signature(&mut self, checkpoint: &Checkpoint) -> Result<(), Broken> {
        self.checked += 1;
        if checkpoint.hash == self.end.hash && is_ours(checkpoint, &self.public) {
            Ok(())
        } else {
            Err(Broken { seq: checkpoint.seq, fault: Fault::Forged })
        }
    }

    /// After the last entry.
    ///
    /// # Errors
    /// What is missing at the end.
    pub fn finish(mut self) -> Result<Whole, Broken> {
        let end = self.end.seq;
        let beyond = self.kept.keys().chain(self.elsewhere.keys()).next().is_some();
        if beyond {
            return Err(Broken { seq: end + 1, fault: Fault::CutOff });
        }
        match self.head.take() {
            Some(head) if head.seq > end => return Err(Broken { seq: end + 1, fault: Fault::CutOff }),
            Some(head) if head.seq < end => return Err(Broken { seq: end, fault: Fault::Unsigned }),
            Some(head) => self.signature(&head)?,
            None if end > 0 => return Err(Broken { seq: end, fault: Fault::Unsigned }),
            None => return Err(Broken { seq: 1, fault: Fault::Empty }),
        }
        Ok(Whole { entries: end, checkpoints: self.checked })
    }
}

#[cfg(test)]
mod tests;
