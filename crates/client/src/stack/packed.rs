//! Packing: between the cache and the retries. A call goes alone at once, or waits in line to go with others.
//!
//! The decisions lie in [`crate::packing`]; this file waits. `drive` sends the packs.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{self, BoxFuture};
use hubspot::endpoint::Budget;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::attempted::Reply;
use super::cached::Ended;
use super::right::Right;
use super::{Feature, Stack};
use crate::accounts::{Account, Gate};
use crate::body::Body;
use crate::call::{Call, Effort, Failure, Source};
use crate::governor::{Asking, Permit, Refusal, RefusalReason};
use crate::packing::{Company, Deed, Departure, Handed, Input, Member, Place, Shape, Single, Ticket};

mod drive;

/// Which way a call goes.
enum Way<'a> {
    /// As if there were no packing.
    Ordinary,
    /// At once: its slot is at hand. Its place tells others of its shape that it is under way.
    AtOnce(Right<'a>, Option<Place>),
    /// In its turn among the calls on its record, and then, where it has a place, in line with others.
    Wait(Box<Waiting>),
}

struct Waiting {
    ticket: Ticket,
    line: Option<(Place, Input)>,
}

/// What waiting came to.
enum Waited {
    Answered(Reply),
    /// It goes by itself, with its slot where there is one already.
    ByItself(Option<Permit>),
}

impl Stack {
    /// Sends a call, alone or in a pack. Each way has a box of just its size: thousands may wait in one of them.
    pub(super) fn packed<'a>(
        self: &'a Arc<Self>,
        call: &'a Call,
        body: Body,
        account: &'a Arc<Account>,
        effort: &'a mut Effort,
        now: Instant,
    ) -> BoxFuture<'a, Ended> {
        let (right, inside) = match self.way(call, &body, account, now) {
            Ok(Way::Ordinary) => (None, None),
            Ok(Way::AtOnce(right, place)) => (Some(right), Inside::of(None, place)),
            Ok(Way::Wait(waiting)) => return self.waited(waiting, call, body, account, effort).boxed(),
            Err(failure) => return future::ready(Err(failure)).boxed(),
        };
        let try_number = match self.try_number(call, account, body.at_hand()) {
            Ok(try_number) => try_number,
            Err(failure) => return future::ready(Err(failure)).boxed(),
        };
        // Mapped and not awaited in a block, which would hold it twice.
        let reply = self.retry(try_number, call, body, account, effort, right);
        let live = reply.map(move |reply| {
            drop(inside);
            Ok((reply?, Source::Live))
        });
        live.boxed()
    }

    /// In its turn, and then by itself or with others.
    async fn waited(
        self: &Arc<Self>,
        waiting: Box<Waiting>,
        call: &Call,
        body: Body,
        account: &Arc<Account>,
        effort: &mut Effort,
    ) -> Ended {
        let (right, _inside) =
            match Box::pin(self.wait(call, body.at_hand(), account, *waiting, effort)).await? {
                (Waited::Answered(reply), _) => return Ok((reply, Source::Packed)),
                (Waited::ByItself(permit), inside) => {
                    (self.right_at_once(call, account, Instant::now(), || permit)?, inside)
                }
            };
        let try_number = self.try_number(call, account, body.at_hand())?;
        // Boxed: one that waits for its part of a pack has no need of it yet.
        let reply = Box::pin(self.retry(try_number, call, body, account, effort, right)).await?;
        Ok((reply, Source::Live))
    }

    /// Nothing is short: at once. Else in line, if a batch can carry it.
    fn way<'a>(
        &self,
        call: &Call,
        body: &Body,
        account: &'a Account,
        now: Instant,
    ) -> Result<Way<'a>, Failure> {
        if self.settings.packing == Feature::Off || call.handling.packing == Feature::Off {
            return Ok(Way::Ordinary);
        }
        let Some(single) = Single::read(&call.method, call.target.path()) else { return Ok(Way::Ordinary) };
        let Some(gate) = account.gate() else { return Ok(Way::Ordinary) };
        let packer = &account.packer;
        let slot = || gate.governor.try_acquire(asking(call, &gate), now);
        let at_once = || self.right_at_once(call, account, now, slot);
        let pressed = packer.arrives(now, || gate.governor.room(gate.app, now).pace);
        if packer.is_empty() {
            match single.deed {
                Deed::Archive => return Ok(Way::Ordinary),
                Deed::Read | Deed::Update if pressed => {}
                Deed::Read | Deed::Update => {
                    if let Some(right) = at_once()? {
                        return Ok(Way::AtOnce(right, None));
                    }
                }
            }
        }
        let ticket = packer.ticket(&single, &call.caller);
        let shape = whole(body).and_then(|body| Shape::of(&single, &call.target, &call.headers, &body));
        let line = shape.and_then(|(shape, input)| {
            let place = packer.line(shape, now)?.enter(now)?;
            Some((place, input))
        });
        if let Some((place, _)) = &line
            && !ticket.is_blocked()
            && (place.company == Company::None || place.company == Company::Elsewhere && !pressed)
            && let Some(right) = at_once()?
        {
            let place = line.map(|(place, _)| place);
            return Ok(Way::AtOnce(right, place));
        }
        Ok(Way::Wait(Box::new(Waiting { ticket, line })))
    }

    /// Waits for the call's turn, and then for its part of a pack.
    async fn wait(
        self: &Arc<Self>,
        call: &Call,
        body: &[u8],
        account: &Arc<Account>,
        waiting: Waiting,
        effort: &mut Effort,
    ) -> Result<(Waited, Option<Inside>), Failure> {
        let Waiting { ticket, line } = waiting;
        let since = Instant::now();
        let in_time = tokio::time::timeout_at(call.deadline, ticket.turn()).await;
        let Some(gate) = account.gate().filter(|_| in_time.is_ok()) else {
            return Err(too_late());
        };
        let Some((mut place, input)) = line else {
            effort.waited += since.elapsed();
            return Ok((Waited::ByItself(None), Inside::of(Some(ticket), None)));
        };
        let refusal = gate.governor.outlook(asking(call, &gate), Instant::now());
        if refusal.budget == Budget::Daily {
            // The ordinary way tells so at once, and asks HubSpot whether it is still true.
            return Ok((Waited::ByItself(None), Inside::of(Some(ticket), Some(place))));
        }
        turned_away(refusal, call, account, &gate, &place)?;
        let (hand, handed) = oneshot::channel();
        let member = Member {
            input,
            lane: call.handling.lane,
            caller: call.shown_caller().clone(),
            kin: call.handling.kin,
            weight: call.handling.weight,
            deadline: call.deadline,
            repeat: self.repeat(call, account, body),
            hand,
            departure: Arc::new(Departure::new()),
        };
        if place.join(member, Instant::now()) {
            self.drive(account, place.line(), &call.credential);
        }
        let handed = tokio::time::timeout_at(call.deadline, handed).await;
        let left_at = place.left_at();
        effort.waited += left_at.unwrap_or_else(Instant::now) - since;
        let inside = Inside::of(Some(ticket), Some(place));
        match handed {
            Ok(Ok(Handed::Answer { response, error, attempts })) => {
                effort.attempts += attempts;
                Ok((Waited::Answered((*response, error)), inside))
            }
            Ok(Ok(Handed::Alone(permit))) => Ok((Waited::ByItself(Some(permit)), inside)),
            Ok(Ok(Handed::ByItself { attempts })) => {
                effort.attempts += attempts;
                account.packer.alone_after_all();
                Ok((Waited::ByItself(None), inside))
            }
            Ok(Ok(Handed::Failed { why, attempts })) => {
                effort.attempts += attempts;
                if attempts > 0 {
                    self.repeats.failed(call, account, body, Instant::now());
                }
                Err(why)
            }
            // Its driver is gone without a word, as at the end of the process.
            Ok(Err(_)) if Instant::now() < call.deadline => Ok((Waited::ByItself(None), inside)),
            Ok(Err(_)) | Err(_) => Err(match left_at {
                Some(left_at) => Failure::TimedOut { after: left_at.elapsed() },
                None => {
                    let refusal = gate.governor.outlook(asking(call, &gate), Instant::now());
                    Failure::Refused(gate.governor.refuse(refusal))
                }
            }),
        }
    }
}

