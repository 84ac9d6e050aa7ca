//! From a question to facts: the probes of triage, with what traffic shows, in the slots that HubSpot's limits leave.

use std::sync::Arc;
use std::time::Duration;

use client::governor::{Asking, Permit};
use client::lane::Lane;
use client::probe::target::HUBSPOT_CALLS_MAX;
use client::stack::Stack;
use gateway::traffic::Traffic;
use hubspot::endpoint::{Budget, BudgetSet};
use hubspot::rate_headers::RateHeaders;
use incident::facts::Facts;
use tokio::time::Instant;

use crate::triage;

/// How long the probes wait for their slots; a gate that is full for longer is evidence enough.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who asks.
pub(crate) struct Questions {
    pub(crate) options: triage::Options,
    pub(crate) stack: Arc<Stack>,
    pub(crate) traffic: Arc<Traffic>,
}

impl Questions {
    /// Never fails: what could not be asked is missing.
    pub(super) async fn ask(&self) -> Facts {
        let report = self.traffic.report(&self.stack.accounts());
        let traffic =
            serde_json::to_value(report).ok().and_then(|report| serde_json::from_value(report).ok());
        let mut options = self.options.clone();
        let permits = self.permits().await;
        if permits.is_none() {
            // Without slots nothing is asked with the token: our own questions overrun no limit either.
            options.target.token = None;
        }
        let facts = triage::facts(&options, traffic).await;
        for mut permit in permits.into_iter().flatten() {
            permit.sent();
            permit.answered(Instant::now(), &RateHeaders::default(), None);
        }
        facts
    }

    /// A slot for each call that the probes may make with the token; `None` where there are none in time. A token that
    /// nobody has called with has no gate, and nothing it could overrun.
    async fn permits(&self) -> Option<Vec<Permit>> {
        let account = self.options.target.token.as_ref().and_then(|token| self.stack.account_of(token));
        let Some(gate) = account.and_then(|account| account.gate()) else { return Some(Vec::new()) };
        let caller: Arc<str> = Arc::from("incident");
        let mut permits = Vec::new();
        for number in 0..HUBSPOT_CALLS_MAX {
            let budgets = BudgetSet::NONE.with(Budget::Burst).with(Budget::Daily);
            // One of them may be a search.
            let budgets = if number == 0 { budgets.with(Budget::Search) } else { budgets };
            let deadline = Instant::now() + PATIENCE;
            let asking = Asking {
                app: gate.app,
                budgets,
                lane: Lane::Probe,
                caller: &caller,
                kin: 0,
                weight: 1,
                deadline,
            };
            permits.push(gate.governor.acquire(asking, Instant::now()).await.ok()?);
        }
        Some(permits)
    }
}
