//! An operation that HubSpot fails on again and again while it answers others in the same line: it is not the outage that
//! stands in its way, and it must not stop the line forever.

use std::collections::HashMap;

use store::outbox::Line;
use uuid::Uuid;

/// So often HubSpot has failed on it and answered others in between.
const OUT: u32 = 8;

/// Operations remembered; they are few, or it is an outage.
const REMEMBERED_MAX: usize = 1_000;

#[derive(Default)]
pub(super) struct Strikes {
    answers: HashMap<Line, u64>,
    failed: HashMap<Uuid, Failed>,
}

struct Failed {
    strikes: u32,
    /// The line's answers when it last failed.
    answers: u64,
}

impl Strikes {
    pub(super) fn answered(&mut self, line: &Line, id: Uuid) {
        self.failed.remove(&id);
        match self.answers.get_mut(line) {
            Some(answers) => *answers += 1,
            None => drop(self.answers.insert(line.clone(), 1)),
        }
    }

    pub(super) fn failed(&mut self, line: &Line, id: Uuid) {
        let answers = self.answers.get(line).copied().unwrap_or_default();
        if self.failed.len() >= REMEMBERED_MAX && !self.failed.contains_key(&id) {
            return;
        }
        let failed = self.failed.entry(id).or_insert(Failed { strikes: 0, answers });
        if failed.answers < answers {
            failed.strikes += 1;
            failed.answers = answers;
        }
    }

    /// The next failure is the last.
    pub(super) fn is_out(&self, id: Uuid) -> bool {
        self.failed.get(&id).is_some_and(|failed| failed.strikes >= OUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line { connection: "default".into(), family: "objects".into(), lane: "sync".into() }
    }

    #[test]
    fn only_failures_between_others_answers_count() {
        let mut strikes = Strikes::default();
        let bad = Uuid::from_u128(1);
        (0..100).for_each(|_| strikes.failed(&line(), bad));
        assert!(!strikes.is_out(bad), "an outage is nobody's fault");
        for _ in 0..OUT {
            strikes.answered(&line(), Uuid::from_u128(2));
            assert!(!strikes.is_out(bad));
            strikes.failed(&line(), bad);
        }
        assert!(strikes.is_out(bad));
        strikes.answered(&line(), bad);
        assert!(!strikes.is_out(bad));
    }
}
