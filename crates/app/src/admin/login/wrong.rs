//! Wrong keys, at the login page and as bearer tokens alike. The right one always gets in, and at once: nobody who guesses can lock
//! out the person on call. So guesses are not refused but slowed: past a few in a minute each is answered late. What keeps a key
//! from being guessed is its length (`keys`), at any speed.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::admin::CONNECTIONS_MAX;

/// Wrong keys are counted for this long.
const WINDOW: Duration = Duration::from_secs(60);
/// Who mistypes is told so at once, and the audit log is told each time.
const AT_ONCE_MAX: usize = 10;
const LATE_BY: Duration = Duration::from_secs(1);
/// So many wait to hear it at the same time. Each holds one of the listener's connections, and whoever guesses must not have them all.
const WAITING_MAX: usize = CONNECTIONS_MAX / 4;

pub(super) struct Wrong {
    /// Of the last minute, the first ones.
    lately: Mutex<Vec<Instant>>,
    places: Semaphore,
}

impl Default for Wrong {
    fn default() -> Self {
        Self { lately: Mutex::default(), places: Semaphore::new(WAITING_MAX) }
    }
}

/// How it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    AtOnce,
    Late,
    /// At once, since too many waited already.
    Crowded,
}

impl Wrong {
    /// Somebody was wrong. Ends when they are to hear it.
    pub(super) async fn told(&self) -> Told {
        if self.is_a_slip(Instant::now()) {
            return Told::AtOnce;
        }
        let Ok(_place) = self.places.try_acquire() else { return Told::Crowded };
        tokio::time::sleep(LATE_BY).await;
        Told::Late
    }

    fn is_a_slip(&self, now: Instant) -> bool {
        let mut lately = self.lately.lock();
        lately.retain(|at| now.duration_since(*at) < WINDOW);
        if lately.len() >= AT_ONCE_MAX {
            return false;
        }
        lately.push(now);
        if lately.len() == AT_ONCE_MAX {
            tracing::warn!(
                "{AT_ONCE_MAX} wrong keys within a minute on the admin listener; more are answered late, and are not audited"
            );
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn guesses_are_slow_and_those_who_wait_are_few() {
        let (wrong, begun) = (Wrong::default(), Instant::now());
        for _ in 0..AT_ONCE_MAX {
            assert_eq!(wrong.told().await, Told::AtOnce);
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!((wrong.told().await, begun.elapsed()), (Told::Late, LATE_BY));
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(wrong.told())).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        assert_eq!(wrong.told().await, Told::Crowded);
        waiting.pop();
        assert_eq!(wrong.told().await, Told::Late, "who hung up left a place");
        tokio::time::advance(WINDOW).await;
        assert_eq!(wrong.told().await, Told::AtOnce, "a minute later it was a slip");
    }
}
