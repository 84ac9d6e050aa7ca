//! One who waits, and its place in the queue.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::fair::Stand;
use super::{Governor, Marks, Refusal};
use crate::lane::Lane;

pub(super) type Grant = Result<Marks, Refusal>;

/// One call that waits, or one pack of calls: it takes one slot of each budget.
pub(super) struct Waiter {
    pub(super) arrival: u64,
    pub(super) since: Instant,
    grant: oneshot::Sender<Grant>,
}

impl Waiter {
    pub(super) fn new(arrival: u64, since: Instant) -> (Self, oneshot::Receiver<Grant>) {
        let (grant, granted) = oneshot::channel();
        (Self { arrival, since, grant }, granted)
    }

    /// `false` where nobody listens any more.
    pub(super) fn tell(self, grant: Grant) -> bool {
        self.grant.send(grant).is_ok()
    }
}

/// A place in the queue. Dropped, it is left; dropped with a slot already granted, it gives the slot back.
pub(super) struct Place {
    granted: oneshot::Receiver<Grant>,
    governor: Arc<Governor>,
    lane: Lane,
    stand: Stand,
    arrival: u64,
    left: bool,
}

impl Place {
    pub(super) fn new(
        granted: oneshot::Receiver<Grant>,
        governor: Arc<Governor>,
        lane: Lane,
        stand: Stand,
        arrival: u64,
    ) -> Self {
        Self { granted, governor, lane, stand, arrival, left: false }
    }

    pub(super) async fn granted(&mut self) -> Grant {
        let grant = (&mut self.granted).await.expect("the queue answers every waiter before it drops it");
        self.left = true;
        grant
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.left || self.governor.leave(self.lane, &self.stand, self.arrival) {
            return;
        }
        if let Ok(Ok(_marks)) = self.granted.try_recv() {
            self.governor.give_back(self.stand.app, self.stand.budgets);
        }
    }
}
