//! The cache's layer: answers from memory, one request for all who ask the same, and the last good answer when there is
//! no new one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use hubspot::error::{ApiError, ErrorKind};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Stack;
use super::attempted::Reply;
use crate::accounts::Account;
use crate::body::Body;
use crate::cache::{
    Approach, Arrival, Asked, Cache, Flight, Found, Landing, Outage, Outcome, Shared, Writing,
};
use crate::call::{Call, Effort, Failure, Source};
use crate::governor::RefusalReason;

/// How a call ended, below the trace.
pub(super) type Ended = Result<(Reply, Source), Failure>;

/// A flight on its way: what is left to do, owned, so that it can go on without the one who began it.
type Flying = Pin<Box<dyn Future<Output = (Ended, Effort)> + Send>>;

/// What a flight needs to be flown.
struct Flyer {
    stack: Arc<Stack>,
    call: Arc<Call>,
    account: Arc<Account>,
    asked: Asked,
    flight: Arc<Flight>,
}

/// The leader's hold on his flight. Let go too early, the flight goes on for those who follow it.
struct Lead {
    flying: Option<Flying>,
    flight: Arc<Flight>,
    cache: Arc<Cache>,
}

impl Stack {
    /// An answer from memory, at once; else where the call goes.
    pub(super) fn approach(
        self: &Arc<Self>,
        call: &Call,
        body: &Body,
        account: &Arc<Account>,
        now: Instant,
    ) -> Result<Found, Approach> {
        match self.cache.approach(call, body, account, now) {
            Approach::Kept(found, None) => Ok(*found),
            Approach::Kept(found, Some((asked, flight))) => {
                self.cache.counters.refresh();
                let (call, account) = (Arc::new(call.again()), account.clone());
                let flyer = Flyer { stack: self.clone(), call, account, asked, flight };
                tokio::spawn(flyer.fly(Body::Empty));
                Ok(*found)
            }
            elsewhere @ (Approach::Lead(..) | Approach::Follow(..) | Approach::Apart) => Err(elsewhere),
        }
    }

    /// A call that memory cannot answer.
    pub(super) async fn cached(
        self: &Arc<Self>,
        approach: Approach,
        call: Arc<Call>,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        let (asked, ended) = match approach {
            Approach::Lead(asked, flight) => {
                (asked, self.lead(asked, flight, &call, body, account, effort).await)
            }
            Approach::Follow(asked, landing) => {
                (asked, self.follow(asked, landing, &call, body, account, effort).await)
            }
            Approach::Kept(..) | Approach::Apart => {
                return self.written(&call, body, account, effort).await;
            }
        };
        let Some(outage) = outage(&ended) else { return ended };
        let found = self.cache.stale(&asked, outage, &call, account, Instant::now());
        found.map_or(ended, |Found { response, source }| Ok(((response, None), source)))
    }

    async fn lead(
        self: &Arc<Self>,
        asked: Asked,
        flight: Arc<Flight>,
        call: &Arc<Call>,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        let flyer = Flyer {
            stack: self.clone(),
            call: call.clone(),
            account: account.clone(),
            asked,
            flight: flight.clone(),
        };
        let flying: Flying = Box::pin(flyer.fly(body));
        let mut lead = Lead { flying: Some(flying), flight, cache: self.cache.clone() };
        let (ended, spent) = lead.flying.as_mut().expect("it has just been put there").await;
        lead.flying = None;
        *effort = spent;
        ended
    }

    /// Waits for another's answer, as long as this caller would have waited for his own.
    async fn follow(
        self: &Arc<Self>,
        asked: Asked,
        landing: oneshot::Receiver<Landing>,
        call: &Arc<Call>,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        let began = Instant::now();
        match tokio::time::timeout_at(call.deadline, landing).await {
            Ok(Ok(Landing::Landed(landed))) => landed.map(|shared| {
                let source = shared.source;
                (shared.reply(), source)
            }),
            Ok(Ok(Landing::YourTurn(turn))) => {
                self.lead(asked, turn.take(), call, body, account, effort).await
            }
            Ok(Ok(Landing::OnYourOwn) | Err(_)) => self.written(call, body, account, effort).await,
            Err(_elapsed) => Err(Failure::TimedOut { after: began.elapsed() }),
        }
    }

