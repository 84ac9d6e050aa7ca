//! Records that are there already, are there no more, or were refused inside an answer that looked fine.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::signals::{Seen, Tally};

/// A 409 now and then is how a create says "already there". It is a storm from so many, …
const CONFLICTS_MIN: u64 = 10;
/// … when they are this share of the calls, …
const CONFLICTS_SHARE: f64 = 0.3;
/// … or from so few when the same keys come back so often, …
const REPEATED_MIN: u64 = 8;
const REPEATS_PER_KEY: u64 = 4;
/// … or one of them does, whatever others are beside it: a program that goes on after "already there" is stuck.
const OF_ONE_KEY_MIN: u64 = 6;

/// One merge makes one or two stale ids; a stale cache makes more.
const GONE_MIN: u64 = 3;

pub(super) static CONFLICT_TREE: Tree = Tree {
    about: "duplicates",
    then: Then::GoOn,
    root: Step::Ask {
        question: &CONFLICTS,
        yes: &Step::Found(Leaf {
            code: Code::Conflict,
            backed_by: &[&SAME_KEYS],
            unlike: &[(Code::Locked, &CONFLICTS)],
        }),
        no: &Step::Nothing,
    },
};

pub(super) static GONE_TREE: Tree = Tree {
    about: "missing records",
    then: Then::GoOn,
    root: Step::Ask {
        question: &KNOWN_GONE,
        yes: &Step::Ask {
            question: &SAME_PORTAL,
            yes: &Step::Found(Leaf {
                code: Code::Gone,
                backed_by: &[],
                unlike: &[(Code::WrongAccount, &SAME_PORTAL)],
            }),
            no: &Step::Found(Leaf {
                code: Code::Gone,
                backed_by: &[],
                unlike: &[(Code::WrongAccount, &SAME_PORTAL)],
            }),
        },
        no: &Step::Nothing,
    },
};

pub(super) static PARTIAL_TREE: Tree = Tree {
    about: "batches",
    then: Then::GoOn,
    root: Step::Ask {
        question: &ITEMS_REFUSED,
        yes: &Step::Found(Leaf { code: Code::PartialWrite, backed_by: &[], unlike: &[] }),
        no: &Step::Nothing,
    },
};

static CONFLICTS: Question = Question {
    asks: "Is there a storm of duplicates (409)?",
    answer: |facts| {
        let conflicts = facts.lately(&[ErrorKind::Conflict]);
        let subjects: u64 = conflicts.seen.iter().map(|seen| seen.error.subjects).sum();
        let share = conflicts.share().max(conflicts.share_of_late());
        let many = conflicts.count() >= CONFLICTS_MIN && share >= CONFLICTS_SHARE;
        let repeated = subjects > 0
            && conflicts.count() >= REPEATED_MIN
            && conflicts.count() >= subjects * REPEATS_PER_KEY;
        let most = conflicts.seen.iter().map(|seen| seen.error.most_of_one).max().unwrap_or(0);
        let observed = format!("{}; {most} on one record", conflicts.describe());
        Reply::is(many || repeated || most >= OF_ONE_KEY_MIN, "traffic", observed)
    },
};

static SAME_KEYS: Question = Question {
    asks: "Are they the same records again and again?",
    answer: |facts| {
        let conflicts = facts.lately(&[ErrorKind::Conflict]);
        let subjects: u64 = conflicts.seen.iter().map(|seen| seen.error.subjects).sum();
        let observed = format!("{} answers of 409 on {subjects} record(s)", conflicts.count());
        let same = subjects > 0 && conflicts.count() >= subjects * 2;
        if same { Reply::yes("traffic", observed) } else { Reply::could_not_tell("traffic", observed) }
    },
};

static KNOWN_GONE: Question = Question {
    asks: "Are records missing that answered before?",
    answer: |facts| {
        let gone = facts.traffic.as_ref().map_or(0, |traffic| traffic.known_ids_gone);
        Reply::is(gone >= GONE_MIN, "traffic", format!("{gone} answers of 404 on records that were there"))
    },
};

static SAME_PORTAL: Question = Question {
    asks: "Is it still the same account?",
    answer: |facts| {
        let probed = facts.probes.auth.as_ref().and_then(|auth| auth.portal_id);
        match (facts.configured.portal_id, probed) {
            (Some(expected), Some(found)) => {
                Reply::is(expected == found, "auth", format!("portal {found}, configured {expected}"))
            }
            (None, Some(found)) => {
                let learned = super::account::learned_portals(facts);
                if learned.is_empty() {
                    return Reply::could_not_tell("auth", format!("portal {found}; nothing to compare with"));
                }
                let same = learned.contains(&found);
                let verb = if same { "is" } else { "is not" };
                Reply::is(same, "auth", format!("portal {found} {verb} the one traffic went to before"))
            }
            (_, None) => Reply::could_not_tell("auth", "the account did not say who it is"),
        }
    },
};

/// A batch read names ids it does not find in the same way; that is an answer, not a loss.
static ITEMS_REFUSED: Question = Question {
    asks: "Were items refused inside batches that answered 207?",
    answer: |facts| {
        let partly = facts.all_seen(&[ErrorKind::Partial]);
        let writes = Tally { seen: partly.seen.into_iter().filter(|seen| !seen.is_batch_read()).collect() };
        let routes = writes.distinct(Seen::route);
        let observed = match writes.count() {
            0 => "every batch write was taken whole".to_owned(),
            count => format!("{count} answers of 207 refused some of their items on {}", routes.join(", ")),
        };
        Reply::is(!writes.is_empty(), "traffic", observed)
    },
};
