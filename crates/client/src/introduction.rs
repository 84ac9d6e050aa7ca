//! Getting to know a credential's portal, without getting in the way of its calls.
//!
//! Each account has one task that sees to it, in a quiet moment. A newcomer, who may share the portal, hurries the
//! tasks that still wait, and itself waits for them only for a moment.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{HeaderValue, Request, Uri, header};
use hubspot::endpoint::{ApiFamily, Budget, BudgetSet};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::accounts::{Account, DETAILS, Learned};
use crate::body::Body;
use crate::governor::Asking;
use crate::lane::Lane;
use crate::stack::Stack;

/// How often a quiet moment is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// After an answer that told nothing, the time to the next try; it doubles.
const AGAIN: Duration = Duration::from_secs(30);
const TRIES_MAX: u32 = 6;

/// The details call may not take longer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long a newcomer's first call is held up: once for those before it, once for its own details.
const HOLD_UP_MAX: Duration = Duration::from_millis(800);

/// How far an account's introduction has come.
#[derive(Default)]
pub(crate) struct Introduction {
    stage: AtomicU8,
    hurry: Notify,
    tried: Notify,
}

/// Nobody sees to it yet.
const UNSEEN: u8 = 0;
/// Its task waits for a quiet moment.
const WAITING: u8 = 1;
/// Its task asks, or rests after asking.
const BUSY: u8 = 2;
/// Done, or given up.
const OVER: u8 = 3;

/// The answer to the question who a token is; HubSpot's has half a kilobyte.
const DETAILS_BYTES_MAX: usize = 64 * 1024;

impl Introduction {
    /// `true` for the first who asks: it is theirs to see to.
    fn claim(&self) -> bool {
        self.stage.compare_exchange(UNSEEN, WAITING, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn give_up(&self) {
        self.stage.store(OVER, Ordering::Relaxed);
    }

    fn is_waiting(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == WAITING
    }
}

/// What a stack does with an account that was just opened.
pub(crate) fn begin(stack: &Arc<Stack>, account: &Arc<Account>) {
    if account.gate().is_some() && account.portal().is_none() && account.introduction.claim() {
        tokio::spawn(see_to(Arc::downgrade(stack), account.clone()));
    }
}

/// Introduces an account; ends with the stack, the answer, or when asking is no use.
async fn see_to(stack: Weak<Stack>, account: Arc<Account>) {
    for try_number in 0..TRIES_MAX {
        account.introduction.stage.store(WAITING, Ordering::Relaxed);
        // The first look comes after a moment: a herd that starts is not taken for quiet.
        let stack = loop {
            let hurried = tokio::select! {
                () = tokio::time::sleep(LOOK) => false,
                () = account.introduction.hurry.notified() => true,
            };
            let Some(stack) = stack.upgrade() else { return };
            if stack.leaves_alone(&account) {
                account.introduction.tried.notify_waiters();
            } else if hurried || is_quiet(&account) {
                break stack;
            }
        };
        account.introduction.stage.store(BUSY, Ordering::Relaxed);
        let refused = stack.introduce(&account).await;
        drop(stack);
        account.introduction.tried.notify_waiters();
        if refused || account.portal().is_some() {
            break;
        }
        tokio::time::sleep(AGAIN * 2u32.pow(try_number)).await;
    }
    account.introduction.give_up();
}

/// Whose is the token that an account has now? It is not waited for a quiet moment: if it is another account's, every write until
/// then goes astray.
pub(crate) fn again(stack: &Arc<Stack>, account: Arc<Account>) {
    let stack = Arc::downgrade(stack);
    tokio::spawn(async move {
        for try_number in 0..TRIES_MAX {
            let Some(stack) = stack.upgrade() else { return };
            let answer = if stack.leaves_alone(&account) { None } else { stack.ask_who(&account).await };
            drop(stack);
            match answer {
                Some(Learned { portal: Some(portal), .. }) => return account.reaches(portal.id),
                Some(Learned { refused: true, .. }) => return,
                Some(_) | None => tokio::time::sleep(AGAIN * 2u32.pow(try_number)).await,
            }
        }
    });
}

/// A question now is in nobody's way.
fn is_quiet(account: &Account) -> bool {
    account.gate().is_none_or(|gate| gate.governor.is_quiet(gate.app))
}

impl Stack {
    /// Degraded mode is on for our own questions too, or their part of the API fails.
    pub(crate) fn leaves_alone(&self, account: &Account) -> bool {
        let family = ApiFamily::Account;
        self.degraded().check(account, family).is_err() || account.open_breakers().contains(&family)
    }

    /// Asks who a new credential is. Those that are not introduced yet are asked first: it may share a portal with them.
    pub(crate) async fn learn(&self, name: &str, authorization: &HeaderValue, deadline: Instant) -> Learned {
        if self.degraded().check_named(name, ApiFamily::Account).is_err() {
            return Learned::default();
        }
        let hold_up = || {
            let patience = deadline.saturating_duration_since(Instant::now()) / 4;
            Instant::now() + patience.min(HOLD_UP_MAX)
        };
        let others: Vec<_> =
            self.accounts().into_iter().filter(|account| account.introduction.is_waiting()).collect();
        if !others.is_empty() {
            let tried = others.iter().map(|account| {
                let tried = account.introduction.tried.notified();
                account.introduction.hurry.notify_one();
                tried
            });
            let all = futures_util::future::join_all(tried);
            let _in_time = tokio::time::timeout_at(hold_up(), all).await;
        }
        let details = self.details(authorization);
        tokio::time::timeout_at(hold_up(), details).await.unwrap_or_else(|_late| Learned::unanswered())
    }

    /// Asks which portal an account is of, within its limits and before those who wait. `true` when HubSpot refuses.
    async fn introduce(&self, account: &Account) -> bool {
        if account.gate().is_none() {
            return true;
        }
        let Some(learned) = self.ask_who(account).await else { return false };
        if let Some(portal) = learned.portal {
            self.accounts.introduce(account, portal, self.clock().now());
        }
        learned.refused
    }

    /// The question itself, in a slot. `None` when it could not be asked.
    async fn ask_who(&self, account: &Account) -> Option<Learned> {
        // A connection may have nothing to ask with for now.
        let authorization = account.authorization()?;
        let gate = account.gate()?;
        let now = Instant::now();
        let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
        let asking = Asking {
            app: gate.app,
            budgets,
            lane: Lane::Probe,
            caller: &account.name,
            kin: 0,
            weight: 1,
            deadline: now + TIMEOUT * 3,
        };
        let mut permit = gate.governor.acquire(asking, now).await.ok()?;
        permit.sent();
        let learned = self.details(&authorization).await;
        if let Some(seen) = &learned.seen {
            permit.answered(Instant::now(), seen, None);
        }
        Some(learned)
    }

    /// The details call itself. Nothing comes of it but knowledge: a failure is the caller's own call's to report.
    async fn details(&self, authorization: &HeaderValue) -> Learned {
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = Uri::from_static(DETAILS);
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
        match tokio::time::timeout(TIMEOUT, self.exchange(request, DETAILS_BYTES_MAX)).await {
            Ok(Ok(response)) => {
                Learned::read(response.status(), response.headers(), response.body().at_hand())
            }
            Ok(Err(error)) if !error.may_have_been_sent() => Learned::default(),
            Ok(Err(_)) | Err(_) => Learned::unanswered(),
        }
    }
}
