//! The embedded store: one SQLite file, one thread that writes, one that reads, one that folds the log into the file.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use crate::FORGOTTEN_AT_ONCE;
use crate::failure::OpenError;
use crate::schema::SQLITE_STEPS;
use crate::step;

pub(crate) mod audit;
pub(crate) mod deliveries;
mod folding;
mod idempotency;
pub(crate) mod incidents;
mod keeping;
pub(crate) mod operations;
mod patience;
pub(crate) mod reader;
mod reserve;
mod run;
mod telling;
pub(crate) mod writer;

use folding::{Folding, Folds};
use patience::Patience;
use reader::Reader;
use reserve::Reserve;
use writer::Writer;

/// Looking through a file of this size takes some tenths of a second; larger ones would keep a start waiting.
const LOOKED_THROUGH_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A page of a database in memory. Each table and each index has one of its own, and most of them stay empty.
const MEMORY_PAGE_BYTES: u32 = 1024;

/// A SQLite file, open.
#[derive(Clone)]
pub(crate) struct Sqlite {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    _lock: Option<Arc<File>>,
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and takes the steps that are missing.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        make_directory(path)?;
        let lock = lock(path)?;
        make_private(path)?;
        let mut connection = Connection::open(path).map_err(broken)?;
        claim(&connection)?;
        look_through(&connection, path)?;
        migrate(&mut connection)?;
        operations::work_out_turns(&connection).map_err(broken)?;
        idempotency::interrupt_all(&connection).map_err(broken)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reading = Connection::open_with_flags(path, flags).map_err(broken)?;
        let starts = |error: std::io::Error| OpenError::Broken(error.to_string());
        let folds = folds(path)?;
        let folding = Folding::start(&mut connection, move || folds.most()).map_err(starts)?;
        Ok(Self {
            writer: Writer::start(connection, Reserve::beside(path), Some(folding)).map_err(starts)?,
            reader: Reader::start(reading).map_err(starts)?,
            _lock: Some(Arc::new(lock)),
        })
    }

    /// The same in memory: both threads share one database that ends with them.
    pub(crate) fn in_memory() -> Result<Self, OpenError> {
        let name = format!("file:{}?mode=memory&cache=shared", uuid::Uuid::new_v4());
        let mut connection = Connection::open(&name).map_err(broken)?;
        connection.pragma_update(None, "page_size", MEMORY_PAGE_BYTES).map_err(broken)?;
        migrate(&mut connection)?;
        let reading = Connection::open(&name).map_err(broken)?;
        // Connections that share a cache lock each other's tables; reading what is not committed yet does no harm here.
        reading.pragma_update(None, "read_uncommitted", true).map_err(broken)?;
        let starts = |error: std::io::Error| OpenError::Broken(error.to_string());
        Ok(Self {
            writer: Writer::start(connection, Reserve::none(), None).map_err(starts)?,
            reader: Reader::start(reading).map_err(starts)?,
            _lock: None,
        })
    }
}

impl Sqlite {
    pub(crate) fn with_a_clock_that_stands_still(mut self) -> Self {
        self.writer.patience = Patience::ClockStandsStill;
        self.reader.patience = Patience::ClockStandsStill;
        self
    }
}

fn folds(path: &Path) -> Result<Folds, OpenError> {
    let connection = Connection::open(path).map_err(broken)?;
    connection.pragma_update(None, "synchronous", step::synchronous()).map_err(broken)?;
    let file = File::open(path).map_err(|error| cannot(path, &error))?;
    Ok(Folds { connection, file })
}

/// What a record's checksum cannot see is its place in the order of all: a file that can be read in a moment is looked through
/// as it is opened.
fn look_through(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if std::fs::metadata(path).is_ok_and(|found| found.len() > LOOKED_THROUGH_BYTES_MAX) {
        return Ok(());
    }
    let said: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(broken)?;
    if said == "ok" { Ok(()) } else { Err(OpenError::Broken(said)) }
}

impl Sqlite {
    /// Beside the hubkeeper that writes it.
    pub(crate) fn open_to_read(path: &Path) -> Result<Reader, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(broken)?;
        Reader::start(connection).map_err(|error| OpenError::Broken(error.to_string()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn broken(error: rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => OpenError::InUse,
        Some(_) | None => OpenError::Broken(error.to_string()),
    }
}

fn make_directory(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    directory.map_or(Ok(()), std::fs::create_dir_all).map_err(|error| cannot(path, &error))
}

fn cannot(path: &Path, error: &std::io::Error) -> OpenError {
    OpenError::Directory { path: path.display().to_string(), why: error.to_string() }
}

/// What people's records hold lies in it. SQLite gives the files beside it the rights of this one; a file that is there keeps
/// those that somebody gave it.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let made = File::options().create(true).truncate(false).write(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| cannot(path, &error))
}

/// Keeps a second hubkeeper out: two that each believe to be the only writer would send operations twice. The system
/// lets go of the lock when the process ends, however it ends.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push("-lock");
    let file = File::options().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|error| cannot(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(cannot(path, &error)),
    }
}

/// Every commit is on the disk before it is told of, and what is deleted is overwritten.
fn claim(connection: &Connection) -> Result<(), OpenError> {
    let settings = format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {};
         PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cell_size_check = ON;
         PRAGMA secure_delete = ON;",
        step::synchronous()
    );
    connection.execute_batch(&settings).map_err(broken)
}

fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let known = u32::try_from(SQLITE_STEPS.len()).expect("a few steps");
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(broken)?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    let transaction = connection.transaction().map_err(broken)?;
    for step in &SQLITE_STEPS[found as usize..] {
        transaction.execute_batch(step).map_err(broken)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(broken)?;
    transaction.commit().map_err(broken)
}

/// The file of a `sqlite:` address.
pub(crate) fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty()).then(|| PathBuf::from(path))
}
