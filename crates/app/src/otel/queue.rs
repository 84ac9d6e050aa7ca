//! What waits to be exported. It holds so much and no more: what does not fit is lost, and counted.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::traces::Finished;

/// At half a kilobyte each, a megabyte.
const SPANS_MAX: usize = 2048;

/// From here on they go out before their time.
const SPANS_HURRY: usize = SPANS_MAX / 2;

/// What was not exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) spans: u64,
    /// Exports of all metrics at once; the next one makes up for it.
    pub(crate) metrics: u64,
}

#[derive(Default)]
pub(crate) struct Queue {
    spans: Mutex<Vec<Finished>>,
    hurry: Notify,
    lost_spans: AtomicU64,
    lost_metrics: AtomicU64,
}

impl Queue {
    /// A trace goes whole or not at all.
    pub(super) fn push(&self, trace: Vec<Finished>) {
        let mut spans = self.spans.lock();
        if spans.len() + trace.len() > SPANS_MAX {
            self.lose_spans(trace.len());
            return;
        }
        spans.extend(trace);
        if spans.len() >= SPANS_HURRY {
            self.hurry.notify_one();
        }
    }

    pub(super) fn take(&self) -> Vec<Finished> {
        std::mem::take(&mut *self.spans.lock())
    }

    /// Waits until there is much to export.
    pub(super) async fn hurries(&self) {
        self.hurry.notified().await;
    }

    pub(super) fn lose_spans(&self, count: usize) {
        self.lost_spans.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(super) fn lose_metrics(&self) {
        self.lost_metrics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) -> Lost {
        Lost {
            spans: self.lost_spans.load(Ordering::Relaxed),
            metrics: self.lost_metrics.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_lost_and_counted() {
        let queue = Queue::default();
        for _ in 0..SPANS_MAX / 2 + 10 {
            queue.push(vec![Finished::default(), Finished::default()]);
        }
        assert_eq!(queue.take().len(), SPANS_MAX);
        assert_eq!(queue.lost(), Lost { spans: 20, metrics: 0 });
        queue.push(vec![Finished::default()]);
        assert_eq!(queue.take().len(), 1, "and there is room again");
    }
}
