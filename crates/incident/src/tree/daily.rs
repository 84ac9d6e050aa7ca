//! The daily pool: is it spent, and by whom? It is one pool for all private apps of the account (facts §1.1).

mod shares;

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};

use super::{Leaf, Question, Reply, Step, Then, Tree, Truth, Twin};
use crate::code::Code;
use crate::facts::Facts;
use shares::{NO_LEDGER, began_within_the_day, knows_all_since_it_began, leaves_others, others, share};

/// Ours, from this share of what the account has used.
const OUR_SHARE_PERCENT: u64 = 80;

/// With a ledger of a part of the day only, a share below this still speaks for others.
const OUR_SMALL_SHARE_PERCENT: u64 = 20;

/// A younger ledger says nothing: what it lacks may all be ours.
const LEDGER_MIN: SignedDuration = SignedDuration::from_secs(10);

/// Fewer calls than this between two of ours may be a coincidence.
const OUTSIDE_MIN: u64 = 5;

/// Below this part of the pool, somebody else's spending is worth an alarm.
const LOW_PERCENT: u64 = 25;

/// So soon before the pool is empty it is an alarm whatever is left.
const EMPTY_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// So many callers turned away for the day's pool are no accident.
const TURNED_AWAY_MIN: u64 = 2;

/// No pool holds more; a larger figure is nonsense and must not overflow the arithmetic.
const CALLS_MAX: u64 = 1_000_000_000_000;

pub(super) static TREE: Tree = Tree {
    about: "the daily limit",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SPENT,
        yes: &Step::Ask {
            question: &MOSTLY_OURS,
            yes: &Step::Found(Leaf {
                code: Code::DailySelf,
                backed_by: &[&HUBSPOT_COUNTS_IT],
                unlike: &[(Code::DailyNeighbour, &MOSTLY_OURS)],
            }),
            no: &Step::Ask {
                question: &MOSTLY_OTHERS,
                yes: &Step::Found(NEIGHBOUR),
                no: &Step::Ask {
                    question: &FALLS_WITHOUT_US,
                    yes: &Step::Found(NEIGHBOUR),
                    no: &Step::Ask {
                        question: &OTHERS_SINCE_WE_BEGAN,
                        yes: &Step::Found(PROBABLY_NEIGHBOUR),
                        no: &WHOSE_IS_OPEN,
                    },
                },
            },
        },
        no: &Step::Ask { question: &BEING_EATEN, yes: &Step::Found(NEIGHBOUR), no: &Step::Nothing },
    },
};

/// HubSpot counts one pool for all apps, and nothing is left of it that could be seen to fall.
static WHOSE_IS_OPEN: Step = Step::Undecided(
    Leaf { code: Code::DailySelf, backed_by: &[&HUBSPOT_COUNTS_IT], unlike: &[] },
    Twin {
        code: Code::DailyNeighbour,
        missing: "no gateway has counted our calls for long enough to say whose they were",
        settled_by: "First see whose calls they were: in HubSpot's settings every private app has a log of its calls.",
    },
);

const NEIGHBOUR: Leaf = Leaf {
    code: Code::DailyNeighbour,
    backed_by: &[&HUBSPOT_COUNTS_IT, &FALLS_WITHOUT_US],
    unlike: &[(Code::DailySelf, &MOSTLY_OTHERS), (Code::Tier, &super::account::LIMITS_AS_BEFORE)],
};

/// A gateway that began within the day cannot know what we sent before it.
const PROBABLY_NEIGHBOUR: Leaf = Leaf {
    code: Code::DailyNeighbour,
    backed_by: &[&HUBSPOT_COUNTS_IT],
    unlike: &[(Code::DailySelf, &MOSTLY_OTHERS)],
};

