//! One governed way to call HubSpot.
//!
//! A call goes down through the layers of [`stack`], in the one order written there, and every attempt is counted,
//! gated and freshly signed.
//!
//! | module | is |
//! |---|---|
//! | [`stack`] | THE layer order |
//! | [`call`] | what goes in and what comes out |
//! | [`handling`] | what may be done for a call besides sending it |
//! | [`cache`] | answers kept, shared and served again |
//! | [`handover`] | what one process leaves to the next |
//! | [`accounts`] | which portal and app a credential belongs to |
//! | [`app`] | an app by itself, and its token |
//! | [`journal`] | HubSpot's webhooks journal |
//! | [`governor`] | who may send now: the slots of every budget |
//! | [`slot`] | the same right for a call past the layers |
//! | `daily_usage` | asking HubSpot how much of the day is used |
//! | [`packing`] | several callers' calls as one batch |
//! | [`retry`] | whether an attempt is followed by another |
//! | [`degraded`] | not asking HubSpot, by switch |
//! | [`curbs`] | what is held back for a while |
//! | `breaker` | leaving a failing API family alone |
//! | `concurrency` | how many requests of a family may be under way |
//! | `latency` | what is slow for a family |
//! | [`transport`] | connections |
//! | [`telemetry`] | what listeners are told |
//! | [`probe`] | questions to every layer between us and HubSpot |

pub mod accounts;
pub mod app;
pub mod body;
mod breaker;
mod breakers;
pub mod cache;
pub mod call;
pub mod clock;
mod concurrency;
pub mod curbs;
mod daily_usage;
pub mod degraded;
pub mod governor;
pub mod handling;
pub mod handover;
mod introduction;
pub mod journal;
pub mod lane;
mod latency;
pub mod packing;
pub mod probe;
pub mod retry;
mod rooms;
pub mod slot;
pub mod stack;
pub mod telemetry;
pub mod transport;
