//! Our own retries are the load: they go on after the reason for them is over.

use super::family::Families;
use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;

/// Retries may add a tenth; a third more, over a quarter of an hour, was a storm while it lasted.
const RETRIES_PERCENT: u64 = 33;

/// A few calls retried say nothing.
const RETRIES_MIN: u64 = 50;

pub(super) static TREE: Tree = Tree {
    about: "our own retries",
    then: Then::GoOn,
    root: Step::Ask {
        question: &MOSTLY_RETRIES,
        yes: &Step::Ask {
            question: &HUBSPOT_IS_WELL,
            yes: &Step::Found(Leaf {
                code: Code::RetryStorm,
                backed_by: &[],
                unlike: &[(Code::OutageUnlisted, &HUBSPOT_IS_WELL)],
            }),
            no: &Step::Nothing,
        },
        no: &Step::Nothing,
    },
};

static MOSTLY_RETRIES: Question = Question {
    asks: "Is a great part of the load our own retries?",
    answer: |facts| {
        let groups = || facts.traffic.iter().flat_map(|traffic| &traffic.groups);
        let (calls, retries): (u64, u64) =
            (groups().map(|g| g.calls).sum(), groups().map(|g| g.retries).sum());
        let holds = retries >= RETRIES_MIN && retries * 100 >= calls * RETRIES_PERCENT;
        Reply::is(holds, "traffic", format!("{retries} retries for {calls} calls"))
    },
};

static HUBSPOT_IS_WELL: Question = Question {
    asks: "Does HubSpot serve well again?",
    answer: |facts| {
        let families = Families::of(facts);
        let slow = (super::slow::SLOW.answer)(facts).truth == super::Truth::Yes;
        let well = families.failing_probes.is_empty() && !families.serving_probes.is_empty() && !slow;
        Reply::is(well, "families", families.describe())
    },
};