static SPENT: Question = Question {
    asks: "Is the daily limit spent?",
    answer: |facts| {
        if let Some((family, _)) =
            facts.authenticated().into_iter().find(|(_, e)| e.is_kind(ErrorKind::DailyLimit))
        {
            return Reply::yes("limits", format!("429 DAILY on {family}"));
        }
        let traffic = facts.going_on(&[ErrorKind::DailyLimit]);
        if !traffic.is_empty() {
            return Reply::yes("traffic", traffic.describe());
        }
        if let Some(observed) = turned_away(facts) {
            return Reply::yes("traffic", observed);
        }
        match (remaining(facts), kept_from_us(facts)) {
            (Some((left, of)), _) => {
                Reply::is(left == 0, "limits", format!("{left} of {of} calls left today"))
            }
            (None, Some((used, of))) => Reply::is(
                used >= of,
                "traffic",
                format!("the gateway knows {used} of {of} calls spent today"),
            ),
            (None, None) => Reply::could_not_tell("limits", "no daily figure in the headers"),
        }
    },
};

/// The gateway keeps the last calls of a pool for those that matter most: to whoever it turns away the pool is spent,
/// though a probe is still served. With plenty left it only spares, and that is its work.
fn turned_away(facts: &Facts) -> Option<String> {
    let turned_away = facts.turned_away("daily");
    let left = remaining(facts).or_else(|| known(facts).map(|(used, of)| (of.saturating_sub(used), of)));
    let low = left.is_none_or(|(left, of)| left * 100 <= of * LOW_PERCENT);
    let of_how_many = left.map(|(left, of)| format!(": {left} of {of} are left today")).unwrap_or_default();
    (turned_away >= TURNED_AWAY_MIN && low).then(|| {
        format!("the gateway turned {turned_away} calls away to keep the last of the day's pool{of_how_many}")
    })
}

static HUBSPOT_COUNTS_IT: Question = Question {
    asks: "Does HubSpot's own count agree?",
    answer: |facts| match facts.probes.usage.as_ref().and_then(|usage| usage.used.zip(usage.limit)) {
        Some((used, limit)) => {
            let until = facts.probes.usage.as_ref().and_then(|usage| usage.resets_at);
            let until = until.map(|at| format!(", resets at {at:.0}")).unwrap_or_default();
            let observed = format!("HubSpot counts {used} of {limit} used today{until}");
            if used.saturating_mul(100) >= limit.saturating_mul(100 - LOW_PERCENT) {
                Reply::yes("usage", observed)
            } else {
                Reply::could_not_tell("usage", observed)
            }
        }
        None => Reply::could_not_tell("usage", "HubSpot's count could not be read"),
    },
};

static MOSTLY_OURS: Question = Question {
    asks: "Did we spend most of it?",
    answer: |facts| share(facts, |ours, used| !leaves_others(ours, used, OUR_SHARE_PERCENT)),
};

static MOSTLY_OTHERS: Question =
    Question { asks: "Did other apps of the account spend a good part of it?", answer: others };

static OTHERS_SINCE_WE_BEGAN: Question = Question {
    asks: "Is little of it ours since the gateway started?",
    answer: |facts| {
        let age = began_within_the_day(facts).map(|began| facts.configured.now.duration_since(began));
        if age.is_some_and(|age| age < LEDGER_MIN) {
            return Reply::could_not_tell("traffic", "the gateway has only just started");
        }
        if !knows_all_since_it_began(facts) {
            return Reply::could_not_tell("traffic", NO_LEDGER);
        }
        share(facts, |ours, used| leaves_others(ours, used, OUR_SMALL_SHARE_PERCENT))
    },
};

static FALLS_WITHOUT_US: Question = Question {
    asks: "Does it fall faster than we spend?",
    answer: |facts| match outside(facts) {
        Some(outside) if outside < OUTSIDE_MIN && remaining(facts).is_some_and(|(left, _)| left == 0) => {
            Reply::could_not_tell("limits", "nothing is left that could fall")
        }
        Some(outside) => Reply::is(
            outside >= OUTSIDE_MIN,
            "limits",
            format!("{outside} calls between ours that were not ours"),
        ),
        None => Reply::could_not_tell("limits", "no two daily figures to compare"),
    },
};

