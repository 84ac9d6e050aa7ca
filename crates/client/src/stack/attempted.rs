//! How one attempt ended.

use std::time::Duration;

use http::{Response, StatusCode};
use hubspot::error::ApiError;

use crate::body::Body;
use crate::call::Failure;
use crate::telemetry::AttemptResult;
use crate::transport::TransportError;

/// An answer, and what it means where it is not a plain success.
pub(super) type Reply = (Response<Body>, Option<Box<ApiError>>);

/// How one attempt ended.
pub(super) enum Attempted {
    Answered(Response<Body>, Option<Box<ApiError>>),
    Transport(TransportError),
    TimedOut { after: Duration },
}

impl Attempted {
    pub(super) fn result(&self) -> AttemptResult<'_> {
        match self {
            Self::Answered(response, None) => AttemptResult::Good(response.status()),
            Self::Answered(_, Some(error)) => AttemptResult::Error(error),
            Self::Transport(error) => AttemptResult::Transport(error.fault),
            Self::TimedOut { .. } => AttemptResult::TimedOut,
        }
    }

    /// HubSpot failed, as far as can be told: a 5xx, or no answer in an attempt's whole time. A caller in a hurry proves
    /// nothing.
    pub(super) fn is_failure_of_hubspot(&self, whole_time: Duration) -> bool {
        match self {
            Self::Answered(_, error) => error.as_ref().is_some_and(|error| error.counts_against_breaker()),
            Self::Transport(_) => true,
            Self::TimedOut { after } => *after >= whole_time,
        }
    }

    pub(super) fn settle(self) -> Result<Reply, Failure> {
        match self {
            Self::Answered(response, error) => Ok((response, error)),
            Self::Transport(error) => Err(Failure::Transport(error)),
            Self::TimedOut { after } => Err(Failure::TimedOut { after }),
        }
    }
}

/// Errors are read from what is at hand; a success is not looked into.
pub(crate) fn read_error(response: &Response<Body>) -> Option<Box<ApiError>> {
    let status = response.status();
    let plain = status.is_success() && status != StatusCode::MULTI_STATUS || status.is_redirection();
    if plain {
        None
    } else {
        ApiError::read(status, response.headers(), response.body().at_hand()).map(Box::new)
    }
}
