//! How callers wait for the store's threads.

use tokio::sync::oneshot;

/// A paused clock runs ahead as soon as nobody has anything to do, and does not know of threads that are not the
/// runtime's. Waited for on a thread of its own pool, it stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Patience {
    #[default]
    Usual,
    ClockStandsStill,
}

impl Patience {
    pub(crate) async fn wait<T: Send + 'static>(
        self,
        answered: oneshot::Receiver<T>,
    ) -> Result<T, oneshot::error::RecvError> {
        match self {
            Self::Usual => answered.await,
            Self::ClockStandsStill => {
                let waiting = tokio::task::spawn_blocking(|| answered.blocking_recv());
                waiting.await.expect("it only waits")
            }
        }
    }
}
