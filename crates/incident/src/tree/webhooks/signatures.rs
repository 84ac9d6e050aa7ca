//! Deliveries do not verify: our secret, our address, our clock, or somebody who is not HubSpot?

use super::{NO_INBOX, inbox, senders};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inbox::Sender;
use crate::facts::traffic::Change;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree, Truth, Twin};

/// One odd delivery is nobody's fault.
const REFUSED_MIN: u64 = 5;

/// A mistake of ours strikes them all: so many good ones should have come since the last.
const MISSING_MIN: f64 = 3.0;

/// Somebody tries in earnest from so many.
const FORGED_MIN: u64 = 20;

/// Forgeries come among genuine deliveries; what a mistake of ours refused came before the first that fits again.
const AMID_MIN: u64 = 2;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "webhook signatures",
    then: Then::GoOn,
    root: Step::Ask {
        question: &ALL_REFUSED,
        yes: &Step::Ask {
            question: &OTHER_ADDRESS_FITS,
            yes: &Step::Found(URI),
            no: &Step::Ask {
                question: &OTHER_SECRET_FITS,
                yes: &Step::Found(SECRET),
                no: &Step::Ask {
                    question: &SECRET_CHANGED,
                    yes: &Step::Ask {
                        question: &INGRESS_CHANGED,
                        yes: &BOTH_CHANGED,
                        no: &Step::Found(SECRET),
                    },
                    no: &Step::Ask {
                        question: &INGRESS_CHANGED,
                        yes: &Step::Found(URI),
                        no: &Step::Ask { question: &REFRESHES_FAIL, yes: &Step::Found(SECRET), no: &UNCLEAR },
                    },
                },
            },
        },
        no: &Step::Nothing,
    },
};

pub(in crate::tree) static FORGED_TREE: Tree = Tree {
    about: "forged webhooks",
    then: Then::GoOn,
    root: Step::Ask {
        question: &FORGED,
        yes: &Step::Ask {
            question: &ALL_REFUSED,
            yes: &Step::Nothing,
            no: &Step::Found(Leaf {
                code: Code::HookAttack,
                backed_by: &[&GENUINE_PASS],
                unlike: &[(Code::HookSecret, &NOT_ALL_REFUSED)],
            }),
        },
        no: &Step::Nothing,
    },
};

/// Of a changed secret of this app the old one or the new one would fit, where we have both; of an address there are more than
/// anybody can try. So the way to us is the likelier, and both are told.
static BOTH_CHANGED: Step = Step::Undecided(
    URI,
    Twin {
        code: Code::HookSecret,
        missing: "a secret and the way to us were changed before it began, and nothing that we know of makes them fit",
        settled_by: "Take back the one change that is easier to take back, and see whether deliveries verify again.",
    },
);

/// Nothing tells whether it is the secret or the address; a secret that was changed at HubSpot is the likelier.
static UNCLEAR: Step = Step::Found(Leaf {
    code: Code::HookSecret,
    backed_by: &[],
    unlike: &[(Code::HookUri, &OTHER_SECRET_FITS), (Code::HookAttack, &ALL_REFUSED)],
});

const SECRET: Leaf = Leaf {
    code: Code::HookSecret,
    backed_by: &[&OTHER_SECRET_FITS, &SECRET_CHANGED, &REFRESHES_FAIL],
    unlike: &[(Code::HookUri, &NO_OTHER_ADDRESS_FITS), (Code::HookAttack, &ALL_REFUSED)],
};

const URI: Leaf = Leaf {
    code: Code::HookUri,
    backed_by: &[&OTHER_ADDRESS_FITS, &INGRESS_CHANGED],
    unlike: &[(Code::HookSecret, &NO_OTHER_SECRET_FITS)],
};

static ALL_REFUSED: Question = Question {
    asks: "Do all deliveries of an app of ours fail verification?",
    answer: |facts| {
        if inbox(facts).is_none() {
            return Reply::could_not_tell("inbox", NO_INBOX);
        }
        let refused = senders(facts).find(|sender| is_refused(sender, facts));
        let observed = refused.map_or_else(|| "deliveries verify".to_owned(), describe);
        Reply::is(refused.is_some(), "inbox", observed)
    },
};

static NOT_ALL_REFUSED: Question =
    Question { asks: "Do deliveries of our apps verify?", answer: |facts| ALL_REFUSED.opposite(facts) };

static OTHER_SECRET_FITS: Question = Question {
    asks: "Do refused deliveries verify with another secret of this app?",
    answer: |facts| fits(facts, |quarantine| quarantine.fits_other_secret, "another secret"),
};

