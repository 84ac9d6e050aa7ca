//! Kept connections to one upstream: the last one used is used next, so that the others grow old and close.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connection;

/// Connections not in use.
pub(super) struct Pool {
    shelf: Mutex<Shelf>,
    idle_timeout: Duration,
    kept_max: usize,
}

#[derive(Default)]
struct Shelf {
    /// Those that have waited longest come first.
    kept: Vec<Kept>,
    /// Somebody looks after them until none is left.
    is_swept: bool,
}

struct Kept {
    connection: Box<Connection>,
    since: Instant,
}

/// A connection taken from the pool.
pub(super) struct Taken {
    pub(super) connection: Box<Connection>,
    /// How long it was idle; `None` for a new one.
    pub(super) idle: Option<Duration>,
}

impl Pool {
    pub(super) fn new(idle_timeout: Duration, kept_max: usize) -> Self {
        Self { shelf: Mutex::default(), idle_timeout, kept_max }
    }

    /// A connection that is open as far as the server has told. It may have been closed since; only sending tells.
    pub(super) fn take(&self, now: Instant) -> Option<Taken> {
        let mut shelf = self.shelf.lock();
        while let Some(Kept { mut connection, since }) = shelf.kept.pop() {
            let idle = now.saturating_duration_since(since);
            if idle < self.idle_timeout && connection.is_open() {
                return Some(Taken { connection, idle: Some(idle) });
            }
        }
        None
    }

    /// Keeps a connection for the next request.
    pub(super) fn put(self: &Arc<Self>, connection: Box<Connection>, now: Instant) {
        let mut shelf = self.shelf.lock();
        if shelf.kept.len() >= self.kept_max {
            return;
        }
        shelf.kept.push(Kept { connection, since: now });
        if !shelf.is_swept {
            shelf.is_swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), now + self.idle_timeout));
        }
    }

    /// Closes those that have grown old or that the server has closed. When to look again, if any are left.
    fn close_old(&self, now: Instant) -> Option<Instant> {
        let mut shelf = self.shelf.lock();
        shelf.kept.retain_mut(|kept| now - kept.since < self.idle_timeout && kept.connection.is_open());
        let oldest = shelf.kept.first().map(|oldest| oldest.since + self.idle_timeout);
        shelf.is_swept = oldest.is_some();
        oldest
    }
}

/// Looks after the kept connections: nobody else notices when they grow old, or when the server closes them.
async fn sweep(pool: Weak<Pool>, mut at: Instant) {
    loop {
        tokio::time::sleep_until(at).await;
        let next = pool.upgrade().and_then(|pool| pool.close_old(Instant::now()));
        let Some(next) = next else { return };
        at = next;
    }
}
