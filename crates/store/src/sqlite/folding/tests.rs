use std::path::Path;

use rusqlite::OpenFlags;

use super::*;
use crate::failure::{Refusing, StoreError};
use crate::sqlite::reserve::Reserve;
use crate::sqlite::writer::{Intent, Writer};

const PAGE_BYTES: usize = 4096;
const PAGES_EACH: usize = 64;
const WRITES_THAT_TELL: usize = 20;
const WRITES_MAX: usize = 10_000;

fn written(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS kept (bytes BLOB) STRICT;")
        .unwrap();
    connection
}

/// A writer whose log is folded by that connection.
fn writer(path: &Path, folds: Connection) -> Writer {
    let folds = Folds { connection: folds, file: File::open(path).unwrap() };
    writer_folded_by(path, move || folds.most())
}

fn writer_folded_by(path: &Path, most: impl Fn() -> rusqlite::Result<()> + Send + 'static) -> Writer {
    let mut writes = written(path);
    let folding = Folding::start(&mut writes, most).unwrap();
    Writer::start(writes, Reserve::none(), Some(folding)).unwrap()
}

/// Writes until nothing is taken any more.
async fn refused(writer: &Writer) -> StoreError {
    for _ in 0..WRITES_MAX {
        if let Err(why) = keep(writer).await {
            return why;
        }
    }
    panic!("all was taken");
}

async fn keep(writer: &Writer) -> Result<usize, StoreError> {
    let bytes = vec![7_u8; PAGES_EACH * PAGE_BYTES];
    let keep = move |on: &Connection| on.execute("INSERT INTO kept (bytes) VALUES (?1)", [&bytes]);
    writer.write(Intent::Accept, keep).await
}

fn log_bytes(path: &Path) -> usize {
    let log = path.with_extension("db-wal");
    usize::try_from(std::fs::metadata(log).unwrap().len()).unwrap()
}

#[tokio::test]
async fn a_log_begins_anew_while_writes_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(written(&path));
    let writer = writer(&path, Connection::open(&path).unwrap());
    let (mut kept, mut unchanged, mut longest) = (0, 0, 0);
    // The file of a log that begins anew grows no further until it is as long again.
    while unchanged < WRITES_THAT_TELL {
        kept += keep(&writer).await.unwrap();
        assert!(kept < WRITES_MAX, "{longest} bytes of log");
        let grown = log_bytes(&path);
        unchanged = if grown > longest { 0 } else { unchanged + 1 };
        longest = longest.max(grown);
    }
    assert!(longest >= usize::try_from(FOLD_AFTER_PAGES).unwrap() * PAGE_BYTES);
    drop(writer);
    let read = Connection::open(&path).unwrap();
    let found: i64 = read.query_row("SELECT count(*) FROM kept", [], |row| row.get(0)).unwrap();
    assert_eq!(found, i64::try_from(kept).unwrap());
}

#[tokio::test]
async fn a_disk_that_fails_while_it_is_folded_to_is_told_to_whoever_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    drop(written(&path));
    let cannot = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let writer = writer(&path, cannot);
    let refused = refused(&writer).await;
    assert!(matches!(refused, StoreError::NotAccepted(Refusing::Broken(_))), "{refused:?}");
    assert!(log_bytes(&path) >= usize::try_from(FOLD_AFTER_PAGES).unwrap() * PAGE_BYTES);
}

#[tokio::test]
async fn a_fall_of_the_thread_that_folds_is_told_to_whoever_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let writer = writer_folded_by(&path, || panic!("on purpose"));
    let StoreError::NotAccepted(Refusing::Broken(why)) = refused(&writer).await else {
        panic!("{:?}", writer.refusing());
    };
    assert!(why.contains("fell"), "{why}");
}
