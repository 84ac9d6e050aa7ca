//! More events come than should: the same again, because we are slow, or because HubSpot had saved them up?

use super::{NO_INBOX, inbox, senders};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inbox::Sender;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// HubSpot gives up on an answer after 5 s and sends again (facts §6.5).
const ACK_MS_MAX: u64 = 5_000;

/// Fewer events say nothing.
const EVENTS_MIN: u64 = 10;

/// A few events come twice on any day; a storm is a good part of them.
const REPEATED_PERCENT: u64 = 15;

/// Saved up: a good part is old.
const LATE_PERCENT: u64 = 30;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "a flood of webhooks",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SLOW,
        yes: &Step::Ask {
            question: &STORE_IN_TROUBLE,
            yes: &Step::Nothing,
            no: &Step::Found(Leaf {
                code: Code::HookSlow,
                backed_by: &[&SENT_AGAIN],
                unlike: &[
                    (Code::HookDuplicates, &SLOW),
                    (Code::HookBacklog, &SLOW),
                    (Code::Store, &STORE_FINE),
                ],
            }),
        },
        no: &Step::Ask {
            question: &LATE,
            yes: &Step::Ask {
                question: &STORE_IN_TROUBLE,
                yes: &Step::Nothing,
                no: &Step::Found(Leaf {
                    code: Code::HookBacklog,
                    backed_by: &[&SENT_AGAIN],
                    unlike: &[(Code::HookSlow, &PROMPT), (Code::HookDuplicates, &NEW)],
                }),
            },
            no: &Step::Ask {
                question: &REPEATED,
                yes: &Step::Found(Leaf {
                    code: Code::HookDuplicates,
                    backed_by: &[],
                    unlike: &[(Code::HookSlow, &PROMPT), (Code::HookBacklog, &NOT_LATE)],
                }),
                no: &Step::Nothing,
            },
        },
    },
};

static SLOW: Question = Question {
    asks: "Do we answer deliveries too late?",
    answer: |facts| worst(facts, |it| it.ack_p95_ms >= ACK_MS_MAX || is_sent_again(it), acks),
};

static PROMPT: Question =
    Question { asks: "Do we answer deliveries in time?", answer: |facts| SLOW.opposite(facts) };

static LATE: Question = Question {
    asks: "Are many of the events old when they come?",
    answer: |facts| {
        worst(
            facts,
            |it| it.events >= EVENTS_MIN && it.late * 100 >= it.events * LATE_PERCENT && !is_repeats(it),
            |it| format!("{} of {} events are late, the oldest by {} s", it.late, it.events, it.oldest_s),
        )
    },
};

static NOT_LATE: Question =
    Question { asks: "Are the events fresh when they come?", answer: |facts| LATE.opposite(facts) };

static REPEATED: Question = Question {
    asks: "Do the same events come again although HubSpot calls them first attempts?",
    answer: |facts| worst(facts, is_repeats, repeats),
};

static NEW: Question =
    Question { asks: "Are they events that had not come before?", answer: |facts| REPEATED.opposite(facts) };

static SENT_AGAIN: Question = Question {
    asks: "Does HubSpot send again what was not taken?",
    answer: |facts| {
        let retried: u64 = senders(facts).map(|sender| sender.retried).sum();
        let observed = format!("{retried} events came with an attempt number");
        if retried > 0 { Reply::yes("inbox", observed) } else { Reply::could_not_tell("inbox", observed) }
    },
};

static STORE_IN_TROUBLE: Question = Question {
    asks: "Is our store in trouble, which explains it?",
    answer: |facts| {
        let trouble = crate::tree::ourselves::store::is_in_trouble(facts);
        Reply::is(trouble, "store", if trouble { "it fails or is slow" } else { "it commits in time" })
    },
};

static STORE_FINE: Question =
    Question { asks: "Does our store commit in time?", answer: |facts| STORE_IN_TROUBLE.opposite(facts) };

/// In a quarter of an hour, or in this minute and the last: what has just begun is little beside the time before it.
fn is_repeats(sender: &Sender) -> bool {
    let many =
        |events: u64, repeated: u64| events >= EVENTS_MIN && repeated * 100 >= events * REPEATED_PERCENT;
    many(sender.events, sender.repeated_at_first)
        || many(sender.events_recent, sender.repeated_at_first_recent)
}

/// However prompt an answer was for us: HubSpot counts events that we had taken as failed, so it came to it too late.
fn is_sent_again(sender: &Sender) -> bool {
    let again = sender.repeated.saturating_sub(sender.repeated_at_first);
    again >= EVENTS_MIN && again * 100 >= sender.events * REPEATED_PERCENT
}

fn acks(sender: &Sender) -> String {
    let Sender { connection, ack_p95_ms, .. } = sender;
    let again = if is_sent_again(sender) { ", and HubSpot sends again what we had taken" } else { "" };
    format!("{connection}: one answer in twenty takes {ack_p95_ms} ms or more{again}")
}

fn repeats(sender: &Sender) -> String {
    format!(
        "{} of {} events had come before, and say they are first attempts; of late {} of {}",
        sender.repeated_at_first, sender.events, sender.repeated_at_first_recent, sender.events_recent
    )
}

/// The first app of ours of which it holds; else the busiest, to say what was looked at.
fn worst(facts: &Facts, holds: impl Fn(&Sender) -> bool, describe: impl Fn(&Sender) -> String) -> Reply {
    if inbox(facts).is_none() {
        return Reply::could_not_tell("inbox", NO_INBOX);
    }
    if let Some(sender) = senders(facts).find(|sender| holds(sender)) {
        return Reply::yes("inbox", describe(sender));
    }
    match senders(facts).max_by_key(|sender| sender.judged()) {
        Some(sender) => Reply::no("inbox", describe(sender)),
        None => Reply::could_not_tell("inbox", "no delivery was seen"),
    }
}
