//! The outermost layer: it sees what the caller sees.

use tokio::time::Instant;

use crate::accounts::Account;
use crate::call::{Call, Effort};
use crate::telemetry::{CallResult, Observer, Span};

/// Tells the observer how the call ended, also when the caller hangs up and the future is dropped.
pub(super) struct Trace<'a> {
    observer: &'a dyn Observer,
    account: &'a Account,
    call: &'a Call,
    began: Instant,
    pub(super) effort: Effort,
    ended: bool,
}

impl<'a> Trace<'a> {
    pub(super) fn start(
        observer: &'a dyn Observer,
        account: &'a Account,
        call: &'a Call,
        began: Instant,
    ) -> Self {
        Self { observer, account, call, began, effort: Effort::default(), ended: false }
    }

    pub(super) fn end(mut self, result: CallResult<'_>) {
        self.ended = true;
        self.observer.call(&self.call.label(self.account), result, self.effort, Span::since(self.began));
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let label = self.call.label(self.account);
            self.observer.call(&label, CallResult::Cancelled, self.effort, Span::since(self.began));
        }
    }
}
