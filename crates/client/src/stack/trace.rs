//! The outermost layer: it sees what the caller sees.

use http::HeaderMap;
use tokio::time::Instant;

use crate::accounts::Account;
use crate::call::{Call, Effort};
use crate::telemetry::{CallResult, Observer, Span};

use super::spans;

/// Tells the observer how the call ended, also when the caller hangs up and the future is dropped.
pub(super) struct Trace<'a> {
    observer: &'a dyn Observer,
    account: &'a Account,
    call: &'a Call,
    began: Instant,
    span: tracing::Span,
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
        let span = spans::of_call(call, account);
        Self { observer, account, call, began, span, effort: Effort::default(), ended: false }
    }

    /// The call's tracing span, which its attempts lie in.
    pub(super) fn span(&self) -> tracing::Span {
        self.span.clone()
    }

    /// The answer is HubSpot's own.
    pub(super) fn answered(&self, headers: &HeaderMap) {
        spans::answered(&self.span, headers);
    }

    pub(super) fn end(mut self, result: CallResult<'_>) {
        self.ended = true;
        self.tell(result);
    }

    fn tell(&self, result: CallResult<'_>) {
        spans::call_ended(&self.span, result, self.effort);
        self.observer.call(&self.call.label(self.account), result, self.effort, Span::since(self.began));
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(CallResult::Cancelled);
        }
    }
}
