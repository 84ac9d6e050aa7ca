//! THE layer order.
//!
//! ```text
//! trace            outermost, so that it sees what the caller sees
//!   deadline       nothing below outlives the caller's patience
//!     cache        what it answers costs nothing below
//!       packing    above retry: a pack is one call, and is retried as one
//!         retry    above the breaker: every attempt is admitted and gated anew
//!           breaker    above the governor: a refused attempt costs no slot; room under way, too, is waited for without one
//!             governor   every attempt is counted, retries too
//!               auth     every attempt is freshly signed
//!                 attempt timeout   the slot's clock starts at its end
//!                   transport
//! ```

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hubspot::error::ApiError;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;
use tracing::Instrument;

use crate::accounts::{Account, AccountSettings, Accounts, Connection, Credential, Lack, Token};
use crate::body::Body;
use crate::cache::{Cache, CacheReport, CacheSettings, Elsewhere, Found};
use crate::call::{Answer, Call, CallFailed, Effort, Failure, Source};
use crate::clock::WallClock;
use crate::curbs::Curbs;
use crate::daily_usage;
use crate::degraded::{By, Degraded, Scope, TooManySwitches, Turned};
use crate::introduction;
use crate::retry::{Repeated, Repeats, RetryBudget};
use crate::telemetry::{CallResult, Observer, Span};
use crate::transport::{Transport, TransportError, TransportFault};

mod again;
mod attempt;
mod attempted;
mod cached;
mod packed;
mod right;
mod spans;
mod trace;

pub(crate) use attempted::read_error;
use trace::Trace;

/// How the layers behave.
#[derive(Debug, Clone, Copy)]
pub struct StackSettings {
    pub accounts: AccountSettings,
    /// Below the edge's own 100 s (hubspot-facts §1.7: a 524 comes at 100 s).
    pub attempt_timeout: Duration,
    /// Answers up to this size are read whole before they are passed on, so that a cut one can be asked for again.
    pub whole_answer_bytes_max: usize,
    pub retries: Feature,
    /// Retries, callers' own too, are kept within a tenth of first tries.
    pub retry_budget: Feature,
    pub breaker: Feature,
    /// Requests under way adapt to how HubSpot bears them.
    pub adaptive: Feature,
    pub cache: CacheSettings,
    /// Several callers' single-record calls travel as one batch while slots are short.
    pub packing: Feature,
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
    degraded: Degraded,
    curbs: Curbs,
    retry_budget: RetryBudget,
    repeats: Repeats,
    jitter: Mutex<ChaCha8Rng>,
    cache: Arc<Cache>,
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
            accounts: Accounts::new(settings.accounts, clock.clone()),
            observer,
            degraded: Degraded::new(clock),
            curbs: Curbs::default(),
            retry_budget: RetryBudget::default(),
            repeats: Repeats::default(),
            jitter: Mutex::new(ChaCha8Rng::seed_from_u64(settings.seed)),
            cache: Arc::new(Cache::new(settings.cache, settings.seed)),
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

    /// The clock it was handed.
    pub fn clock(&self) -> WallClock {
        self.accounts.clock()
    }

    /// Every account that has been used.
    pub fn accounts(&self) -> Vec<Arc<Account>> {
        self.accounts.all()
    }

    /// The account of a call, where its credential has been used.
    pub fn account_for(&self, call: &Call) -> Option<Arc<Account>> {
        self.accounts.known(&call.credential, &call.headers, Instant::now())
    }

    /// A connection has another token from now on, or none. Nothing else changes for its calls: they keep their limits, their
    /// breakers and what is kept for them.
    pub fn replace_token(&self, connection: &Arc<Connection>, now: Result<Token, Lack>) {
        self.accounts.replace(connection, now);
    }

    /// Asks HubSpot whose a connection's token is, after somebody has exchanged it; [`Account::reached`] tells. Of one that was
    /// renewed nobody need ask.
    pub fn ask_whose(self: &Arc<Self>, connection: &Arc<Connection>) {
        let credential = Credential::Connection(connection.clone());
        // One that has not been called yet is asked about when it is.
        if let Some(account) = self.accounts.known(&credential, &http::HeaderMap::new(), Instant::now()) {
            introduction::again(self, account);
        }
    }

    /// A change that did not come through us: what is kept of the record is over.
    pub fn changed_elsewhere(&self, change: &Elsewhere<'_>) {
        self.cache.changed_elsewhere(&self.accounts.all(), change);
    }

    /// Retries that may follow at once, over all callers.
    pub fn retries_left(&self) -> f64 {
        self.retry_budget.left()
    }

    /// What is degraded by switch, and what has changed.
    pub fn degraded(&self) -> &Degraded {
        &self.degraded
    }

    /// Turns degraded mode on or off; listeners hear of it where that changes anything.
    ///
    /// # Errors
    /// When too many switches are on.
    pub fn degrade(&self, by: By, scope: Scope, turned: Turned, reason: &str) -> Result<(), TooManySwitches> {
        if let Some(change) = self.degraded.switch(by, scope, turned, reason)? {
            self.observer.degraded(&change);
        }
        Ok(())
    }

