//! Packing: several callers' single-record calls travel as one batch call, and each gets the answer of its own.
//!
//! A call goes alone, at once, as long as nothing is short: a slot is free, and no more arrive than the window sustains.
//! Otherwise it joins the line of those with which it can share a batch, and a pack leaves when it is full or when those
//! who are expected have come.
//!
//! | file | decides |
//! |---|---|
//! | `single` | is it a call on one record, and which |
//! | `query` | what a read selects |
//! | `shape` | with whom a call can share a batch; the batch call itself |
//! | `apart` | what of the batch's answer is whose |
//! | `pressure` | do more arrive than the window sustains |
//! | `settle` | when a partial pack goes |
//! | `line` | who waits, and who goes next: by lane, then fairly among callers |
//! | `order` | calls on one record do not overtake each other |
//! | `packer` | all of it for one account, behind its locks |
//! | `counts` | what packing saved |
//!
//! The shell, which waits and sends, is `stack/packed.rs`.

mod apart;
mod counts;
mod line;
mod order;
mod packer;
mod pressure;
mod query;
mod settle;
mod shape;
mod single;

pub(crate) use apart::{Part, take_apart};
pub use counts::PackingCounts;
pub(crate) use line::{Company, Departure, Handed, Head, Line, Member, Pack, Place};
pub(crate) use order::Ticket;
pub(crate) use packer::Packer;
pub(crate) use settle::{Pace, Readiness};
pub(crate) use shape::{Input, Shape};
pub(crate) use single::{Deed, Single};
