//! THE layer order.
//!
//! ```text
//! trace            outermost, so that it sees what the caller sees
//!   deadline       nothing below outlives the caller's patience
//!     retry        above the breaker: every attempt is admitted and gated anew
//!       breaker    above the governor: a refused attempt costs no slot
//!         governor every attempt is counted, retries too
//!           auth   every attempt is freshly signed
//!             attempt timeout   the slot's clock starts at its end
//!               transport
//! ```
//! The cache, when it comes, stands between deadline and retry.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode};
use hubspot::error::{ApiError, ErrorKind};
use hubspot::rate_headers::RateHeaders;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::accounts::{Account, AccountSettings, Accounts};
use crate::body::Body;
use crate::breaker::Admission;
use crate::call::{Answer, Call, CallFailed, Effort, Failure};
use crate::clock::WallClock;
use crate::governor::{Hit, Permit, Refusal, Turn};
use crate::introduction;
use crate::retry::{Ended, RetryBudget, Verdict, decide};
use crate::telemetry::{AttemptResult, CallResult, Observer, Span};
use crate::transport::{Transport, TransportError, TransportFault};

/// With a portal on the move (477), one call in this time asks whether it has arrived.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How the layers behave.
#[derive(Debug, Clone, Copy)]
pub struct StackSettings {
    pub accounts: AccountSettings,
    /// Below the edge's own 100 s (hubspot-facts §1.7: a 524 comes at 100 s).
    pub attempt_timeout: Duration,
    /// Answers up to this size are read whole before they are passed on, so that a cut one can be asked for again.
    pub whole_answer_bytes_max: usize,
    pub retries: Feature,
    pub breaker: Feature,
    /// Seeds the jitter of back-offs.
    pub seed: u64,
}

/// On or off, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Feature {
    #[default]
    On,
    Off,
}

/// The layers, over one transport.
pub struct Stack {
    transport: Arc<dyn Transport>,
    pub(crate) accounts: Accounts,
    observer: Arc<dyn Observer>,
    retry_budget: Mutex<RetryBudget>,
    jitter: Mutex<ChaCha8Rng>,
    settings: StackSettings,
}

/// An answer, and what it means where it is not a plain success.
type Reply = (Response<Body>, Option<Box<ApiError>>);

/// How one attempt ended.
enum Attempted {
    Answered(Response<Body>, Option<Box<ApiError>>),
    Transport(TransportError),
    TimedOut {
        after: Duration,
    },
    /// Nothing was sent.
    NotSent(Failure),
}

impl Stack {
    pub fn new(
        transport: Arc<dyn Transport>,
        observer: Arc<dyn Observer>,
        clock: WallClock,
        settings: StackSettings,
    ) -> Self {
        Self {
            transport,
            accounts: Accounts::new(settings.accounts, clock),
            observer,
            retry_budget: Mutex::default(),
            jitter: Mutex::new(ChaCha8Rng::seed_from_u64(settings.seed)),
            settings,
        }
    }

    /// Refuses every call that still waits for a slot; those already sent go on.
    pub fn close(&self) {
        for account in self.accounts.all() {
            if let Some(gate) = &account.gate {
                gate.governor.close();
            }
        }
    }

