//! The tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use incident::code::Code;

use super::baseline;
use super::case::{Outcome, Story};
use super::cast::{Family, faults};

/// A second finding counts as found from here.
const SURE_FROM: f64 = 0.6;

/// Right first answers and how many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) right: usize,
    pub(super) of: usize,
}

impl Share {
    fn note(&mut self, right: bool) {
        self.right += usize::from(right);
        self.of += 1;
    }

    pub(super) fn value(self) -> f64 {
        if self.of == 0 { 1.0 } else { self.right as f64 / self.of as f64 }
    }
}

/// Everything the scores need.
#[derive(Debug, Default)]
pub(super) struct Scores {
    pub(super) first: BTreeMap<Code, Share>,
    pub(super) top_three: BTreeMap<Code, Share>,
    pub(super) blame: Share,
    pub(super) baseline: BTreeMap<Code, Share>,
    pub(super) baseline_alarms: Share,
    pub(super) healthy: Share,
    pub(super) nameless: Share,
    pub(super) pairs: Pairs,
    confused: BTreeMap<(Code, Code), usize>,
    calls_max: u32,
    took_ms: Vec<u128>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Pairs {
    found: usize,
    false_finds: usize,
    missed: usize,
}

impl Pairs {
    pub(super) fn f1(self) -> f64 {
        let all = 2 * self.found + self.false_finds + self.missed;
        if all == 0 { 1.0 } else { 2.0 * self.found as f64 / all as f64 }
    }
}

impl Scores {
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let mut scores = Self::default();
        for outcome in outcomes {
            scores.calls_max = scores.calls_max.max(outcome.calls);
            scores.took_ms.push(outcome.took.as_millis());
            match outcome.story {
                Story::Fault(truth) => scores.fault(truth, outcome),
                Story::Pair(one, other) => scores.pair([one, other], outcome),
                Story::Well(_) => {
                    scores.healthy.note(outcome.named == Code::Healthy);
                    scores.baseline_alarms.note(outcome.baseline == Code::Healthy);
                }
                Story::Nameless(_) => scores.nameless.note(outcome.named == Code::Unknown),
            }
        }
        scores.took_ms.sort_unstable();
        scores
    }

    fn fault(&mut self, truth: Code, outcome: &Outcome) {
        let first = outcome.named == truth;
        let three = first || outcome.also.iter().take(2).any(|(code, _)| *code == truth);
        self.first.entry(truth).or_default().note(first);
        self.top_three.entry(truth).or_default().note(three);
        self.blame.note(outcome.named.blame() == truth.blame());
        self.baseline.entry(truth).or_default().note(baseline::is_right(outcome.baseline, truth));
        if !first {
            *self.confused.entry((truth, outcome.named)).or_default() += 1;
        }
    }

    fn pair(&mut self, truth: [Code; 2], outcome: &Outcome) {
        let sure = outcome.also.iter().filter(|(_, confidence)| *confidence >= SURE_FROM);
        let named: Vec<Code> = std::iter::once(outcome.named).chain(sure.map(|(code, _)| *code)).collect();
        let found = truth.iter().filter(|code| named.contains(code)).count();
        self.pairs.found += found;
        self.pairs.missed += truth.len() - found;
        self.pairs.false_finds += named.iter().filter(|code| !truth.contains(code)).count();
    }

    pub(super) fn overall(shares: &BTreeMap<Code, Share>) -> Share {
        shares.values().fold(Share::default(), |sum, share| Share {
            right: sum.right + share.right,
            of: sum.of + share.of,
        })
    }

    pub(super) fn worst(&self) -> Option<(Code, f64)> {
        let each = self.first.iter().map(|(code, share)| (*code, share.value()));
        each.min_by(|(_, one), (_, other)| one.total_cmp(other))
    }

    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        let _infallible = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "| fault | code | n | first | top three | baseline |\n|---|---|---|---|---|---|")?;
        for code in faults() {
            let Some(first) = self.first.get(&code) else { continue };
            let (three, base) = (self.top_three[&code], self.baseline[&code]);
            writeln!(
                text,
                "| {} | `{}` | {} | {:.2} | {:.2} | {:.2} |",
                code.fault(),
                code.id(),
                first.of,
                first.value(),
                three.value(),
                base.value()
            )?;
        }
        writeln!(text, "\n| family | n | first | top three | baseline |\n|---|---|---|---|---|")?;
        for family in Family::ALL {
            let of = |shares: &BTreeMap<Code, Share>| {
                let own = shares.iter().filter(|(code, _)| Family::of(**code) == family);
                Self::overall(&own.map(|(code, share)| (*code, *share)).collect())
            };
            let (first, three, base) = (of(&self.first), of(&self.top_three), of(&self.baseline));
            writeln!(
                text,
                "| {family:?} | {} | {:.3} | {:.3} | {:.3} |",
                first.of,
                first.value(),
                three.value(),
                base.value()
            )?;
        }
        writeln!(text, "\n| truth | named instead | times |\n|---|---|---|")?;
        for ((truth, named), times) in &self.confused {
            writeln!(text, "| `{}` | `{}` | {times} |", truth.id(), named.id())?;
        }
        self.totals(text)
    }

    fn totals(&self, text: &mut String) -> std::fmt::Result {
        let (first, three) = (Self::overall(&self.first), Self::overall(&self.top_three));
        let base = Self::overall(&self.baseline);
        let (worst, at) = self.worst().unwrap_or((Code::Healthy, 1.0));
        let p95 = self.took_ms.get(self.took_ms.len().saturating_sub(1) * 95 / 100).copied().unwrap_or(0);
        writeln!(text, "\n| score | value | target | n | baseline |\n|---|---|---|---|---|")?;
        writeln!(text, "| right first | {:.3} | 0.95 | {} | {:.3} |", first.value(), first.of, base.value())?;
        writeln!(text, "| whose fault | {:.3} | - | {} | - |", self.blame.value(), self.blame.of)?;
        writeln!(text, "| worst fault | {at:.2} (`{}`) | 0.85 | | - |", worst.id())?;
        writeln!(text, "| within three | {:.3} | 0.99 | {} | - |", three.value(), three.of)?;
        writeln!(text, "| pairs, F1 | {:.3} | 0.85 | | - |", self.pairs.f1())?;
        let alarms = 1.0 - self.healthy.value();
        let base_alarms = 1.0 - self.baseline_alarms.value();
        writeln!(text, "| false alarms | {alarms:.4} | 0.005 | {} | {base_alarms:.3} |", self.healthy.of)?;
        writeln!(
            text,
            "| nameless called unknown | {:.3} | 0.90 | {} | - |",
            self.nameless.value(),
            self.nameless.of
        )?;
        writeln!(text, "| HubSpot calls, most | {} | 8 | | - |", self.calls_max)?;
        writeln!(text, "| a look takes, p95 | {p95} ms | 30 s | | - |")
    }
}
