//! A disk that can lose its power: what was written since the last flush may be there, or not, or in part.
//!
//! A kill leaves the kernel's memory intact, so it says nothing about fsync. Here the whole way is real (SQLite, ext4, its
//! journal, the block layer's flushes) down to a disk of our own, which the kernel reaches as a file through FUSE and a loop
//! device. The disk knows what was flushed. Whatever was not is fair game, as with a real disk's cache: each write is
//! kept, lost or torn between two sectors, whatever became of its neighbours. That is harsher than most disks and softer
//! than none that keeps its promises.

pub(crate) mod fuse;
pub(crate) mod machine;

use crate::random::Random;

/// Written in one go or not at all.
const SECTOR_BYTES: usize = 512;

pub(crate) struct Disk {
    /// What a power cut leaves for certain.
    durable: Vec<u8>,
    /// What a reader sees.
    current: Vec<u8>,
    /// Since the last flush, in order.
    pending: Vec<(usize, Vec<u8>)>,
}

impl Disk {
    pub(crate) fn new(content: Vec<u8>) -> Self {
        Self { current: content.clone(), durable: content, pending: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.current.len()
    }

    pub(crate) fn read(&self, from: usize, length: usize) -> &[u8] {
        let from = from.min(self.current.len());
        let to = (from + length).min(self.current.len());
        &self.current[from..to]
    }

    /// What lies beyond the end is not taken; the answer is how much was.
    pub(crate) fn write(&mut self, from: usize, bytes: &[u8]) -> usize {
        let from = from.min(self.current.len());
        let bytes = &bytes[..bytes.len().min(self.current.len() - from)];
        self.current[from..from + bytes.len()].copy_from_slice(bytes);
        self.pending.push((from, bytes.to_vec()));
        bytes.len()
    }

    pub(crate) fn flush(&mut self) {
        for (from, bytes) in self.pending.drain(..) {
            self.durable[from..from + bytes.len()].copy_from_slice(&bytes);
        }
    }

    /// What is found when the power is back.
    pub(crate) fn after_a_cut(&self, random: &mut Random) -> Vec<u8> {
        let mut found = self.durable.clone();
        for (from, bytes) in &self.pending {
            let sectors = bytes.len().div_ceil(SECTOR_BYTES) as u64;
            let kept = match random.below(3) {
                0 => 0,
                1 => bytes.len(),
                _ => (SECTOR_BYTES * usize::try_from(random.below(sectors)).unwrap_or(0)).min(bytes.len()),
            };
            found[*from..from + kept].copy_from_slice(&bytes[..kept]);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_flushed_is_there_and_the_rest_may_not_be() {
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..100 {
            let mut disk = Disk::new(vec![0; 4_096]);
            disk.write(0, &[1; 512]);
            disk.flush();
            disk.write(1_024, &[2; 1_024]);
            assert_eq!((disk.read(0, 1)[0], disk.read(1_024, 1)[0]), (1, 2), "a reader sees both");
            let found = disk.after_a_cut(&mut Random::new(seed, 0));
            assert_eq!(found[..512], [1; 512]);
            match (found[1_024], found[2_047]) {
                (2, 2) => kept += 1,
                (0, 0) => lost += 1,
                (2, 0) => assert_eq!(found[1_024..1_536], [2; 512], "a sector is whole"),
                other => panic!("{other:?}"),
            }
        }
        assert!(kept > 10 && lost > 10, "{kept} kept, {lost} lost");
    }

    #[test]
    fn nothing_is_written_past_the_end() {
        let mut disk = Disk::new(vec![0; 512]);
        assert_eq!((disk.write(500, &[1; 100]), disk.write(600, &[1])), (12, 0));
        assert_eq!(disk.read(500, 100).len(), 12);
    }
}
