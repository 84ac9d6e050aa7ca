//! Breaker, room and governor: the right to send one request now.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Stack, StackSettings};
use crate::accounts::{Account, Credential};
use crate::breakers::{Care, Passage};
use crate::call::{Call, Failure};
use crate::governor::{Asking, Permit, Refusal, RefusalReason};
use crate::lane::Lane;
use crate::latency::Work;
use crate::rooms::NoRoom;

/// The breaker let it pass, there is room for it, and it has a slot of every budget it draws on.
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
        let mut passage = self.passage(call, account, now)?;
        let family = passage.family();
        let mut at = now;
        let (permit, sent_at) = loop {
            if passage.must_wait_for_room() {
                // Boxed: rare, and it weighs on every call's future.
                let waited = Box::pin(passage.wait_for_room(call.handling.lane, call.deadline)).await;
                waited.map_err(|NoRoom { retry_after }| Failure::Congested { family, retry_after })?;
                at = Instant::now();
                self.look_again(call, account, &passage, at)?;
            }
            let (permit, sent_at) = self.wait_for_slot(call, account, &passage, at).await?;
            if passage.has_room() {
                break (permit, sent_at);
            }
            // A limit has come into force while this one waited for its slot, which others can use meanwhile.
            drop(permit);
        };
        Ok(Right { passage, permit, asked_at: now, sent_at })
    }

    /// The right to send, with the slot that `slot` has at hand; `None` where it has none, or where there is no room.
    pub(super) fn right_at_once<'a>(
        &self,
        call: &Call,
        account: &'a Account,
        now: Instant,
        slot: impl FnOnce() -> Option<Permit>,
    ) -> Result<Option<Right<'a>>, Failure> {
        let mut passage = self.passage(call, account, now)?;
        if !passage.has_room() {
            return Ok(None);
        }
        let Some(permit) = slot() else { return Ok(None) };
        Ok(Some(Right { passage, permit: Some(permit), asked_at: now, sent_at: now }))
    }

    /// The breaker, and a portal on the move: whether anything may be sent at all.
    fn passage<'a>(&self, call: &Call, account: &'a Account, now: Instant) -> Result<Passage<'a>, Failure> {
        let family = call.endpoint.family;
        self.degraded.check(account, family)?;
        self.curbs.check(account, call)?;
        has_token(call, now)?;
        account.check_pause(now)?;
        if now >= call.deadline {
            return Err(Failure::Refused(Refusal::LATE));
        }
        let work = Work::of(&call.method, call.target.path());
        account
            .breakers
            .admit(family, work, self.care(), now)
            .map(|passage| passage.capped(self.curbs.under_way_max(&account.name, family)))
            .map_err(|retry_after| Failure::BreakerOpen { family, retry_after })
    }

    /// Whoever has waited looks again whether it may still go.
    fn look_again(
        &self,
        call: &Call,
        account: &Account,
        passage: &Passage<'_>,
        now: Instant,
    ) -> Result<(), Failure> {
        has_token(call, now)?;
        account.check_pause(now)?;
        let family = call.endpoint.family;
        self.degraded.check(account, family)?;
        self.curbs.check(account, call)?;
        passage.still_open_to_us(now).map_err(|retry_after| Failure::BreakerOpen { family, retry_after })
    }

    fn care(&self) -> Care {
        let StackSettings { breaker, adaptive, attempt_timeout: timeout, .. } = self.settings;
        Care { breaker, adaptive, timeout }
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
        // Whose turn comes with no time left for an answer would only spoil a slot, and for long: nobody listens when HubSpot
        // counts it.
        let in_time = call.deadline.checked_sub(passage.needs()).filter(|at| *at > now);
        let deadline = in_time.unwrap_or(call.deadline);
        let mut at = now;
        let permit = loop {
            let Some(gate) = account.gate() else { return Ok((None, at)) };
            let asking = Asking {
                app: gate.app,
                budgets: call.endpoint.budgets,
                lane,
                caller: &call.caller,
                kin: call.handling.kin,
                weight: call.handling.weight,
                deadline,
            };
            match gate.governor.acquire(asking, at).await {
                Ok(permit) => break permit,
                Err(refusal) if refusal.reason == RefusalReason::Moved => at = Instant::now(),
                Err(refusal) => return Err(Failure::Refused(refusal)),
            }
        };
        let sent_at = if permit.had_to_wait() { Instant::now() } else { at };
        if sent_at >= call.deadline {
            return Err(Failure::Refused(Refusal::LATE));
        }
        if permit.had_to_wait() {
            self.look_again(call, account, passage, sent_at)?;
        }
        Ok((Some(permit), sent_at))
    }
}

/// A connection may have lost its token, or never had one.
fn has_token(call: &Call, now: Instant) -> Result<(), Failure> {
    let Credential::Connection(connection) = &call.credential else { return Ok(()) };
    match connection.lack(now) {
        None => Ok(()),
        Some(lack) => Err(Failure::NoToken { connection: Arc::from(connection.name.as_str()), lack }),
    }
}
