//! The ustar format, as far as a few small files need it (POSIX.1-1988): a header of 512 bytes for each, then its bytes,
//! filled up to the next 512.

use jiff::Timestamp;

const BLOCK: usize = 512;

/// Names here are short and ours.
const NAME_BYTES_MAX: usize = 100;

#[derive(Default)]
pub(super) struct Archive(Vec<u8>);

impl Archive {
    pub(super) fn add(&mut self, name: &str, content: &[u8], at: Timestamp) {
        debug_assert!(name.len() <= NAME_BYTES_MAX, "names here are short");
        let mut header = [0_u8; BLOCK];
        put(&mut header, 0, &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)]);
        put(&mut header, 100, b"0000600\0");
        put(&mut header, 108, b"0000000\0");
        put(&mut header, 116, b"0000000\0");
        put(&mut header, 124, format!("{:011o}\0", content.len()).as_bytes());
        put(&mut header, 136, format!("{:011o}\0", at.as_second().max(0)).as_bytes());
        put(&mut header, 148, b"        ");
        header[156] = b'0';
        put(&mut header, 257, b"ustar\0");
        put(&mut header, 263, b"00");
        // The sum is over the header with spaces in its own place.
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut header, 148, format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&header);
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
    }

    /// Two empty blocks end it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self.0
    }
}

fn put(header: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    header[at..at + bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_own_tar_reads_it() {
        let mut archive = Archive::default();
        archive.add("manifest.json", b"{}", Timestamp::UNIX_EPOCH);
        archive.add("long.txt", &[b'x'; 1_000], Timestamp::UNIX_EPOCH);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bundle.tar");
        std::fs::write(&path, archive.finish()).unwrap();
        let listed = std::process::Command::new("tar").arg("-tf").arg(&path).output().unwrap();
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), "manifest.json\nlong.txt\n");
    }
}
