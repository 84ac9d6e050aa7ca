//! Deliveries that arrive together share one transaction, as a rule one statement (`news`), and one sync.
//!
//! Nobody waits for company. What arrives while the lanes are busy is the next group; a lone delivery goes at once.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{PATIENCE, Postgres, told, unknown};
use crate::deliveries::{NewDelivery, Places};
use crate::failure::{Refusing, StoreError};

/// Groups under way at once: while one is being synced, the next is written. More would make them smaller.
const LANES: usize = 2;

/// Most deliveries in one transaction.
const GROUP_MAX: usize = 128;

/// A group is closed once it holds so much.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Who finds so many waiting is refused: HubSpot comes again, and a server that hangs does not fill our memory.
const WAITING_MAX: usize = 512;

/// What waits for a lane, in the order of its arrival.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Vec<Waiting>,
    busy: usize,
}

struct Waiting {
    delivery: NewDelivery,
    done: oneshot::Sender<Result<Places, StoreError>>,
}

/// Why a group was not kept.
pub(super) enum Failed {
    /// Nothing of it is: one of them cannot be kept, or waits for somebody else's transaction.
    RolledBack,
    /// For all of them.
    All(StoreError),
}

impl Failed {
    /// What the server refused it has undone.
    pub(super) fn of(error: tokio_postgres::Error) -> Self {
        if error.as_db_error().is_some() {
            tracing::debug!(error = told(&error), "a group of deliveries is taken apart");
            return Self::RolledBack;
        }
        Self::All(unknown(error))
    }
}

impl Postgres {
    /// Keeps a delivery together with whatever else waits. `Ok` means that the server has committed it.
    pub(super) async fn receive_in_a_group(&self, delivery: NewDelivery) -> Result<Places, StoreError> {
        let (done, ended) = oneshot::channel();
        match enqueue(&self.queue, Waiting { delivery, done }) {
            Taken::Full => {
                let why = Refusing::Unreachable("too many deliveries wait for the database".into());
                return Err(StoreError::NotAccepted(why));
            }
            Taken::LaneNeeded => {
                let store = self.clone();
                tokio::spawn(async move { store.serve().await });
            }
            Taken::LanesBusy => {}
        }
        let gone = |_| Err(StoreError::OutcomeUnknown("whoever wrote it is gone".into()));
        ended.await.unwrap_or_else(gone)
    }

    /// One lane: group after group, until nobody waits.
    async fn serve(self) {
        // A lane that ends as it should has given its place back.
        let mut place = Place { queue: self.queue.clone(), held: true };
        while let Some(group) = place.next_group() {
            self.keep(group).await;
        }
    }

    /// One whose own request fails, or waits for long, leaves the others unharmed: each then goes by itself.
    async fn keep(&self, group: Vec<Waiting>) {
        let (deliveries, done): (Vec<_>, Vec<_>) =
            group.into_iter().map(|one| (one.delivery, one.done)).unzip();
        // Dropped in the middle, its connection goes, and the transaction with it, if it has not been committed.
        let silent = |_| Err(Failed::All(StoreError::OutcomeUnknown("the server does not answer".into())));
        match timeout(PATIENCE, self.keep_all(&deliveries)).await.unwrap_or_else(silent) {
            Ok(kept) => done.into_iter().zip(kept).for_each(|(done, places)| end(done, Ok(places))),
            Err(Failed::All(error)) => done.into_iter().for_each(|done| end(done, Err(error.clone()))),
            Err(Failed::RolledBack) => {
                for (delivery, done) in deliveries.into_iter().zip(done) {
                    let store = self.clone();
                    tokio::spawn(async move { end(done, store.receive_alone(delivery, Vec::new()).await) });
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    LanesBusy,
    LaneNeeded,
    Full,
}

fn enqueue(queue: &Mutex<Queue>, one: Waiting) -> Taken {
    let mut queue = queue.lock();
    if queue.waiting.len() >= WAITING_MAX {
        return Taken::Full;
    }
    queue.waiting.push(one);
    if queue.busy >= LANES {
        return Taken::LanesBusy;
    }
    queue.busy += 1;
    Taken::LaneNeeded
}

/// A place among the lanes. It is given back however the lane ends, or the others would wait for nobody.
struct Place {
    queue: Arc<Mutex<Queue>>,
    held: bool,
}

impl Place {
    /// The next group; without one the place is given back, under the same lock: who comes later takes it.
    fn next_group(&mut self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue.lock();
        let fits = fitting(queue.waiting.iter().map(|one| one.delivery.body.len()));
        if fits == 0 {
            queue.busy -= 1;
            self.held = false;
            return None;
        }
        Some(queue.waiting.drain(..fits).collect())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            self.queue.lock().busy -= 1;
        }
    }
}

fn end(done: oneshot::Sender<Result<Places, StoreError>>, end: Result<Places, StoreError>) {
    let _nobody_waits = done.send(end);
}

/// How many of those that wait go together.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut room = GROUP_BYTES;
    let has_room = |size: &usize| {
        let has = room > 0;
        room = room.saturating_sub(*size);
        has
    };
    sizes.take(GROUP_MAX).take_while(has_room).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_closed_by_number_and_by_size_and_never_empty() {
        assert_eq!(fitting(std::iter::empty()), 0);
        assert_eq!(fitting([GROUP_BYTES * 2, 1].into_iter()), 1, "what is larger than a group goes alone");
        assert_eq!(fitting([GROUP_BYTES - 1, 1, 1].into_iter()), 2);
        assert_eq!(fitting([1; 500].into_iter()), GROUP_MAX);
    }

    #[test]
    fn lanes_are_taken_and_given_back() {
        let queue = Arc::new(Mutex::new(Queue::default()));
        let waiting = || {
            let at = jiff::Timestamp::UNIX_EPOCH;
            let delivery =
                NewDelivery { received_at: at, connection: "c".into(), body: vec![1], keys: Vec::new() };
            Waiting { delivery, done: oneshot::channel().0 }
        };
        let taken = [(); LANES + 1].map(|()| enqueue(&queue, waiting()));
        assert_eq!(taken.iter().filter(|taken| **taken == Taken::LaneNeeded).count(), LANES);
        let mut places = [(); LANES].map(|()| Place { queue: queue.clone(), held: true });
        assert_eq!(
            places[0].next_group().map(|group| group.len()),
            Some(LANES + 1),
            "all that wait go together"
        );
        assert!(places[0].next_group().is_none());
        drop(places);
        assert_eq!(queue.lock().busy, 0, "each place is given back once");
        let taken: Vec<_> = (0..=WAITING_MAX).map(|_| enqueue(&queue, waiting())).collect();
        let full = taken.iter().position(|taken| *taken == Taken::Full);
        assert_eq!(full, Some(WAITING_MAX), "what waits is bounded");
    }
}
