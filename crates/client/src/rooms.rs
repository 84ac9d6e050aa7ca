//! Room for a request to be under way. While all is well it is one addition and one subtraction; while a limit is in
//! force, those for whom there is no room wait, the most urgent lane first. The limit itself is [`Concurrency`]'s.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::concurrency::{Concurrency, UNLIMITED};
use crate::lane::Lane;

/// Calls of one family waiting for room; the next is refused.
const WAITING_MAX: usize = 10_000;

/// What a refused one is told to wait where nothing is known.
const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// The room of one family.
#[derive(Default)]
pub(crate) struct Rooms {
    /// What [`Concurrency`] allows, where the hot path can see it; zero stands for no limit, as at the start.
    limit: AtomicU32,
    taken: AtomicU32,
    /// What somebody set above that; zero stands for nothing.
    cap: AtomicU32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    concurrency: Concurrency,
    /// By lane, then by arrival.
    waiting: BTreeMap<(Lane, u64), oneshot::Sender<()>>,
    arrivals: u64,
}

/// Room for one request; free again when dropped.
pub(crate) struct Room<'a>(&'a Rooms);

/// There is no room before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom {
    pub(crate) retry_after: Duration,
}

impl Rooms {
    /// Requests that may be under way at once; `None` while there is no limit.
    pub(crate) fn limit(&self) -> Option<u32> {
        Some(self.limit.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
    }

    /// Requests under way, and those with room that wait for a slot.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Room without waiting, where there is some and nobody waits for it.
    pub(crate) fn now(&self) -> Option<Room<'_>> {
        if self.limit().is_some() {
            let state = self.state.lock();
            if !state.waiting.is_empty() || self.taken() >= self.allowed(&state) {
                return None;
            }
        }
        Some(self.take())
    }

