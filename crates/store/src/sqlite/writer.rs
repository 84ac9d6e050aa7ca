//! One thread writes. Whatever waits when it begins goes into one transaction, so that a hundred callers share one sync
//! of the disk, and nobody hears of success before that sync.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use super::folding::Folding;
use super::patience::Patience;
use super::reserve::Reserve;
use super::telling::Telling;
use crate::failure::{Refusing, StoreError};
use crate::step::{self, Step};

/// Most requests in one transaction: past it, waiting for the others costs more than the sync that is saved.
const GROUP_MAX: usize = 512;

/// New work, or the end of what was accepted: the disk reserve is kept for the latter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    Accept,
    Settle,
}

/// The door to the thread that writes. Closing the last one ends it.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Task>,
    refusing: Arc<Mutex<Option<Refusing>>>,
    pub(super) patience: Patience,
}

/// What the thread is asked for.
enum Task {
    Write(Box<dyn Job>),
    /// The log goes into the file, and nothing of it stays.
    Fold(oneshot::Sender<Result<(), StoreError>>),
}

/// One request inside a transaction. It may run twice, when another of its group fails.
pub(super) trait Job: Send {
    fn intent(&self) -> Intent;
    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()>;
    fn end(self: Box<Self>, end: Result<(), StoreError>);
}

struct Request<T, F> {
    intent: Intent,
    work: F,
    value: Option<T>,
    done: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Request<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> rusqlite::Result<T> + Send,
{
    fn intent(&self) -> Intent {
        self.intent
    }

    fn run(&mut self, transaction: &Connection) -> rusqlite::Result<()> {
        self.value = Some((self.work)(transaction)?);
        Ok(())
    }

    fn end(self: Box<Self>, end: Result<(), StoreError>) {
        let Self { value, done, .. } = *self;
        let _nobody_waits = done.send(end.map(|()| value.expect("a request that ended well has run")));
    }
}

impl Writer {
    /// Starts the thread. It owns the connection and the disk reserve. What is only in memory has no log to fold.
    pub(crate) fn start(
        connection: Connection,
        reserve: Reserve,
        folding: Option<Folding>,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let refusing = Arc::new(Mutex::new(None));
        let telling = Telling::start();
        let thread = Thread { connection, reserve, folding, telling, refusing: refusing.clone() };
        std::thread::Builder::new().name("store".into()).spawn(move || thread.serve(&waiting))?;
        Ok(Self { jobs, refusing, patience: Patience::default() })
    }

    /// Runs `work` in a transaction, together with whatever else waits. `Ok` means that it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] before anything was tried; [`StoreError::OutcomeUnknown`] after.
    pub(crate) async fn write<T, F>(&self, intent: Intent, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (done, ended) = oneshot::channel();
        let request = Request { intent, work, value: None, done };
        if self.jobs.send(Task::Write(Box::new(request))).is_err() {
            return Err(StoreError::NotAccepted(Refusing::Closed));
        }
        // The thread answers all it takes; without an answer it died on the way.
        self.patience
            .wait(ended)
            .await
            .unwrap_or_else(|_| Err(StoreError::OutcomeUnknown("the writer is gone".into())))
    }

    /// Folds the log into the file and empties it.
    ///
    /// # Errors
    /// [`StoreError`], also while somebody reads.
    pub(crate) async fn fold(&self) -> Result<(), StoreError> {
        let (done, ended) = oneshot::channel();
        if self.jobs.send(Task::Fold(done)).is_err() {
            return Err(StoreError::NotAccepted(Refusing::Closed));
        }
        let gone = |_| Err(StoreError::OutcomeUnknown("the writer is gone".into()));
        self.patience.wait(ended).await.unwrap_or_else(gone)
    }