    /// Every account that has been used.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.all()
    }

    /// Calls HubSpot: waits for its slots, sends, and sends again where that is safe and worth it.
    ///
    /// # Errors
    /// [`CallFailed`] when no answer came. [`Failure::may_have_been_applied`] tells whether the call may have taken
    /// effect all the same.
    pub async fn call(self: &Arc<Self>, call: Call, body: Body) -> Result<Answer, CallFailed> {
        let began = Instant::now();
        let account = match self.accounts.known(&call.credential, &call.headers, began) {
            Some(account) => account,
            // Boxed: rare, and large enough to weigh on every call's future.
            None => Box::pin(self.open_account(&call)).await,
        };
        let trace = Trace::start(&*self.observer, &account, &call, began);
        let (result, effort) = self.retry(&call, body, &account).await;
        match result {
            Ok((response, error)) => {
                trace.end(CallResult::Answered(response.status(), error.as_deref()), effort);
                Ok(Answer { response, error, effort })
            }
            Err(why) => {
                trace.end(CallResult::Failed(&why), effort);
                Err(CallFailed { why, effort })
            }
        }
    }

    async fn open_account(self: &Arc<Self>, call: &Call) -> Arc<Account> {
        let learn = async |token: &HeaderValue| self.learn(token).await;
        let account = self.accounts.open(&call.credential, &call.headers, learn).await;
        introduction::begin(self, &account);
        account
    }

    /// Deadline and retry: attempts until one stands, none is left, or the caller's time is up.
    async fn retry(
        &self,
        call: &Call,
        mut body: Body,
        account: &Account,
    ) -> (Result<Reply, Failure>, Effort) {
        let mut effort = Effort::default();
        let mut last: Option<Attempted> = None;
        self.retry_budget.lock().first_try();
        loop {
            let spare = body.again();
            let attempted = self.attempt(call, body, account, &mut effort).await;
            if let Attempted::NotSent(_) = attempted {
                // What the last request brought says more than why there is no further one.
                return (last.unwrap_or(attempted).settle(), effort);
            }
            match (self.again(call, &attempted, effort.attempts), spare) {
                (Some(wait), Some(spare)) => {
                    tokio::time::sleep(wait).await;
                    body = spare;
                    last = Some(attempted);
                }
                (Some(_), None) | (None, _) => return (attempted.settle(), effort),
            }
        }
    }

    /// How long to wait before the next attempt; `None` when this one stands.
    fn again(&self, call: &Call, attempted: &Attempted, number: u32) -> Option<Duration> {
        let ended = match attempted {
            Attempted::Answered(_, Some(error)) => Ended::Answered(error),
            Attempted::Transport(error) => Ended::Transport(error.fault),
            Attempted::TimedOut { .. } => Ended::TimedOut,
            Attempted::Answered(_, None) | Attempted::NotSent(_) => return None,
        };
        let jitter = self.jitter.lock().random_range(0.0..1.0);
        let Verdict::Again(wait) = decide(ended, call.endpoint.idempotent, number, jitter) else {
            return None;
        };
        let in_time = Instant::now() + wait < call.deadline;
        (self.settings.retries == Feature::On && in_time && self.retry_budget.lock().take()).then_some(wait)
    }

    /// Breaker, governor, auth, attempt timeout, transport: one request.
    async fn attempt(&self, call: &Call, body: Body, account: &Account, effort: &mut Effort) -> Attempted {
        let now = Instant::now();
        if let Some(retry_after) = account.paused_for(now) {
            return Attempted::NotSent(Failure::PortalPaused { retry_after });
        }
        let (admission, passage) = account.breakers.admit(call.endpoint.family, now);
        if let (Admission::Refused { retry_after }, Feature::On) = (admission, self.settings.breaker) {
            return Attempted::NotSent(Failure::BreakerOpen { family: call.endpoint.family, retry_after });
        }
        let (permit, sent_at) = match self.wait_for_slot(call, account, now).await {
            Ok(right) => right,
            Err(refusal) => return Attempted::NotSent(Failure::Refused(refusal)),
        };
        effort.waited += sent_at - now;
        effort.attempts += 1;
        let (attempted, ended) = self.send(call, body, permit, sent_at).await;
        let result = attempted.result();
        if let AttemptResult::Error(error) = result
            && error.kind == ErrorKind::Migrating
        {
            account.pause(ended + error.retry_after.unwrap_or(PAUSE_MAX).min(PAUSE_MAX));
        }
        match result {
            AttemptResult::Good(_) => passage.succeeded(),
            AttemptResult::Error(error) if !error.counts_against_breaker() => passage.succeeded(),
            // Tells nothing about HubSpot: the connection had grown old, the caller's body broke off, or the caller
            // was in a hurry.
            AttemptResult::Transport(TransportFault::ResetAfterIdle | TransportFault::RequestBody) => {
                drop(passage);
            }
            AttemptResult::TimedOut if ended - sent_at < self.settings.attempt_timeout => drop(passage),
            AttemptResult::Error(_) | AttemptResult::Transport(_) | AttemptResult::TimedOut => {
                passage.failed(ended);
            }
        }
        self.observer.attempt(&call.label(account), result, Span { began: sent_at, ended });
        attempted
    }

    /// The governor: the right to send, and when it came.
    async fn wait_for_slot(
        &self,
        call: &Call,
        account: &Account,
        now: Instant,
    ) -> Result<(Option<Permit>, Instant), Refusal> {
        let Some(gate) = &account.gate else { return Ok((None, now)) };
        let permit =
            gate.governor.acquire(gate.app, call.endpoint.budgets, Turn::InOrder, call.deadline, now).await?;
        let sent_at = if permit.had_to_wait() { Instant::now() } else { now };
        Ok((Some(permit), sent_at))
    }

    /// Auth, attempt timeout, transport; the slot is settled by what comes back.
    async fn send(
        &self,
        call: &Call,
        body: Body,
        mut permit: Option<Permit>,
        sent_at: Instant,
    ) -> (Attempted, Instant) {
        let request = call.request(body);
        if let Some(permit) = &mut permit {
            permit.sent();
        }
        let patience = (sent_at + self.settings.attempt_timeout).min(call.deadline);
        let exchanged = tokio::time::timeout_at(patience, self.exchange(request)).await;
        let ended = Instant::now();
        let attempted = match exchanged {
            Ok(Ok(response)) => {
                let error = read_error(&response);
                if let Some(permit) = permit {
                    let hit = error.as_ref().filter(|error| error.kind.is_throttle());
                    let hit = hit.map(|error| Hit { kind: error.kind, retry_after: error.retry_after });
                    permit.answered(ended, &RateHeaders::read(response.headers()), hit);
                }
                Attempted::Answered(response, error)
            }
            Ok(Err(error)) => {
                match permit {
                    Some(permit) if error.may_have_been_sent() => permit.timed_out(ended),
                    Some(permit) => permit.never_sent(),
                    None => {}
                }
                Attempted::Transport(error)
            }
            Err(_elapsed) => {
                if let Some(permit) = permit {
                    permit.timed_out(ended);
                }
                Attempted::TimedOut { after: ended - sent_at }
            }
        };
        (attempted, ended)
    }

    /// One request and its answer, as far as [`Self::read_ahead`] reads it.
    pub(crate) async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let response = self.transport.send(request).await?;
        self.read_ahead(response).await
    }

    /// Small answers are taken in whole; a large one starts to flow once its first part is here.
    async fn read_ahead(&self, response: Response<Body>) -> Result<Response<Body>, TransportError> {
        let (parts, body) = response.into_parts();
        let body = match body {
            Body::Streamed(incoming) => Body::read_ahead(incoming, self.settings.whole_answer_bytes_max)
                .await
                .map_err(|error| TransportError::new(TransportFault::Truncated, error))?,
            other => other,
        };
        Ok(Response::from_parts(parts, body))
    }
}

