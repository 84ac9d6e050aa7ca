//! What passes anyway, held against the faults that no rate of calls tells of. Each likeness is a suspicion, and asks.

use std::collections::BTreeMap;

use incident::code::Code;
use incident::facts::Facts;
use incident::runbook::Runbooks;
use incident::signal::{Place, Seen, Signal, Standing, Wellness};
use jiff::{SignedDuration, Timestamp};

/// Between two: walking the trees costs more than counting, and a suspicion of this kind may take some seconds.
pub(crate) const BETWEEN: SignedDuration = SignedDuration::from_secs(10);

/// What was seen at the glance before.
#[derive(Default)]
pub(crate) struct Glances {
    before: BTreeMap<Code, String>,
    last_at: Option<Timestamp>,
}

impl Glances {
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.last_at.is_none_or(|last| now.duration_since(last) >= BETWEEN)
    }

    /// What these facts are like; and, once, what they are like no longer.
    pub(crate) fn look(&mut self, facts: &Facts, runbooks: &Runbooks, now: Timestamp) -> Vec<Signal> {
        self.last_at = Some(now);
        let like: BTreeMap<Code, String> =
            incident::glance(facts, runbooks).into_iter().map(|it| (it.code, it.observed)).collect();
        let gone = self.before.iter().filter(|(code, _)| !like.contains_key(code));
        let ill = like.iter().map(|it| (it, Wellness::Ill));
        let signals = ill.chain(gone.map(|it| (it, Wellness::Well))).map(|((code, observed), well)| {
            let (of, name, observed) = (Standing::Likeness, code.id().to_owned(), observed.clone());
            Signal { at: now, place: Place::default(), seen: Seen::Standing { of, name, well, observed } }
        });
        let signals = signals.collect();
        self.before = like;
        signals
    }
}
