//! Forwarding: what lies in the log goes on to every subscriber that wants it, in order for each object, until it has
//! been taken.
//!
//! | module | is |
//! |---|---|
//! | [`subscriber`] | who gets what, and how |
//! | [`filter`] | whether an event is wanted |
//! | [`item`] | an event on its way |
//! | [`engine`] | what to send now, what to keep, how far we are: pure |
//! | [`schedule`] | when a failed one goes again |
//! | [`breaker`] | when a subscriber is left alone |
//! | [`verdict`] | what an answer means |
//! | [`signing`] | Standard Webhooks signatures |
//! | [`guard`] | which addresses may be called |
//! | [`dial`] | a connection to an address that was looked at |
//! | [`door`] | the way out, behind one seam |
//! | [`http_door`], [`lines`] | the ways out there are |
//! | [`worker`] | one subscriber's engine at work |
//! | [`replay`] | what a person wants sent once more |
//! | [`witness`] | who is told as each request ends |
//! | [`house`] | all of them |

pub mod breaker;
pub mod dial;
pub mod door;
pub mod engine;
pub mod filter;
pub mod guard;
pub mod house;
pub mod http_door;
pub mod item;
pub mod lines;
pub mod replay;
pub mod schedule;
pub mod signing;
pub mod subscriber;
pub mod verdict;
pub mod witness;
pub mod worker;
