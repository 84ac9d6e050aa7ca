//! The ten-second window is full: by us, or by somebody else with our token? The window belongs to one app in one
//! account (facts §1.1), so whoever else spends it holds our token.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;

/// Fewer foreign calls between two of ours may be our own, counted late.
const OUTSIDE_MIN: u64 = 5;

/// Foreign spending of this part of the window is somebody, not noise.
const OUTSIDE_PERCENT: u64 = 15;

/// Without a ledger, a window filled to this part by others is worth a word.
const GONE_PERCENT: u64 = 40;

/// Our own peak explains a full window from this part of it.
const OURS_PERCENT: u64 = 80;

pub(super) static TREE: Tree = Tree {
    about: "the burst limit",
    then: Then::GoOn,
    root: Step::Ask {
        question: &REFUSED,
        yes: &Step::Ask {
            question: &SPENT_OUTSIDE,
            yes: &Step::Found(SPLIT),
            no: &Step::Found(Leaf {
                code: Code::BurstSelf,
                backed_by: &[&OUR_PEAK_FILLS_IT],
                unlike: &[(Code::BurstSplit, &OUR_PEAK_FILLS_IT), (Code::SearchLimit, &REFUSED)],
            }),
        },
        no: &Step::Ask {
            question: &LEDGER_SHOWS_OTHERS,
            yes: &Step::Found(SPLIT),
            no: &Step::Ask { question: &SPENT_BEFORE_US, yes: &Step::Found(SPLIT), no: &Step::Nothing },
        },
    },
};

const SPLIT: Leaf = Leaf {
    code: Code::BurstSplit,
    backed_by: &[&LEDGER_SHOWS_OTHERS],
    unlike: &[(Code::BurstSelf, &SPENT_OUTSIDE)],
};

static REFUSED: Question = Question {
    asks: "Are calls refused for the ten-second limit?",
    answer: |facts| {
        let probed =
            facts.authenticated().into_iter().filter(|(_, e)| e.is_kind(ErrorKind::BurstLimit)).count();
        if probed > 0 {
            return Reply::yes(
                "limits",
                format!("{probed} of our own few calls got 429 TEN_SECONDLY_ROLLING"),
            );
        }
        let traffic = facts.going_on(&[ErrorKind::BurstLimit]);
        Reply::is(traffic.count() >= 2, "traffic", traffic.describe())
    },
};

static SPENT_OUTSIDE: Question = Question {
    asks: "Does somebody else spend the window?",
    answer: |facts| {
        if facts.busy_traffic().is_some() {
            let ledger = ledger(facts);
            let quiet = ledger.max > 0 && ledger.ours * 2 < ledger.max;
            let others = ledger.outside * 100 >= ledger.max * OUTSIDE_PERCENT && ledger.max > 0;
            return Reply::is(others || quiet, "traffic", ledger.describe());
        }
        let outside = facts.probes.limits.burst_outside.map_or(0, u64::from);
        if outside >= OUTSIDE_MIN {
            let observed = format!("Remaining fell by {outside} more than our own calls between two of them");
            return Reply::yes("limits", observed);
        }
        let asked = facts.authenticated();
        let refused = asked.iter().filter(|(_, e)| e.is_kind(ErrorKind::BurstLimit)).count();
        let observed = format!("{refused} of {} calls refused: the window comes and goes", asked.len());
        let full = format!("{refused} of {} calls refused: the window is simply full", asked.len());
        if refused * 2 < asked.len() { Reply::yes("limits", observed) } else { Reply::no("limits", full) }
    },
};

static OUR_PEAK_FILLS_IT: Question = Question {
    asks: "Do our own sends fill the window?",
    answer: |facts| {
        let ledger = ledger(facts);
        if facts.busy_traffic().is_none() || ledger.max == 0 {
            return Reply::could_not_tell("traffic", "no ledger of our sends");
        }
        Reply::is(ledger.ours * 100 >= ledger.max * OURS_PERCENT, "traffic", ledger.describe())
    },
};

/// A governed gateway waits instead of being refused, so a thief of the window shows in the ledger only.
static LEDGER_SHOWS_OTHERS: Question = Question {
    asks: "Does the ledger show spending that was not ours?",
    answer: |facts| {
        let ledger = ledger(facts);
        if facts.busy_traffic().is_none() || ledger.max == 0 {
            return Reply::could_not_tell("traffic", "no ledger of our sends");
        }
        Reply::is(ledger.outside * 100 >= ledger.max * OUTSIDE_PERCENT, "traffic", ledger.describe())
    },
};

/// What was gone before our first call, less the most the gateway has sent in a window lately. Without a gateway it may
/// be the integration itself, calling HubSpot directly: then nothing but the look-alike is wrong.
static SPENT_BEFORE_US: Question = Question {
    asks: "Was the window spent by others before our first call?",
    answer: |facts| {
        let first = facts.probes.limits.readings.iter().find_map(|reading| {
            let (max, remaining) = reading.max.zip(reading.remaining)?;
            Some((u64::from(max), u64::from(max.saturating_sub(remaining).saturating_sub(reading.sent))))
        });
        let Some((max, spent)) = first else {
            return Reply::could_not_tell("limits", "no reading of the window");
        };
        let percent = if facts.traffic.is_some() { OUTSIDE_PERCENT } else { GONE_PERCENT };
        let foreign = spent.saturating_sub(ledger(facts).ours);
        Reply::is(foreign * 100 >= max * percent, "limits", format!("{foreign} of {max} calls of the window"))
    },
};

/// The connection whose window is fullest.
#[derive(Default)]
struct Ledger {
    ours: u64,
    outside: u64,
    max: u64,
}

impl Ledger {
    fn describe(&self) -> String {
        format!(
            "at the peak {} of our own and {} foreign calls in one window of {}",
            self.ours, self.outside, self.max
        )
    }
}

fn ledger(facts: &Facts) -> Ledger {
    let max_seen = facts.probes.limits.readings.iter().find_map(|reading| reading.max).map_or(0, u64::from);
    let connections = facts.traffic.iter().flat_map(|traffic| &traffic.connections);
    let ledgers = connections.map(|connection| Ledger {
        ours: connection.burst_sent_peak,
        outside: connection.burst_outside_peak,
        max: connection.burst_max.unwrap_or(max_seen),
    });
    ledgers.max_by_key(|ledger| ledger.ours + ledger.outside).unwrap_or_default()
}
