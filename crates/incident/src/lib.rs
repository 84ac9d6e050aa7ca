//! Incidents: from signals to a suspicion, from facts to a named cause with its evidence, from a cause to what people are
//! told and what we do.
//!
//! Pure: nothing here asks the network or reads a clock. Signals, probes and traffic are handed in, the same facts give
//! the same answer, and every answer can be replayed from them.
//!
//! | module | answers |
//! |---|---|
//! | [`facts`] | what may be known |
//! | [`code`] | what a diagnosis may be called, and from where it can be told |
//! | [`tree`] | which questions lead to which cause |
//! | [`mod@diagnose`] | how findings are weighed and told |
//! | [`runbook`] | what a person does then |
//! | [`triage`] | the answer |
//! | [`signal`] | what is observed |
//! | [`detector`], [`slo`] | when an observation is a suspicion |
//! | [`engine`] | one step of everything that follows |
//! | [`mod@incident`], [`timeline`] | what is kept of an incident |
//! | [`blast`] | how far it reaches |
//! | [`mitigation`] | what we may do ourselves |
//! | [`message`], [`notify`] | what people are told, and how each channel writes it |
//! | [`mod@postmortem`] | the report, with its facts filled in |
//!
//! Some causes show only from inside: what [`code::Vantage::Inbox`] and [`code::Vantage::Inside`] need is missing from the
//! facts where no running hubkeeper was asked, and then they are not named.

pub mod blast;
pub mod code;
pub mod detector;
mod diagnose;
pub mod engine;
pub mod facts;
#[cfg(test)]
mod fixture;
pub mod incident;
pub mod message;
pub mod mitigation;
pub mod notify;
pub mod postmortem;
pub mod runbook;
pub mod signal;
mod signals;
pub mod slo;
pub mod timeline;
pub mod tree;
pub mod triage;
mod window;

pub use diagnose::{Likeness, causes, diagnose, glance};
