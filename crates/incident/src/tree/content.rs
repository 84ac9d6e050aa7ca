//! 400: HubSpot refuses what we send. Did the sender change, the account, or the rules?

use hubspot::error::ErrorKind;
use hubspot::version::ApiVersion;
use jiff::{SignedDuration, Timestamp};

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::probes::Capacity;
use crate::signals::{Seen, Tally};

/// Fewer refusals than this, or than one call in twenty, are everyday mistakes in single records.
const REFUSALS_MIN: u64 = 3;
const REFUSALS_SHARE: f64 = 0.05;

/// A deploy explains what begins within this time after it.
const DEPLOY_SHADOW: SignedDuration = SignedDuration::from_mins(10);

/// Clocks and buffering blur the order of a deploy and its first failure.
const DEPLOY_BLUR: SignedDuration = SignedDuration::from_secs(30);

/// A CRM limit counts as reached from here (facts §1.8).
const FULL_PERCENT: u64 = 99;

/// Writes obey the account's required properties from here on (facts §2.2 [CL crm-api-write-validation-enforcement]).
const ENFORCED_FROM: (u16, u8) = (2026, 9);

pub(super) static TREE: Tree = Tree {
    about: "what we send",
    then: Then::GoOn,
    root: Step::Ask {
        question: &REFUSED,
        yes: &Step::Ask {
            question: &NEW_RULES,
            yes: &Step::Found(Leaf {
                code: Code::ValidationChange,
                backed_by: &[],
                unlike: &[(Code::BadPayload, &NO_DEPLOY)],
            }),
            no: &Step::Ask {
                question: &LIMIT_REACHED,
                yes: &Step::Found(Leaf { code: Code::RecordLimit, backed_by: &[&FEW_RECORDS], unlike: &[] }),
                no: &Step::Ask { question: &AFTER_DEPLOY, yes: &DEPLOYED, no: &NOT_DEPLOYED },
            },
        },
        no: &Step::Nothing,
    },
};

/// Full without anybody having run into it in traffic we see.
pub(super) static FULL_TREE: Tree = Tree {
    about: "room in the CRM",
    then: Then::GoOn,
    root: Step::Ask {
        question: &FULL,
        yes: &Step::Found(Leaf { code: Code::RecordLimit, backed_by: &[&FEW_RECORDS], unlike: &[] }),
        no: &Step::Nothing,
    },
};

/// A deploy and a renamed property can coincide: then another caller that did not deploy is hit, too.
static DEPLOYED: Step = Step::Ask {
    question: &OTHERS_HIT,
    yes: &Step::Found(SCHEMA),
    no: &Step::Found(Leaf {
        code: Code::BadPayload,
        backed_by: &[&AFTER_DEPLOY],
        unlike: &[(Code::Schema, &SAME_CALLER_ONLY)],
    }),
};

static NOT_DEPLOYED: Step = Step::Ask {
    question: &PROPERTY_GONE,
    yes: &Step::Found(SCHEMA),
    no: &Step::Found(Leaf {
        code: Code::BadPayload,
        backed_by: &[],
        unlike: &[(Code::ValidationChange, &NO_REQUIRED_RULE)],
    }),
};

const SCHEMA: Leaf =
    Leaf { code: Code::Schema, backed_by: &[&WORKED_BEFORE], unlike: &[(Code::BadPayload, &NO_DEPLOY)] };

static REFUSED: Question = Question {
    asks: "Does HubSpot refuse what we send (400)?",
    answer: |facts| {
        let refused = refusals(facts);
        Reply::is(
            refused.count() >= REFUSALS_MIN && refused.share() >= REFUSALS_SHARE,
            "traffic",
            refused.describe(),
        )
    },
};

static NEW_RULES: Question = Question {
    asks: "Are required properties missing, on a version that enforces them?",
    answer: |facts| {
        let refused = refusals(facts);
        let enforced = matching(&refused, |seen| is_required_rule(seen) && is_enforcing(seen));
        Reply::is(
            enforced * 2 > refused.count(),
            "traffic",
            format!(
                "{enforced} of {} refusals are for a required property, on a version that enforces it",
                refused.count()
            ),
        )
    },
};

static NO_REQUIRED_RULE: Question = Question {
    asks: "Is it something other than a required property?",
    answer: |facts| {
        let refused = refusals(facts);
        let required = matching(&refused, is_required_rule);
        Reply::is(
            required * 2 <= refused.count(),
            "traffic",
            format!("{required} of {} refusals are for a required property", refused.count()),
        )
    },
};

static LIMIT_REACHED: Question = Question {
    asks: "Is a limit of the CRM itself reached?",
    answer: |facts| {
        let refused = refusals(facts);
        let named =
            matching(&refused, |seen| names(seen).any(|name| name.to_ascii_uppercase().contains("LIMIT")));
        if named * 2 > refused.count() {
            return Reply::yes("traffic", refused.describe());
        }
        let full = full(facts);
        let unnamed = matching(&refused, |seen| seen.error.code.is_none()) * 2 > refused.count();
        match full {
            Some(full) if unnamed => {
                Reply::yes("families", format!("{}: {} of {} used", full.what, full.used, full.limit))
            }
            Some(_) | None => Reply::no("traffic", "no refusal speaks of a limit"),
        }
    },
};

static FULL: Question = Question {
    asks: "Is the account full of something?",
    answer: |facts| match full(facts) {
        Some(full) => Reply::yes("families", format!("{}: {} of {} used", full.what, full.used, full.limit)),
        None => Reply::no("families", "no limit asked about is reached"),
    },
};

