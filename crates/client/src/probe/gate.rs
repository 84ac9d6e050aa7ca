//! Who says when a call may go: a gateway that spends the same limits. A question that it does not count would take the
//! room that one of its calls was promised.

use std::time::Duration;

use http::Method;

use super::terrain::Coming;

/// Guards the limits of the token that is probed with.
pub trait Gate: Send + Sync {
    /// Waits for the right to send one such call, `patience` at most; `None` where there is none in time. `path` is
    /// without its query.
    fn enter<'a>(
        &'a self,
        method: &'a Method,
        path: &'a str,
        patience: Duration,
    ) -> Coming<'a, Option<Box<dyn Pass>>>;
}

/// The right to send one call. Dropped without a word, the call may still be on its way.
pub trait Pass: Send {
    /// The call has ended, with an answer or without.
    fn ended(self: Box<Self>) -> Coming<'static, ()>;
}