    /// Why nothing new is taken, if so.
    pub(crate) fn refusing(&self) -> Option<Refusing> {
        self.refusing.lock().clone()
    }
}

struct Thread {
    connection: Connection,
    reserve: Reserve,
    folding: Option<Folding>,
    telling: Telling,
    refusing: Arc<Mutex<Option<Refusing>>>,
}

impl Thread {
    fn serve(mut self, waiting: &mpsc::Receiver<Task>) {
        while let Ok(first) = waiting.recv() {
            self.look_after_the_log();
            let mut group = Vec::with_capacity(16);
            let mut next = Some(first);
            let mut fold = None;
            while let Some(task) = next.take() {
                match task {
                    Task::Write(job) => self.admit(job, &mut group),
                    // What came before it is committed before it.
                    Task::Fold(done) => {
                        fold = Some(done);
                        break;
                    }
                }
                if group.len() < GROUP_MAX {
                    next = waiting.try_recv().ok();
                }
            }
            if !group.is_empty() {
                self.commit(group);
                self.look_after_the_log();
            }
            if let Some(done) = fold {
                let _nobody_waits = done.send(self.fold());
            }
        }
    }

    /// A disk that fails while the log is folded fails for all that comes; what is in the log stays there.
    fn look_after_the_log(&mut self) {
        let looked = self.folding.as_mut().map_or(Ok(()), |folding| folding.look(&self.connection));
        if let Err(error) = looked {
            self.broken(Vec::new(), &error);
        }
    }

    fn fold(&self) -> Result<(), StoreError> {
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match busy {
            Ok(0) => Ok(()),
            Ok(_) => Err(StoreError::Unreadable("somebody reads the log; it is tried again".into())),
            Err(error) => Err(StoreError::Unreadable(error.to_string())),
        }
    }

    /// Into the group, or away at once.
    fn admit(&mut self, job: Box<dyn Job>, group: &mut Vec<Box<dyn Job>>) {
        let refusing = self.refusing.lock().clone();
        match refusing {
            None => group.push(job),
            Some(Refusing::DiskFull) if job.intent() == Intent::Settle => group.push(job),
            Some(Refusing::DiskFull) if self.has_room_again() => {
                *self.refusing.lock() = None;
                group.push(job);
            }
            Some(refusing) => job.end(Err(StoreError::NotAccepted(refusing))),
        }
    }

    /// A log that has been folded gives its room back.
    fn has_room_again(&self) -> bool {
        self.reserve.is_whole_again() || (self.fold().is_ok() && self.reserve.is_whole_again())
    }

    /// One transaction for all. One whose own request fails leaves the others unharmed: they run again without it.
    fn commit(&mut self, mut group: Vec<Box<dyn Job>>) {
        if step::acknowledges_first() {
            return self.commit_too_late(group);
        }
        while !group.is_empty() {
            match self.try_commit(&mut group) {
                Ok(()) => return self.telling.done(group),
                Err(Failed::One(index, error)) => {
                    let job = group.remove(index);
                    job.end(Err(StoreError::OutcomeUnknown(error.to_string())));
                }
                Err(Failed::Locked(error)) => return locked(group, &error),
                Err(Failed::All(error)) => return self.broken(group, &error),
            }
        }
    }

    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(Failed::to_begin)?;
        for (index, job) in group.iter_mut().enumerate() {
            job.run(&transaction).map_err(|error| {
                if is_the_disk(&error) { Failed::All(error) } else { Failed::One(index, error) }
            })?;
        }
        step::at(Step::GroupWritten);
        transaction.commit().map_err(Failed::All)?;
        step::at(Step::GroupCommitted);
        Ok(())
    }

    /// The control that must lose: everybody hears of success, and only then is it made true.
    #[expect(clippy::disallowed_methods, reason = "late on purpose, and in builds of the proof only")]
    fn commit_too_late(&mut self, mut group: Vec<Box<dyn Job>>) {
        const LATE: Duration = Duration::from_millis(20);
        let Ok(transaction) = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
        else {
            return;
        };
        group.retain_mut(|job| job.run(&transaction).is_ok());
        group.into_iter().for_each(|job| job.end(Ok(())));
        std::thread::sleep(LATE);
        let _lost_for_all_we_know = transaction.commit();
    }

