//! The state of each API family of an account: its breaker, its room, its usual latency. While a family is well, a call
//! passes with a few loads and one addition.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hubspot::endpoint::ApiFamily;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::breaker::{Admission, Breaker, Outcome};
use crate::lane::Lane;
use crate::latency::{Latency, Slowness, Work};
use crate::rooms::{NoRoom, Room, Rooms};
use crate::stack::Feature;

/// What an account's families are held to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Care {
    pub(crate) breaker: Feature,
    pub(crate) adaptive: Feature,
    /// When an attempt is given up.
    pub(crate) timeout: Duration,
}

/// Every family an account has used.
#[derive(Default)]
pub(crate) struct Breakers([OnceLock<Box<Family>>; ApiFamily::ALL.len()]);

struct Family {
    name: ApiFamily,
    /// There are failures in mind. While there are none, the breaker is left alone.
    troubled: AtomicBool,
    breaker: Mutex<Breaker>,
    rooms: Rooms,
    latency: Latency,
}

/// How a family is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyState {
    pub family: ApiFamily,
    /// How long its breaker still leaves it alone; `None` while it is closed.
    pub open_for: Option<Duration>,
    pub under_way: u32,
    /// Requests that may be under way at once; `None` while there is no limit.
    pub under_way_max: Option<u32>,
    pub waiting_for_room: usize,
}

/// What an attempt changed at the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    None,
    Opened,
    Closed,
}

/// A request on its way through a breaker. Dropped without a word, it was withdrawn.
pub(crate) struct Passage<'a> {
    family: &'a Family,
    care: Care,
    /// `None` where its time tells nothing.
    work: Option<Work>,
    /// This request is the one that asks whether the family is well again.
    asks: bool,
    told: bool,
    room: Option<Room<'a>>,
}

impl Breakers {
    /// # Errors
    /// How long the breaker still leaves the family alone.
    pub(crate) fn admit(
        &self,
        family: ApiFamily,
        work: Work,
        care: Care,
        now: Instant,
    ) -> Result<Passage<'_>, Duration> {
        let family = self.0[family as usize].get_or_init(|| Box::new(Family::new(family, now)));
        let mut asks = false;
        if care.breaker == Feature::On && family.troubled.load(Ordering::Relaxed) {
            match family.breaker.lock().admit(now) {
                Admission::Go => {}
                Admission::Ask => asks = true,
                Admission::Refused { retry_after } => return Err(retry_after),
            }
        }
        Ok(Passage { family, care, work: Some(work), asks, told: false, room: None })
    }

    /// Families whose breaker is not closed.
    pub(crate) fn open(&self) -> Vec<ApiFamily> {
        let now = Instant::now();
        self.states(now).filter(|state| state.open_for.is_some()).map(|state| state.family).collect()
    }

    /// Those that have been used.
    pub(crate) fn states(&self, now: Instant) -> impl Iterator<Item = FamilyState> {
        ApiFamily::ALL.into_iter().filter_map(move |family| {
            let state = self.0[family as usize].get()?;
            Some(FamilyState {
                family,
                open_for: state.breaker.lock().closed_to_others(now),
                under_way: state.rooms.taken(),
                under_way_max: state.rooms.limit(),
                waiting_for_room: state.rooms.waiting(),
            })
        })
    }
}

impl Family {
    fn new(name: ApiFamily, now: Instant) -> Self {
        Self {
            name,
            troubled: AtomicBool::new(false),
            breaker: Mutex::default(),
            rooms: Rooms::default(),
            latency: Latency::new(now),
        }
    }
}

impl<'a> Passage<'a> {
    pub(crate) fn family(&self) -> ApiFamily {
        self.family.name
    }

    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// With so many of the family under way at once, at most; `None` is as many as is well for it.
    pub(crate) fn capped(self, under_way_max: Option<u32>) -> Self {
        self.family.rooms.cap(under_way_max);
        self
    }

    /// There is a limit, and it holds for this request: who asks does not wait.
    pub(crate) fn must_wait_for_room(&self) -> bool {
        self.room.is_none() && !self.asks && self.family.rooms.limit().is_some()
    }

    /// # Errors
    /// When there will be no room before `deadline`.
    pub(crate) async fn wait_for_room(&mut self, lane: Lane, deadline: Instant) -> Result<(), NoRoom> {
        let usual = self.slowness().congested;
        self.room = Some(self.family.rooms.wait(lane, deadline, usual).await?);
        Ok(())
    }

