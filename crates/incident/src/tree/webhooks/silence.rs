//! No events come. Nothing changed, nobody sends them, or they do not reach us?

use jiff::SignedDuration;

use super::{NO_INBOX, inbox, senders};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inbox::Sender;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree, Truth};

/// Shorter pauses happen: HubSpot gathers events, and sends some again after a minute.
const SILENCE_MIN: SignedDuration = SignedDuration::from_mins(5);

/// A pause in which so many events were to be expected is no chance.
const EXPECTED_MIN: f64 = 8.0;

/// So many events, or writes of our own that should have come back as events, are no chance.
const WRITES_MIN: u64 = 5;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "missing webhooks",
    then: Then::GoOn,
    root: Step::Ask {
        question: &DOORBELL_DEAD,
        yes: &Step::Found(Leaf {
            code: Code::HookUnreachable,
            backed_by: &[&SILENT],
            unlike: &[(Code::HookSubscription, &DOORBELL_DEAD)],
        }),
        no: &Step::Ask {
            question: &NOT_SUBSCRIBED,
            yes: &Step::Found(UNSUBSCRIBED),
            // What happened and was not told is more than any silence.
            no: &Step::Ask {
                question: &JOURNAL_HAS_MORE,
                yes: &Step::Found(UNSUBSCRIBED),
                no: &Step::Nothing,
            },
        },
    },
};

const UNSUBSCRIBED: Leaf = Leaf {
    code: Code::HookSubscription,
    backed_by: &[&NOT_SUBSCRIBED, &JOURNAL_HAS_MORE],
    unlike: &[(Code::HookUnreachable, &DOORBELL_RINGS), (Code::Healthy, &EVENTS_MISSING)],
};

static DOORBELL_DEAD: Question = Question {
    asks: "Does a delivery of our own to our public address not arrive?",
    answer: |facts| match inbox(facts).and_then(|inbox| inbox.doorbell.as_ref()) {
        None => Reply::could_not_tell("doorbell", "our public address was not tried from outside"),
        Some(bell) if bell.arrived => Reply::no("doorbell", "our own delivery arrived"),
        Some(bell) => {
            let why = bell.stopped_by.as_deref().unwrap_or("it never came");
            Reply::yes("doorbell", format!("our own delivery did not arrive: {why}"))
        }
    },
};

static DOORBELL_RINGS: Question = Question {
    asks: "Does a delivery of our own arrive?",
    answer: |facts| match (DOORBELL_DEAD.answer)(facts) {
        reply @ Reply { truth: Truth::CouldNotTell, .. } => reply,
        reply => Reply { truth: Truth::from(reply.truth == Truth::No), ..reply },
    },
};

static NOT_SUBSCRIBED: Question = Question {
    asks: "Does HubSpot say that it does not send to us: paused, deleted, or another target?",
    answer: |facts| {
        let Some(it) = inbox(facts).and_then(|inbox| inbox.subscription.as_ref()) else {
            return Reply::could_not_tell("subscriptions", "HubSpot's settings were not asked for");
        };
        if it.active == Some(false) {
            return Reply::yes("subscriptions", "no subscription is active");
        }
        if it.target_is_ours == Some(false) {
            return Reply::yes("subscriptions", "they are sent to another address than ours");
        }
        Reply::no("subscriptions", "active, and sent to us")
    },
};

static JOURNAL_HAS_MORE: Question = Question {
    asks: "Does HubSpot's journal hold events that never came, and has nothing come since they happened?",
    answer: |facts| match inbox(facts).and_then(|inbox| inbox.journal_missed) {
        Some(missed) => {
            let observed =
                format!("{missed} events of the journal came by no webhook, and nothing has come since");
            Reply::is(missed >= WRITES_MIN, "journal", observed)
        }
        None => Reply::could_not_tell("journal", "the journal was not read"),
    },
};

static EVENTS_MISSING: Question = Question {
    asks: "Do things happen that should have come as events?",
    answer: |facts| {
        let silent = (SILENT.answer)(facts);
        let journal = (JOURNAL_HAS_MORE.answer)(facts);
        if journal.truth == Truth::Yes { journal } else { silent }
    },
};

pub(in crate::tree) static SILENT: Question = Question {
    asks: "Have events stopped that should come?",
    answer: |facts| {
        let Some(inbox) = inbox(facts) else { return Reply::could_not_tell("inbox", NO_INBOX) };
        let now = facts.configured.now;
        if inbox.since.is_some_and(|since| now.duration_since(since) < SILENCE_MIN) {
            return Reply::could_not_tell("inbox", "the receiver has only just begun to listen");
        }
        let all: Vec<&Sender> = senders(facts).collect();
        let silent: Vec<String> = all
            .iter()
            .filter(|sender| is_silent(sender, facts))
            .map(|sender| describe(sender, facts))
            .collect();
        // One customer's silence among others that speak is that customer's.
        let all_silent = !silent.is_empty() && silent.len() == all.len();
        let observed =
            if silent.is_empty() { "events come as they should".into() } else { silent.join("; ") };
        Reply::is(all_silent, "inbox", observed)
    },
};

/// Nothing arrived for so long that something should have: by what is usual, or by what we wrote ourselves.
fn is_silent(sender: &Sender, facts: &Facts) -> bool {
    let now = facts.configured.now;
    if sender.refused_recent > 0 || sender.untimely > 0 || sender.not_kept > 0 || sender.events_recent > 0 {
        return false;
    }
    let began = facts.inbox.as_ref().and_then(|inbox| inbox.since);
    let Some(since) = sender.last_taken_at.or(began) else { return false };
    let pause = now.duration_since(since);
    let usual =
        sender.usual_per_min.is_some_and(|per_min| per_min * pause.as_secs_f64() / 60.0 >= EXPECTED_MIN);
    pause >= SILENCE_MIN && (usual || (sender.last_taken_at.is_some() && own_writes(facts) >= WRITES_MIN))
}

/// Writes through the gateway that worked of late: each is a change HubSpot should tell us of.
fn own_writes(facts: &Facts) -> u64 {
    let groups = facts.traffic.iter().flat_map(|traffic| &traffic.groups);
    let writes =
        groups.filter(|group| group.family == "objects" && matches!(group.method.as_str(), "POST" | "PATCH"));
    writes.map(|group| group.ok_recent).sum()
}

fn describe(sender: &Sender, facts: &Facts) -> String {
    let ago = sender.last_taken_at.map_or_else(
        || "never".to_owned(),
        |at| format!("{} s ago", facts.configured.now.duration_since(at).as_secs()),
    );
    let usual =
        sender.usual_per_min.map(|per_min| format!(", {per_min:.1} a minute are usual")).unwrap_or_default();
    let writes = own_writes(facts);
    format!(
        "{}: the last event came {ago}{usual}, {writes} writes of our own worked of late",
        sender.connection
    )
}
