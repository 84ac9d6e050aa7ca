//! Deadline and retry: attempts until one stands, none is left, or the caller's time is up.

use std::time::Duration;

use hubspot::endpoint::ApiFamily;
use hubspot::error::ErrorKind;
use tokio::time::Instant;

use super::attempted::{Attempted, Reply};
use super::right::Right;
use super::{Feature, Stack};
use crate::accounts::{Account, Connection, Credential};
use crate::body::Body;
use crate::call::{Call, Effort, Failure};
use crate::curbs::Curb;
use crate::retry::{Ended, Repeat, Verdict, decide};

/// Which try of its caller's a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Try {
    First,
    Repeated,
}

/// The token that an attempt is signed with, where it can become another: by its connection and number.
type Signed<'a> = Option<(&'a Connection, u64)>;

/// What follows an attempt.
enum Next {
    Stands(Result<Reply, Failure>),
    Again { wait: Duration, spare: Body, attempted: Box<Attempted> },
}

fn signed(call: &Call) -> Signed<'_> {
    match &call.credential {
        Credential::Connection(connection) => Some((connection, connection.generation())),
        Credential::Anonymous | Credential::Passthrough | Credential::App(_) => None,
    }
}

/// HubSpot refused the token that it was sent with.
fn is_refused(attempted: &Attempted) -> bool {
    let Attempted::Answered(_, Some(error)) = attempted else { return false };
    matches!(error.kind, ErrorKind::InvalidAuthentication | ErrorKind::ExpiredAuthentication)
}

impl Stack {
    /// Sends a call, and sends it again where that is safe and worth it. `right` is the right to the first attempt, where
    /// it has been won already.
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep its arguments twice, for as long as it waits"
    )]
    pub(super) fn retry<'a>(
        &'a self,
        try_number: Try,
        call: &'a Call,
        mut body: Body,
        account: &'a Account,
        effort: &'a mut Effort,
        mut right: Option<Right<'a>>,
    ) -> impl Future<Output = Result<Reply, Failure>> + Send + 'a {
        // A block, as in [`Stack::call`].
        async move {
            let mut last: Option<Box<Attempted>> = None;
            let mut renewed = false;
            loop {
                let spare = body.again();
                if right.is_none() {
                    match self.right(call, account).await {
                        Ok(won) => right = Some(won),
                        Err(failure) => {
                            if last.is_some() || try_number == Try::Repeated {
                                self.retry_budget.give_back();
                            }
                            // What the last request brought says more than why there is no further one.
                            return last.map_or(Err(failure), |last| last.settle());
                        }
                    }
                }
                let right = right.take().expect("it was won, if it was not there");
                // Earned by what is sent, not by what is asked for: else those whom a breaker refuses would pay for a storm.
                if last.is_none() && try_number == Try::First {
                    self.retry_budget.first_try();
                }
                // Boxed: thousands may wait for their right, and only those who have it need what sending takes.
                let signed = signed(call);
                // Looked at in a block of its own: what has been lent keeps its room in all that comes after.
                let (mut attempted, refused) = {
                    let attempted = Box::pin(self.attempt(call, body, account, effort, right)).await;
                    let refused = !renewed && is_refused(&attempted);
                    (attempted, refused)
                };
                if refused
                    && let Some((connection, number)) = signed
                    && let Some(spare) = spare.as_ref().and_then(Body::again)
                {
                    let held = Box::new((attempted, spare));
                    let is_new = Box::pin(connection.renewed(number, call.deadline)).await;
                    let (refused, spare) = *held;
                    if is_new {
                        // The call begins anew: HubSpot has done nothing with it.
                        (body, renewed) = (spare, true);
                        continue;
                    }
                    attempted = refused;
                }
                let wait = match self.next(call, account, attempted, spare, effort.attempts) {
                    Next::Stands(ended) => return ended,
                    Next::Again { wait, spare, attempted } => {
                        (body, last) = (spare, Some(attempted));
                        wait
                    }
                };
                tokio::time::sleep(wait).await;
            }
        }
    }

    /// The failure that a caller itself tries again.
    pub(super) fn repeat(&self, call: &Call, account: &Account, body: &[u8]) -> Option<Repeat> {
        self.repeats.recognise(call, account, body).filter(|_| self.settings.retries == Feature::On)
    }

    /// What follows an attempt. It is handed over, so that a call that waits for its next one keeps no room for it.
    fn next(
        &self,
        call: &Call,
        account: &Account,
        attempted: Attempted,
        spare: Option<Body>,
        number: u32,
    ) -> Next {
        let Some(spare) = spare else { return Next::Stands(attempted.settle()) };
        if let Some(wait) = self.again(call, account, &attempted, number) {
            return Next::Again { wait, spare, attempted: Box::new(attempted) };
        }
        if attempted.is_failure_of_hubspot(self.settings.attempt_timeout) {
            self.repeats.failed(call, account, spare.at_hand(), Instant::now());
        }
        Next::Stands(attempted.settle())
    }

    /// Whether the caller itself tries again what has just failed; that is paid for like a retry of ours.
    pub(super) fn try_number(&self, call: &Call, account: &Account, body: &[u8]) -> Result<Try, Failure> {
        let Some(repeat) = self.repeat(call, account, body) else { return Ok(Try::First) };
        if self.may_retry(account, call.endpoint.family) {
            return Ok(Try::Repeated);
        }
        self.repeats.refused(repeat);
        Err(Failure::RetriesSpent { retry_after: repeat.new_in })
    }

    /// A pack is one request, and a retry if most of its calls are. `false` where there is no budget for that: then only its
    /// first tries may be sent.
    pub(super) fn try_of_pack(
        &self,
        account: &Account,
        family: ApiFamily,
        repeats: &[Repeat],
        calls: usize,
    ) -> Option<Try> {
        if repeats.len() * 2 <= calls {
            return Some(Try::First);
        }
        if self.may_retry(account, family) {
            return Some(Try::Repeated);
        }
        repeats.iter().for_each(|repeat| self.repeats.refused(*repeat));
        None
    }

    /// There is enough in the budget for one more retry, which is paid for.
    fn may_retry(&self, account: &Account, family: ApiFamily) -> bool {
        !self.curbs.holds(Curb::NoRetries, &account.name, family)
            && (self.settings.retry_budget == Feature::Off || self.retry_budget.take())
    }

    /// How long to wait before the next attempt; `None` when this one stands.
    fn again(&self, call: &Call, account: &Account, attempted: &Attempted, number: u32) -> Option<Duration> {
        let ended = match attempted {
            Attempted::Answered(_, Some(error)) => Ended::Answered(error),
            Attempted::Transport(error) => Ended::Transport(error.fault),
            Attempted::TimedOut { .. } => Ended::TimedOut,
            Attempted::Answered(_, None) => return None,
        };
        let Verdict::Again(wait) = decide(ended, call.endpoint.idempotent, number, self.jitter()) else {
            return None;
        };
        let in_time = Instant::now() + wait < call.deadline;
        (self.settings.retries == Feature::On && in_time && self.may_retry(account, call.endpoint.family))
            .then_some(wait)
    }
}