    /// A call that is not shared. What it writes is over in memory.
    async fn written(
        self: &Arc<Self>,
        call: &Call,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        let touch = self.cache.touch(call, &body);
        if touch.is_nothing() {
            return self.below(call, body, account, effort).await;
        }
        let writing = Writing::begin(&self.cache, self.accounts.beside(account), touch);
        let ended = self.below(call, body, account, effort).await;
        let outcome = match &ended {
            Ok(_) => Outcome::Answered,
            Err(failure) if failure.may_have_been_applied() || effort.reached => Outcome::Unknown,
            Err(_) => Outcome::Nothing,
        };
        writing.end(outcome, || self.accounts.beside(account));
        ended
    }

    /// The layers below.
    async fn below(
        self: &Arc<Self>,
        call: &Call,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        // Boxed: a call that is told apart, one that leads and one that may yet do either hold it in several places each,
        // and one that is answered from memory or by another's flight needs none of it.
        Box::pin(self.packed(call, body, account, effort, Instant::now())).await
    }
}

impl Flyer {
    /// Sends the call, keeps what it brings, and tells all who follow.
    async fn fly(self, body: Body) -> (Ended, Effort) {
        let mut effort = Effort::default();
        let began = Instant::now();
        let ended = self.stack.below(&self.call, body, &self.account, &mut effort).await;
        self.land(&ended, began);
        (ended, effort)
    }

    fn land(&self, ended: &Ended, began: Instant) {
        let cache = &self.stack.cache;
        let now = Instant::now();
        match ended {
            Ok(((response, error), source)) => {
                let arrival = Arrival {
                    response,
                    error: error.as_ref().map(|error| error.kind),
                    took: now - began,
                    now,
                };
                cache.learn(&self.asked, &self.call, &self.account, &self.flight, &arrival);
                cache.end(&self.flight);
                let body = whole_bytes(response.body());
                self.flight.tell(|| match &body {
                    Some(body) => Landing::Landed(Ok(Shared::of(response, body.clone(), *source))),
                    None => Landing::OnYourOwn,
                });
            }
            Err(failure) if is_own(failure, &self.call, now) => cache.pass_on(&self.flight),
            Err(failure) => {
                cache.end(&self.flight);
                self.flight.tell(|| Landing::Landed(Err(failure.again())));
            }
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let Some(flying) = self.flying.take() else { return };
        if self.cache.leave(&self.flight)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(flying);
        }
    }
}

impl Shared {
    fn of(response: &Response<Body>, body: Bytes, source: Source) -> Self {
        Self { status: response.status(), headers: response.headers().clone(), body, source }
    }

    fn reply(self) -> Reply {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let error = super::attempted::read_error(&response);
        (response, error)
    }
}

fn whole_bytes(body: &Body) -> Option<Bytes> {
    match body {
        Body::Empty => Some(Bytes::new()),
        Body::Whole(bytes) => Some(bytes.clone()),
        Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_) => None,
    }
}

/// The leader's time was up, which says nothing to those with more of it.
fn is_own(failure: &Failure, call: &Call, now: Instant) -> bool {
    match failure {
        Failure::Refused(refusal) => refusal.reason == RefusalReason::Deadline,
        Failure::TimedOut { .. } => now >= call.deadline,
        Failure::BreakerOpen { .. }
        | Failure::Congested { .. }
        | Failure::Degraded { .. }
        | Failure::RetriesSpent { .. }
        | Failure::PortalPaused { .. }
        | Failure::TooManyCredentials
        | Failure::Transport(_) => false,
    }
}

/// Did HubSpot give no answer of its own? What it says with a 4xx is true, and is passed on.
fn outage(ended: &Ended) -> Option<Outage> {
    match ended {
        Ok(((_, Some(error)), _)) => of_error(error),
        Ok(((_, None), _)) | Err(Failure::TooManyCredentials) => None,
        Err(
            Failure::BreakerOpen { .. }
            | Failure::Congested { .. }
            | Failure::Degraded { .. }
            | Failure::RetriesSpent { .. }
            | Failure::Transport(_)
            | Failure::TimedOut { .. },
        ) => Some(Outage::Upstream),
        Err(Failure::PortalPaused { .. }) => Some(Outage::OutOfBudget),
        Err(Failure::Refused(refusal)) => match refusal.reason {
            RefusalReason::ShuttingDown | RefusalReason::Moved => None,
            RefusalReason::Deadline
            | RefusalReason::QueueFull
            | RefusalReason::DailyPoolEmpty
            | RefusalReason::DailyReserve => Some(Outage::OutOfBudget),
        },
    }
}

fn of_error(error: &ApiError) -> Option<Outage> {
    if error.status.is_server_error() {
        Some(Outage::Upstream)
    } else if error.kind.is_throttle() || error.kind == ErrorKind::Migrating {
        Some(Outage::OutOfBudget)
    } else {
        None
    }
}
