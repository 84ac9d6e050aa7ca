//! The token endpoint refuses: one customer's grant, or our app's own credential? Seen only where callers refresh
//! through the gateway.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;

pub(super) static TREE: Tree = Tree {
    about: "refreshing tokens",
    then: Then::GoOn,
    root: Step::Ask {
        question: &CLIENT_REFUSED,
        yes: &Step::Ask {
            question: &NEVER_WORKED,
            yes: &Step::Found(Leaf {
                code: Code::ClientMismatch,
                backed_by: &[],
                unlike: &[(Code::ClientSecret, &NEVER_WORKED)],
            }),
            no: &Step::Found(Leaf { code: Code::ClientSecret, backed_by: &[&SECRET_CHANGED], unlike: &[] }),
        },
        no: &Step::Ask {
            question: &GRANT_REFUSED,
            yes: &Step::Found(Leaf {
                code: Code::RefreshRevoked,
                backed_by: &[],
                // Whether the app is still installed shows in its webhooks, which are not looked at here.
                unlike: &[(Code::Uninstalled, &STILL_INSTALLED)],
            }),
            no: &Step::Nothing,
        },
    },
};

static CLIENT_REFUSED: Question = Question {
    asks: "Does the token endpoint refuse our app's own id or secret?",
    answer: |facts| {
        let refused = facts.going_on(&[ErrorKind::BadClient]);
        Reply::is(!refused.is_empty(), "traffic", refused.describe())
    },
};

static NEVER_WORKED: Question = Question {
    asks: "Has this pair never refreshed a token?",
    answer: |facts| {
        let refused = facts.going_on(&[ErrorKind::BadClient]);
        let worked = refused.seen.iter().any(|seen| seen.group.last_ok_at.is_some());
        let config =
            facts.traffic.iter().flat_map(|traffic| &traffic.changes).any(|change| change.kind == "config");
        let observed =
            if worked { "it worked before" } else { "no refresh has worked since the gateway started" };
        Reply::is(!worked && config, "traffic", observed)
    },
};

static SECRET_CHANGED: Question = Question {
    asks: "Was the client secret changed?",
    answer: |facts| match super::token::secret_change(facts) {
        super::Truth::Yes => Reply::yes("traffic", "a secret was changed in the last 24 hours"),
        super::Truth::No | super::Truth::CouldNotTell => {
            Reply::could_not_tell("traffic", "no change on record")
        }
    },
};

static GRANT_REFUSED: Question = Question {
    asks: "Does the token endpoint refuse a refresh token?",
    answer: |facts| {
        let refused = facts.going_on(&[ErrorKind::BadRefreshToken]);
        Reply::is(!refused.is_empty(), "traffic", refused.describe())
    },
};

static STILL_INSTALLED: Question = Question {
    asks: "Is the app still installed there?",
    answer: |_| Reply::could_not_tell("traffic", "webhooks of that portal are not looked at here"),
};