static OTHER_ADDRESS_FITS: Question = Question {
    asks: "Do refused deliveries verify with another public address?",
    answer: |facts| fits(facts, |quarantine| quarantine.fits_other_address, "another address"),
};

static NO_OTHER_ADDRESS_FITS: Question = Question {
    asks: "Does no other public address make them fit?",
    answer: |facts| OTHER_ADDRESS_FITS.opposite(facts),
};

static NO_OTHER_SECRET_FITS: Question = Question {
    asks: "Does no other secret make them fit?",
    answer: |facts| OTHER_SECRET_FITS.opposite(facts),
};

static SECRET_CHANGED: Question =
    Question { asks: "Was a secret changed before it began?", answer: |facts| changed(facts, &["secret"]) };

static INGRESS_CHANGED: Question = Question {
    asks: "Was the way to us, or our configuration, changed before it began?",
    answer: |facts| changed(facts, &["config", "ingress", "deploy"]),
};

static REFRESHES_FAIL: Question = Question {
    asks: "Does HubSpot refuse the same secret at its token endpoint?",
    answer: |facts| match (crate::tree::oauth::CLIENT_REFUSED.answer)(facts) {
        reply @ Reply { truth: Truth::Yes, .. } => reply,
        reply => Reply { truth: Truth::CouldNotTell, ..reply },
    },
};

static FORGED: Question = Question {
    asks: "Does somebody send us deliveries that HubSpot cannot have sent?",
    answer: |facts| {
        let Some(inbox) = inbox(facts) else { return Reply::could_not_tell("inbox", NO_INBOX) };
        let named: u64 = senders(facts)
            .filter(|sender| !is_refused(sender, facts) && sender.refused_amid >= AMID_MIN)
            .map(|sender| sender.refused_recent)
            .sum();
        let strangers = &inbox.strangers;
        let observed = format!(
            "{} of late name no app of ours ({} sources), {named} name one and do not verify",
            strangers.refused_recent, strangers.sources
        );
        Reply::is(strangers.refused_recent + named >= FORGED_MIN, "inbox", observed)
    },
};

static GENUINE_PASS: Question = Question {
    asks: "Do genuine deliveries pass at the same time?",
    answer: |facts| {
        let taken: u64 = senders(facts).map(|sender| sender.events_recent).sum();
        let observed = format!("{taken} events were taken of late");
        if taken > 0 { Reply::yes("inbox", observed) } else { Reply::could_not_tell("inbox", observed) }
    },
};

/// Refused, and none taken for as long as some should have been.
fn is_refused(sender: &Sender, facts: &Facts) -> bool {
    let some_missing = super::missing(sender, facts).is_none_or(|count| count >= MISSING_MIN);
    sender.refused >= REFUSED_MIN && sender.refused_recent > 0 && some_missing
}

fn describe(sender: &Sender) -> String {
    let since = sender.first_refused_at.map(|at| format!(" since {at:.0}")).unwrap_or_default();
    format!(
        "{}: {} events refused{since}, {} taken of late",
        sender.connection, sender.refused, sender.events_recent
    )
}

fn fits(facts: &Facts, of: impl Fn(&crate::facts::inbox::Quarantine) -> u64, with: &str) -> Reply {
    let Some(quarantine) = inbox(facts).map(|inbox| &inbox.quarantine).filter(|it| it.tried > 0) else {
        return Reply::could_not_tell("quarantine", "no refused delivery was tried again");
    };
    let fits = of(quarantine);
    let observed = format!("{fits} of {} verify with {with}", quarantine.tried);
    Reply::is(fits * 2 > quarantine.tried, "quarantine", observed)
}

/// A change of one of these kinds stands before the first refusal.
fn changed(facts: &Facts, kinds: &[&str]) -> Reply {
    let began =
        senders(facts).filter(|sender| is_refused(sender, facts)).filter_map(|it| it.first_refused_at).min();
    let Some(traffic) = &facts.traffic else {
        return Reply::could_not_tell("traffic", "no record of changes");
    };
    let before = |at| began.is_none_or(|began| at <= began);
    // A program that was deployed calls HubSpot; it is not what stands between HubSpot and us.
    let concerns_us = |change: &&Change| change.caller.is_none() && kinds.contains(&change.kind.as_str());
    let found = traffic.changes.iter().filter(concerns_us).find(|change| before(change.at));
    match found {
        Some(change) => Reply::yes("traffic", format!("before it: {} at {:.0}", change.what, change.at)),
        None => Reply::could_not_tell("traffic", "no such change on record"),
    }
}
