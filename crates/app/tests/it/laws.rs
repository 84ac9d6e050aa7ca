//! The laws, checked from the simulator's own books in virtual time.

mod cache;
mod daily;
mod lanes;
mod limits;
mod outbox;
mod packing;
mod probes;
mod restart;
mod scopes;
mod tokens;