/// Errors are read from what is at hand; a success is not looked into.
fn read_error(response: &Response<Body>) -> Option<Box<ApiError>> {
    let status = response.status();
    let plain = status.is_success() && status != StatusCode::MULTI_STATUS || status.is_redirection();
    if plain {
        None
    } else {
        ApiError::read(status, response.headers(), response.body().at_hand()).map(Box::new)
    }
}

impl Attempted {
    fn result(&self) -> AttemptResult<'_> {
        match self {
            Self::Answered(response, None) => AttemptResult::Good(response.status()),
            Self::Answered(_, Some(error)) => AttemptResult::Error(error),
            Self::Transport(error) => AttemptResult::Transport(error.fault),
            Self::TimedOut { .. } | Self::NotSent(_) => AttemptResult::TimedOut,
        }
    }

    fn settle(self) -> Result<Reply, Failure> {
        match self {
            Self::Answered(response, error) => Ok((response, error)),
            Self::Transport(error) => Err(Failure::Transport(error)),
            Self::TimedOut { after } => Err(Failure::TimedOut { after }),
            Self::NotSent(failure) => Err(failure),
        }
    }
}

/// Tells the observer how the call ended, also when the caller hangs up and the future is dropped.
struct Trace<'a> {
    observer: &'a dyn Observer,
    account: &'a Account,
    call: &'a Call,
    began: Instant,
    ended: bool,
}

impl<'a> Trace<'a> {
    fn start(observer: &'a dyn Observer, account: &'a Account, call: &'a Call, began: Instant) -> Self {
        Self { observer, account, call, began, ended: false }
    }

    fn end(mut self, result: CallResult<'_>, effort: Effort) {
        self.ended = true;
        self.observer.call(&self.call.label(self.account), result, effort, Span::since(self.began));
    }
}

impl Drop for Trace<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let label = self.call.label(self.account);
            self.observer.call(&label, CallResult::Cancelled, Effort::default(), Span::since(self.began));
        }
    }
}
