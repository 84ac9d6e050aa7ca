//! One request: auth, attempt timeout, transport; and what its end says.

use std::pin::pin;

use hubspot::endpoint::ApiFamily;
use hubspot::error::ErrorKind;
use hubspot::rate_headers::RateHeaders;
use tokio::time::Instant;

use super::Stack;
use super::attempted::{Attempted, read_error};
use super::right::Right;
use super::spans;
use crate::accounts::{Account, Pause};
use crate::body::Body;
use crate::breakers::{Passage, Turn};
use crate::call::{Call, Effort};
use crate::degraded::Turned;
use crate::governor::{Hit, Permit, Spender};
use crate::telemetry::{AttemptResult, Span};
use crate::transport::TransportFault;

impl Stack {
    /// Uses a right to send.
    pub(super) async fn attempt(
        &self,
        call: &Call,
        body: Body,
        account: &Account,
        effort: &mut Effort,
        right: Right<'_>,
    ) -> Attempted {
        let Right { mut passage, permit, asked_at, sent_at } = right;
        effort.waited += sent_at - asked_at;
        effort.attempts += 1;
        let tracing = spans::of_attempt(call, account, effort.attempts);
        if !matches!(body, Body::Empty | Body::Whole(_)) {
            passage.is_an_upload();
        }
        let (attempted, ended) = self.send(call, body, account, &mut passage, permit, sent_at).await;
        let result = attempted.result();
        effort.reached |= result.may_have_arrived();
        if let Attempted::Answered(response, None) = &attempted {
            spans::answered(&tracing, response.headers());
        }
        spans::attempt_ended(&tracing, result);
        self.judge(account, passage, result, Span { began: sent_at, ended });
        self.observer.attempt(&call.label(account), result, Span { began: sent_at, ended });
        attempted
    }

    /// What an attempt says about the API family and the portal.
    fn judge(&self, account: &Account, mut passage: Passage<'_>, result: AttemptResult<'_>, span: Span) {
        let (now, family) = (span.ended, passage.family());
        let jitter = || self.jitter();
        let turn = match result {
            AttemptResult::Error(error) if error.kind == ErrorKind::Migrating => {
                self.pause_portal(account, Pause::begun(now, error.retry_after));
                passage.succeeded(now, jitter)
            }
            AttemptResult::Good(_) => {
                account.resume();
                passage.good(span.took(), now, jitter)
            }
            AttemptResult::Error(error) if !error.counts_against_breaker() => {
                account.resume();
                passage.succeeded(now, jitter)
            }
            // Tells nothing about HubSpot: the connection had grown old, the caller's body broke off, or the caller
            // was in a hurry.
            AttemptResult::Transport(TransportFault::ResetAfterIdle | TransportFault::RequestBody) => return,
            AttemptResult::TimedOut
                if span.took() < passage.slowness().hurried.min(self.settings.attempt_timeout) =>
            {
                return;
            }
            AttemptResult::TimedOut => {
                passage.congested(span.began, now);
                passage.failed(now, jitter)
            }
            AttemptResult::Error(error) => {
                if matches!(error.kind, ErrorKind::Processing | ErrorKind::EdgeTimeout) {
                    passage.congested(span.began, now);
                }
                passage.failed(now, jitter)
            }
            AttemptResult::Transport(_) => passage.failed(now, jitter),
        };
        self.turned(account, family, turn);
    }

    /// An answer that is overdue is news already, long before its time is up.
    fn overdue(&self, account: &Account, passage: &mut Passage<'_>, sent_at: Instant) {
        let now = Instant::now();
        passage.congested(sent_at, now);
        let turn = passage.overdue(now, || self.jitter());
        self.turned(account, passage.family(), turn);
    }

    /// What an attempt has changed at its family's breaker.
    fn turned(&self, account: &Account, family: ApiFamily, turn: Turn) {
        let turned = match turn {
            Turn::None => return,
            Turn::Opened => Turned::On,
            Turn::Closed => Turned::Off,
        };
        self.observer.degraded(&self.degraded.note_breaker(account, family, turned));
    }

    /// A portal moves as a whole, whichever app heard of it.
    fn pause_portal(&self, account: &Account, pause: Pause) {
        account.pause(pause);
        let Some(portal) = account.portal() else { return };
        for other in self.accounts() {
            if other.portal().is_some_and(|other| other.id == portal.id) {
                other.pause(pause);
            }
        }
    }

    /// Auth, attempt timeout, transport; the slot is settled by what comes back.
    async fn send(
        &self,
        call: &Call,
        body: Body,
        account: &Account,
        passage: &mut Passage<'_>,
        mut permit: Option<Permit>,
        sent_at: Instant,
    ) -> (Attempted, Instant) {
        let request = call.request(body);
        if let Some(permit) = &mut permit {
            let spender = Spender {
                caller: call.shown_caller(),
                method: &call.method,
                path: call.target.path(),
                endpoint: &call.endpoint,
            };
            permit.sent_by(&spender, sent_at);
        }
        let patience = (sent_at + self.settings.attempt_timeout).min(call.deadline);
        let slow_at = sent_at.checked_add(passage.slowness().failed).map_or(patience, |at| at.min(patience));
        let whole = self.settings.whole_answer_bytes_max;
        let whole = self.cache.whole_bytes_max(call).map_or(whole, |max| max.max(whole));
        let mut exchange = pin!(self.exchange(request, whole));
        let mut exchanged = tokio::time::timeout_at(slow_at, &mut exchange).await;
        if exchanged.is_err() && slow_at < patience {
            self.overdue(account, passage, sent_at);
            exchanged = tokio::time::timeout_at(patience, &mut exchange).await;
        }
        let ended = Instant::now();
        let attempted = match exchanged {
            Ok(Ok(response)) => {
                let error = read_error(&response);
                if let Some(permit) = permit {
                    let hit = error.as_ref().filter(|error| error.kind.is_throttle());
                    let hit = hit.map(|error| Hit { kind: error.kind, retry_after: error.retry_after });
                    permit.answered(ended, &RateHeaders::read(response.headers()), hit);
                }
                Attempted::Answered(response, error)
            }
            Ok(Err(error)) => {
                // What may have left may still be counted: dropped, the permit keeps its slot for long enough.
                if let Some(permit) = permit.filter(|_| !error.may_have_been_sent()) {
                    permit.never_sent();
                }
                Attempted::Transport(error)
            }
            Err(_elapsed) => {
                let after = ended - sent_at;
                // After the full time the request has had its chance to be counted; after a shorter one it may have
                // just left, and the permit is dropped.
                if let Some(permit) = permit.filter(|_| after >= self.settings.attempt_timeout) {
                    permit.timed_out(ended);
                }
                Attempted::TimedOut { after }
            }
        };
        (attempted, ended)
    }
}
