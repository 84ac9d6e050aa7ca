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
//! | [`secrets`] | what deliveries are verified with |
//! | [`workflow`] | what a workflow's action sends, as an event |
//! | [`seen`] | what a delivery told of itself |
//! | [`proxy`] | what a proxy of ours says of the address |
//! | [`suspect`] | what did not verify, and is verified again |
//! | [`explain`] | why a delivery does not verify |
//! | [`journal`] | what HubSpot's journal tells, and no webhook brought |
//! | [`effects`] | what new events change in our own house |
//! | [`privacy`] | a person who is to be forgotten, in what we keep |
//! | [`books`], [`silence`] | what came, and whether too little does |
//! | [`dispatch`] | on to the subscribers |
//! | [`clock`] | the time of day |

pub mod address;
pub mod books;
pub mod clock;
pub mod dispatch;
pub mod effects;
pub mod event;
pub mod explain;
pub mod journal;
pub mod privacy;
pub mod proxy;
pub mod receive;
pub mod secrets;
pub mod seen;
pub mod silence;
pub mod suspect;
pub mod workflow;
