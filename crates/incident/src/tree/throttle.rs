//! Two narrow limits with answers of their own: five searches per second, and records locked while they are written.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;

/// One alone passes by itself.
const CALLERS_REFUSED_MIN: u64 = 2;

pub(super) static SEARCH_TREE: Tree = Tree {
    about: "the search limit",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SEARCH_REFUSED,
        yes: &Step::Found(Leaf {
            code: Code::SearchLimit,
            backed_by: &[],
            unlike: &[(Code::BurstSelf, &NO_BURST_REFUSED)],
        }),
        no: &Step::Nothing,
    },
};

pub(super) static LOCK_TREE: Tree = Tree {
    about: "locks",
    then: Then::GoOn,
    root: Step::Ask {
        question: &LOCKED,
        yes: &Step::Found(Leaf {
            code: Code::Locked,
            backed_by: &[&FEW_RECORDS],
            unlike: &[(Code::Conflict, &LOCKED)],
        }),
        no: &Step::Nothing,
    },
};

/// A governed gateway leaves no room for a probe's search while its callers search, and nobody is the worse for it.
static SEARCH_REFUSED: Question = Question {
    asks: "Are searches refused for their own limit?",
    answer: |facts| {
        let paced = facts.busy_traffic().filter(|traffic| traffic.governed).is_some_and(|traffic| {
            traffic.groups.iter().any(|group| group.family == "search" && group.ok_recent > 0)
        });
        if paced {
            let turned_away = facts.turned_away("search");
            if turned_away >= CALLERS_REFUSED_MIN {
                let observed =
                    format!("the gateway turned {turned_away} searches away: no slot was free in time");
                return Reply::yes("traffic", observed);
            }
            let traffic = facts.going_on(&[ErrorKind::SearchLimit]);
            return Reply::is(traffic.count() >= CALLERS_REFUSED_MIN, "traffic", traffic.describe());
        }
        refused_again(facts)
    },
};

/// The limit is of one second and of all programs together: one that does not overrun it fills it now and then, and a probe
/// meets that by chance. It is asked again when that second is over, and is served if nobody searches too much.
fn refused_again(facts: &Facts) -> Reply {
    let asked = facts.authenticated();
    let searches = || asked.iter().filter(|(family, _)| *family == "search");
    let refused = searches().filter(|(_, exchange)| exchange.is_kind(ErrorKind::SearchLimit)).count();
    let served = searches().any(|(_, exchange)| exchange.is_ok());
    if refused > 1 && !served {
        return Reply::yes(
            "families",
            format!("{refused} searches of ours in as many seconds met 429 \"secondly\""),
        );
    }
    let traffic = facts.lately(&[ErrorKind::SearchLimit]);
    let observed = match (refused, served) {
        (0, _) => traffic.describe(),
        (_, true) => {
            format!("one second was full, and a search in another was served; {}", traffic.describe())
        }
        (_, false) => format!("one second was full; {}", traffic.describe()),
    };
    Reply::is(traffic.count() >= CALLERS_REFUSED_MIN, "traffic", observed)
}

static NO_BURST_REFUSED: Question = Question {
    asks: "Is nothing but search refused?",
    answer: |facts| {
        let burst = seen(facts, ErrorKind::BurstLimit, "429 TEN_SECONDLY_ROLLING");
        let holds = burst.truth != super::Truth::Yes;
        Reply::is(holds, burst.probe, if holds { "no other call got 429".to_owned() } else { burst.observed })
    },
};

static LOCKED: Question = Question {
    asks: "Are records locked by other writes?",
    answer: |facts| seen(facts, ErrorKind::Locked, "423"),
};

static FEW_RECORDS: Question = Question {
    asks: "Are they few records, hit again and again?",
    answer: |facts| {
        let traffic = facts.lately(&[ErrorKind::Locked]);
        let subjects: u64 = traffic.seen.iter().map(|seen| seen.error.subjects).sum();
        let observed = format!("{} answers of 423 on {subjects} record(s)", traffic.count());
        if subjects > 0 && traffic.count() >= subjects * 2 {
            Reply::yes("traffic", observed)
        } else {
            Reply::could_not_tell("traffic", observed)
        }
    },
};

/// Once in a probe, or often enough in traffic.
fn seen(facts: &Facts, kind: ErrorKind, what: &str) -> Reply {
    if let Some((family, _)) = facts.authenticated().into_iter().find(|(_, exchange)| exchange.is_kind(kind))
    {
        return Reply::yes("families", format!("{what}: {family}"));
    }
    let traffic = facts.lately(&[kind]);
    Reply::is(traffic.count() >= CALLERS_REFUSED_MIN, "traffic", traffic.describe())
}
