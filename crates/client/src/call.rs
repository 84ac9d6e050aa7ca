//! What goes into the layers and what comes out.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri, header};
use hubspot::endpoint::{ApiFamily, Endpoint};
use hubspot::error::ApiError;
use tokio::time::Instant;

use crate::accounts::{Account, Credential, Lack};
use crate::body::Body;
use crate::curbs::Curb;
use crate::governor::Refusal;
use crate::handling::Handling;
use crate::telemetry::Label;
use crate::transport::{TransportError, TransportFault};

/// One call to HubSpot, to be sent once or more. Its body goes beside it.
pub struct Call {
    pub method: Method,
    pub target: PathAndQuery,
    /// End-to-end headers only.
    pub headers: HeaderMap,
    pub endpoint: Endpoint,
    pub credential: Credential,
    /// The program that asks, by its configured name; `-` where callers are not told apart.
    pub caller: Arc<str>,
    /// What it says it is, where nothing vouches for that: shown to people, and good for no right of any kind.
    pub calls_itself: Option<Arc<str>>,
    /// When the caller stops waiting.
    pub deadline: Instant,
    pub handling: Handling,
}

impl Call {
    /// The request of one attempt, signed with the credential as it is now.
    pub(crate) fn request(&self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.target.clone());
        *request.headers_mut() = self.headers.clone();
        let authorization = match &self.credential {
            Credential::Connection(connection) => connection.authorization(Instant::now()).ok(),
            Credential::App(app) => app.authorization(),
            Credential::Anonymous | Credential::Passthrough => return request,
        };
        // Without one it would not have come this far; the caller's own key is not HubSpot's to see.
        request.headers_mut().remove(header::AUTHORIZATION);
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        request
    }

    /// The same call once more: to be made behind its caller's back, or later.
    pub fn again(&self) -> Self {
        Self {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            endpoint: self.endpoint,
            credential: self.credential.clone(),
            caller: self.caller.clone(),
            calls_itself: self.calls_itself.clone(),
            deadline: self.deadline,
            handling: self.handling,
        }
    }

    /// Whose call this is, for those who look.
    pub(crate) fn shown_caller(&self) -> &Arc<str> {
        self.calls_itself.as_ref().unwrap_or(&self.caller)
    }

    pub(crate) fn label<'a>(&'a self, account: &'a Account) -> Label<'a> {
        Label {
            account,
            caller: self.shown_caller(),
            method: &self.method,
            path: self.target.path(),
            endpoint: &self.endpoint,
            lane: self.handling.lane,
        }
    }
}

/// HubSpot's answer, and what it took to get it.
pub struct Answer {
    pub response: Response<Body>,
    /// What the answer means where it is not a plain success.
    pub error: Option<Box<ApiError>>,
    pub effort: Effort,
    pub source: Source,
}

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// HubSpot, now.
    #[default]
    Live,
    /// HubSpot, now, in one batch with others.
    Packed,
    /// Kept, and not yet due to be asked for again.
    Cache { age: Duration },
    /// Kept, and older than it should be: HubSpot does not answer.
    Stale { age: Duration },
}

impl Source {
    /// Every name, in the order of [`Self::place`].
    pub const NAMES: [&str; 4] = ["live", "packed", "cache", "stale"];

    /// Its place in a table.
    pub const fn place(self) -> usize {
        match self {
            Self::Live => 0,
            Self::Packed => 1,
            Self::Cache { .. } => 2,
            Self::Stale { .. } => 3,
        }
    }

    /// Its name in headers, logs and metrics.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.place()]
    }
}

/// What a call cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effort {
    /// Requests sent.
    pub attempts: u32,
    /// HubSpot may have seen one of them.
    pub reached: bool,
    /// Time spent waiting for slots, or for others to share one with.
    pub waited: Duration,
}