static FEW_RECORDS: Question = Question {
    asks: "Are they few records, hit again and again?",
    answer: |facts| {
        let refused = refusals(facts);
        let subjects: u64 = refused.seen.iter().map(|seen| seen.error.subjects).sum();
        let observed = format!("{} refusals on {subjects} record(s)", refused.count());
        let few = subjects > 0 && refused.count() >= subjects * 2;
        if few { Reply::yes("traffic", observed) } else { Reply::could_not_tell("traffic", observed) }
    },
};

static AFTER_DEPLOY: Question = Question {
    asks: "Did it begin with a deploy of the program that sends it?",
    answer: |facts| match deploy(facts) {
        Some(what) => Reply::yes("traffic", format!("just before: {what}")),
        None => Reply::no("traffic", "no deploy of that program just before"),
    },
};

static NO_DEPLOY: Question = Question {
    asks: "Was there no deploy just before?",
    answer: |facts| match deploy(facts) {
        Some(what) => Reply::no("traffic", format!("just before: {what}")),
        None => Reply::yes("traffic", "no deploy of that program just before"),
    },
};

static OTHERS_HIT: Question = Question {
    asks: "Are programs hit that were not deployed?",
    answer: |facts| {
        let callers = refusals(facts).distinct(|seen| seen.group.caller.clone());
        let property = PROPERTY_GONE.answer;
        let several = callers.len() > 1 && property(facts).truth == super::Truth::Yes;
        Reply::is(several, "traffic", format!("callers refused: {}", callers.join(", ")))
    },
};

static SAME_CALLER_ONLY: Question = Question {
    asks: "Is only the deployed program hit, while others send the same well?",
    answer: |facts| {
        let refused = refusals(facts);
        let callers = refused.distinct(|seen| seen.group.caller.clone());
        let families = refused.distinct(|seen| seen.group.family.clone());
        let others = facts.traffic.iter().flat_map(|traffic| &traffic.groups).any(|group| {
            !callers.contains(&group.caller) && families.contains(&group.family) && group.ok_recent > 0
        });
        let property = (PROPERTY_GONE.answer)(facts).truth == super::Truth::Yes;
        let observed = format!("callers refused: {}", callers.join(", "));
        if others || !property {
            Reply::yes("traffic", observed)
        } else {
            Reply::could_not_tell("traffic", observed)
        }
    },
};

static PROPERTY_GONE: Question = Question {
    asks: "Does HubSpot say that a property or an option is not there?",
    answer: |facts| {
        let refused = refusals(facts);
        let gone = matching(&refused, |seen| {
            names(seen).any(|name| {
                let name = name.to_ascii_uppercase();
                name.contains("DOESNT_EXIST")
                    || name.contains("DOES_NOT_EXIST")
                    || name.contains("INVALID_OPTION")
            })
        });
        Reply::is(gone * 2 > refused.count(), "traffic", refused.describe())
    },
};

static WORKED_BEFORE: Question = Question {
    asks: "Did the same calls work before?",
    answer: |facts| {
        let worked = refusals(facts).seen.iter().any(|seen| seen.group.ok > 0);
        let observed =
            if worked { "the same route worked within the last 15 minutes" } else { "not seen working" };
        if worked { Reply::yes("traffic", observed) } else { Reply::could_not_tell("traffic", observed) }
    },
};

fn refusals(facts: &Facts) -> Tally<'_> {
    facts.lately(&[ErrorKind::Validation])
}

fn full(facts: &Facts) -> Option<&Capacity> {
    let mut capacities = facts.probes.families.iter().flat_map(|probe| &probe.capacities);
    capacities.find(|it| it.limit > 0 && it.used.saturating_mul(100) >= it.limit.saturating_mul(FULL_PERCENT))
}

fn matching(tally: &Tally, wanted: impl Fn(&Seen) -> bool) -> u64 {
    tally.seen.iter().filter(|seen| wanted(seen)).map(|seen| seen.error.count).sum()
}

fn names<'a>(seen: &Seen<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let error = seen.error;
    [&error.code, &error.sub_category, &error.category].into_iter().flatten().map(String::as_str)
}

/// Facts §2.2: the two codes of the September 2026 enforcement.
fn is_required_rule(seen: &Seen) -> bool {
    names(seen)
        .any(|name| matches!(name, "MISSING_REQUIRED_PROPERTY" | "MISSING_CONDITIONAL_REQUIRED_PROPERTY"))
}

fn is_enforcing(seen: &Seen) -> bool {
    match seen.group.version.as_deref().and_then(ApiVersion::parse) {
        Some(ApiVersion::Dated { year, month, .. }) => (year, month) >= ENFORCED_FROM,
        Some(ApiVersion::V1 | ApiVersion::V2 | ApiVersion::V3 | ApiVersion::V4) | None => false,
    }
}

/// The deploy that just precedes the first refusal, of the caller refused or of nobody in particular.
fn deploy(facts: &Facts) -> Option<String> {
    let refused = refusals(facts);
    let first: Timestamp = refused.seen.iter().filter_map(|seen| seen.error.first_at).min()?;
    let callers = refused.distinct(|seen| seen.group.caller.clone());
    let changes = facts.traffic.iter().flat_map(|traffic| &traffic.changes);
    let mut deploys =
        changes.filter(|change| change.kind == "deploy" || change.kind == "config").filter(|change| {
            let after = first.duration_since(change.at);
            after >= -DEPLOY_BLUR && after <= DEPLOY_SHADOW
        });
    let of_caller = |caller: &Option<String>| caller.as_ref().is_none_or(|caller| callers.contains(caller));
    deploys
        .find(|change| of_caller(&change.caller))
        .map(|change| format!("{} at {:.0}", change.what, change.at))
}
