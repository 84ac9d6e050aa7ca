//! Operator work as plan → run → report. Nothing here prints: a report is data, and whoever asked for it shows it.
//!
//! | module | is |
//! |---|---|
//! | [`quota`] | what a portal's limits are spent on, how long they last, and what would make them last longer |

pub mod quota;
