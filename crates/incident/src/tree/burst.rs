//! The ten-second window is full: by us, or by somebody else with our token? The window belongs to one app in one
//! account (facts §1.1), so whoever else spends it holds our token.
//!
//! A governed gateway waits instead of being refused. Waiting alone is its work and no incident: a planned import fills
//! the window for hours. It is one when callers are turned away, or when the window is too small to work with.

use hubspot::error::ErrorKind;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::traffic::Connection;

/// Fewer foreign calls between two of ours may be our own, counted late.
const OUTSIDE_MIN: u64 = 5;

/// Calls of a diagnosis that did not know of the gateway: in its ledger they are foreign.
const OUR_PROBES_MAX: u64 = 8;

/// Foreign spending of this part of the window is somebody, not noise.
const OUTSIDE_PERCENT: u64 = 15;

/// Without a ledger, a window filled to this part before we came is worth a word: a program that keeps clear of its
/// limit does not fill more.
const GONE_PERCENT: u64 = 60;

/// Beside a gateway whose pace is known and taken off generously, so much more is somebody else.
const BEYOND_PACE_PERCENT: u64 = 30;

/// A window that is held so full while nobody is refused is what a program does that paces itself at its limit, as a
/// planned import; who spends without such care also overruns it.
const HELD_PERCENT: u64 = 88;

/// Our own peak explains a full window from this part of it.
const OURS_PERCENT: u64 = 80;

/// The window's length in seconds (facts §1.1).
const WINDOW_S: f64 = 10.0;

/// Turned away once is bad luck.
const REFUSED_MIN: u64 = 2;

/// No plan grants fewer than 100 calls per window (facts §1.1 [USAGE]); with a tenth of that nobody can work.
const WORKABLE_MIN: u64 = 10;

pub(super) static TREE: Tree = Tree {
    about: "the burst limit",
    then: Then::GoOn,
    root: Step::Ask {
        question: &CALLERS_REFUSED,
        yes: WHOSE,
        no: &Step::Ask {
            question: &WINDOW_TOO_SMALL,
            yes: WHOSE,
            no: &Step::Ask {
                question: &PROBES_REFUSED,
                yes: &Step::Ask { question: &PACED_BY_US, yes: &Step::Nothing, no: WHOSE },
                no: &Step::Ask {
                    question: &LEDGER_SHOWS_OTHERS,
                    yes: &Step::Found(SPLIT),
                    no: &Step::Ask {
                        question: &SPENT_BEFORE_US,
                        yes: &Step::Found(SPLIT),
                        no: &Step::Nothing,
                    },
                },
            },
        },
    },
};

const WHOSE: &Step = &Step::Ask {
    question: &SPENT_OUTSIDE,
    yes: &Step::Found(SPLIT),
    no: &Step::Found(Leaf {
        code: Code::BurstSelf,
        backed_by: &[&OURS_FILL_IT],
        unlike: &[(Code::BurstSplit, &OURS_FILL_IT), (Code::SearchLimit, &NOT_SEARCH_ALONE)],
    }),
};

const SPLIT: Leaf = Leaf {
    code: Code::BurstSplit,
    backed_by: &[&LEDGER_SHOWS_OTHERS],
    unlike: &[(Code::BurstSelf, &SPENT_OUTSIDE)],
};

static CALLERS_REFUSED: Question = Question {
    asks: "Are callers refused for the ten-second limit?",
    answer: |facts| {
        let traffic = facts.going_on(&[ErrorKind::BurstLimit]);
        // A governed gateway sends them again, and a diagnosis that did not know of it may have cost it a few.
        let governed = facts.traffic.as_ref().is_some_and(|traffic| traffic.governed);
        let refused_min = if governed { OUR_PROBES_MAX + 1 } else { REFUSED_MIN };
        if traffic.count() >= refused_min {
            return Reply::yes("traffic", traffic.describe());
        }
        let turned_away = facts.turned_away("burst");
        let observed = match turned_away {
            0 => "neither HubSpot nor the gateway has turned a caller away".to_owned(),
            _ => format!("the gateway turned {turned_away} calls away: no slot was free in time"),
        };
        Reply::is(turned_away >= REFUSED_MIN, "traffic", observed)
    },
};

