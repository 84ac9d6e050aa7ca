//! The place our secrets come from does not answer. What is loaded goes on working, until it ends or is replaced.

use super::inside;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::Secrets;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree, Truth};

/// One failed read is a hiccup.
const FAILED_MIN: u64 = 2;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "our secrets",
    then: Then::GoOn,
    root: Step::Ask {
        question: &UNREADABLE,
        yes: &Step::Found(Leaf {
            code: Code::Secrets,
            backed_by: &[],
            unlike: &[(Code::ClientSecret, &NO_CLIENT_REFUSED), (Code::RefreshRevoked, &NO_GRANT_REFUSED)],
        }),
        no: &Step::Nothing,
    },
};

static UNREADABLE: Question = Question {
    asks: "Does our secret source fail to answer?",
    answer: |facts| match secrets(facts) {
        None => Reply::could_not_tell("secrets", "no secret source was looked at"),
        Some(secrets) => {
            let over = secrets.last_ok_at > secrets.last_failed_at;
            let observed = format!("{} reads in a row failed", secrets.failed);
            Reply::is(secrets.failed >= FAILED_MIN && !over, "secrets", observed)
        }
    },
};

static NO_CLIENT_REFUSED: Question = Question {
    asks: "Does HubSpot not complain of our app's secret?",
    answer: |facts| not(&crate::tree::oauth::CLIENT_REFUSED, facts),
};

static NO_GRANT_REFUSED: Question = Question {
    asks: "Does HubSpot not refuse a refresh token?",
    answer: |facts| not(&crate::tree::oauth::GRANT_REFUSED, facts),
};

/// The secret source holds another token than the one we run with.
pub(in crate::tree) fn newer_than_loaded(facts: &Facts) -> Truth {
    let newer = secrets(facts).and_then(|secrets| secrets.newer_than_loaded);
    newer.map_or(Truth::CouldNotTell, Truth::from)
}

fn not(question: &Question, facts: &Facts) -> Reply {
    let reply = (question.answer)(facts);
    Reply { truth: Truth::from(reply.truth != Truth::Yes), ..reply }
}

fn secrets(facts: &Facts) -> Option<&Secrets> {
    inside(facts, |inside| inside.secrets.as_ref())
}
