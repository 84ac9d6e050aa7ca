//! Breaker and governor: the right to send one request now.

use std::time::Duration;

use hubspot::endpoint::Budget;
use tokio::time::Instant;

use super::{Feature, Stack};
use crate::accounts::Account;
use crate::breaker::Admission;
use crate::breakers::Passage;
use crate::call::{Call, Failure};
use crate::governor::{Asking, Permit, Refusal, RefusalReason};
use crate::lane::Lane;

/// The breaker let it pass, and it has a slot of every budget it draws on.
pub(super) struct Right<'a> {
    pub(super) passage: Passage<'a>,
    /// `None` where nothing is governed.
    pub(super) permit: Option<Permit>,
    pub(super) asked_at: Instant,
    pub(super) sent_at: Instant,
}

impl Stack {
    /// Waits for the right to send.
    pub(super) async fn right<'a>(&self, call: &Call, account: &'a Account) -> Result<Right<'a>, Failure> {
        let now = Instant::now();
        if let Some(retry_after) = account.paused_for(now) {
            return Err(Failure::PortalPaused { retry_after });
        }
        let (admission, passage) = account.breakers.admit(call.endpoint.family, now);
        if let (Admission::Refused { retry_after }, Feature::On) = (admission, self.settings.breaker) {
            return Err(Failure::BreakerOpen { family: call.endpoint.family, retry_after });
        }
        let (permit, sent_at) = self.wait_for_slot(call, account, &passage, now).await?;
        Ok(Right { passage, permit, asked_at: now, sent_at })
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
        let lane = if passage.asks() { Lane::Probe } else { call.handling.lane };
        let mut at = now;
        let permit = loop {
            let Some(gate) = account.gate() else { return Ok((None, at)) };
            let asking = Asking {
                app: gate.app,
                budgets: call.endpoint.budgets,
                lane,
                caller: &call.caller,
                weight: call.handling.weight,
                deadline: call.deadline,
            };
            match gate.governor.acquire(asking, at).await {
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
}