/// A call that got no answer from HubSpot.
#[derive(Debug)]
pub struct CallFailed {
    pub why: Failure,
    pub effort: Effort,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// We did not send it: a limit would not have allowed it in time.
    #[error("no {} slot in time", .0.budget.name())]
    Refused(Refusal),
    /// We did not send it: HubSpot has been failing and is being left alone for a moment.
    #[error("the {} API has been failing; the next try is in {retry_after:?}", family.name())]
    BreakerOpen { family: ApiFamily, retry_after: Duration },
    /// We did not send it: the family answers slowly, and there is no room for one more request under way in time.
    #[error("the {} API is slow or overloaded; there is no room for one more request in time", family.name())]
    Congested { family: ApiFamily, retry_after: Duration },
    /// We did not send it: somebody has switched to degraded mode. Served from what is kept where that is possible.
    #[error("degraded mode is on for the {} API: {reason}", family.name())]
    Degraded { family: ApiFamily, reason: Arc<str>, retry_after: Duration },
    /// We did not send it: it is held back while something is wrong.
    #[error("calls like this are held back ({}): {reason}", curb.name())]
    Held { curb: Curb, reason: Arc<str>, retry_after: Duration },
    /// We did not send it: the caller tries again what has just failed, and retries are a tenth of the load already.
    #[error("this has just failed, and the budget for retries is spent")]
    RetriesSpent { retry_after: Duration },
    /// We did not send it: the portal is moving between data centres (477). `retry_after` is what is left of the time that
    /// HubSpot named; some call or other asks before that whether it is over.
    #[error("the portal is being moved by HubSpot; it asked for {retry_after:?}")]
    PortalPaused { retry_after: Duration, asked_again_in: Duration },
    /// We did not send it: the connection has nothing to call with.
    #[error("the connection has no token to call with")]
    NoToken { connection: Arc<str>, lack: Lack },
    /// We did not send it: its caller wanted an answer from memory or none (`only-if-cached`).
    #[error("only an answer from memory was asked for, and none is kept")]
    NotKept,
    /// We did not send it: more credentials are in use than are told apart.
    #[error("too many credentials are in use")]
    TooManyCredentials,
    /// The connection failed, or the answer was cut.
    #[error(transparent)]
    Transport(TransportError),
    /// No answer in the attempt's time, or before the caller's deadline.
    #[error("no answer within {after:?}")]
    TimedOut { after: Duration },
}

impl Failure {
    /// Its name in logs and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason.name(),
            Self::BreakerOpen { .. } => "breaker_open",
            Self::Congested { .. } => "congested",
            Self::Degraded { .. } => "degraded",
            Self::Held { curb, .. } => curb.name(),
            Self::RetriesSpent { .. } => "retries_spent",
            Self::PortalPaused { .. } => "portal_paused",
            Self::NoToken { .. } => "no_token",
            Self::NotKept => "not_kept",
            Self::TooManyCredentials => "too_many_credentials",
            Self::Transport(error) => error.fault.name(),
            Self::TimedOut { .. } => "timeout",
        }
    }

    /// The same failure, for another who waited for the same answer.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(*refusal),
            Self::BreakerOpen { family, retry_after } => {
                Self::BreakerOpen { family: *family, retry_after: *retry_after }
            }
            Self::Congested { family, retry_after } => {
                Self::Congested { family: *family, retry_after: *retry_after }
            }
            Self::Degraded { family, reason, retry_after } => {
                Self::Degraded { family: *family, reason: reason.clone(), retry_after: *retry_after }
            }
            Self::Held { curb, reason, retry_after } => {
                Self::Held { curb: *curb, reason: reason.clone(), retry_after: *retry_after }
            }
            Self::RetriesSpent { retry_after } => Self::RetriesSpent { retry_after: *retry_after },
            Self::PortalPaused { retry_after, asked_again_in } => {
                Self::PortalPaused { retry_after: *retry_after, asked_again_in: *asked_again_in }
            }
            Self::NoToken { connection, lack } => {
                Self::NoToken { connection: connection.clone(), lack: lack.clone() }
            }
            Self::NotKept => Self::NotKept,
            Self::TooManyCredentials => Self::TooManyCredentials,
            Self::Transport(error) => Self::Transport(error.again()),
            Self::TimedOut { after } => Self::TimedOut { after: *after },
        }
    }

    /// May the call have taken effect at HubSpot?
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::BreakerOpen { .. }
            | Self::Congested { .. }
            | Self::Degraded { .. }
            | Self::Held { .. }
            | Self::RetriesSpent { .. }
            | Self::PortalPaused { .. }
            | Self::NoToken { .. }
            | Self::NotKept
            | Self::TooManyCredentials => false,
            Self::Transport(error) if error.fault == TransportFault::RequestBody => false,
            Self::Transport(error) => error.may_have_been_sent(),
            Self::TimedOut { .. } => true,
        }
    }
}