static BEING_EATEN: Question = Question {
    asks: "Will other apps of the account empty it before it is reset?",
    answer: |facts| {
        let Some((left, of)) = remaining(facts) else {
            return Reply::could_not_tell("limits", "no daily figure in the headers");
        };
        let low = left * 100 <= of * LOW_PERCENT;
        if low && others(facts).truth == Truth::Yes {
            return Reply::yes(
                "traffic",
                format!("{left} of {of} calls left, and most of the spent ones were not ours"),
            );
        }
        let Some(outside) = outside(facts).filter(|outside| *outside >= OUTSIDE_MIN) else {
            return Reply::no("limits", format!("{left} of {of} calls left today"));
        };
        let elapsed_ms = span_ms(facts).clamp(1, 600_000);
        let empty_in = SignedDuration::from_millis(
            i64::try_from(left.saturating_mul(elapsed_ms) / outside).unwrap_or(i64::MAX),
        );
        let before_reset =
            resets_at(facts).is_none_or(|at| facts.configured.now.duration_since(at).abs() > empty_in);
        let observed = format!(
            "{outside} calls in {elapsed_ms} ms were not ours; at that rate the {left} left last {} min",
            empty_in.as_mins()
        );
        // While plenty is left, a moment's fall may be a window of our own.
        let soon = empty_in <= EMPTY_WITHIN && outside > sent_at_once(facts);
        Reply::is(before_reset && (low || soon), "limits", observed)
    },
};

/// The gateway did not let our probes ask: then what it knows itself is all there is. Calls spent, and the whole.
fn kept_from_us(facts: &Facts) -> Option<(u64, u64)> {
    known(facts).filter(|_| facts.probes.without_slot > 0)
}

/// What the gateway knows of the fullest pool.
fn known(facts: &Facts) -> Option<(u64, u64)> {
    let connections = facts.traffic.iter().flat_map(|traffic| &traffic.connections);
    let known = connections.filter_map(|it| it.daily_used.zip(it.daily_max));
    known.min_by_key(|(used, of)| of.saturating_sub(*used))
}

/// What the last reading left, and the whole.
fn remaining(facts: &Facts) -> Option<(u64, u64)> {
    let (left, of) = facts
        .probes
        .limits
        .readings
        .iter()
        .rev()
        .find_map(|reading| reading.daily_remaining.zip(reading.daily))?;
    Some((left.min(CALLS_MAX), of.min(CALLS_MAX)))
}

/// Spending between our own probes that neither they nor our gateway can have done.
fn outside(facts: &Facts) -> Option<u64> {
    let outside = facts.probes.limits.daily_outside?;
    Some(outside.saturating_sub(gateway_sends(facts)))
}

/// What the gateway may have sent while the probes ran.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate over seconds"
)]
pub(super) fn gateway_sends(facts: &Facts) -> u64 {
    let groups = || facts.traffic.iter().flat_map(|traffic| &traffic.groups);
    let per_s: f64 = groups().map(|group| group.sent_recent_per_s).sum();
    // The rate is a minute's; what has only just begun has sent as much in less.
    let now = facts.traffic.as_ref().and_then(|traffic| traffic.now).unwrap_or(facts.configured.now);
    let began = groups().filter_map(|group| group.first_at).min();
    let age_s = began.map_or(60.0, |began| now.duration_since(began).as_secs_f64().clamp(0.1, 60.0));
    let span_s = span_ms(facts) as f64 / 1000.0;
    (per_s.clamp(0.0, 1e6) * 60.0 / age_s * span_s).ceil() as u64
}

/// The most that a gateway at work may have sent in a moment: a whole window.
fn sent_at_once(facts: &Facts) -> u64 {
    facts.traffic.iter().flat_map(|traffic| &traffic.connections).map(|it| it.burst_sent_peak).sum()
}

fn span_ms(facts: &Facts) -> u64 {
    let readings = &facts.probes.limits.readings;
    match (readings.first(), readings.last()) {
        (Some(first), Some(last)) => last.at_ms.saturating_sub(first.at_ms),
        _ => 0,
    }
}

fn resets_at(facts: &Facts) -> Option<Timestamp> {
    facts.probes.usage.as_ref().and_then(|usage| usage.resets_at)
}
