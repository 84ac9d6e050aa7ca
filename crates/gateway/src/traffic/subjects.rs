//! Which records an error answer was about, and how often each: by hash, so that nothing of them is kept.
//!
//! Two spans of a quarter of an hour, so that a record is forgotten when its errors are: what is told covers one of them at least.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Different records counted of an error.
const SUBJECTS_MAX: usize = 64;

/// As long as errors themselves are counted.
const SPAN: Duration = Duration::from_secs(900);

#[derive(Debug, Clone)]
pub(super) struct Subjects {
    began: Instant,
    these: HashMap<u64, u32>,
    before: HashMap<u64, u32>,
}

impl Subjects {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, these: HashMap::new(), before: HashMap::new() }
    }

    /// Once more about this one. Where there is no room for another it is left out.
    pub(super) fn note(&mut self, subject: u64, now: Instant) {
        if now.saturating_duration_since(self.began) >= SPAN {
            self.before = std::mem::take(&mut self.these);
            self.began = now;
        }
        add(&mut self.these, subject, 1);
    }

    /// How many different ones.
    pub(super) fn count(&self) -> usize {
        let only_before = self.before.keys().filter(|subject| !self.these.contains_key(subject));
        (self.these.len() + only_before.count()).min(SUBJECTS_MAX)
    }

    /// The most that one of them had in a quarter of an hour.
    pub(super) fn most_of_one(&self) -> u32 {
        self.these.values().chain(self.before.values()).copied().max().unwrap_or(0)
    }

    /// Takes over what another counted of the same error.
    pub(super) fn absorb(&mut self, gone: Self) {
        for (mine, theirs) in [(&mut self.these, gone.these), (&mut self.before, gone.before)] {
            theirs.into_iter().for_each(|(subject, count)| add(mine, subject, count));
        }
    }
}

fn add(subjects: &mut HashMap<u64, u32>, subject: u64, count: u32) {
    if subjects.len() < SUBJECTS_MAX || subjects.contains_key(&subject) {
        let known = subjects.entry(subject).or_default();
        *known = known.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_record_again_and_again_is_seen_among_others_and_forgotten() {
        let mut subjects = Subjects::new(Instant::now());
        for number in 0..10 {
            subjects.note(7, Instant::now());
            subjects.note(100 + number, Instant::now());
        }
        assert_eq!((subjects.count(), subjects.most_of_one()), (11, 10));
        tokio::time::advance(SPAN).await;
        subjects.note(7, Instant::now());
        assert_eq!((subjects.count(), subjects.most_of_one()), (11, 10), "a quarter of an hour back");
        tokio::time::advance(SPAN).await;
        subjects.note(8, Instant::now());
        assert_eq!((subjects.count(), subjects.most_of_one()), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_an_end_to_how_many_are_told_apart() {
        let mut subjects = Subjects::new(Instant::now());
        (0..1_000).for_each(|subject| subjects.note(subject, Instant::now()));
        (0..5).for_each(|_| subjects.note(3, Instant::now()));
        assert_eq!((subjects.count(), subjects.most_of_one()), (SUBJECTS_MAX, 6));
    }
}
