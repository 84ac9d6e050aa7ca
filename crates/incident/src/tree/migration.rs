//! 477: the account is moving between data centres (facts §1.7). The status says it all.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;

pub(super) static TREE: Tree = Tree {
    about: "migration",
    then: Then::GoOn,
    root: Step::Ask {
        question: &MOVING,
        yes: &Step::Found(Leaf {
            code: Code::Migration,
            backed_by: &[],
            unlike: &[(Code::OutageKnown, &MOVING)],
        }),
        no: &Step::Nothing,
    },
};

static MOVING: Question = Question {
    asks: "Does HubSpot say that the account is being moved?",
    answer: |facts| {
        let probed =
            facts.authenticated().into_iter().find(|(_, exchange)| exchange.is_kind(ErrorKind::Migrating));
        if let Some((family, exchange)) = probed {
            let until = exchange.retry_after_s.map(|s| format!(", Retry-After {s} s")).unwrap_or_default();
            return Reply::yes("families", format!("477 on {family}{until}"));
        }
        let traffic = facts.going_on(&[ErrorKind::Migrating]);
        Reply::is(!traffic.is_empty(), "traffic", traffic.describe())
    },
};
