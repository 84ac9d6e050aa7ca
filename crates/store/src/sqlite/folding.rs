//! The log is folded into the file on a thread of its own: while thousands of pages go to their places and to the disk, commits go
//! on. What they add meanwhile, the thread that writes folds itself, between two commits, so that the log begins anew.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc;

use parking_lot::Mutex;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, ffi};

/// How far the log grows before it is folded, in pages of 4 KiB. Folding costs a moment: seldom, but not so seldom that a
/// start after a crash reads for long.
pub(super) const FOLD_AFTER_PAGES: i32 = 15_000;

/// So few pages are folded in a moment.
const REST_PAGES_MAX: i32 = 100;

/// Who writes faster than the disk folds would never come to a rest.
const ROUNDS_MAX: u32 = 4;

/// The thread that folds, as the one that writes knows it.
pub(crate) struct Folding {
    pages: Arc<AtomicI32>,
    begin: mpsc::Sender<()>,
    /// How its last round ended, until that is looked at.
    ended: Arc<Mutex<Option<rusqlite::Result<()>>>>,
    is_under_way: bool,
}

impl Folding {
    /// Of the log that the one connection writes, by what folds most of it over another one to the same file.
    pub(super) fn start(
        writes: &mut Connection,
        most: impl Fn() -> rusqlite::Result<()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let grown = pages.clone();
        let hook = move |_: &mut Wal, pages| {
            grown.store(pages, Ordering::Relaxed);
            Ok(())
        };
        writes.wal_hook(Some(hook)).map_err(std::io::Error::other)?;
        let (begin, asked) = mpsc::channel();
        let ended = Arc::new(Mutex::new(None));
        let end = ended.clone();
        let serve = move || {
            while asked.recv().is_ok() {
                // A log that nobody folds any more grows until the disk is full: a fall is an end like a disk's failure.
                let folded = catch_unwind(AssertUnwindSafe(&most)).unwrap_or_else(|_| Err(fallen()));
                *end.lock() = Some(folded);
            }
        };
        std::thread::Builder::new().name("store-folds".into()).spawn(serve)?;
        Ok(Self { pages, begin, ended, is_under_way: false })
    }

    /// Between two commits: has the log grown long, or the thread come to its end?
    ///
    /// # Errors
    /// What the disk said, to whoever folded.
    pub(super) fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.is_under_way {
            let Some(end) = self.ended.lock().take() else { return Ok(()) };
            self.is_under_way = false;
            end?;
            let left = fold(connection)?;
            self.pages.store(left, Ordering::Relaxed);
        } else if self.pages.load(Ordering::Relaxed) >= FOLD_AFTER_PAGES {
            self.is_under_way = self.begin.send(()).is_ok();
        }
        Ok(())
    }
}

/// What the thread that folds works with.
pub(super) struct Folds {
    pub(super) connection: Connection,
    /// Closed only with the store: whoever closes a file takes this process's locks on it away, SQLite's, too.
    pub(super) file: File,
}

impl Folds {
    /// SQLite brings the file to the disk with the last page only, and that one is folded by the thread that writes: for all the
    /// pages of this one it would wait some milliseconds.
    pub(super) fn most(&self) -> rusqlite::Result<()> {
        for _ in 0..ROUNDS_MAX {
            if fold(&self.connection)? <= REST_PAGES_MAX {
                break;
            }
        }
        self.file.sync_data().map_err(|error| failed(&error))
    }
}

fn fallen() -> rusqlite::Error {
    let why = "the thread that folds the log into the file fell: a mistake of hubkeeper's own";
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERNAL), Some(why.to_owned()))
}

fn failed(error: &std::io::Error) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), Some(error.to_string()))
}

/// Keeps nobody waiting, and folds nothing that somebody still reads in its old place. The pages left.
fn fold(connection: &Connection) -> rusqlite::Result<i32> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        let (grown, folded): (i32, i32) = (row.get(1)?, row.get(2)?);
        Ok(grown - folded)
    })
}

#[cfg(test)]
mod tests;