static WINDOW_TOO_SMALL: Question = Question {
    asks: "Do callers wait for a window that is too small to work with?",
    answer: |facts| {
        let waiting: u64 = connections(facts).map(|connection| connection.waiting).sum();
        let Some(max) = window(facts).filter(|_| waiting > 0) else {
            return Reply::no("traffic", "no call waits for a slot of such a window");
        };
        let observed = format!("{waiting} calls wait, and a window holds {max}");
        Reply::is(max < WORKABLE_MIN, "traffic", observed)
    },
};

static PROBES_REFUSED: Question = Question {
    asks: "Are our own few calls refused for it?",
    answer: |facts| {
        let (refused, asked) = probed(facts);
        let observed = format!("{refused} of our own {asked} calls got 429 TEN_SECONDLY_ROLLING");
        Reply::is(refused > 0, "limits", observed)
    },
};

static PACED_BY_US: Question = Question {
    asks: "Is it our gateway at work, with nobody turned away?",
    answer: |facts| {
        let ledger = ledger(facts);
        let workable = window(facts).is_some_and(|max| max >= WORKABLE_MIN);
        let holds = facts.paces_itself() && workable && !ledger.has_foreign();
        Reply::is(holds, "traffic", ledger.describe())
    },
};

static NOT_SEARCH_ALONE: Question = Question {
    asks: "Are calls other than searches refused?",
    answer: |facts| {
        let refused = probed(facts).0 > 0 || CALLERS_REFUSED.holds(facts) || WINDOW_TOO_SMALL.holds(facts);
        Reply::is(refused, "limits", "the ten-second limit is not the searches' own")
    },
};

static SPENT_OUTSIDE: Question = Question {
    asks: "Does somebody else spend the window?",
    answer: |facts| {
        let (refused, asked) = probed(facts);
        if facts.busy_traffic().is_some() {
            let ledger = ledger(facts);
            let quiet = (ledger.ours + asked) * 2 < ledger.max;
            return Reply::is(ledger.has_foreign() || quiet, "traffic", ledger.describe());
        }
        let outside = facts.probes.limits.burst_outside.map_or(0, u64::from);
        if outside >= OUTSIDE_MIN {
            let observed = format!("Remaining fell by {outside} more than our own calls between two of them");
            return Reply::yes("limits", observed);
        }
        if let Some(max) = header_max(facts).filter(|max| *max <= asked) {
            let observed = format!("the window holds {max}, and our own {asked} calls fill it");
            return Reply::no("limits", observed);
        }
        let observed = format!("{refused} of {asked} calls refused: the window comes and goes");
        let full = format!("{refused} of {asked} calls refused: the window is simply full");
        if refused * 2 < asked { Reply::yes("limits", observed) } else { Reply::no("limits", full) }
    },
};

static OURS_FILL_IT: Question = Question {
    asks: "Do our own sends fill the window?",
    answer: |facts| {
        let (ledger, asked) = (ledger(facts), probed(facts).1);
        if let Some(max) = header_max(facts).filter(|max| *max <= asked) {
            return Reply::yes(
                "limits",
                format!("the window holds {max}, and our own {asked} probes fill it"),
            );
        }
        if facts.busy_traffic().is_none() || ledger.max == 0 {
            return Reply::could_not_tell("traffic", "no ledger of our sends");
        }
        Reply::is(ledger.is_filled_by_us(), "traffic", ledger.describe())
    },
};

/// A governed gateway waits instead of being refused, so a thief of the window shows in the ledger only.
static LEDGER_SHOWS_OTHERS: Question = Question {
    asks: "Does the ledger show spending that was not ours?",
    answer: |facts| {
        let ledger = ledger(facts);
        if facts.busy_traffic().is_none() || ledger.max == 0 || ledger.source == Source::Pace {
            return Reply::could_not_tell("traffic", "no ledger of our sends");
        }
        Reply::is(ledger.has_foreign(), "traffic", ledger.describe())
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
        let percent = match facts.busy_traffic() {
            Some(traffic) if traffic.governed => OUTSIDE_PERCENT,
            Some(_) => BEYOND_PACE_PERCENT,
            None => GONE_PERCENT,
        };
        // What fills the window while we look is most likely the gateway's own traffic, too.
        let ours = if facts.paces_itself() { max } else { ledger(facts).ours };
        let foreign = spent.saturating_sub(ours.max(unmetered(facts, None)));
        let observed = format!("{foreign} of {max} calls of the window");
        if facts.busy_traffic().is_none() && foreign * 100 >= max * HELD_PERCENT && probed(facts).0 == 0 {
            return Reply::no("limits", format!("{observed}, held below its limit with nobody refused"));
        }
        let holds = foreign * 100 >= max * percent && foreign > OUR_PROBES_MAX;
        Reply::is(holds, "limits", observed)
    },
};