    /// Room whatever the limit says: for the one request that asks how a family is.
    pub(crate) fn regardless(&self) -> Room<'_> {
        self.take()
    }

    /// Waits for room. `usual` is how long an answer takes as things are.
    pub(crate) async fn wait(
        &self,
        lane: Lane,
        deadline: Instant,
        usual: Duration,
    ) -> Result<Room<'_>, NoRoom> {
        let mut place = {
            let mut state = self.state.lock();
            let allowed = self.allowed(&state);
            if state.waiting.is_empty() && self.taken() < allowed {
                return Ok(self.take());
            }
            let ahead = state.waiting.range(..=(lane, u64::MAX)).count();
            let expected = usual.mul_f64((ahead + 1) as f64 / f64::from(allowed.max(1)));
            if state.waiting.len() >= WAITING_MAX || Instant::now() + expected > deadline {
                return Err(NoRoom { retry_after: expected.max(RETRY_AFTER_MIN) });
            }
            let (grant, granted) = oneshot::channel();
            state.arrivals += 1;
            let key = (lane, state.arrivals);
            state.waiting.insert(key, grant);
            Place { rooms: self, key, granted, left: false }
        };
        match tokio::time::timeout_at(deadline, &mut place.granted).await {
            Ok(granted) => {
                granted.expect("whoever takes a place out of the line grants it");
                place.left = true;
                Ok(Room(self))
            }
            Err(_late) => Err(NoRoom { retry_after: usual.max(RETRY_AFTER_MIN) }),
        }
    }

    /// Good answers and signs of overload; what they change is in force at once.
    pub(crate) fn adapt(&self, change: impl FnOnce(&mut Concurrency, u32)) {
        let mut state = self.state.lock();
        change(&mut state.concurrency, self.taken());
        self.apply(&mut state);
    }

    /// Sets or lifts what may be under way at most, whatever good answers say.
    pub(crate) fn cap(&self, under_way_max: Option<u32>) {
        let cap = under_way_max.unwrap_or(0);
        if self.cap.load(Ordering::Relaxed) != cap {
            let mut state = self.state.lock();
            self.cap.store(cap, Ordering::Relaxed);
            self.apply(&mut state);
        }
    }

    fn allowed(&self, state: &State) -> u32 {
        match self.cap.load(Ordering::Relaxed) {
            0 => state.concurrency.allowed(),
            cap => state.concurrency.allowed().min(cap),
        }
    }

    fn apply(&self, state: &mut State) {
        let allowed = self.allowed(state);
        let limit = if allowed == UNLIMITED { 0 } else { allowed };
        self.limit.store(limit, Ordering::Relaxed);
        self.admit(state);
    }

    fn take(&self) -> Room<'_> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Room(self)
    }

    fn leave(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        // Somebody waits only while there is a limit, or it was lifted this instant and `adapt` lets them in.
        if self.limit().is_some() {
            self.admit(&mut self.state.lock());
        }
    }

    /// Lets in as many as there is room for.
    fn admit(&self, state: &mut State) {
        while self.taken() < self.allowed(state) {
            let Some((_, grant)) = state.waiting.pop_first() else { return };
            self.taken.fetch_add(1, Ordering::Relaxed);
            if grant.send(()).is_err() {
                self.taken.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A place in the line. Left early, with room granted already, it gives the room back.
struct Place<'a> {
    rooms: &'a Rooms,
    key: (Lane, u64),
    granted: oneshot::Receiver<()>,
    left: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let waited = self.rooms.state.lock().waiting.remove(&self.key).is_some();
        if !waited && self.granted.try_recv().is_ok() {
            self.rooms.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const USUAL: Duration = Duration::from_millis(100);
    const PATIENT: Duration = Duration::from_secs(60);

    fn narrow(under_way: u32) -> Arc<Rooms> {
        let rooms = Rooms::default();
        let now = Instant::now();
        rooms.adapt(|concurrency, _| (0..5).for_each(|_| concurrency.congested(under_way, now, now)));
        Arc::new(rooms)
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_nobody_waits() {
        let rooms = Rooms::default();
        let all: Vec<_> = (0..5_000).map(|_| rooms.now().unwrap()).collect();
        assert_eq!((rooms.taken(), rooms.limit()), (5_000, None));
        drop(all);
        assert_eq!(rooms.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_urgent_go_first() {
        let rooms = narrow(8);
        let taken: Vec<_> = (0..4).map(|_| rooms.now().unwrap()).collect();
        assert!(rooms.now().is_none());
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [Lane::Bulk, Lane::Sync, Lane::Interactive]
            .map(|lane| {
                let (rooms, order) = (rooms.clone(), order.clone());
                tokio::spawn(async move {
                    let _room = rooms.wait(lane, Instant::now() + PATIENT, USUAL).await.unwrap();
                    order.lock().push(lane);
                    tokio::time::sleep(USUAL).await;
                })
            })
            .into();
        tokio::time::sleep(USUAL).await;
        assert_eq!(rooms.waiting(), 3);
        for room in taken {
            drop(room);
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock(), [Lane::Interactive, Lane::Sync, Lane::Bulk]);
        assert_eq!((rooms.taken(), rooms.waiting()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_cannot_make_it_is_told_at_once_and_who_gives_up_leaves_no_trace() {
        let rooms = narrow(8);
        let taken: Vec<_> = (0..4).map(|_| rooms.now().unwrap()).collect();
        let began = Instant::now();
        let hurried = rooms.wait(Lane::Bulk, began + USUAL / 10, USUAL).await;
        assert_eq!(hurried.err(), Some(NoRoom { retry_after: RETRY_AFTER_MIN }));
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(rooms.wait(Lane::Bulk, began + USUAL, USUAL).await.is_err());
        assert_eq!(began.elapsed(), USUAL);
        assert_eq!(rooms.waiting(), 0);
        drop(taken);
        assert_eq!(rooms.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cap_holds_whatever_good_answers_say_and_lets_everyone_in_once_lifted() {
        let rooms = Arc::new(Rooms::default());
        rooms.cap(Some(2));
        let taken: Vec<_> = (0..2).map(|_| rooms.now().unwrap()).collect();
        rooms.adapt(|concurrency, _| (0..10_000).for_each(|_| concurrency.good()));
        assert!(rooms.now().is_none());
        let waiting = {
            let rooms = rooms.clone();
            tokio::spawn(async move { rooms.wait(Lane::Bulk, Instant::now() + PATIENT, USUAL).await.is_ok() })
        };
        tokio::time::sleep(USUAL).await;
        assert_eq!(rooms.waiting(), 1);
        rooms.cap(None);
        assert!(waiting.await.unwrap());
        assert_eq!(rooms.limit(), None);
        drop(taken);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lifted_limit_lets_everyone_in() {
        let rooms = narrow(8);
        let taken: Vec<_> = (0..4).map(|_| rooms.now().unwrap()).collect();
        let waiting = {
            let rooms = rooms.clone();
            tokio::spawn(async move { rooms.wait(Lane::Bulk, Instant::now() + PATIENT, USUAL).await.is_ok() })
        };
        tokio::time::sleep(USUAL).await;
        rooms.adapt(|concurrency, _| (0..10_000).for_each(|_| concurrency.good()));
        assert!(waiting.await.unwrap());
        drop(taken);
    }
}
