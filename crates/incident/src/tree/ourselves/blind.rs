//! No errors and no successes: is it quiet, or are we not looking?

use jiff::Timestamp;

use super::inside;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::Watch;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// Beats missed before it counts: one may be late.
const BEATS_MISSED: i64 = 3;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "our own eyes",
    then: Then::GoOn,
    root: Step::Ask {
        question: &NO_BEAT,
        yes: &Step::Found(Leaf {
            code: Code::Blind,
            backed_by: &[&NOTHING_COUNTED],
            unlike: &[(Code::Healthy, &NO_BEAT)],
        }),
        no: &Step::Nothing,
    },
};

static NO_BEAT: Question = Question {
    asks: "Is our own beat missing, which passes through the counting whatever callers do?",
    answer: |facts| {
        let Some(watch) = watch(facts).filter(|watch| watch.beat_every_s > 0) else {
            return Reply::could_not_tell("watch", "there is no beat to miss");
        };
        let Some(age_s) = watch.last_beat_at.map(|at| age_s(facts, at)) else {
            return Reply::yes("watch", "no beat has ever been counted");
        };
        let every_s = i64::try_from(watch.beat_every_s).unwrap_or(i64::MAX);
        let observed = format!("the last beat was counted {age_s} s ago, one comes every {every_s} s");
        Reply::is(age_s > every_s.saturating_mul(BEATS_MISSED), "watch", observed)
    },
};

static NOTHING_COUNTED: Question = Question {
    asks: "Has no counter moved since?",
    answer: |facts| {
        let watch = watch(facts);
        match watch.and_then(|watch| watch.last_signal_at.zip(watch.last_beat_at)) {
            Some((signal, beat)) if signal > beat => {
                Reply::no("watch", "other counters moved since the last beat")
            }
            Some((signal, _)) => {
                Reply::yes("watch", format!("nothing was counted for {} s", age_s(facts, signal)))
            }
            None => Reply::could_not_tell("watch", "nothing was ever counted"),
        }
    },
};

fn age_s(facts: &Facts, at: Timestamp) -> i64 {
    facts.configured.now.duration_since(at).as_secs()
}

fn watch(facts: &Facts) -> Option<&Watch> {
    inside(facts, |inside| inside.watch.as_ref())
}
