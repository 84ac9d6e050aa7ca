//! The log as readers see it. It is opened beside the hubkeeper that writes it, and changes nothing.

use super::chain::{Broken, Verifier, Whole};
use super::{Checkpoint, Entry};
use crate::failure::{OpenError, StoreError};
use crate::postgres::Postgres;
use crate::sqlite::{self, Sqlite};

/// Entries read at once.
const PAGE: usize = 10_000;

/// See the module.
pub struct AuditLog(Backend);

enum Backend {
    Sqlite(sqlite::reader::Reader),
    Postgres(Postgres),
}

/// What came of checking the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Whole(Whole),
    Broken(Broken),
}

impl AuditLog {
    /// # Errors
    /// [`OpenError`] says what to do about it.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_over(url, None).await
    }

    /// The same; `tls` says whom to believe where the address says `sslmode=require`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_over(url: &str, tls: Option<rustls::ClientConfig>) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Postgres::connect(url, tls).map(Backend::Postgres).map(Self);
        }
        let path = sqlite::file_of(url).ok_or_else(|| OpenError::Url(url.to_owned()))?;
        Sqlite::open_to_read(&path).map(Backend::Sqlite).map(Self)
    }

    /// Up to `max` entries after a number, the earliest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn entries(&self, after: i64, max: usize) -> Result<Vec<Entry>, StoreError> {
        match &self.0 {
            Backend::Sqlite(reader) => reader.read(move |it| sqlite::audit::entries(it, after, max)).await,
            Backend::Postgres(postgres) => postgres.audit_entries(after, max).await,
        }
    }

    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        match &self.0 {
            Backend::Sqlite(reader) => reader.read(sqlite::audit::checkpoints).await,
            Backend::Postgres(postgres) => postgres.audit_checkpoints().await,
        }
    }

    /// Reads all of it and checks every link. `public` is the key that is believed; `elsewhere` are checkpoints kept apart.
    /// What is written meanwhile is not looked at.
    ///
    /// # Errors
    /// [`StoreError`] where the log cannot be read at all.
    pub async fn verify(&self, public: &str, elsewhere: &[Checkpoint]) -> Result<Verdict, StoreError> {
        let checkpoints = self.checkpoints().await?;
        // Nothing behind the head that was just read is looked at, in case somebody is writing.
        let head = checkpoints.iter().find(|checkpoint| checkpoint.kind == super::CheckpointKind::Head);
        let (head, mut last) = (head.map(|head| head.seq), 0);
        let mut verifier = Verifier::new(public.to_owned(), checkpoints);
        for checkpoint in elsewhere {
            if !verifier.hold_against(checkpoint) {
                return Ok(Verdict::Broken(Broken {
                    seq: checkpoint.seq,
                    fault: super::chain::Fault::Forged,
                }));
            }
        }
        loop {
            let page = match self.entries(last, PAGE).await {
                Ok(page) => page,
                // A row that cannot be read as an entry has been changed.
                Err(StoreError::Damaged { id, .. }) => {
                    let seq = id.parse().unwrap_or(last + 1);
                    return Ok(Verdict::Broken(Broken { seq, fault: super::chain::Fault::Altered }));
                }
                Err(error) => return Err(error),
            };
            for entry in &page {
                if head.is_some_and(|head| entry.seq > head) && self.head().await? >= entry.seq {
                    return Ok(told(verifier.finish()));
                }
                if let Err(broken) = verifier.entry(entry) {
                    return Ok(Verdict::Broken(broken));
                }
                last = entry.seq;
            }
            if page.len() < PAGE {
                return Ok(told(verifier.finish()));
            }
        }
    }

    /// Where the head is now.
    async fn head(&self) -> Result<i64, StoreError> {
        let checkpoints = self.checkpoints().await?;
        let head = checkpoints.iter().find(|checkpoint| checkpoint.kind == super::CheckpointKind::Head);
        Ok(head.map_or(0, |head| head.seq))
    }
}

fn told(finished: Result<Whole, Broken>) -> Verdict {
    match finished {
        Ok(whole) => Verdict::Whole(whole),
        Err(broken) => Verdict::Broken(broken),
    }
}
