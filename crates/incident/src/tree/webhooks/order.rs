//! Events go on to those who want them: in order, and at all?

use crate::code::Code;
use crate::facts::Facts;
use crate::facts::forwarding::Subscriber;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// An event that changed places with its neighbour once is bad luck, …
const OUT_OF_ORDER_MIN: u64 = 3;
/// … and so are a few among very many.
const OUT_OF_ORDER_PERCENT: u64 = 1;

/// A receiver that restarts fails a few times.
const FAILED_MIN: u64 = 5;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "the order of events",
    then: Then::GoOn,
    root: Step::Ask {
        question: &OUT_OF_ORDER,
        yes: &Step::Found(Leaf {
            code: Code::HookOrder,
            backed_by: &[&ARRIVED_SO],
            unlike: &[(Code::Schema, &OUT_OF_ORDER)],
        }),
        no: &Step::Nothing,
    },
};

pub(in crate::tree) static CONSUMER_TREE: Tree = Tree {
    about: "those who want events",
    then: Then::GoOn,
    root: Step::Ask {
        question: &ONE_FAILS,
        yes: &Step::Found(Leaf {
            code: Code::ConsumerDown,
            backed_by: &[&EVENTS_WAIT, &OTHERS_TAKE],
            unlike: &[(Code::HookSlow, &WE_TAKE_EVENTS)],
        }),
        no: &Step::Nothing,
    },
};

static OUT_OF_ORDER: Question = Question {
    asks: "Were older events applied after newer ones of the same record?",
    answer: |facts| {
        // What has only just begun is little beside a quarter of an hour.
        let disordered = |it: &Subscriber| {
            is_disordered(it.out_of_order, it.delivered)
                || is_disordered(it.out_of_order_recent, it.delivered_recent)
        };
        let worst = subscribers(facts).iter().max_by_key(|it| (disordered(it), it.out_of_order));
        let Some(worst) = worst else {
            return Reply::could_not_tell("forwarding", "no events are handed on here");
        };
        let observed = format!("{} of {} events to {}", worst.out_of_order, worst.delivered, worst.name);
        Reply::is(disordered(worst), "forwarding", observed)
    },
};

static ARRIVED_SO: Question = Question {
    asks: "Did they arrive in that order?",
    answer: |facts| {
        let overtaken: u64 = super::senders(facts).map(|sender| sender.overtaken).sum();
        let observed = format!("{overtaken} events arrived after a newer one");
        if overtaken > 0 { Reply::yes("inbox", observed) } else { Reply::could_not_tell("inbox", observed) }
    },
};

static ONE_FAILS: Question = Question {
    asks: "Does a receiver of events no longer take them?",
    answer: |facts| {
        let subscribers = subscribers(facts);
        if subscribers.is_empty() {
            return Reply::could_not_tell("forwarding", "no events are handed on here");
        }
        let failing: Vec<String> = subscribers.iter().filter(|it| is_failing(it)).map(describe).collect();
        let observed =
            if failing.is_empty() { "every receiver takes its events".into() } else { failing.join("; ") };
        Reply::is(!failing.is_empty(), "forwarding", observed)
    },
};

static EVENTS_WAIT: Question = Question {
    asks: "Do events wait for it?",
    answer: |facts| {
        let waiting: u64 = subscribers(facts).iter().filter(|it| is_failing(it)).map(|it| it.waiting).sum();
        let observed = format!("{waiting} events wait");
        if waiting > 0 {
            Reply::yes("forwarding", observed)
        } else {
            Reply::could_not_tell("forwarding", observed)
        }
    },
};

static OTHERS_TAKE: Question = Question {
    asks: "Do other receivers take theirs?",
    answer: |facts| {
        let others = subscribers(facts).iter().filter(|it| !is_failing(it) && it.delivered > 0).count();
        let observed = format!("{others} other receivers take events");
        if others > 0 {
            Reply::yes("forwarding", observed)
        } else {
            Reply::could_not_tell("forwarding", observed)
        }
    },
};

static WE_TAKE_EVENTS: Question = Question {
    asks: "Do we take events from HubSpot in time ourselves?",
    answer: |facts| {
        let slowest = super::senders(facts).map(|sender| sender.ack_p95_ms).max();
        match slowest {
            Some(ms) => Reply::is(ms < 5_000, "inbox", format!("one answer in twenty takes {ms} ms or more")),
            None => Reply::could_not_tell("inbox", super::NO_INBOX),
        }
    },
};

fn is_disordered(out_of_order: u64, delivered: u64) -> bool {
    out_of_order >= OUT_OF_ORDER_MIN && out_of_order * 100 >= delivered * OUT_OF_ORDER_PERCENT
}

fn is_failing(subscriber: &Subscriber) -> bool {
    let since = subscriber.last_failed_at > subscriber.last_ok_at;
    let mostly = subscriber.failed >= subscriber.delivered;
    subscriber.failed >= FAILED_MIN && subscriber.failed_recent > 0 && (since || mostly)
}

fn describe(subscriber: &Subscriber) -> String {
    format!(
        "{}: {} of {} attempts failed, {} events wait, the oldest for {} s",
        subscriber.name,
        subscriber.failed,
        subscriber.failed + subscriber.delivered,
        subscriber.waiting,
        subscriber.oldest_s
    )
}

fn subscribers(facts: &Facts) -> &[Subscriber] {
    facts.forwarding.as_ref().map_or(&[], |forwarding| &forwarding.subscribers)
}
