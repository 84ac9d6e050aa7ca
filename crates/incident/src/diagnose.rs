//! From facts to a diagnosis: walk the trees, weigh what they found, say what it rests on.

mod confidence;
mod glance;
mod unexplained;
mod verdict;

use crate::code::Code;
use crate::facts::Facts;
use crate::runbook::Runbooks;
use crate::tree::{self, Leaf, Question, Reply, Then, Truth, Twin};
use crate::triage::{Diagnosis, Evidence, PathStep, SCHEMA, Suspicion, Triage};
use confidence::Weighed;
pub use glance::{Likeness, glance};
use unexplained::Unexplained;

/// More than this many second thoughts help nobody at 3 a.m.
const ALSO_MAX: usize = 5;

/// Trees after this one are about credentials and beyond: here the reader wants to know how far it reaches.
const LADDER_ENDS_WITH: &str = "IPv6";

/// One cause a tree named.
struct Finding {
    leaf: &'static Leaf,
    twin: Option<&'static Twin>,
    path: Vec<(&'static Question, Reply)>,
    weighed: Weighed,
}

/// Names the cause of what the facts show. Never fails; with too little to go by it says `unknown`.
pub fn diagnose(facts: &Facts, runbooks: &Runbooks) -> Triage {
    let (findings, mut path) = walk_all(facts);
    let unexplained = unexplained::look(facts);
    path.insert(0, first_question(&findings, &unexplained));
    let (diagnosis, also) = match (findings.split_first(), unexplained) {
        (Some((first, others)), _) => (named(first, facts, runbooks), second_thoughts(first, others)),
        (None, Unexplained::Nothing { checked }) => {
            (plain(Code::Healthy, healthy_confidence(&checked), checked, runbooks), Vec::new())
        }
        (None, Unexplained::Something { evidence, candidates, settled_by }) => {
            let mut diagnosis = plain(Code::Unknown, 0.0, evidence, runbooks);
            diagnosis.remedy = format!("{settled_by} {}", diagnosis.remedy);
            let also = candidates.iter().map(|code| Suspicion { code: *code, confidence: 0.3 }).collect();
            (diagnosis, also)
        }
    };
    Triage {
        schema: SCHEMA,
        started_at: facts.configured.now,
        duration_ms: facts.duration_ms,
        verdict: verdict::verdict(diagnosis.code, &also, facts),
        diagnosis,
        also,
        layers: facts.probes.layers.clone(),
        path,
        correlation_ids: correlation_ids(facts),
    }
}

/// Every cause that the facts show, each with its own evidence, the likeliest first. Empty where [`diagnose`] says
/// `healthy` or `unknown`.
pub fn causes(facts: &Facts, runbooks: &Runbooks) -> Vec<Diagnosis> {
    let (findings, _) = walk_all(facts);
    findings.iter().map(|finding| named(finding, facts, runbooks)).collect()
}

fn walk_all(facts: &Facts) -> (Vec<Finding>, Vec<PathStep>) {
    let mut findings: Vec<Finding> = Vec::new();
    let mut path = Vec::new();
    for tree in tree::worth_walking(facts) {
        let walk = tree::walk(tree, facts);
        path.extend(walk.path.iter().map(|(question, reply)| step(question, reply)));
        if let Some(leaf) = walk.leaf
            && !findings.iter().any(|finding| finding.leaf.code == leaf.code)
        {
            let weighed = confidence::weigh(leaf, walk.twin, &walk.path, facts);
            findings.push(Finding { leaf, twin: walk.twin, path: walk.path, weighed });
            if tree.then == Then::Stop {
                break;
            }
        }
        if tree.about == LADDER_ENDS_WITH {
            let extent = tree::extent();
            path.push(step(extent, &(extent.answer)(facts)));
        }
    }
    // A wrong clock explains refused certificates and tokens; slow IPv6 explains nothing else.
    findings.sort_by_key(|finding| finding.leaf.code == Code::Ipv6);
    (findings, path)
}

fn named(finding: &Finding, facts: &Facts, runbooks: &Runbooks) -> Diagnosis {
    // A "no" on the way tells why another cause was not named; that stands in the path.
    let on_path = finding.path.iter().filter(|(_, reply)| reply.truth == Truth::Yes);
    let mut evidence: Vec<Evidence> = Vec::new();
    let held = on_path.map(|(_, reply)| (reply, true));
    let weighed = finding.weighed.replies.iter().map(|(reply, supports)| (reply, *supports));
    for (reply, supports) in held.chain(weighed) {
        let item = Evidence { probe: reply.probe.into(), observed: reply.observed.clone(), supports };
        if !evidence.iter().any(|known| known.probe == item.probe && known.observed == item.observed) {
            evidence.push(item);
        }
    }
    evidence.extend(confidence::against(finding.leaf.code, facts));
    let mut diagnosis = plain(finding.leaf.code, finding.weighed.confidence, evidence, runbooks);
    if let Some(twin) = finding.twin {
        let observed = format!("it may as well be {}: {}", twin.code.id(), twin.missing);
        diagnosis.evidence.push(Evidence { probe: "traffic".into(), observed, supports: false });
        diagnosis.remedy = format!("{} {}", twin.settled_by, diagnosis.remedy);
    }
    diagnosis
}

fn plain(code: Code, confidence: f64, evidence: Vec<Evidence>, runbooks: &Runbooks) -> Diagnosis {
    let front = &runbooks.page(code).front;
    Diagnosis {
        code,
        title: front.title.clone(),
        confidence,
        severity: front.severity,
        blame: front.blame,
        evidence,
        remedy: front.remedy.clone(),
        escalation: front.escalation.clone(),
        runbook: code.id().to_owned(),
    }
}

/// What it cannot be told from is as likely; other findings stand as they are; look-alikes that could not be excluded come behind them.
fn second_thoughts(first: &Finding, others: &[Finding]) -> Vec<Suspicion> {
    let found =
        others.iter().map(|other| Suspicion { code: other.leaf.code, confidence: other.weighed.confidence });
    let twin = first.twin.map(|twin| Suspicion { code: twin.code, confidence: first.weighed.confidence });
    let open = first.weighed.open.iter().map(|code| Suspicion {
        code: *code,
        confidence: confidence::round((1.0 - first.weighed.confidence) / 2.0),
    });
    let mut also: Vec<Suspicion> = Vec::new();
    for suspicion in twin.into_iter().chain(found).chain(open) {
        let known = also.iter().any(|it| it.code == suspicion.code) || suspicion.code == first.leaf.code;
        if !known && also.len() < ALSO_MAX {
            also.push(suspicion);
        }
    }
    also
}

fn first_question(findings: &[Finding], unexplained: &Unexplained) -> PathStep {
    let answer = match (findings.is_empty(), unexplained) {
        (false, _) => {
            let names: Vec<&str> = findings.iter().map(|finding| finding.leaf.code.id()).collect();
            format!("yes: {}", names.join(", "))
        }
        (true, Unexplained::Something { .. }) => {
            "could not tell: something is off that no tree explains".into()
        }
        (true, Unexplained::Nothing { .. }) => "no: every layer and every call we asked is well".into(),
    };
    PathStep { question: "Is anything wrong at all?".into(), answer }
}

fn step(question: &Question, reply: &Reply) -> PathStep {
    let truth = match reply.truth {
        Truth::Yes => "yes",
        Truth::No => "no",
        Truth::CouldNotTell => "could not tell",
    };
    PathStep { question: question.asks.into(), answer: format!("{truth}: {}", reply.observed) }
}

fn healthy_confidence(checked: &[Evidence]) -> f64 {
    // An incident that touches none of the calls is told, and takes nothing away.
    let failed = checked.iter().any(|evidence| !evidence.supports && evidence.probe != "status_page");
    match checked.len() {
        _ if failed => 0.75,
        0..3 => 0.9,
        _ => 0.97,
    }
}

/// Ids HubSpot's support can look up: of our probes first, then of traffic.
fn correlation_ids(facts: &Facts) -> Vec<String> {
    const IDS_MAX: usize = 12;
    let traffic = facts.traffic.iter().flat_map(|traffic| &traffic.groups).flat_map(|group| &group.errors);
    let seen = traffic.flat_map(|error| &error.correlation_ids);
    let mut ids: Vec<String> = Vec::new();
    for id in facts.probes.correlation_ids.iter().chain(seen) {
        if ids.len() < IDS_MAX && !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    ids
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod told_from_inside;