    /// Takes its room at the moment it is sent. `false`: a limit came into force meanwhile and leaves none.
    pub(crate) fn has_room(&mut self) -> bool {
        if self.room.is_none() {
            let rooms = &self.family.rooms;
            self.room = if self.asks { Some(rooms.regardless()) } else { rooms.now() };
        }
        self.room.is_some()
    }

    /// While this request waited, the breaker may have opened; then it stays here, unless it is the one that asks.
    pub(crate) fn still_open_to_us(&self, now: Instant) -> Result<(), Duration> {
        if self.asks || self.care.breaker == Feature::Off || !self.family.troubled.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.family.breaker.lock().closed_to_others(now).map_or(Ok(()), Err)
    }

    /// How long it takes is up to its caller, whose body is still on its way.
    pub(crate) fn is_an_upload(&mut self) {
        self.work = None;
    }

    /// How long its answer will take, as far as that is known.
    pub(crate) fn needs(&self) -> Duration {
        self.work.map_or(Duration::ZERO, |work| self.family.latency.needs(work))
    }

    /// From when on its answer is slow.
    pub(crate) fn slowness(&self) -> Slowness {
        self.work.map_or(Slowness::NEVER, |work| self.family.latency.slowness(work, self.care.timeout))
    }

    fn is_adaptive(&self) -> bool {
        self.care.adaptive == Feature::On
    }

    /// The family answered, and not with a failure of its own.
    pub(crate) fn succeeded(mut self, now: Instant, jitter: impl FnOnce() -> f64) -> Turn {
        self.tell(Outcome::Good, now, jitter)
    }

    /// A good answer, after `took`.
    pub(crate) fn good(mut self, took: Duration, now: Instant, jitter: impl FnOnce() -> f64) -> Turn {
        let slowness = self.slowness();
        if took >= slowness.congested {
            self.congested(now - took, now);
        } else if self.family.rooms.limit().is_some() {
            self.family.rooms.adapt(|concurrency, _| concurrency.good());
        }
        if let Some(work) = self.work {
            self.family.latency.good(work, took, now);
        }
        let outcome = if took >= slowness.failed { Outcome::Failed } else { Outcome::Good };
        self.tell(outcome, now, jitter)
    }

    /// A sign that too much is under way: a request sent at `sent_at` was slow, timed out, or was turned away at the edge.
    pub(crate) fn congested(&mut self, sent_at: Instant, now: Instant) {
        if self.is_adaptive() {
            self.family.rooms.adapt(|concurrency, taken| concurrency.congested(taken, sent_at, now));
        }
    }

    /// It has been under way for longer than the family ever takes. Whatever comes of it, it is a failure; and it no
    /// longer takes up room, which it might for a minute after the trouble has ended.
    pub(crate) fn overdue(&mut self, now: Instant, jitter: impl FnOnce() -> f64) -> Turn {
        self.room = None;
        self.tell(Outcome::Failed, now, jitter)
    }

    pub(crate) fn failed(mut self, now: Instant, jitter: impl FnOnce() -> f64) -> Turn {
        self.tell(Outcome::Failed, now, jitter)
    }

    /// Each request has one say.
    fn tell(&mut self, outcome: Outcome, now: Instant, jitter: impl FnOnce() -> f64) -> Turn {
        let troubled = &self.family.troubled;
        let nothing_new = outcome == Outcome::Good && !troubled.load(Ordering::Relaxed);
        if std::mem::replace(&mut self.told, true) || nothing_new || self.care.breaker == Feature::Off {
            return Turn::None;
        }
        let mut breaker = self.family.breaker.lock();
        let was_open = breaker.is_open();
        if self.asks {
            breaker.found_out(outcome, now, jitter());
        } else {
            breaker.note(outcome, now, jitter());
        }
        troubled.store(!breaker.is_well(), Ordering::Relaxed);
        match (was_open, breaker.is_open()) {
            (false, true) => Turn::Opened,
            (true, false) => {
                drop(breaker);
                if self.is_adaptive() {
                    self.family.rooms.adapt(|concurrency, _| concurrency.ramp(now));
                }
                Turn::Closed
            }
            (true, true) | (false, false) => Turn::None,
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.told && self.asks {
            self.family.breaker.lock().withdrawn(Instant::now());
        }
    }
}
