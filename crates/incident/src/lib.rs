//! Diagnosis: from facts to a named cause with its evidence.
//!
//! Pure: nothing here asks the network, reads a clock or keeps state. Probes and traffic are handed in as [`facts`],
//! the same facts give the same answer, and every answer can be replayed from them.
//!
//! | module | answers |
//! |---|---|
//! | [`facts`] | what may be known |
//! | [`code`] | what a diagnosis may be called, and from where it can be told |
//! | [`tree`] | which questions lead to which cause |
//! | [`mod@diagnose`] | how findings are weighed and told |
//! | [`runbook`] | what a person does then |
//! | [`triage`] | the answer |
//!
//! Some causes show only from inside: what [`code::Vantage::Inbox`] and [`code::Vantage::Inside`] need is missing from the
//! facts where no running hubkeeper was asked, and then they are not named.

pub mod code;
mod diagnose;
pub mod facts;
#[cfg(test)]
mod fixture;
pub mod runbook;
mod signals;
pub mod tree;
pub mod triage;

pub use diagnose::diagnose;