/// What a gateway that meters nothing may have sent in one window, by the pace of the last minute and half as much again:
/// on one connection, or on all.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "calls in ten seconds")]
fn unmetered(facts: &Facts, connection: Option<&str>) -> u64 {
    let Some(traffic) = facts.traffic.as_ref().filter(|traffic| !traffic.governed) else { return 0 };
    let groups = traffic.groups.iter().filter(|group| connection.is_none_or(|name| group.connection == name));
    let per_s: f64 = groups.map(|group| group.sent_recent_per_s).sum();
    (per_s.clamp(0.0, 1e6) * WINDOW_S * 1.5).ceil() as u64
}

/// What a ledger rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Source {
    /// A governor's count by the window.
    #[default]
    Counted,
    /// The governor is off, and its zero is no count: the pace of the last minute has to do.
    Pace,
}

/// The connection whose window is fullest.
#[derive(Default)]
struct Ledger {
    source: Source,
    ours: u64,
    outside: u64,
    max: u64,
}

impl Ledger {
    fn is_filled_by_us(&self) -> bool {
        self.ours * 100 >= self.max * OURS_PERCENT
    }

    fn has_foreign(&self) -> bool {
        self.outside > OUR_PROBES_MAX && self.outside * 100 >= self.max * OUTSIDE_PERCENT
    }

    fn describe(&self) -> String {
        match self.source {
            Source::Counted => format!(
                "at the peak {} of our own and {} foreign calls in one window of {}",
                self.ours, self.outside, self.max
            ),
            Source::Pace => {
                format!(
                    "at the pace of the last minute up to {} of ours in a window of {}",
                    self.ours, self.max
                )
            }
        }
    }
}

impl Facts {
    /// The gateway's own sends fill the window, and it makes its callers wait for that. Its report was read before the
    /// probes were sent: half a window then may be a whole one now.
    pub(crate) fn paces_itself(&self) -> bool {
        let ledger = ledger(self);
        self.busy_traffic().is_some_and(|traffic| traffic.governed) && ledger.ours * 2 >= ledger.max
    }

    /// Calls the gateway refused lately because no slot of this budget came free in time.
    pub(crate) fn turned_away(&self, budget: &str) -> u64 {
        let groups = self.traffic.iter().flat_map(|traffic| &traffic.groups);
        let refused = groups.flat_map(|group| &group.refused).filter(|refused| refused.budget == budget);
        refused.map(|refused| refused.recent).sum()
    }
}

fn ledger(facts: &Facts) -> Ledger {
    let max_seen = header_max(facts).unwrap_or_default();
    let governed = facts.traffic.as_ref().is_some_and(|traffic| traffic.governed);
    let source = if governed { Source::Counted } else { Source::Pace };
    let ledgers = connections(facts).map(|connection| Ledger {
        source,
        ours: match source {
            Source::Counted => connection.burst_sent_peak,
            Source::Pace => unmetered(facts, Some(&connection.name)),
        },
        outside: connection.burst_outside_peak,
        max: connection.burst_max.unwrap_or(max_seen),
    });
    ledgers.max_by_key(|ledger| ledger.ours + ledger.outside).unwrap_or_default()
}

fn connections(facts: &Facts) -> impl Iterator<Item = &Connection> {
    facts.traffic.iter().flat_map(|traffic| &traffic.connections)
}

/// What HubSpot's headers say the window holds, by the smallest reading.
fn header_max(facts: &Facts) -> Option<u64> {
    facts.probes.limits.readings.iter().filter_map(|reading| reading.max).min().map(u64::from)
}

/// The same, or what the gateway knows where our own calls found no slot.
fn window(facts: &Facts) -> Option<u64> {
    header_max(facts).or_else(|| connections(facts).filter_map(|connection| connection.burst_max).min())
}

/// Of our own calls that draw on the window: how many were refused for it, and how many there were.
fn probed(facts: &Facts) -> (u64, u64) {
    let on_the_window = |family: &str| !matches!(family, "search" | "associations");
    let asked = facts.authenticated();
    let asked = asked.iter().filter(|(family, _)| on_the_window(family));
    asked.fold((0, 0), |(refused, asked), (_, exchange)| {
        (refused + u64::from(exchange.is_kind(ErrorKind::BurstLimit)), asked + 1)
    })
}
