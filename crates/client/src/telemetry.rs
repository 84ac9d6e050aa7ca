//! What the layers tell whoever listens. No bodies, no tokens, no query strings pass here.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use hubspot::endpoint::Endpoint;
use hubspot::error::ApiError;
use tokio::time::Instant;

use crate::accounts::Account;
use crate::call::{Effort, Failure, Source};
use crate::degraded::Change;
use crate::lane::Lane;
use crate::transport::TransportFault;

/// Listens to every attempt and every call.
pub trait Observer: Send + Sync + 'static {
    fn attempt(&self, label: &Label<'_>, result: AttemptResult<'_>, span: Span);
    fn call(&self, label: &Label<'_>, result: CallResult<'_>, effort: Effort, span: Span);

    /// A call was answered by us as HubSpot would have answered it, and was not sent.
    fn forestalled(&self, label: &Label<'_>, error: &ApiError, span: Span) {
        let _nobody_minds = (label, error, span);
    }

    /// Degraded mode began or ended somewhere, by switch or by a breaker.
    fn degraded(&self, change: &Change) {
        let _nobody_minds = change;
    }
}

/// When it began and ended.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub began: Instant,
    pub ended: Instant,
}

impl Span {
    pub(crate) fn since(began: Instant) -> Self {
        Self { began, ended: Instant::now() }
    }

    pub fn took(&self) -> Duration {
        self.ended - self.began
    }
}

/// Which call this is about.
pub struct Label<'a> {
    pub account: &'a Account,
    pub caller: &'a Arc<str>,
    pub method: &'a Method,
    /// Holds ids: only its route may be kept.
    pub path: &'a str,
    pub endpoint: &'a Endpoint,
    pub lane: Lane,
}

/// How one request sent to HubSpot ended.
#[derive(Debug, Clone, Copy)]
pub enum AttemptResult<'a> {
    Good(StatusCode),
    /// An answer that is not a plain success.
    Error(&'a ApiError),
    Transport(TransportFault),
    TimedOut,
}

impl AttemptResult<'_> {
    /// Can HubSpot have seen the request?
    pub(crate) fn may_have_arrived(self) -> bool {
        match self {
            Self::Good(_) | Self::Error(_) | Self::TimedOut => true,
            Self::Transport(fault) => fault.may_have_been_sent(),
        }
    }
}

/// How a call ended for its caller.
#[derive(Debug, Clone, Copy)]
pub enum CallResult<'a> {
    /// Its status, what it means where that is not a plain success, and where it comes from.
    Answered(StatusCode, Option<&'a ApiError>, Source),
    Failed(&'a Failure),
    /// The caller hung up.
    Cancelled,
}

/// Nobody listens.
pub struct Silence;

impl Observer for Silence {
    fn attempt(&self, _: &Label<'_>, _: AttemptResult<'_>, _: Span) {}
    fn call(&self, _: &Label<'_>, _: CallResult<'_>, _: Effort, _: Span) {}
}