    /// The disk failed. What the group wrote may or may not be there; nothing new is taken.
    fn broken(&mut self, group: Vec<Box<dyn Job>>, error: &rusqlite::Error) {
        let full = matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
        let why = if full {
            self.reserve.release();
            Refusing::DiskFull
        } else {
            Refusing::Broken(error.to_string())
        };
        tracing::error!(error = %error, "the store takes nothing new");
        let was_full = self.refusing.lock().replace(why) == Some(Refusing::DiskFull);
        // With the reserve given up there is room to settle, once.
        let (again, ended): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|job| full && !was_full && job.intent() == Intent::Settle);
        for job in ended {
            job.end(Err(StoreError::OutcomeUnknown(error.to_string())));
        }
        self.commit(again);
    }
}

enum Failed {
    /// One request's own fault.
    One(usize, rusqlite::Error),
    /// Nothing was tried: another program holds a lock, a backup say, and held it for longer than we wait.
    Locked(rusqlite::Error),
    /// The transaction's.
    All(rusqlite::Error),
}

impl Failed {
    fn to_begin(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(error),
            Some(_) | None => Self::All(error),
        }
    }
}

/// Whoever comes next tries anew.
fn locked(group: Vec<Box<dyn Job>>, error: &rusqlite::Error) {
    tracing::error!(error = %error, "another program holds a lock on the store; nothing was kept");
    for job in group {
        job.end(Err(StoreError::NotAccepted(Refusing::Unreachable(error.to_string()))));
    }
}

/// Errors after which the file, or what is cached of it, cannot be trusted.
fn is_the_disk(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => true,
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    async fn keep(writer: &Writer) -> Result<usize, StoreError> {
        writer.write(Intent::Accept, |on| on.execute("INSERT INTO kept (n) VALUES (1)", [])).await
    }

    fn written(path: &Path) -> Connection {
        let writes = Connection::open(path).unwrap();
        writes.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE kept (n INTEGER) STRICT;").unwrap();
        writes.busy_timeout(Duration::ZERO).unwrap();
        writes
    }

    /// How many pages the file may have, as a disk of that size would say; what accepted work needs may be asked on a full one.
    async fn make_room(writer: &Writer, pages: u32) {
        let set =
            move |on: &Connection| on.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        writer.write(Intent::Settle, set).await.unwrap();
    }

    #[tokio::test]
    async fn a_lock_of_another_program_costs_what_comes_meanwhile_and_nothing_after() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let writer = Writer::start(written(&path), Reserve::none(), None).unwrap();
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = keep(&writer).await.unwrap_err();
        assert!(matches!(refused, StoreError::NotAccepted(Refusing::Unreachable(_))), "{refused:?}");
        assert_eq!(writer.refusing(), None);
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(keep(&writer).await, Ok(1));
    }

    /// The log is too short to be folded by itself, and fills the disk: nothing but folding it gives room for the reserve.
    #[tokio::test]
    async fn a_disk_that_our_own_log_fills_is_used_again_once_somebody_has_made_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let (log, reserve) = (path.with_extension("db-wal"), path.with_extension("db-reserve"));
        let is_filled = Arc::new(AtomicBool::new(false));
        let filled = is_filled.clone();
        let allocate = move |path: &Path, bytes| {
            let by_our_log = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
            if filled.load(Ordering::SeqCst) || by_our_log {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            File::create(path)?.set_len(bytes)
        };
        let writes = written(&path);
        let pages: u32 = writes.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let writer = Writer::start(writes, Reserve::made_by(reserve, 1, Box::new(allocate)), None).unwrap();
        is_filled.store(true, Ordering::SeqCst);
        make_room(&writer, pages).await;
        let mut kept = 0;
        let full = loop {
            match keep(&writer).await {
                Ok(rows) => kept += rows,
                Err(full) => break full,
            }
        };
        assert!(matches!(full, StoreError::OutcomeUnknown(_)), "{full:?}");
        make_room(&writer, u32::MAX).await;
        // Somebody else still fills it.
        assert_eq!(keep(&writer).await, Err(StoreError::NotAccepted(Refusing::DiskFull)));
        is_filled.store(false, Ordering::SeqCst);
        assert_eq!(keep(&writer).await, Ok(1));
        assert_eq!(writer.refusing(), None);
        let read = Connection::open(&path).unwrap();
        let found: i64 = read.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap();
        assert_eq!(
            usize::try_from(found).unwrap(),
            kept + 1,
            "what was acknowledged is there, and nothing else"
        );
    }
}
