//! A slot for a call of ours that does not go through the layers. Probes measure every layer themselves, and are counted
//! like any other call all the same.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use hubspot::endpoint::{Budget, BudgetSet, Endpoint, classify};
use hubspot::token::fingerprint;
use tokio::time::Instant;

use crate::accounts::{Account, Gate};
use crate::governor::{Asking, Permit, Refusal, RefusalReason, Spender};
use crate::lane::Lane;
use crate::probe::gate;
use crate::probe::terrain::Coming;
use crate::stack::Stack;

/// A credential may go to its portal's gate while somebody waits at its own; not again and again.
const MOVES_MAX: usize = 3;

/// Who wants to send what.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The credential's [`fingerprint`]: nobody needs to know the credential itself.
    pub credential: &'a str,
    pub caller: &'a Arc<str>,
    pub method: &'a Method,
    /// Without its query.
    pub path: &'a str,
    pub patience: Duration,
}

/// The right to send one call. Dropped before [`Slot::ended`], the call counts for as long as HubSpot may still count it.
pub struct Slot(Vec<Permit>);

impl Slot {
    /// The call has ended, with an answer or without: its window begins.
    pub fn ended(self) {
        let now = Instant::now();
        self.0.into_iter().for_each(|permit| permit.timed_out(now));
    }
}

impl Stack {
    /// Waits for a slot in the `probe` lane. A credential that is not known here may belong to any portal that is: it
    /// takes of what all apps of a portal share, at each of them.
    ///
    /// # Errors
    /// A [`Refusal`] when there is none in time.
    pub async fn slot(&self, wanted: &Wanted<'_>) -> Result<Slot, Refusal> {
        let endpoint = classify(wanted.method, wanted.path);
        let deadline = Instant::now() + wanted.patience;
        let accounts = self.accounts.all();
        let mut permits = Vec::new();
        if let Some(own) = accounts.iter().find(|account| is_called(account, wanted.credential)) {
            permits.extend(acquire(own, endpoint.budgets, wanted.caller, deadline).await?);
        } else {
            let shared = of_the_portal(endpoint.budgets);
            for account in one_of_each_portal(&accounts) {
                permits.extend(acquire(account, shared, wanted.caller, deadline).await?);
            }
        }
        permits.iter_mut().for_each(|permit| sent(permit, wanted, &endpoint));
        Ok(Slot(permits))
    }
}

/// From here on HubSpot may count the call.
fn sent(permit: &mut Permit, wanted: &Wanted<'_>, endpoint: &Endpoint) {
    let Wanted { caller, method, path, .. } = *wanted;
    permit.sent_by(&Spender { caller, method, path, endpoint }, Instant::now());
}

fn is_called(account: &Account, credential: &str) -> bool {
    account.authorization().is_some_and(|authorization| {
        &*account.name == credential || crate::accounts::fingerprint(&authorization) == credential
    })
}

/// What belongs to the portal and not to an app. The day is left out: which portal's it is, is not known.
fn of_the_portal(budgets: BudgetSet) -> BudgetSet {
    let shared = budgets.iter().filter(|budget| match budget {
        Budget::Search | Budget::Associations => true,
        Budget::Burst | Budget::Journal | Budget::Daily => false,
    });
    shared.fold(BudgetSet::NONE, BudgetSet::with)
}

fn one_of_each_portal(accounts: &[Arc<Account>]) -> Vec<&Account> {
    let mut chosen: Vec<(Arc<Gate>, &Account)> = Vec::new();
    for account in accounts {
        let Some(gate) = account.gate() else { continue };
        if !chosen.iter().any(|(other, _)| Arc::ptr_eq(&other.governor, &gate.governor)) {
            chosen.push((gate, account));
        }
    }
    chosen.into_iter().map(|(_, account)| account).collect()
}

/// `None` where the call draws on nothing, or nothing is governed.
async fn acquire(
    account: &Account,
    budgets: BudgetSet,
    caller: &Arc<str>,
    deadline: Instant,
) -> Result<Option<Permit>, Refusal> {
    let mut moves = 0;
    loop {
        let Some(gate) = account.gate().filter(|_| !budgets.is_empty()) else { return Ok(None) };
        let asking =
            Asking { app: gate.app, budgets, lane: Lane::Probe, caller, kin: 0, weight: 1, deadline };
        match gate.governor.acquire(asking, Instant::now()).await {
            Err(Refusal { reason: RefusalReason::Moved, .. }) if moves < MOVES_MAX => moves += 1,
            acquired => return acquired.map(Some),
        }
    }
}

/// The gate of whoever has the stack at hand.
pub struct OwnGate {
    stack: Arc<Stack>,
    credential: String,
    caller: Arc<str>,
}

impl OwnGate {
    /// For calls with this token.
    pub fn new(stack: Arc<Stack>, token: &hubspot::secret::Secret, caller: &str) -> Self {
        Self { stack, credential: fingerprint(token), caller: Arc::from(caller) }
    }
}

impl gate::Gate for OwnGate {
    fn enter<'a>(
        &'a self,
        method: &'a Method,
        path: &'a str,
        patience: Duration,
    ) -> Coming<'a, Option<Box<dyn gate::Pass>>> {
        let wanted = Wanted { credential: &self.credential, caller: &self.caller, method, path, patience };
        Box::pin(async move {
            let slot = self.stack.slot(&wanted).await.ok()?;
            Some(Box::new(slot) as Box<dyn gate::Pass>)
        })
    }
}

impl gate::Pass for Slot {
    fn ended(self: Box<Self>) -> Coming<'static, ()> {
        Box::pin(async move { Self::ended(*self) })
    }
}
