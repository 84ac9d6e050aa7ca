//! The calls of one shape that wait to go together.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Response;
use hubspot::error::ApiError;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::settle::{Crowd, Pace, Readiness, Settle};
use super::shape::{Input, Shape};
use crate::body::Body;
use crate::call::Failure;
use crate::governor::Permit;
use crate::lane::Lane;
use crate::retry::Repeat;

mod room;

pub(crate) use room::Head;
use room::{Room, Taken};

/// A batch call's body is kept below this, as far as its members' inputs make it up.
const PACK_BYTES_MAX: usize = 512 * 1024;

/// After HubSpot refused a pack as such, calls of its shape go by themselves for this long.
const REST: Duration = Duration::from_secs(60);

/// A call that waits.
pub(crate) struct Member {
    pub(crate) input: Input,
    pub(crate) lane: Lane,
    pub(crate) caller: Arc<str>,
    pub(crate) kin: u16,
    pub(crate) weight: u16,
    pub(crate) deadline: Instant,
    /// Its caller tries again what has just failed.
    pub(crate) repeat: Option<Repeat>,
    pub(crate) hand: oneshot::Sender<Handed>,
    pub(crate) departure: Arc<Departure>,
}

/// How a member left its line: with a pack, and when; `None` where it was taken out. Not set while it waits.
pub(crate) type Departure = OnceLock<Option<Instant>>;

/// What becomes of a call that waited.
pub(crate) enum Handed {
    /// Its part of a pack's answer.
    Answer {
        response: Box<Response<Body>>,
        error: Option<Box<ApiError>>,
        attempts: u32,
    },
    /// There is nobody to share with: it goes alone, with this right to send.
    Alone(Permit),
    /// It has to go by itself, after its pack had so many attempts.
    ByItself {
        attempts: u32,
    },
    Failed {
        why: Failure,
        attempts: u32,
    },
}

/// A pack on its way: its inputs, and whose they are.
#[derive(Default)]
pub(crate) struct Pack {
    pub(crate) inputs: Vec<Input>,
    /// Each with the place of its input.
    pub(crate) members: Vec<(Member, usize)>,
    /// Those it found whose time was up.
    pub(crate) late: Vec<Member>,
}

/// The calls of one shape.
pub(crate) struct Line {
    pub(crate) shape: Shape,
    state: Mutex<State>,
    changed: Notify,
    /// Of all lines of the account.
    waiting: Arc<AtomicUsize>,
}

struct State {
    room: Room,
    /// Members in the room that have hung up.
    gone: usize,
    /// Waiting or under way, alone or in packs.
    inside: usize,
    collecting: bool,
    /// Packs decided upon that wait for their slot.
    queued: usize,
    /// The latest deadline of those who came since nobody waited.
    latest: Instant,
    settle: Settle,
    resting_until: Option<Instant>,
    used_at: Instant,
}

impl Line {
    pub(super) fn new(shape: Shape, waiting: Arc<AtomicUsize>, now: Instant) -> Self {
        let state = State {
            room: Room::default(),
            gone: 0,
            inside: 0,
            collecting: false,
            queued: 0,
            latest: now,
            settle: Settle::new(now),
            resting_until: None,
            used_at: now,
        };
        Self { shape, state: Mutex::new(state), changed: Notify::new(), waiting }
    }