    /// What is held back for a while.
    pub fn curbs(&self) -> &Curbs {
        &self.curbs
    }

    /// What callers sent again by themselves.
    pub fn repeated(&self) -> Repeated {
        self.repeats.counts()
    }

    /// Its caller wants an answer from memory or none: HubSpot is not to hear of it, now or later.
    pub fn is_for_memory_alone(&self, call: &Call) -> bool {
        self.cache.is_for_memory_alone(call)
    }

    /// Calls HubSpot: waits for its slots, sends, and sends again where that is safe and worth it.
    ///
    /// # Errors
    /// [`CallFailed`] when no answer came. [`Failure::may_have_been_applied`] tells whether the call may have taken
    /// effect all the same.
    pub fn call(
        self: &Arc<Self>,
        call: impl Into<Arc<Call>>,
        body: Body,
    ) -> impl Future<Output = Result<Answer, CallFailed>> + Send {
        let began = Instant::now();
        let call = call.into();
        // A block and no `async fn`: that would keep what it is given twice, for as long as the call waits.
        async move {
            let account = match self.accounts.known(&call.credential, &call.headers, began) {
                Some(account) => account,
                None if self.cache.is_for_memory_alone(&call) => {
                    return Err(CallFailed { why: Failure::NotKept, effort: Effort::default() });
                }
                // Boxed: rare, and large enough to weigh on every call's future.
                None => match Box::pin(self.open_account(&call)).await {
                    Some(account) => account,
                    None => {
                        return Err(CallFailed {
                            why: Failure::TooManyCredentials,
                            effort: Effort::default(),
                        });
                    }
                },
            };
            let approach = match self.approach(&call, &body, &account, began) {
                Ok(found) => return Ok(self.remembered(found, &call, &account, began)),
                Err(approach) => approach,
            };
            let mut trace = Trace::start(&*self.observer, &account, &call, began);
            let span = trace.span();
            let result =
                self.cached(approach, &call, body, &account, &mut trace.effort).instrument(span).await;
            let effort = trace.effort;
            match result {
                Ok(((response, error), source)) => {
                    if error.is_none() && matches!(source, Source::Live | Source::Packed) {
                        trace.answered(response.headers());
                    }
                    trace.end(CallResult::Answered(response.status(), error.as_deref(), source));
                    Ok(Answer { response, error, effort, source })
                }
                Err(why) => {
                    trace.end(CallResult::Failed(&why));
                    Err(CallFailed { why, effort })
                }
            }
        }
    }

    /// Tells the listeners of a call that was answered without HubSpot, by what it is known to say.
    pub fn forestalled(&self, call: &Call, error: &ApiError) {
        let now = Instant::now();
        if let Some(account) = self.account_for(call) {
            self.observer.forestalled(&call.label(&account), error, Span { began: now, ended: now });
        }
    }

    /// A draw from `0.0..1.0`.
    fn jitter(&self) -> f64 {
        self.jitter.lock().random_range(0.0..1.0)
    }

    fn remembered(&self, found: Found, call: &Call, account: &Account, began: Instant) -> Answer {
        let Found { response, source } = found;
        let error = attempted::read_error(&response);
        let trace = Trace::start(&*self.observer, account, call, began);
        let effort = trace.effort;
        trace.end(CallResult::Answered(response.status(), error.as_deref(), source));
        Answer { response, error, effort, source }
    }

    /// What the cache has done, and what it holds.
    pub fn cache_report(&self) -> CacheReport {
        self.cache.report()
    }

    /// Opens a new credential's account, in a task of its own: a caller who hangs up must not have the next one ask
    /// HubSpot the same again.
    async fn open_account(self: &Arc<Self>, call: &Call) -> Option<Arc<Account>> {
        let stack = self.clone();
        let (credential, headers, deadline) = (call.credential.clone(), call.headers.clone(), call.deadline);
        let opening = tokio::spawn(async move {
            let learn = async |name: &str, token: &HeaderValue| stack.learn(name, token, deadline).await;
            let account = stack.accounts.open(&credential, &headers, learn).await?;
            introduction::begin(&stack, &account);
            daily_usage::begin(&stack, &account);
            Some(account)
        });
        opening.await.ok().flatten()
    }

    /// One request and its answer, as far as [`Self::read_ahead`] reads it.
    pub(crate) async fn exchange(
        &self,
        request: Request<Body>,
        whole_bytes_max: usize,
    ) -> Result<Response<Body>, TransportError> {
        let response = self.transport.send(request).await?;
        self.read_ahead(response, whole_bytes_max).await
    }

    /// Small answers are taken in whole; a large one starts to flow once its first part is here.
    async fn read_ahead(
        &self,
        response: Response<Body>,
        whole_bytes_max: usize,
    ) -> Result<Response<Body>, TransportError> {
        let (parts, body) = response.into_parts();
        let body = match body {
            streamed @ Body::Streamed(_) => streamed
                .read_ahead(whole_bytes_max)
                .await
                .map_err(|error| TransportError::new(TransportFault::Truncated, error))?,
            other => other,
        };
        Ok(Response::from_parts(parts, body))
    }
}
