//! Directories of one run: hubkeeper's data on the disk, histories in memory. What fails keeps its histories.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

pub(crate) struct Places {
    pub(crate) data: PathBuf,
    pub(crate) histories: PathBuf,
    _data: TempDir,
    kept: Option<TempDir>,
}

impl Places {
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        let data = tempfile::Builder::new().prefix(&format!("proof-{name}-")).tempdir()?;
        let kept = tempfile::Builder::new().prefix(&format!("proof-{name}-")).tempdir_in(elsewhere())?;
        Ok(Self {
            data: data.path().join("data"),
            histories: kept.path().to_owned(),
            _data: data,
            kept: Some(kept),
        })
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(kept) = self.kept.take()
        {
            eprintln!("proof: the histories are kept in {}", kept.keep().display());
        }
    }
}

/// Another file system than that of temporary files, where there is one.
fn elsewhere() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}
