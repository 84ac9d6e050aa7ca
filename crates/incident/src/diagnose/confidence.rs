//! How sure: positive evidence raises it, a look-alike that cannot be excluded lowers it.

use crate::code::Code;
use crate::facts::Facts;
use crate::tree::{Leaf, Question, Reply, Truth, Twin};
use crate::triage::Evidence;

/// A path of yeses to a leaf, with nothing else known.
const START: f64 = 0.75;
/// One more fact that points the same way closes this part of what is missing to certainty.
const BACKED: f64 = 0.5;
/// One look-alike less closes this part.
const EXCLUDED: f64 = 0.4;
/// What each of these leaves of the confidence.
const CONTRADICTED: f64 = 0.85;
const NOT_EXCLUDED: f64 = 0.85;
const FORK_NOT_SEEN: f64 = 0.97;
/// One of two that look alike.
const UNDECIDED: f64 = 0.5;
/// Evidence is never proof.
const CERTAIN: f64 = 0.99;

/// A leaf after weighing.
pub(super) struct Weighed {
    pub(super) confidence: f64,
    /// What was asked beyond the path, and whether it supports.
    pub(super) replies: Vec<(Reply, bool)>,
    /// Look-alikes not excluded.
    pub(super) open: Vec<Code>,
}

pub(super) fn weigh(
    leaf: &'static Leaf,
    twin: Option<&'static Twin>,
    path: &[(&'static Question, Reply)],
    facts: &Facts,
) -> Weighed {
    let mut confidence = START;
    let mut replies = Vec::new();
    let mut open = Vec::new();
    for question in leaf.backed_by {
        let reply = (question.answer)(facts);
        match reply.truth {
            Truth::Yes => confidence += (1.0 - confidence) * BACKED,
            Truth::No => confidence *= CONTRADICTED,
            Truth::CouldNotTell => continue,
        }
        let supports = reply.truth == Truth::Yes;
        replies.push((reply, supports));
    }
    for (code, question) in leaf.unlike {
        let reply = (question.answer)(facts);
        match reply.truth {
            Truth::Yes => confidence += (1.0 - confidence) * EXCLUDED,
            Truth::No | Truth::CouldNotTell => {
                confidence *= NOT_EXCLUDED;
                open.push(*code);
            }
        }
        if reply.truth != Truth::CouldNotTell {
            let supports = reply.truth == Truth::Yes;
            replies.push((reply, supports));
        }
    }
    let unseen = path.iter().filter(|(_, reply)| reply.truth == Truth::CouldNotTell).count();
    for _ in 0..unseen {
        confidence *= FORK_NOT_SEEN;
    }
    let most = if twin.is_some() { UNDECIDED } else { CERTAIN };
    Weighed { confidence: round(confidence.min(most)), replies, open }
}

/// Two digits: more would claim a precision nobody has.
pub(super) fn round(confidence: f64) -> f64 {
    (confidence * 100.0).round() / 100.0
}

/// An open incident on the status page is told even where it is not the cause, so that nobody follows it by mistake.
pub(super) fn against(code: Code, facts: &Facts) -> Option<Evidence> {
    let page = facts.probes.status_page.as_ref()?;
    let by_status = matches!(
        code,
        Code::OutageKnown
            | Code::OutageUnlisted
            | Code::Region
            | Code::AuthOutage
            | Code::TcpBlocked
            | Code::TokenRevoked
    );
    let incident = page.incidents.first().filter(|_| !by_status)?;
    let observed = format!("\"{}\" is open on the status page, but does not explain this", incident.name);
    Some(Evidence { probe: "status_page".into(), observed, supports: false })
}
