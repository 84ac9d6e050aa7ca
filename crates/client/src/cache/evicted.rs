//! Which answers had to make room, as far as a fixed table remembers: one that is asked for again before its time was up says
//! that the budget is too small for what is asked.
//!
//! It forgets when two share a place, and takes one for another once in four billion.

use std::time::Duration;

use tokio::time::Instant;

const PLACES: usize = 8 * 1024;

/// The latest, by the hash of their question.
#[derive(Default)]
pub(super) struct Evicted {
    /// Allocated with the first: most houses never see one.
    places: Vec<Option<(u32, Instant)>>,
}

impl Evicted {
    /// This answer, which arrived at `at`, goes.
    pub(super) fn note(&mut self, hash: u64, at: Instant) {
        if self.places.is_empty() {
            self.places = vec![None; PLACES];
        }
        self.places[place(hash)] = Some((tag(hash), at));
    }

    /// It was here, and would still be good for a reader who takes what is not older than `fresh`.
    pub(super) fn would_serve(&self, hash: u64, now: Instant, fresh: Duration) -> bool {
        let known = self.places.get(place(hash)).copied().flatten();
        known.is_some_and(|(known, at)| known == tag(hash) && now.saturating_duration_since(at) < fresh)
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or_default()
}

fn tag(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_went_before_its_time_was_up_is_missed() {
        let (mut evicted, minute) = (Evicted::default(), Duration::from_secs(60));
        assert!(!evicted.would_serve(7, Instant::now(), minute));
        evicted.note(7, Instant::now());
        tokio::time::advance(minute / 2).await;
        assert!(evicted.would_serve(7, Instant::now(), minute));
        assert!(!evicted.would_serve(8, Instant::now(), minute));
        tokio::time::advance(minute / 2).await;
        assert!(!evicted.would_serve(7, Instant::now(), minute), "it would be over by now");
    }
}
