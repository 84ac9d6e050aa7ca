//! Operator work as plan → run → report. Nothing here prints: a report is data, and whoever asked for it shows it.
//!
//! | module | is |
//! |---|---|
//! | [`check`] | whether an integration is fit for production, point by point |
//! | [`quota`] | what a portal's limits are spent on, how long they last, and what would make them last longer |
//! | [`scopes`] | what tokens may do, held against what calls need |
//! | [`triage`] | what probes and traffic tell of an integration, as facts for a diagnosis |
//! | [`scan`] | what in a source tree will break an integration, or gives its credentials away |

pub mod check;
pub mod quota;
pub mod scan;
pub mod scopes;
pub mod triage;
