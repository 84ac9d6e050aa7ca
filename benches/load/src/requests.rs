//! Requests made beforehand, bytes as they go on the wire: for what must differ from one to the next and takes time to make, as
//! signed deliveries do. Connections take them in turn until none is left.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// All of a file: each request with its length, four bytes little-endian, before it.
pub(crate) struct Requests {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    places: Vec<(usize, usize)>,
    next: AtomicUsize,
}

impl Requests {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Self::of(std::fs::read(path)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn of(bytes: Vec<u8>) -> Option<Self> {
        let mut places = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
            let (begins, ends) = (at + 4, at + 4 + length);
            bytes.get(begins..ends)?;
            places.push((begins, ends));
            at = ends;
        }
        Some(Self { bytes, places, next: AtomicUsize::new(0) })
    }

    /// The next one, which nobody else gets.
    pub(crate) fn take(&self) -> Option<&[u8]> {
        let (begins, ends) = *self.places.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        Some(&self.bytes[begins..ends])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_taken_once_and_a_cut_file_is_refused() {
        let requests = Requests::of(b"\x03\0\0\0one\x05\0\0\0three".to_vec()).unwrap();
        assert_eq!(requests.take(), Some(&b"one"[..]));
        assert_eq!(requests.take(), Some(&b"three"[..]));
        assert_eq!(requests.take(), None);
        assert!(Requests::of(b"\x09\0\0\0one".to_vec()).is_none());
    }
}
