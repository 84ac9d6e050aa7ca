//! The cache's layer: answers from memory, one request for all who ask the same, and the last good answer when there is
//! no new one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Either;
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
type Flying = Pin<Box<dyn Future<Output = Flown> + Send>>;

/// A flight that has ended.
struct Flown {
    ended: Ended,
    effort: Effort,
    asked: Asked,
}

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
            elsewhere @ (Approach::Lead(..) | Approach::Follow(..) | Approach::Apart | Approach::NotKept) => {
                Err(elsewhere)
            }
        }
    }

    /// A call that memory cannot answer. No `async fn`, as in [`Stack::call`], and what is rare is boxed: thousands may
    /// wait, and each holds room for whichever way is the largest.
    pub(super) fn cached<'a>(
        self: &'a Arc<Self>,
        approach: Approach,
        call: &'a Arc<Call>,
        body: Body,
        account: &'a Arc<Account>,
        effort: &'a mut Effort,
    ) -> impl Future<Output = Ended> + Send + 'a {
        match approach {
            Approach::Lead(asked, flight) => {
                Either::Left(self.lead(asked, flight, call, body, account, effort))
            }
            Approach::Follow(asked, landing) => {
                Either::Right(self.follow(asked, landing, call, body, account, effort).boxed())
            }
            Approach::NotKept => Either::Right(std::future::ready(Err(Failure::NotKept)).boxed()),
            Approach::Kept(..) | Approach::Apart => {
                Either::Right(self.written(call, body, account, effort).boxed())
            }
        }
    }

    fn lead<'a>(
        self: &'a Arc<Self>,
        asked: Asked,
        flight: Arc<Flight>,
        call: &'a Arc<Call>,
        body: Body,
        account: &'a Arc<Account>,
        effort: &'a mut Effort,
    ) -> impl Future<Output = Ended> + Send + 'a {
        let flyer = Flyer {
            stack: self.clone(),
            call: call.clone(),
            account: account.clone(),
            asked,
            flight: flight.clone(),
        };
        let flying: Flying = Box::pin(flyer.fly(body));
        let mut lead = Lead { flying: Some(flying), flight, cache: self.cache.clone() };
        async move {
            let flown = lead.flying.as_mut().expect("it has just been put there").await;
            lead.is_home();
            *effort = flown.effort;
            self.or_kept(flown.ended, &flown.asked, call, account)
        }
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
        let ended = match tokio::time::timeout_at(call.deadline, landing).await {
            Ok(Ok(Landing::Landed(landed))) => landed.map(|shared| {
                let source = shared.source;
                (shared.reply(), source)
            }),
            Ok(Ok(Landing::YourTurn(turn))) => {
                return self.lead(asked, turn.take(), call, body, account, effort).await;
            }
            Ok(Ok(Landing::OnYourOwn) | Err(_)) => self.written(call, body, account, effort).await,
            Err(_elapsed) => Err(Failure::TimedOut { after: began.elapsed() }),
        };
        self.or_kept(ended, &asked, call, account)
    }

    /// What HubSpot said, or what is kept if it said nothing.
    fn or_kept(&self, ended: Ended, asked: &Asked, call: &Call, account: &Arc<Account>) -> Ended {
        let Some(outage) = outage(&ended) else { return ended };
        let found = self.cache.stale(asked, outage, call, account, Instant::now());
        found.map_or(ended, |Found { response, source }| Ok(((response, None), source)))
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
            return self.packed(call, body, account, effort, Instant::now()).await;
        }
        let mut writing = Writing::begin(&self.cache, self.accounts.beside(account), touch);
        let ended = self.packed(call, body, account, effort, Instant::now()).await;
        if let Ok(((response, None), _)) = &ended {
            writing.answered(call, response.body());
        }
        let outcome = match &ended {
            Ok(_) => Outcome::Answered,
            Err(failure) if failure.may_have_been_applied() || effort.reached => Outcome::Unknown,
            Err(_) => Outcome::Nothing,
        };
        writing.end(outcome, || self.accounts.beside(account));
        ended
    }
}

impl Flyer {
    /// Sends the call, keeps what it brings, and tells all who follow.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold what it is given twice while the call waits"
    )]
    fn fly(self, body: Body) -> impl Future<Output = Flown> + Send {
        async move {
            let mut effort = Effort::default();
            let began = Instant::now();
            let ended = self.stack.packed(&self.call, body, &self.account, &mut effort, began).await;
            self.land(&ended, began);
            Flown { ended, effort, asked: self.asked }
        }
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

impl Lead {
    /// There is nothing left to fly.
    fn is_home(&mut self) {
        self.flying = None;
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
        Failure::Refused(refusal) => {
            matches!(refusal.reason, RefusalReason::Deadline | RefusalReason::Late)
        }
        Failure::TimedOut { .. } => now >= call.deadline,
        Failure::BreakerOpen { .. }
        | Failure::Congested { .. }
        | Failure::Degraded { .. }
        | Failure::Held { .. }
        | Failure::RetriesSpent { .. }
        | Failure::PortalPaused { .. }
        | Failure::NoToken { .. }
        | Failure::TooManyCredentials
        | Failure::NotKept
        | Failure::Transport(_) => false,
    }
}

/// Did HubSpot give no answer of its own? What it says with a 4xx is true, and is passed on.
fn outage(ended: &Ended) -> Option<Outage> {
    match ended {
        Ok(((_, Some(error)), _)) => of_error(error),
        // Without a token nobody may say whether this one still sees what is kept.
        Ok(((_, None), _))
        | Err(Failure::TooManyCredentials | Failure::NotKept | Failure::NoToken { .. }) => None,
        Err(
            Failure::BreakerOpen { .. }
            | Failure::Congested { .. }
            | Failure::Degraded { .. }
            | Failure::Held { .. }
            | Failure::RetriesSpent { .. }
            | Failure::Transport(_)
            | Failure::TimedOut { .. },
        ) => Some(Outage::Upstream),
        Err(Failure::PortalPaused { .. }) => Some(Outage::OutOfBudget),
        Err(Failure::Refused(refusal)) => match refusal.reason {
            RefusalReason::ShuttingDown | RefusalReason::Moved => None,
            RefusalReason::Deadline
            | RefusalReason::Late
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
