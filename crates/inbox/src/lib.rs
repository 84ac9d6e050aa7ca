//! The webhook flow: a delivery comes in, is verified, and is on the disk before HubSpot hears that it was taken.
//!
//! ```text
//! HubSpot ─▶ read the events ─▶ verify ─▶ keep what is new ─▶ 200
//!                 │ no events      │ forged: 401, or quarantined: 503
//!                 ▼ 400            ▼
//! ```
//!
//! Acknowledging never waits on HubSpot: this crate does not know how to call it.
//!
//! | module | is |
//! |---|---|
//! | [`event`] | what an event tells of itself |
//! | [`address`] | what HubSpot called |
//! | [`receive`] | from request to answer |
//! | [`dispatch`] | on to the subscribers |
//! | [`clock`] | the time of day |

pub mod address;
pub mod clock;
pub mod dispatch;
pub mod event;
pub mod receive;
