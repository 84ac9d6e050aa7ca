//! Deadline and retry: attempts until one stands, none is left, or the caller's time is up.

use std::time::Duration;

use tokio::time::Instant;

use super::attempted::{Attempted, Reply};
use super::right::Right;
use super::{Feature, Stack};
use crate::accounts::Account;
use crate::body::Body;
use crate::call::{Call, Effort, Failure};
use crate::retry::{Ended, Verdict, decide};

impl Stack {
    /// Sends a call, and sends it again where that is safe and worth it. `right` is the right to the first attempt, where
    /// it has been won already.
    pub(super) async fn retry(
        &self,
        call: &Call,
        mut body: Body,
        account: &Account,
        effort: &mut Effort,
        mut right: Option<Right<'_>>,
    ) -> Result<Reply, Failure> {
        let mut last: Option<Attempted> = None;
        self.retry_budget.lock().first_try();
        loop {
            let spare = body.again();
            let right = match right.take() {
                Some(right) => right,
                None => match self.right(call, account).await {
                    Ok(right) => right,
                    // What the last request brought says more than why there is no further one.
                    Err(failure) => return last.map_or(Err(failure), Attempted::settle),
                },
            };
            // Boxed: thousands may wait for their right, and only those who have it need what sending takes.
            let attempted = Box::pin(self.attempt(call, body, account, effort, right)).await;
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
            Attempted::Answered(_, None) => return None,
        };
        let Verdict::Again(wait) = decide(ended, call.endpoint.idempotent, number, self.jitter()) else {
            return None;
        };
        let in_time = Instant::now() + wait < call.deadline;
        (self.settings.retries == Feature::On && in_time && self.retry_budget.lock().take()).then_some(wait)
    }
}
