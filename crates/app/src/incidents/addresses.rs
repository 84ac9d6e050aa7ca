//! Every address of HubSpot's, connected to now and then: one kind of them that is dead makes every other connection slow, and
//! no call fails of it.

use std::sync::Arc;
use std::time::Duration;

use client::probe::target::Target;
use incident::facts::probes::Tcp;
use parking_lot::Mutex;

/// What the latest try found, for whoever wants to know.
#[derive(Clone, Default)]
pub(crate) struct Latest(Arc<Mutex<Option<Tcp>>>);

impl Latest {
    pub(super) fn get(&self) -> Option<Tcp> {
        self.0.lock().clone()
    }
}

/// What to connect to, and how often.
pub(crate) struct Addresses {
    pub(crate) target: Target,
    pub(crate) every: Duration,
    pub(crate) latest: Latest,
}

impl Addresses {
    /// Tries for as long as it is polled; never where nobody wants it.
    pub(super) async fn run(&self) {
        if self.every.is_zero() {
            return;
        }
        loop {
            *self.latest.0.lock() = ops::triage::connects(&self.target).await;
            tokio::time::sleep(self.every).await;
        }
    }
}
