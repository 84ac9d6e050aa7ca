//! After a crash, the next hubkeeper in the same place.
//!
//! On a database of several, what a process was sending that fell silent is taken over once nothing of it can be under way: it
//! may live and only be cut off. Who starts in its data directory, on its machine, knows better: it is dead.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::UNIX_EPOCH;

use store::Store;
use uuid::Uuid;

const NAME: &str = "process";

/// A copied directory is no succession: the one that it was copied from may live. A copy to another machine shows by that one's
/// name, and any other by its files, which are new. A disk that was copied as a whole, host name and all, does not show.
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
        let here = format!("{} {}", machine.trim(), of_file(&file.metadata()?));
        let mut last = String::new();
        file.read_to_string(&mut last)?;
        if let Some(predecessor) = predecessor(&last, &here) {
            store.bury(predecessor).await.map_err(io::Error::other)?;
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{} {here}", store.owner())?;
        file.sync_data()?;
        Ok(Self { _held: file })
    }
}

/// What a copy of it has not got: its number, and when it was made, where the file system tells.
fn of_file(file: &Metadata) -> String {
    let made = file.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    format!("{}@{}", file.ino(), made.unwrap_or_default().as_nanos())
}

/// Who had the place in this very directory, on this machine.
fn predecessor(line: &str, here: &str) -> Option<Uuid> {
    let (owner, there) = line.trim_end().split_once(' ')?;
    (there == here).then(|| owner.parse().ok())?
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::the_same("67e55044-10b1-426f-9247-bb680e5fe0c8 here 5@7\n", true)]
    #[case::a_copy_elsewhere("67e55044-10b1-426f-9247-bb680e5fe0c8 there 5@7\n", false)]
    #[case::a_copy_beside_it("67e55044-10b1-426f-9247-bb680e5fe0c8 here 6@8\n", false)]
    #[case::of_an_earlier_version("67e55044-10b1-426f-9247-bb680e5fe0c8 here\n", false)]
    #[case::the_first("", false)]
    #[case::cut_off_by_a_crash("67e55044-10b1-42", false)]
    fn who_is_known_to_be_dead(#[case] line: &str, #[case] is_known: bool) {
        assert_eq!(predecessor(line, "here 5@7").is_some(), is_known);
    }

    #[test]
    fn a_copy_of_a_file_is_another_and_one_written_anew_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (one, copy) = (directory.path().join("one"), directory.path().join("copy"));
        std::fs::write(&one, "x").unwrap();
        std::fs::copy(&one, &copy).unwrap();
        let of = |path| of_file(&std::fs::metadata(path).unwrap());
        let before = of(&one);
        std::fs::write(&one, "y").unwrap();
        assert_eq!(of(&one), before);
        assert_ne!(of(&copy), before);
    }
}
