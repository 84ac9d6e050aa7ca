//! What a fuzzer calls; `fuzz/` at the top of the repository has the seeds.

use crate::connection::{Understood, understood};

/// What a client sends on one connection is understood the same however it comes in pieces.
///
/// # Panics
/// When it is not.
pub fn requests(bytes: &[u8]) {
    let at_once: Understood = understood(bytes, bytes.len());
    for length in [1, 2, 3, 7, 64] {
        assert_eq!(at_once, understood(bytes, length), "in pieces of {length} bytes");
    }
}
