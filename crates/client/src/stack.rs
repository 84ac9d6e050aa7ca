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

use http::{HeaderValue, Request, Response};
use hubspot::endpoint::Budget;
use hubspot::error::ErrorKind;
use hubspot::rate_headers::RateHeaders;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use crate::accounts::{Account, AccountSettings, Accounts};
use crate::body::Body;
use crate::breaker::Admission;
use crate::breakers::Passage;
use crate::call::{Answer, Call, CallFailed, Effort, Failure};
use crate::clock::WallClock;
use crate::governor::{Hit, Permit, Refusal, RefusalReason, Turn};
use crate::introduction;
use crate::retry::{Ended, RetryBudget, Verdict, decide};
use crate::telemetry::{AttemptResult, CallResult, Observer, Span};
use crate::transport::{Transport, TransportError, TransportFault};

mod attempted;
mod trace;

use attempted::{Attempted, Reply, read_error};
use trace::Trace;

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
            if let Some(gate) = account.gate() {
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
            None => match Box::pin(self.open_account(&call)).await {
                Some(account) => account,
                None => {
                    return Err(CallFailed { why: Failure::TooManyCredentials, effort: Effort::default() });
                }
            },
        };
        let mut trace = Trace::start(&*self.observer, &account, &call, began);
        let result = self.retry(&call, body, &account, &mut trace.effort).await;
        let effort = trace.effort;
        match result {
            Ok((response, error)) => {
                trace.end(CallResult::Answered(response.status(), error.as_deref()));
                Ok(Answer { response, error, effort })
            }
            Err(why) => {
                trace.end(CallResult::Failed(&why));
                Err(CallFailed { why, effort })
            }
        }
    }

    /// Opens a new credential's account, in a task of its own: a caller who hangs up must not have the next one ask
    /// HubSpot the same again.
    async fn open_account(self: &Arc<Self>, call: &Call) -> Option<Arc<Account>> {
        let stack = self.clone();
        let (credential, headers, deadline) = (call.credential.clone(), call.headers.clone(), call.deadline);
        let opening = tokio::spawn(async move {
            let learn = async |token: &HeaderValue| stack.learn(token, deadline).await;
            let account = stack.accounts.open(&credential, &headers, learn).await?;
            introduction::begin(&stack, &account);
            Some(account)
        });
        opening.await.ok().flatten()
    }

    /// Deadline and retry: attempts until one stands, none is left, or the caller's time is up.
    async fn retry(
        &self,
        call: &Call,
        mut body: Body,
        account: &Account,
        effort: &mut Effort,
    ) -> Result<Reply, Failure> {
        let mut last: Option<Attempted> = None;
        self.retry_budget.lock().first_try();
        loop {
            let spare = body.again();
            let attempted = self.attempt(call, body, account, effort).await;
            if let Attempted::NotSent(_) = attempted {
                // What the last request brought says more than why there is no further one.
                return last.unwrap_or(attempted).settle();
            }
            let Some(spare) = spare else { return attempted.settle() };
            let Some(wait) = self.again(call, &attempted, effort.attempts) else { return attempted.settle() };
            tokio::time::sleep(wait).await;
            body = spare;
            last = Some(attempted);
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
        let (permit, sent_at) = match self.wait_for_slot(call, account, &passage, now).await {
            Ok(right) => right,
            Err(failure) => return Attempted::NotSent(failure),
        };
        effort.waited += sent_at - now;
        effort.attempts += 1;
        let (attempted, ended) = self.send(call, body, permit, sent_at).await;
        let result = attempted.result();
        self.judge(account, passage, result, Span { began: sent_at, ended });
        self.observer.attempt(&call.label(account), result, Span { began: sent_at, ended });
        attempted
    }

    /// What an attempt says about the API family and the portal.
    fn judge(&self, account: &Account, passage: Passage<'_>, result: AttemptResult<'_>, span: Span) {
        match result {
            AttemptResult::Error(error) if error.kind == ErrorKind::Migrating => {
                let pause = error.retry_after.unwrap_or(PAUSE_MAX).min(PAUSE_MAX);
                self.pause_portal(account, span.ended + pause);
                passage.succeeded();
            }
            AttemptResult::Good(_) => {
                account.resume();
                passage.succeeded();
            }
            AttemptResult::Error(error) if !error.counts_against_breaker() => {
                account.resume();
                passage.succeeded();
            }
            // Tells nothing about HubSpot: the connection had grown old, the caller's body broke off, or the caller
            // was in a hurry.
            AttemptResult::Transport(TransportFault::ResetAfterIdle | TransportFault::RequestBody) => {
                drop(passage);
            }
            AttemptResult::TimedOut if span.took() < self.settings.attempt_timeout => drop(passage),
            AttemptResult::Error(_) | AttemptResult::Transport(_) | AttemptResult::TimedOut => {
                passage.failed(span.ended);
            }
        }
    }

    /// A portal moves as a whole, whichever app heard of it.
    fn pause_portal(&self, account: &Account, until: Instant) {
        account.pause(until);
        let Some(portal) = account.portal() else { return };
        for other in self.accounts() {
            if other.portal().is_some_and(|other| other.id == portal.id) {
                other.pause(until);
            }
        }
    }

    /// The governor: the right to send, and when it came. What asks whether a family is well again goes before those who
    /// wait; what waited looks again whether it may still go.
    async fn wait_for_slot(
        &self,
        call: &Call,
        account: &Account,
        passage: &Passage<'_>,
        now: Instant,
    ) -> Result<(Option<Permit>, Instant), Failure> {
        let turn = if passage.asks() { Turn::First } else { Turn::InOrder };
        let mut at = now;
        let permit = loop {
            let Some(gate) = account.gate() else { return Ok((None, at)) };
            match gate.governor.acquire(gate.app, call.endpoint.budgets, turn, call.deadline, at).await {
                Ok(permit) => break permit,
                Err(refusal) if refusal.reason == RefusalReason::Moved => at = Instant::now(),
                Err(refusal) => return Err(Failure::Refused(refusal)),
            }
        };
        let sent_at = if permit.had_to_wait() { Instant::now() } else { at };
        if sent_at >= call.deadline {
            let reason = RefusalReason::Deadline;
            return Err(Failure::Refused(Refusal {
                budget: Budget::Burst,
                reason,
                retry_after: Duration::ZERO,
            }));
        }
        if permit.had_to_wait() {
            if let Some(retry_after) = account.paused_for(sent_at) {
                return Err(Failure::PortalPaused { retry_after });
            }
            if let (Err(retry_after), Feature::On) =
                (passage.still_open_to_us(sent_at), self.settings.breaker)
            {
                return Err(Failure::BreakerOpen { family: call.endpoint.family, retry_after });
            }
        }
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
                // What may have left may still be counted: dropped, the permit keeps its slot for long enough.
                if let Some(permit) = permit.filter(|_| !error.may_have_been_sent()) {
                    permit.never_sent();
                }
                Attempted::Transport(error)
            }
            Err(_elapsed) => {
                let after = ended - sent_at;
                // After the full time the request has had its chance to be counted; after a shorter one it may have
                // just left, and the permit is dropped.
                if let Some(permit) = permit.filter(|_| after >= self.settings.attempt_timeout) {
                    permit.timed_out(ended);
                }
                Attempted::TimedOut { after }
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
