//! HubSpot fails to serve: everything, one family, one region, or only as much as we overload it?

use std::collections::BTreeSet;

use hubspot::error::ErrorKind;

use super::family::{Families, is_failing, server_failures};
use super::{Leaf, Question, Reply, Step, Then, Tree, Twin};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::exchange::Exchange;
use crate::facts::traffic::{Connection, ErrorCount, Group};

pub(super) static TREE: Tree = Tree {
    about: "outage",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SERVERS_FAIL,
        yes: &Step::Ask {
            question: &ONE_REGION,
            yes: &Step::Found(Leaf {
                code: Code::Region,
                backed_by: &[&super::status::INCIDENT_OF_OURS],
                unlike: &[(Code::OutageKnown, &ONE_REGION)],
            }),
            no: &Step::Ask {
                question: &ONLY_UNDER_LOAD,
                yes: &Step::Found(Leaf {
                    code: Code::Processing,
                    backed_by: &[],
                    unlike: &[(Code::Partial, &PROBES_ARE_SERVED), (Code::Slow, &PROBES_ARE_SERVED)],
                }),
                no: &Step::Ask { question: &SOME_FAMILIES, yes: &SOME, no: &WHOLE },
            },
        },
        no: &Step::Nothing,
    },
};

/// One family that fails at times, with no traffic to say more, may be all of HubSpot failing at times.
static SOME: Step = Step::Ask {
    question: &AT_TIMES,
    yes: &Step::Ask {
        question: &super::status::INCIDENT_OF_OURS,
        yes: &Step::Undecided(PARTIAL, Twin { code: Code::OutageKnown, missing: FEW, settled_by: MORE }),
        no: &Step::Undecided(PARTIAL, Twin { code: Code::OutageUnlisted, missing: FEW, settled_by: MORE }),
    },
    no: &Step::Found(PARTIAL),
};

const PARTIAL: Leaf = Leaf {
    code: Code::Partial,
    backed_by: &[&CONFIRMED_BY_TRAFFIC],
    unlike: &[(Code::Sunset, &SERVERS_FAIL), (Code::EdgeBlock, &SOME_FAMILIES)],
};

const FEW: &str = "the other families were asked too rarely to say that they never fail";
const MORE: &str =
    "First run triage a few times more: another family that fails says that it is not one alone.";

static WHOLE: Step = Step::Ask {
    question: &super::status::INCIDENT_OF_OURS,
    yes: &Step::Found(Leaf {
        code: Code::OutageKnown,
        backed_by: &[&CONFIRMED_BY_TRAFFIC],
        unlike: &[(Code::OutageUnlisted, &super::status::INCIDENT_OF_OURS)],
    }),
    no: &Step::Found(Leaf {
        code: Code::OutageUnlisted,
        backed_by: &[&CONFIRMED_BY_TRAFFIC],
        unlike: &[(Code::OutageKnown, &super::status::NO_INCIDENT_OF_OURS)],
    }),
};

static SERVERS_FAIL: Question = Question {
    asks: "Does HubSpot fail to serve (5xx, no answer, cut answers)?",
    answer: |facts| {
        let families = Families::of(facts);
        Reply::is(!families.failing().is_empty(), "families", families.describe())
    },
};

static SOME_FAMILIES: Question = Question {
    asks: "Do most API families serve well?",
    answer: |facts| {
        let families = Families::of(facts);
        let (failing, serving) = (families.failing().len(), families.serving().len());
        let observed = format!("{}{}", families.describe(), probes_failed(facts));
        Reply::is(
            serving > failing && !comes_and_goes_everywhere(facts, &families) && !families.is_spread(),
            "families",
            observed,
        )
    },
};

static AT_TIMES: Question = Question {
    asks: "Does it fail at times only, with no traffic to say where?",
    answer: |facts| {
        let families = Families::of(facts);
        let served = families.failing_probes.intersection(&families.served_at_times).count();
        let alone = facts.busy_traffic().is_none();
        Reply::is(alone && served > 0, "families", format!("{}{}", families.describe(), probes_failed(facts)))
    },
};

/// What fails at times, and is no matter of one family: the account's own details fail, or several families that were
/// served at other times.
fn comes_and_goes_everywhere(facts: &Facts, families: &Families) -> bool {
    let door = facts.probes.http.as_ref().is_some_and(Exchange::is_server_failure);
    let failing = &families.failing_probes;
    let at_times = failing.intersection(&families.served_at_times).count();
    !failing.is_empty() && (door || failing.contains("account") || (failing.len() > 1 && at_times > 0))
}

/// Of our own calls, how many failed: a fault that strikes some calls only is told with its rate.
fn probes_failed(facts: &Facts) -> String {
    let asked = facts.authenticated();
    let failed = asked.iter().filter(|(_, exchange)| exchange.is_server_failure()).count();
    if failed == 0 || failed == asked.len() {
        return String::new();
    }
    format!("; {failed} of our own {} calls failed", asked.len())
}

