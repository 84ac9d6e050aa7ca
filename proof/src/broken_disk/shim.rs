//! The library that is loaded before the C library and makes one call fail.

use std::io;
use std::path::{Path, PathBuf};

use crate::process::Start;
use crate::{Rig, scratch};

pub(super) struct Shim {
    library: PathBuf,
    data: PathBuf,
    mark: PathBuf,
}

impl Shim {
    pub(super) fn new(rig: &Rig, places: &scratch::Places) -> io::Result<Self> {
        let library = rig.preload.canonicalize().map_err(|error| {
            io::Error::other(format!(
                "{}: {error}; build it with cargo build -p proof-preload",
                rig.preload.display()
            ))
        })?;
        Ok(Self { library, data: places.data.clone(), mark: places.histories.join("failed") })
    }

    pub(super) fn load_into(&self, start: Start, fault: &str) -> Start {
        let _was_not_there = std::fs::remove_file(&self.mark);
        let text = |path: &Path| path.display().to_string();
        start
            .env("LD_PRELOAD", &text(&self.library))
            .env("PROOF_FAULT", fault)
            .env("PROOF_FAULT_BELOW", &text(&self.data))
            .env("PROOF_FAULT_MARK", &text(&self.mark))
    }

    /// The file whose call failed.
    pub(super) fn failed(&self) -> String {
        std::fs::read_to_string(&self.mark).unwrap_or_default()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.mark.exists()
    }

    /// From now on no call fails.
    pub(super) fn mend(&self) -> io::Result<()> {
        std::fs::remove_file(&self.mark)
    }
}
