//! Getting to know a credential's portal, without getting in the way of its calls.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderValue, Request, Uri, header};
use hubspot::endpoint::{Budget, BudgetSet};

use tokio::time::Instant;

use crate::accounts::{Account, DETAILS, Learned};
use crate::body::Body;
use crate::governor::{Governor, Turn};
use crate::stack::Stack;

/// How often a quiet moment is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// After an answer that told nothing, the time to the next try; it doubles.
const AGAIN: Duration = Duration::from_secs(30);
const TRIES_MAX: u32 = 6;

/// The details call may not hold up anybody for longer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Waits for a quiet moment and asks who the credential is; ends with the account, the stack, or the answer.
pub(crate) async fn in_a_quiet_moment(stack: Weak<Stack>, account: Weak<Account>) {
    for try_number in 0..TRIES_MAX {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(account) = account.upgrade() else { return };
            if account.portal().is_some() {
                return;
            }
            if account.gate.as_ref().is_some_and(|gate| gate.governor.is_quiet(gate.app)) {
                break;
            }
        }
        let (Some(stack), Some(account)) = (stack.upgrade(), account.upgrade()) else { return };
        stack.introduce(&account).await;
        if account.portal().is_some() {
            return;
        }
        drop((stack, account));
        tokio::time::sleep(AGAIN * 2u32.pow(try_number)).await;
    }
}

impl Stack {
    /// Asks who a new credential is. The accounts that are not introduced yet are asked first: the new one may share a
    /// portal with them.
    pub(crate) async fn learn(&self, authorization: &HeaderValue) -> Learned {
        for account in self.accounts() {
            if account.portal().is_none() {
                self.introduce(&account).await;
            }
        }
        self.details(authorization).await
    }

    /// Asks which portal an account is of, within its limits and before those who wait.
    async fn introduce(&self, account: &Account) {
        let (Some(gate), Some(authorization)) = (&account.gate, &account.authorization) else { return };
        let now = Instant::now();
        let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
        let acquired =
            Governor::acquire(&gate.governor, gate.app, budgets, Turn::First, now + TIMEOUT * 3, now).await;
        let Ok(mut permit) = acquired else { return };
        permit.sent();
        let learned = self.details(authorization).await;
        match &learned.seen {
            Some(seen) => permit.answered(Instant::now(), seen, None),
            None => permit.timed_out(Instant::now()),
        }
        if let Some(portal) = learned.portal {
            self.accounts.introduce(account, portal);
        }
    }

    /// The details call itself. Nothing comes of it but knowledge: a failure is the caller's own call's to report.
    async fn details(&self, authorization: &HeaderValue) -> Learned {
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = Uri::from_static(DETAILS);
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        match tokio::time::timeout(TIMEOUT, self.exchange(request)).await {
            Ok(Ok(response)) => {
                Learned::read(response.status(), response.headers(), response.body().at_hand())
            }
            Ok(Err(_)) | Err(_) => Learned::default(),
        }
    }
}

/// What a stack does with an account that was just opened.
pub(crate) fn begin(stack: &Arc<Stack>, account: &Arc<Account>) {
    if account.portal().is_none() && account.claim_introduction() {
        tokio::spawn(in_a_quiet_moment(Arc::downgrade(stack), Arc::downgrade(account)));
    }
}
