//! Keeps what one process leaves to the next, in the data directory: the day's ledger, past days, whose tokens were known.
//!
//! A line with a checksum, then JSON. Written whole beside the old one and put in its place, so that there is always one
//! that is whole. Nothing depends on it: one that cannot be read is left out with a warning.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use client::handover::{Handover, Leaving, NotTaken};
use client::stack::Stack;
use gateway::traffic::Traffic;

const NAME: &str = "governor.json";

/// How much a crash may forget.
const EVERY: Duration = Duration::from_secs(60);

/// A thousand times what one portal needs.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where it is kept.
pub(crate) struct Kept {
    path: PathBuf,
    /// A second process in the same directory keeps nothing: two would overwrite each other.
    _lock: File,
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("{0}")]
    Disk(#[from] io::Error),
    #[error("it is damaged: its checksum is wrong")]
    Damaged,
    #[error("it is not understood: {0}")]
    Meaning(#[from] serde_json::Error),
    #[error("{0}")]
    NotTaken(#[from] NotTaken),
}

impl Kept {
    /// The place in a data directory; `None` where another process has it, or it cannot be used.
    pub(crate) fn open(directory: &Path) -> Option<Self> {
        let beside = directory.join(format!("{NAME}-lock"));
        let opened = File::options().create(true).truncate(false).write(true).open(&beside);
        match opened.and_then(|file| file.try_lock().map(|()| file).map_err(io::Error::from)) {
            Ok(lock) => Some(Self { path: directory.join(NAME), _lock: lock }),
            Err(error) => {
                let path = beside.display();
                tracing::warn!(%path, %error, "the day's ledger is not kept over restarts: the data directory is in use or cannot be written");
                None
            }
        }
    }

    /// Goes on where the process before stopped, as far as it left anything.
    pub(crate) fn take_over(&self, stack: &Stack, traffic: &Traffic) {
        match self.read().and_then(|found| match found {
            Some(handover) => {
                let (portals, proven) = (handover.portals(), handover.proven());
                stack.take_over(handover)?;
                traffic.remember(proven);
                Ok(Some(portals))
            }
            None => Ok(None),
        }) {
            Ok(Some(portals)) => tracing::debug!(portals, "goes on where the process before stopped"),
            Ok(None) => {}
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%path, %error, "what the process before left is not used; the day's ledger begins anew");
            }
        }
    }

    /// Writes it down again and again; ends only with the process. A disk that fails is told of once.
    pub(crate) async fn keep(&self, stack: &Arc<Stack>) {
        let mut failing = false;
        loop {
            let written = self.write(&stack.hand_over(Leaving::Not)).await;
            if let Err(error) = &written
                && !failing
            {
                let path = self.path.display();
                tracing::warn!(%path, %error, "the day's ledger could not be kept; a restart will forget it");
            }
            failing = written.is_err();
            tokio::time::sleep(EVERY).await;
        }
    }

    /// The last words of a process that sends nothing any more.
    pub(crate) async fn leave(&self, stack: &Stack) {
        if let Err(error) = self.write(&stack.hand_over(Leaving::Now)).await {
            let path = self.path.display();
            tracing::warn!(%path, %error, "the day's ledger could not be kept; the next start knows the last minute's at best");
        }
    }

    fn read(&self) -> Result<Option<Handover>, Unreadable> {
        let size = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if size > BYTES_MAX {
            return Err(Unreadable::Damaged);
        }
        let bytes = fs::read(&self.path)?;
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Unreadable::Damaged)?;
        let (sum, text) = (&bytes[..end], &bytes[end + 1..]);
        if sum != checksum(text).as_bytes() {
            return Err(Unreadable::Damaged);
        }
        Ok(Some(serde_json::from_slice(text)?))
    }

    /// On the disk when it returns, and the disk never holds up a call.
    async fn write(&self, handover: &Handover) -> io::Result<()> {
        let text = serde_json::to_vec(handover)?;
        let path = self.path.clone();
        let writing = tokio::task::spawn_blocking(move || put(&path, &text));
        writing.await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json-new");
    // It names callers and routes: nobody else's business.
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
    writeln!(file, "{}", checksum(text))?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn checksum(text: &[u8]) -> String {
    digest(&SHA256, text).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
