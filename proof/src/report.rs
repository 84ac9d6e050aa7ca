//! What a rig says in the end: one line of JSON on stdout, and a sentence on stderr.

use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::check::Verdict;

/// How a rig ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Proven,
    Broken,
    /// What it needs is not here. Counted, and said aloud.
    Skipped,
}

pub(crate) struct Report {
    pub(crate) rig: &'static str,
    pub(crate) end: End,
    pub(crate) figures: Map<String, Value>,
}

impl Report {
    pub(crate) fn new(rig: &'static str) -> Self {
        Self { rig, end: End::Proven, figures: Map::new() }
    }

    pub(crate) fn skipped(rig: &'static str, why: &str) -> Self {
        eprintln!("proof: {rig} is SKIPPED: {why}");
        Self { end: End::Skipped, ..Self::new(rig).with("why", why) }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.figures.insert(name.to_owned(), value.into());
        self
    }

    /// What must hold; what does not breaks the rig.
    #[must_use]
    pub(crate) fn must(mut self, what: &str, holds: bool) -> Self {
        if !holds {
            self.end = End::Broken;
            eprintln!("proof: {}: it does not hold that {what}", self.rig);
            self.figures.insert("broken".to_owned(), json!(what));
        }
        self
    }

    #[must_use]
    pub(crate) fn verdict(self, found: &Verdict) -> Self {
        let some = |keys: &[String]| json!(keys.iter().take(5).collect::<Vec<_>>());
        let numbers = |ids: &[u64]| json!(ids.iter().take(5).collect::<Vec<_>>());
        let mut report = self
            .with("writes", found.writes)
            .with("events", found.events)
            .with("lost_writes", found.lost_writes.len())
            .with("lost_events", found.lost_events.len())
            .with("twice_undeclared", found.twice_undeclared.len())
            .with("twice_declared", found.twice_declared)
            .with("given_up", found.given_up)
            .with("unfinished", found.unfinished)
            .with("disordered_writes", found.disordered_writes.len())
            .with("disordered_events", found.disordered_events.len())
            .with("repeated_events", found.repeated_events);
        if !found.is_good() {
            report = report
                .with("examples_lost", some(&found.lost_writes))
                .with("examples_lost_events", numbers(&found.lost_events))
                .with("examples_twice", some(&found.twice_undeclared))
                .with("examples_disordered", some(&found.disordered_writes))
                .with("examples_disordered_events", numbers(&found.disordered_events));
        }
        report
    }

    pub(crate) fn print(&self, seed: u64, command: &str, commit: &str, began: Instant) {
        let word = match self.end {
            End::Proven => "proven",
            End::Broken => "broken",
            End::Skipped => "skipped",
        };
        let line = json!({
            "rig": self.rig, "end": word, "seed": seed, "commit": commit, "command": command,
            "seconds": began.elapsed().as_secs(), "figures": self.figures,
        });
        println!("{line}");
    }
}

/// The value below which `share` of the sorted ones lie.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let place = (last as f64 * share).ceil() as usize;
    values.get(place.min(last)).copied().unwrap_or_default()
}
