//! After a crash, the next hubkeeper in the same place.
//!
//! On a database of several, what a process was sending that fell silent is taken over once nothing of it can be under way: it
//! may live and only be cut off. Who starts in its data directory, on its machine, knows better: it is dead.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use store::Store;
use uuid::Uuid;

const NAME: &str = "process";

/// A copied directory is no succession: the one that it was copied from may live.
const MACHINE: &str = "/proc/sys/kernel/hostname";

/// The place in the line, held for as long as the process lives.
pub(crate) struct Succession {
    _held: File,
}

impl Succession {
    /// Buries whoever had the place, and takes it. `None` where somebody has it, or it cannot be used: then the others wait
    /// until a silence has been long enough.
    pub(crate) async fn take(directory: &Path, store: &Store) -> Option<Self> {
        let taken = Self::hold(directory, store).await;
        taken
            .inspect_err(|error| {
                let path = directory.join(NAME);
                tracing::warn!(path = %path.display(), %error, "after a crash, what is being sent will wait: the data directory is in use or cannot be written");
            })
            .ok()
    }

    async fn hold(directory: &Path, store: &Store) -> io::Result<Self> {
        let mut options = File::options();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(directory.join(NAME))?;
        file.try_lock()?;
        let machine = std::fs::read_to_string(MACHINE)?;
        let mut last = String::new();
        file.read_to_string(&mut last)?;
        if let Some(predecessor) = predecessor(&last, machine.trim()) {
            store.bury(predecessor).await.map_err(io::Error::other)?;
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {}", store.owner(), machine.trim())?;
        file.sync_data()?;
        Ok(Self { _held: file })
    }
}

/// Who had the place on this machine.
fn predecessor(line: &str, machine: &str) -> Option<Uuid> {
    let (owner, on) = line.trim_end().split_once(' ')?;
    (on == machine).then(|| owner.parse().ok())?
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::the_same_machine("67e55044-10b1-426f-9247-bb680e5fe0c8 here\n", true)]
    #[case::a_copy_elsewhere("67e55044-10b1-426f-9247-bb680e5fe0c8 there\n", false)]
    #[case::the_first("", false)]
    #[case::cut_off_by_a_crash("67e55044-10b1-42", false)]
    fn who_is_known_to_be_dead(#[case] line: &str, #[case] is_known: bool) {
        assert_eq!(predecessor(line, "here").is_some(), is_known);
    }
}
