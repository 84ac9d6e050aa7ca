//! Connections that die while they idle: the next call on them is reset.

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::exchange::Failure;

/// One reset now and then is the far end closing in the same moment.
const RESETS_MIN: u64 = 2;

pub(super) static TREE: Tree = Tree {
    about: "idle connections",
    then: Then::GoOn,
    root: Step::Ask {
        question: &RESET_AFTER_IDLE,
        yes: &Step::Found(Leaf {
            code: Code::StalePool,
            backed_by: &[],
            unlike: &[(Code::OutageUnlisted, &NEW_ONES_WORK)],
        }),
        no: &Step::Nothing,
    },
};

static RESET_AFTER_IDLE: Question = Question {
    asks: "Are connections reset on their first use after idling?",
    answer: |facts| {
        let counts =
            facts.traffic.iter().flat_map(|traffic| &traffic.groups).flat_map(|group| &group.transport);
        let resets: u64 =
            counts.filter(|count| count.kind == Failure::ResetAfterIdle).map(|count| count.count).sum();
        Reply::is(resets >= RESETS_MIN, "traffic", format!("{resets} resets on idle connections"))
    },
};

static NEW_ONES_WORK: Question = Question {
    asks: "Do new connections work at once?",
    answer: |facts| {
        let traffic =
            facts.traffic.iter().flat_map(|traffic| &traffic.groups).any(|group| group.ok_recent > 0);
        Reply::is(facts.auth_works() || traffic, "auth", "calls on new connections are answered")
    },
};
