//! Kept connections to one upstream: the last one used is used next, so that the others grow old and close.

use std::time::Duration;

use hyper::client::conn::http1::SendRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::body::Body;

/// Connections not in use, and those whose last answer is still being read.
pub(super) struct Pool {
    kept: Mutex<Vec<Kept>>,
    idle_timeout: Duration,
    kept_max: usize,
}

struct Kept {
    sender: SendRequest<Body>,
    since: Instant,
}

/// A connection taken from the pool.
pub(super) struct Taken {
    pub(super) sender: SendRequest<Body>,
    /// How long it was idle; `None` for a new one.
    pub(super) idle: Option<Duration>,
}

impl Pool {
    pub(super) fn new(idle_timeout: Duration, kept_max: usize) -> Self {
        Self { kept: Mutex::default(), idle_timeout, kept_max }
    }

    /// A connection that was open and ready when last seen. It may have been closed since; only sending tells.
    pub(super) fn take(&self, now: Instant) -> Option<Taken> {
        let mut kept = self.kept.lock();
        loop {
            let place = kept.iter().rposition(|kept| kept.sender.is_ready())?;
            let Kept { sender, since } = kept.remove(place);
            let idle = now.saturating_duration_since(since);
            if idle < self.idle_timeout {
                return Some(Taken { sender, idle: Some(idle) });
            }
        }
    }

    /// Keeps a connection for the next request; it is ready once the answer under way has been read.
    pub(super) fn put(&self, sender: SendRequest<Body>, now: Instant) {
        let mut kept = self.kept.lock();
        // Those at the bottom have waited longest.
        while kept
            .first()
            .is_some_and(|oldest| now - oldest.since >= self.idle_timeout || oldest.sender.is_closed())
        {
            kept.remove(0);
        }
        if kept.len() < self.kept_max {
            kept.push(Kept { sender, since: now });
        }
    }
}
