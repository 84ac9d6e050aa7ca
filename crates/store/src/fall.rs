//! Falling over with a request in hand, as a bug of ours would.
//!
//! A panic prints what nobody has looked at. In the proof's builds a request that holds [`WORD`] makes hubkeeper panic with
//! all of it in the message, on each of the ways that requests come in; then every secret in it is looked for in all that
//! is left. In an ordinary build [`over`] is nothing.

use std::fmt::Debug;

/// In a path, or in the error that somebody is sent back with.
pub const WORD: &str = "fall-over";

/// Where a request comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Gateway,
    Inbox,
    Admin,
    /// People who come back from HubSpot.
    Consent,
}

/// In an ordinary build: nothing.
#[cfg(not(feature = "proof"))]
#[inline(always)]
pub const fn over(_way: Way, _in_hand: &dyn Debug) {}

/// # Panics
/// Where what is in hand asks for it.
#[cfg(feature = "proof")]
pub fn over(way: Way, in_hand: &dyn Debug) {
    let told = format!("{in_hand:?}");
    assert!(!told.contains(WORD), "fell over at {way:?} as it was asked to, with {told}");
}