/// 502 and 504 are how HubSpot says "too much at once" (facts §1.7): few calls pass, many do not. Under load a probe may
/// be refused in the same way; then batches must be what fails, while lighter calls of the same families are served.
static ONLY_UNDER_LOAD: Question = Question {
    asks: "Does it fail only under our own load, with 502 and 504?",
    answer: |facts| {
        let families = Families::of(facts);
        let all: u64 = failing_groups(facts).map(server_failures).sum();
        let overloads =
            failing_groups(facts).flat_map(|group| &group.errors).filter(|error| is_overload(error));
        let (mut overloaded, mut batches) = (0, 0);
        for error in overloads {
            overloaded += error.count;
            batches += if error.is_batch() { error.count } else { 0 };
        }
        let probes_served = families.failing_probes.is_empty() && !families.serving_probes.is_empty();
        let batches_only =
            mostly(batches, all) && probes_fail_by_load_only(facts) && lighter_calls_served(facts);
        let observed = format!(
            "{overloaded} of {all} failures in traffic are 502 or 504, {batches} of them in batch calls; {}",
            probes_say(&families)
        );
        Reply::is(mostly(overloaded, all) && (probes_served || batches_only), "traffic", observed)
    },
};

fn mostly(part: u64, all: u64) -> bool {
    all > 0 && part.saturating_mul(5) >= all.saturating_mul(4)
}

fn failing_groups(facts: &Facts) -> impl Iterator<Item = &Group> {
    facts.traffic.iter().flat_map(|traffic| &traffic.groups).filter(|group| is_failing(group))
}

fn is_overload(error: &ErrorCount) -> bool {
    error.kind == Some(ErrorKind::Processing)
}

fn probes_fail_by_load_only(facts: &Facts) -> bool {
    let asked = facts.authenticated();
    let mut failed = asked.iter().filter(|(_, exchange)| exchange.is_server_failure());
    let served = asked.iter().any(|(_, exchange)| exchange.is_ok());
    served && failed.all(|(_, exchange)| exchange.is_kind(ErrorKind::Processing))
}

/// In every family that fails in traffic, a probe or other calls of the programs are served.
fn lighter_calls_served(facts: &Facts) -> bool {
    let serves = |group: &Group| group.ok_recent > 0 && !is_failing(group);
    failing_groups(facts).all(|failing| {
        let probed = facts.authenticated().into_iter();
        let mut others = facts.traffic.iter().flat_map(|traffic| &traffic.groups);
        probed.filter(|(family, _)| *family == failing.family).any(|(_, exchange)| exchange.is_ok())
            || others.any(|group| group.family == failing.family && serves(group))
    })
}

static PROBES_ARE_SERVED: Question = Question {
    asks: "Are our few probe calls served?",
    answer: |facts| {
        let families = Families::of(facts);
        let served = families.failing_probes.is_empty() && !families.serving_probes.is_empty();
        Reply::is(served, "families", probes_say(&families))
    },
};

static CONFIRMED_BY_TRAFFIC: Question = Question {
    asks: "Does traffic show the same?",
    answer: |facts| {
        let families = Families::of(facts);
        if families.failing_traffic.is_empty() {
            return Reply::could_not_tell("traffic", "no traffic of the families that fail");
        }
        let names: Vec<&str> = families.failing_traffic.iter().copied().collect();
        Reply::yes("traffic", format!("calls of {} fail, too", names.join(", ")))
    },
};

static ONE_REGION: Question = Question {
    asks: "Do only accounts of one hosting place fail?",
    answer: |facts| {
        let (failing, serving) = places(facts);
        let observed = format!("accounts fail in: {}; are served in: {}", join(&failing), join(&serving));
        if failing.len() == 1 && !serving.is_empty() && failing.is_disjoint(&serving) {
            return Reply::yes("traffic", observed);
        }
        let families = Families::of(facts);
        let whole = families.serving().len() <= families.failing().len();
        let hosting = super::status::our_hosting(facts);
        match hosting.and_then(|hosting| super::status::regional(facts, hosting)).filter(|_| whole) {
            Some(incident) => Reply::yes(
                "status_page",
                format!(
                    "\"{}\" names {}, where our account lives",
                    incident.name,
                    incident.regions.join(", ")
                ),
            ),
            None if failing.is_empty() => Reply::no("traffic", "calls of no account as a whole fail"),
            None if serving.is_empty() => Reply::no("traffic", "no other hosting place to compare with"),
            None => Reply::no("traffic", observed),
        }
    },
};

/// Hosting places whose connections fail, and those whose connections serve.
fn places(facts: &Facts) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut failing, mut serving) = (BTreeSet::new(), BTreeSet::new());
    let Some(traffic) = &facts.traffic else { return (failing, serving) };
    for connection in &traffic.connections {
        let Some(hosting) = connection.hosting.as_deref() else { continue };
        let of_it = |connection: &Connection| {
            traffic.groups.iter().filter(move |group| group.connection == connection.name).collect::<Vec<_>>()
        };
        let groups = of_it(connection);
        if groups.iter().any(|group| is_failing(group)) {
            failing.insert(hosting);
        } else if groups.iter().any(|group| group.ok_recent > 0) {
            serving.insert(hosting);
        }
    }
    (failing, serving)
}

fn probes_say(families: &Families) -> String {
    format!(
        "of the families probed {} served, {} failed",
        families.serving_probes.len(),
        families.failing_probes.len()
    )
}

fn join(names: &BTreeSet<&str>) -> String {
    if names.is_empty() { "no place".into() } else { names.iter().copied().collect::<Vec<_>>().join(", ") }
}