    /// Nobody is inside, and nobody has been for a while.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let state = self.state.lock();
        let resting = state.resting_until.is_some_and(|until| now < until);
        state.inside == 0 && !resting && now.saturating_duration_since(state.used_at) > Duration::from_secs(1)
    }

    /// A call of this shape is here. Its place tells whether it is the only one; `None` while packs rest.
    pub(crate) fn enter(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut state = self.state.lock();
        if state.resting_until.is_some_and(|until| now < until) {
            return None;
        }
        state.used_at = now;
        let company = if state.room.len() > 0 {
            Company::Waiting
        } else if state.inside > 0 || state.settle.expected(now) > 1 {
            Company::Elsewhere
        } else {
            Company::None
        };
        state.inside += 1;
        Some(Place { line: self.clone(), company, departure: None })
    }

    /// How many packs stand before the end of the line that a newcomer need not wait for.
    pub(crate) fn packs_behind(&self) -> usize {
        let state = self.state.lock();
        state.queued.saturating_sub(state.room.len() / self.shape.inputs_max())
    }

    /// Decides whether the pack that is being collected goes. Once it does, the next may have to be collected at once.
    pub(crate) fn readiness(&self, pace: Pace, now: Instant) -> (Readiness, bool) {
        let mut state = self.state.lock();
        self.sweep(&mut state);
        let crowd = state.crowd(self.shape.inputs_max());
        let readiness = state.settle.readiness(crowd, pace, now);
        match readiness {
            Readiness::At(_) => return (readiness, false),
            Readiness::Nobody => state.collecting = false,
            Readiness::Ready => {
                state.collecting = false;
                state.queued += 1;
            }
        }
        let next = readiness == Readiness::Ready && state.collect(self.shape.inputs_max(), now);
        (readiness, next)
    }

    /// For whom a slot is asked; `None` when nobody is left.
    pub(crate) fn head(&self) -> Option<Head> {
        let mut state = self.state.lock();
        self.sweep(&mut state);
        state.room.head(state.latest)
    }

    /// Waits until everyone has hung up.
    pub(crate) async fn deserted(&self) {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state.lock();
                self.sweep(&mut state);
                if state.room.len() == 0 {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Something happened that may let a pack go.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// A pack decided upon has its slot: those who go now.
    pub(crate) fn fill(&self, now: Instant) -> Pack {
        let mut state = self.state.lock();
        state.queued -= 1;
        let pack = self.take(&mut state, now);
        if !pack.members.is_empty() {
            let inside = state.inside;
            state.settle.left(inside, now);
        }
        pack
    }

    /// A pack decided upon does not go after all.
    pub(crate) fn withdrawn(&self) {
        self.state.lock().queued -= 1;
    }

    /// Whether a pack has to be collected of those who were left behind.
    pub(crate) fn begins_again(&self, now: Instant) -> bool {
        self.state.lock().collect(self.shape.inputs_max(), now)
    }

    /// HubSpot refused a pack as such.
    pub(crate) fn rest(&self, now: Instant) {
        self.state.lock().resting_until = Some(now + REST);
    }

    /// Takes out those who would be too late if they had to wait until then, or everyone if none would.
    pub(crate) fn too_late(&self, until: Instant) -> Vec<Member> {
        let mut state = self.state.lock();
        self.sweep(&mut state);
        let mut late = state.room.take_if(|member| member.deadline < until);
        if late.is_empty() {
            late = state.room.take_if(|_| true);
        }
        self.waiting.fetch_sub(late.len(), Ordering::Relaxed);
        for member in &late {
            member.departs(None);
        }
        state.recount();
        late
    }

    fn take(&self, state: &mut State, now: Instant) -> Pack {
        let mut places: HashMap<Box<str>, usize> = HashMap::new();
        let mut pack = Pack::default();
        let (mut bytes, max) = (0, self.shape.inputs_max());
        let before = state.room.len();
        state.room.take(|member| {
            if member.hand.is_closed() {
                member.departs(None);
                return Taken::Out;
            }
            if member.deadline <= now {
                member.departs(None);
                pack.late.push(member);
                return Taken::Out;
            }
            let place = places.get(&member.input.id).copied();
            if place.is_none()
                && (pack.inputs.len() == max || bytes + member.input.properties.len() > PACK_BYTES_MAX)
            {
                return Taken::Full(member);
            }
            let place = place.unwrap_or_else(|| {
                bytes += member.input.properties.len();
                places.insert(member.input.id.clone(), pack.inputs.len());
                pack.inputs.push(member.input.clone());
                pack.inputs.len() - 1
            });
            member.departs(Some(now));
            pack.members.push((member, place));
            Taken::In
        });
        self.waiting.fetch_sub(before - state.room.len(), Ordering::Relaxed);
        state.recount();
        pack
    }

    /// Those who hung up leave the room, once they are many.
    fn sweep(&self, state: &mut State) {
        if state.gone > 0 && state.gone * 2 >= state.room.len() {
            let gone = state.room.take_if(|member| member.hand.is_closed());
            self.waiting.fetch_sub(gone.len(), Ordering::Relaxed);
            state.recount();
        }
    }
}

impl Member {
    fn departs(&self, left_at: Option<Instant>) {
        let _only_once = self.departure.set(left_at);
    }
}

impl State {
    /// Those who wait and still listen.
    fn waiting(&self) -> usize {
        self.room.len().saturating_sub(self.gone)
    }

    /// After members were taken out, those who hung up perhaps among them.
    fn recount(&mut self) {
        if self.gone == 0 {
            return;
        }
        self.gone = self.room.count(|member| member.hand.is_closed());
    }

    fn crowd(&self, full: usize) -> Crowd {
        Crowd {
            unclaimed: self.waiting().saturating_sub(self.queued * full),
            inside: self.inside,
            others: self.queued > 0 || self.inside > self.waiting(),
            full,
        }
    }

    /// Begins to collect a pack, if there is one to collect and nobody does.
    fn collect(&mut self, full: usize, now: Instant) -> bool {
        let begins = !self.collecting && self.crowd(full).unclaimed > 0;
        if begins {
            self.collecting = true;
            self.settle.collecting(now);
        }
        begins
    }
}

/// Whom a call found of its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    None,
    /// Others are under way, or were here just now.
    Elsewhere,
    Waiting,
}

/// A call's place, from its arrival to its end.
pub(crate) struct Place {
    line: Arc<Line>,
    pub(crate) company: Company,
    /// Once it has joined the line.
    departure: Option<Arc<Departure>>,
}

impl Place {
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// Joins the line. `true` when a pack has to be collected, which nobody does yet.
    pub(crate) fn join(&mut self, member: Member, now: Instant) -> bool {
        self.departure = Some(member.departure.clone());
        let full = self.line.shape.inputs_max();
        let mut state = self.line.state.lock();
        self.line.sweep(&mut state);
        let alone = state.room.len() == 0;
        state.latest = if alone { member.deadline } else { state.latest.max(member.deadline) };
        state.room.push(member);
        self.line.waiting.fetch_add(1, Ordering::Relaxed);
        let crowd = state.crowd(full);
        state.settle.arrived(crowd, now);
        let begins = state.collect(full, now);
        let may_go = crowd.unclaimed == full || !crowd.others && state.settle.all_here(crowd, now);
        drop(state);
        if may_go && !begins {
            self.line.changed.notify_waiters();
        }
        begins
    }

    /// When its pack left, if it has.
    pub(crate) fn left_at(&self) -> Option<Instant> {
        *self.departure.as_ref()?.get()?
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.line.state.lock();
        state.inside -= 1;
        state.used_at = now;
        let waits = self.departure.as_ref().is_some_and(|departure| departure.get().is_none());
        if waits {
            state.gone += 1;
        }
        let deserted = waits && state.gone * 2 >= state.room.len();
        let all_back = !waits && state.inside == state.waiting() && state.inside > 0;
        if !waits {
            state.settle.landed(now);
        }
        drop(state);
        if deserted || all_back {
            self.line.changed.notify_waiters();
        }
    }
}
