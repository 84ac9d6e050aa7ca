//! Asking HubSpot how much of a portal's day is used.
//!
//! Each account has one task that looks now and then whether a question is due, and is woken at once when somebody wants
//! to call while the pool is empty: nothing else would find out that it has grown.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderValue, Request, Uri, header};
use hubspot::endpoint::{Budget, BudgetSet};
use hubspot::error::ErrorKind;
use hubspot::rate_headers::RateHeaders;
use tokio::time::Instant;

use crate::accounts::{Account, Gate};
use crate::body::Body;
use crate::governor::{Asking, DAILY_USAGE, Hit, Permit, Usage};
use crate::lane::Lane;
use crate::stack::Stack;

/// How often a quiet moment is looked for.
const LOOK: Duration = Duration::from_secs(60);

/// The question may not take longer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A few figures.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What a stack does with an account that was just opened.
pub(crate) fn begin(stack: &Arc<Stack>, account: &Arc<Account>) {
    if account.gate().is_some() {
        tokio::spawn(see_to(Arc::downgrade(stack), Arc::downgrade(account)));
    }
}

/// Asks whenever it is due; ends with the stack or the account.
async fn see_to(stack: Weak<Stack>, account: Weak<Account>) {
    loop {
        let Some(gate) = account.upgrade().and_then(|account| account.gate()) else { return };
        let _either = tokio::time::timeout(LOOK, gate.governor.question_wanted()).await;
        drop(gate);
        let (Some(stack), Some(account)) = (stack.upgrade(), account.upgrade()) else { return };
        // The account may have moved to another gate meanwhile.
        let Some(gate) = account.gate() else { return };
        if let Some(authorization) = account.authorization()
            && !stack.leaves_alone(&account)
            && gate.governor.takes_question(gate.app)
        {
            stack.ask_usage(&account, &gate, &authorization).await;
        }
    }
}

impl Stack {
    /// Within the burst limit and before those who wait. The pool may be empty: that is what the question is about.
    async fn ask_usage(&self, account: &Account, gate: &Gate, authorization: &HeaderValue) {
        let now = Instant::now();
        let asking = Asking {
            app: gate.app,
            budgets: BudgetSet::default().with(Budget::Burst),
            lane: Lane::Probe,
            caller: &account.name,
            kin: 0,
            weight: 1,
            deadline: now + TIMEOUT,
        };
        let Ok(permit) = gate.governor.acquire(asking, now).await else { return };
        let usage = self.usage(permit, authorization).await;
        gate.governor.told_usage(&usage);
    }

    async fn usage(&self, mut permit: Permit, authorization: &HeaderValue) -> Usage {
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = Uri::from_static(DAILY_USAGE);
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        permit.sent();
        match tokio::time::timeout(TIMEOUT, self.exchange(request, ANSWER_BYTES_MAX)).await {
            Ok(Ok(response)) => {
                let error = crate::stack::read_error(&response);
                let hit = error.as_ref().filter(|error| error.kind.is_throttle());
                let hit = hit.map(|error| Hit { kind: error.kind, retry_after: error.retry_after });
                permit.answered(Instant::now(), &RateHeaders::read(response.headers()), hit);
                let refused = error.is_some_and(|error| error.kind == ErrorKind::DailyLimit);
                Usage::read(response.status(), response.body().at_hand(), refused)
            }
            Ok(Err(error)) => {
                if !error.may_have_been_sent() {
                    permit.never_sent();
                }
                Usage::Unknown
            }
            Err(_late) => Usage::Unknown,
        }
    }
}
