//! A deploy made it worse, and only what was deployed: not what it sends (that is told by what HubSpot refuses in it),
//! but how it behaves.

use hubspot::error::ErrorKind;
use jiff::SignedDuration;

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::Version;
use crate::facts::traffic::{Change, ErrorCount, Group, Traffic};

/// What fails of a good version is a few in a hundred; a bad one fails so much more.
const FAILED_PERCENT: u64 = 10;
const TIMES_WORSE: u64 = 4;

/// Few calls of a new version say nothing.
const CALLS_MIN: u64 = 10;

/// A new version that takes so much longer than the old one beside it.
const TIMES_SLOWER: u64 = 4;
const SLOW_MS: u64 = 1_000;

/// A deploy explains what begins within this time after it.
const DEPLOY_SHADOW: SignedDuration = SignedDuration::from_mins(10);
const DEPLOY_BLUR: SignedDuration = SignedDuration::from_secs(30);

/// Mistakes a program makes in how it calls; what it sends in a body is told elsewhere.
const OF_THE_CALLER: &[ErrorKind] =
    &[ErrorKind::NoSuchEndpoint, ErrorKind::MethodNotAllowed, ErrorKind::TooLong, ErrorKind::OtherClient];

/// What stands for the gateway itself among programs and their versions: all others are behind it.
pub const GATEWAY: &str = "hubkeeper";

/// How the gateway tells a path that HubSpot has never had.
const NO_ROUTE: &str = "/{path}";

/// Calls of a quarter of an hour, and those of them that were wrong as calls: what a gateway that garbles them makes of them all.
pub fn mistakes(traffic: &Traffic) -> (u64, u64) {
    let wrong = |error: &&ErrorCount| {
        error.kind.is_some_and(|kind| {
            OF_THE_CALLER.contains(&kind) || (kind == ErrorKind::NotFound && error.route == NO_ROUTE)
        })
    };
    let errors = traffic.groups.iter().flat_map(|group| &group.errors).filter(wrong);
    (traffic.groups.iter().map(|group| group.calls).sum(), errors.map(|error| error.count).sum())
}

pub(super) static TREE: Tree = Tree {
    about: "what was deployed",
    then: Then::GoOn,
    root: Step::Ask {
        question: &NEW_VERSION_WORSE,
        yes: &Step::Found(REGRESSION),
        no: &Step::Ask {
            question: &MISTAKES_SINCE_DEPLOY,
            yes: &Step::Found(REGRESSION),
            no: &Step::Nothing,
        },
    },
};

const REGRESSION: Leaf = Leaf {
    code: Code::Regression,
    backed_by: &[&NEW_VERSION_WORSE, &MISTAKES_SINCE_DEPLOY],
    unlike: &[(Code::OutageUnlisted, &OTHERS_WELL), (Code::BadPayload, &NOT_REFUSED_FOR_CONTENT)],
};

static NEW_VERSION_WORSE: Question = Question {
    asks: "Does the new version of a program fail where the old one beside it does not?",
    answer: |facts| {
        let versions = versions(facts);
        for new in versions {
            let beside = versions.iter().filter(|old| old.caller == new.caller && old.since < new.since);
            if let Some(old) = beside.max_by_key(|old| old.calls).filter(|old| is_worse(new, old)) {
                return Reply::yes("versions", compare(new, old));
            }
        }
        match versions.is_empty() {
            true => Reply::could_not_tell("versions", "no two versions run side by side"),
            false => Reply::no("versions", "no version is worse than the one beside it"),
        }
    },
};

pub(super) static MISTAKES_SINCE_DEPLOY: Question = Question {
    asks: "Does a program call wrongly since it was deployed, and only that one?",
    answer: |facts| {
        let mut mistakes = facts.lately(OF_THE_CALLER);
        let not_found = facts.lately(&[ErrorKind::NotFound]).seen.into_iter();
        mistakes.seen.extend(not_found.filter(|seen| seen.error.route == NO_ROUTE));
        for seen in &mistakes.seen {
            let caller = seen.group.caller.as_str();
            let after = deploys(facts, caller).find(|deploy| {
                let began = seen.error.first_at.map(|first| first.duration_since(deploy.at));
                began.is_some_and(|after| after >= -DEPLOY_BLUR && after <= DEPLOY_SHADOW)
            });
            let alone = !mistakes.seen.iter().any(|other| other.group.caller != caller);
            if let Some(deploy) = after.filter(|_| alone && seen.error.count >= CALLS_MIN / 2) {
                let observed = format!("{} since {} at {:.0}", mistakes.describe(), deploy.what, deploy.at);
                return Reply::yes("traffic", observed);
            }
        }
        Reply::no("traffic", mistakes.describe())
    },
};

static OTHERS_WELL: Question = Question {
    asks: "Do programs that were not deployed work well?",
    answer: |facts| {
        let deployed: Vec<&str> = versions(facts).iter().map(|version| version.caller.as_str()).collect();
        if deployed.contains(&GATEWAY) {
            return Reply::is(
                facts.auth_works(),
                "auth",
                "our own calls, which do not pass through the gateway",
            );
        }
        let changed = |caller: &str| deployed.contains(&caller) || deploys(facts, caller).next().is_some();
        let groups = facts.traffic.iter().flat_map(|traffic| &traffic.groups);
        let mut others = groups.filter(|group| !changed(&group.caller) && group.calls_recent > 0);
        let well = |group: &Group| group.ok_recent * 2 > group.calls_recent;
        match others.next().map(|first| well(first) && others.all(well)) {
            Some(well) => Reply::is(well, "traffic", "calls of other programs"),
            None => Reply::is(facts.auth_works(), "auth", "our own calls"),
        }
    },
};

static NOT_REFUSED_FOR_CONTENT: Question = Question {
    asks: "Does HubSpot not complain of what is sent?",
    answer: |facts| {
        let refused = facts.lately(&[ErrorKind::Validation]);
        Reply::is(refused.is_empty(), "traffic", refused.describe())
    },
};

fn is_worse(new: &Version, old: &Version) -> bool {
    let percent = |version: &Version| (version.failed * 100).checked_div(version.calls).unwrap_or_default();
    let fails = percent(new) >= FAILED_PERCENT && percent(new) >= percent(old) * TIMES_WORSE;
    let slow = new.p50_ms >= SLOW_MS && new.p50_ms >= old.p50_ms * TIMES_SLOWER;
    new.calls >= CALLS_MIN && old.calls >= CALLS_MIN && (fails || slow)
}

fn compare(new: &Version, old: &Version) -> String {
    let one = |it: &Version| {
        format!("{}: {} of {} calls failed, {} ms", it.version, it.failed, it.calls, it.p50_ms)
    };
    format!("{} {}; {}", new.caller, one(new), one(old))
}

fn deploys<'a>(facts: &'a Facts, caller: &'a str) -> impl Iterator<Item = &'a Change> {
    let changes = facts.traffic.iter().flat_map(|traffic| &traffic.changes);
    changes.filter(move |change| {
        change.kind == "deploy" && change.caller.as_deref().is_none_or(|deployed| deployed == caller)
    })
}

fn versions(facts: &Facts) -> &[Version] {
    facts.inside.as_ref().map_or(&[], |inside| &inside.versions)
}