/// What tells others that the call is under way, until it has ended.
struct Inside {
    _ticket: Option<Ticket>,
    _place: Option<Place>,
}

impl Inside {
    fn of(ticket: Option<Ticket>, place: Option<Place>) -> Option<Self> {
        (ticket.is_some() || place.is_some()).then_some(Self { _ticket: ticket, _place: place })
    }
}

fn asking<'a>(call: &'a Call, gate: &Gate) -> Asking<'a> {
    Asking {
        app: gate.app,
        budgets: call.endpoint.budgets,
        lane: call.handling.lane,
        caller: &call.caller,
        kin: call.handling.kin,
        weight: call.handling.weight,
        deadline: call.deadline,
    }
}

/// Why a call may not even wait in line: as without packing, except that it need not wait for packs behind its own.
fn turned_away(
    refusal: Refusal,
    call: &Call,
    account: &Account,
    gate: &Gate,
    place: &Place,
) -> Result<(), Failure> {
    let now = Instant::now();
    let room = gate.governor.room(gate.app, now);
    let behind = u32::try_from(place.line().packs_behind()).unwrap_or(u32::MAX);
    let sooner = room.pace.saturating_mul(behind);
    let refusal = if now + refusal.retry_after.saturating_sub(sooner) > call.deadline {
        refusal
    } else if room.waiting + account.packer.waiting() >= room.waiting_max {
        Refusal { reason: RefusalReason::QueueFull, ..refusal }
    } else {
        return Ok(());
    };
    Err(Failure::Refused(gate.governor.refuse(refusal)))
}

fn too_late() -> Failure {
    Failure::Refused(Refusal::LATE)
}

/// A body that is here as a whole.
fn whole(body: &Body) -> Option<Bytes> {
    match body {
        Body::Empty => Some(Bytes::new()),
        Body::Whole(bytes) => Some(bytes.clone()),
        Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_) => None,
    }
}
