//! Whoever waited for a group is told of its commit, all of it in one go. To wake each of them from the thread that writes is a
//! system call apiece, and wakes the runtime for one when it could go on with all.

use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedSender};

use super::writer::Job;

/// Requests that ended well together.
type Group = Vec<Box<dyn Job>>;

/// A task of the runtime that the store was opened in, which tells; without one, and for one, the thread that writes does.
pub(super) struct Telling {
    together: Option<UnboundedSender<Group>>,
}

impl Telling {
    pub(super) fn start() -> Self {
        let together = Handle::try_current().ok().map(|runtime| {
            let (together, mut groups) = mpsc::unbounded_channel();
            runtime.spawn(async move {
                while let Some(group) = groups.recv().await {
                    tell(group);
                }
            });
            together
        });
        Self { together }
    }

    pub(super) fn done(&self, group: Group) {
        let left = match &self.together {
            // The runtime may have ended before the store.
            Some(together) if group.len() > 1 => together.send(group).err().map(|unsent| unsent.0),
            Some(_) | None => Some(group),
        };
        left.into_iter().for_each(tell);
    }
}

fn tell(group: Group) {
    group.into_iter().for_each(|job| job.end(Ok(())));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::runtime::{Builder, Runtime};
    use tokio::task::{JoinSet, yield_now};

    use crate::sqlite::Sqlite;
    use crate::sqlite::writer::Intent;

    const WRITES: usize = 100;

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    /// The first write holds the thread up until all the others wait.
    async fn told(store: Sqlite) -> usize {
        let (open, gate) = mpsc::channel::<()>();
        let mut writes = JoinSet::new();
        let first = store.clone();
        writes.spawn(
            async move { first.writer.write(Intent::Accept, move |_| Ok(gate.recv().is_err())).await },
        );
        for _ in 1..WRITES {
            let store = store.clone();
            writes.spawn(async move { store.writer.write(Intent::Accept, |_| Ok(true)).await });
        }
        yield_now().await;
        drop(open);
        writes.join_all().await.into_iter().filter(|end| *end == Ok(true)).count()
    }

    #[test]
    fn everybody_is_told() {
        assert_eq!(runtime().block_on(async { told(Sqlite::in_memory().unwrap()).await }), WRITES);
    }

    #[test]
    fn a_store_outlives_the_runtime_that_opened_it() {
        let store = runtime().block_on(async { Sqlite::in_memory().unwrap() });
        assert_eq!(runtime().block_on(told(store)), WRITES);
    }

    #[test]
    fn a_store_needs_no_runtime_to_open() {
        assert_eq!(runtime().block_on(told(Sqlite::in_memory().unwrap())), WRITES);
    }
}
