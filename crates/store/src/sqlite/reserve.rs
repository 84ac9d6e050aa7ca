//! Room kept aside on the disk, so that accepted work can still be settled when everything else is full.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// Enough to settle a few hundred thousand operations: a settled one costs some 60 bytes of log.
const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// A file of nothing, given up when the disk is full.
pub(crate) struct Reserve {
    path: PathBuf,
    bytes: u64,
    allocate: Allocate,
}

/// Makes a file of so many bytes, or none.
type Allocate = Box<dyn Fn(&Path, u64) -> std::io::Result<()> + Send>;

impl Reserve {
    /// Takes the room, as far as there is some; it is asked for again whenever it is found missing.
    pub(crate) fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-reserve");
        Self::made_by(path.into(), RESERVE_BYTES, Box::new(allocate))
    }

    pub(super) fn made_by(path: PathBuf, bytes: u64, allocate: Allocate) -> Self {
        let reserve = Self { path, bytes, allocate };
        let _later = reserve.take();
        reserve
    }

    /// Memory has no disk to run out of.
    pub(crate) fn none() -> Self {
        Self::made_by(PathBuf::new(), 0, Box::new(allocate))
    }

    pub(crate) fn release(&self) {
        let _already_gone = std::fs::remove_file(&self.path);
    }

    /// The reserve could be filled up again: the disk has room for new work.
    pub(crate) fn is_whole_again(&self) -> bool {
        self.take().is_ok()
    }

    fn take(&self) -> std::io::Result<()> {
        if self.bytes == 0 || std::fs::metadata(&self.path).is_ok_and(|found| found.len() >= self.bytes) {
            return Ok(());
        }
        let taken = (self.allocate)(&self.path, self.bytes);
        if taken.is_err() {
            self.release();
        }
        taken
    }
}

fn allocate(path: &Path, bytes: u64) -> std::io::Result<()> {
    let file: File = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
    file.sync_all()
}
