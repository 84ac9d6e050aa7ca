//! Decision trees as data: one small tree per family of symptoms, walked in a fixed order.
//!
//! A tree asks questions until it finds a [`Leaf`] or nothing. "Could not tell" takes the same branch as "no" and
//! costs confidence. The order of [`TREES`] is the order of suspicion: the ladder from name to answer first, where
//! the first broken rung explains all above it; then credentials, quota, HubSpot, and last the content of requests.

mod account;
mod answer;
mod burst;
mod clock;
mod content;
mod daily;
mod extent;
mod family;
mod migration;
mod names;
mod oauth;
mod ourselves;
mod outage;
mod path;
mod pool;
mod records;
pub mod regression;
mod scope;
mod slow;
mod status;
mod storm;
mod tcp;
mod throttle;
mod tls;
mod token;
mod webhooks;

pub(crate) use extent::extent;

/// Have webhooks stopped that should come? Asked once more where no tree could say why.
pub(crate) fn silent_webhooks(facts: &Facts) -> Reply {
    (webhooks::silence::SILENT.answer)(facts)
}

use crate::code::Code;
use crate::facts::Facts;

/// A question to the facts.
pub struct Question {
    /// As a person would ask it.
    pub asks: &'static str,
    pub answer: fn(&Facts) -> Reply,
}

impl Question {
    pub(crate) fn holds(&self, facts: &Facts) -> bool {
        (self.answer)(facts).truth == Truth::Yes
    }

    /// The same observation, asked the other way round.
    fn opposite(&self, facts: &Facts) -> Reply {
        let reply = (self.answer)(facts);
        let truth = match reply.truth {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::CouldNotTell => Truth::CouldNotTell,
        };
        Reply { truth, ..reply }
    }
}

/// An answer and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub truth: Truth,
    /// Which source was read: a layer's name, `families`, `usage`, `introspection`, `traffic`, `configuration`, `grants`,
    /// `inbox`, `quarantine`, `doorbell`, `subscriptions`, `journal`, `forwarding`, `store`, `disk`, `process`, `cache`,
    /// `secrets`, `watch`, `versions`.
    pub probe: &'static str,
    pub observed: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    CouldNotTell,
}

/// One fork, or an end.
pub enum Step {
    Ask {
        question: &'static Question,
        yes: &'static Step,
        no: &'static Step,
    },
    Found(Leaf),
    /// Two causes that look alike with what is known; the leaf's is told first.
    Undecided(Leaf, Twin),
    /// This family of symptoms is not there.
    Nothing,
}

/// A cause, with what makes it sure.
pub struct Leaf {
    pub code: Code,
    /// "Yes" to any of these raises confidence, "no" lowers it.
    pub backed_by: &'static [&'static Question],
    /// Look-alikes; "yes" excludes the one named.
    pub unlike: &'static [(Code, &'static Question)],
}

/// The cause that a leaf's cannot be told from.
#[derive(Debug)]
pub struct Twin {
    pub code: Code,
    /// Whose missing answer leaves the two alike.
    pub missing: &'static str,
    /// What a person can look at to settle it.
    pub settled_by: &'static str,
}

/// What a finding does to the trees behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It explains whatever later trees would find, so they are not asked.
    Stop,
    /// Later trees may find a second fault.
    GoOn,
}

/// One family of symptoms.
pub struct Tree {
    pub about: &'static str,
    pub root: Step,
    pub then: Then,
}

/// All trees, in the order of suspicion.
pub static TREES: &[(Asked, &Tree)] = &[
    // Ourselves.
    (Asked::Always, &clock::TREE),
    (Asked::OfOurselves, &ourselves::blind::TREE),
    (Asked::OfOurselves, &ourselves::store::TREE),
    (Asked::OfOurselves, &ourselves::resources::TREE),
    (Asked::OfOurselves, &ourselves::secrets::TREE),
    (Asked::OfOurselves, &ourselves::cache::TREE),
    // The ladder.
    (Asked::Always, &names::TREE),
    (Asked::Always, &tcp::TREE),
    (Asked::Always, &tls::TREE),
    (Asked::Always, &answer::TREE),
    (Asked::Always, &tcp::IPV6_TREE),
    // Credentials and the account.
    (Asked::Always, &token::TREE),
    (Asked::Always, &oauth::TREE),
    (Asked::Always, &account::WRONG_ACCOUNT_TREE),
    (Asked::Always, &account::TIER_TREE),
    (Asked::Always, &scope::TREE),
    // Quota.
    (Asked::Always, &daily::TREE),
    (Asked::Always, &burst::TREE),
    (Asked::Always, &throttle::SEARCH_TREE),
    // HubSpot; and first our own retries, which go on failing when it is well again.
    (Asked::Always, &storm::TREE),
    (Asked::Always, &migration::TREE),
    (Asked::Always, &outage::TREE),
    (Asked::Always, &slow::TREE),
    (Asked::Always, &path::TREE),
    // What is sent.
    (Asked::Always, &throttle::LOCK_TREE),
    (Asked::Always, &content::TREE),
    (Asked::Always, &content::FULL_TREE),
    (Asked::Always, &records::CONFLICT_TREE),
    (Asked::Always, &records::GONE_TREE),
    (Asked::Always, &records::PARTIAL_TREE),
    // The wire, seen from traffic only.
    (Asked::Always, &pool::TREE),
    (Asked::OfTraffic, &regression::TREE),
    // Webhooks.
    (Asked::OfWebhooks, &webhooks::silence::TREE),
    (Asked::OfWebhooks, &webhooks::signatures::TREE),
    (Asked::OfWebhooks, &webhooks::signatures::FORGED_TREE),
    (Asked::OfWebhooks, &webhooks::flood::TREE),
    (Asked::OfWebhooks, &webhooks::order::TREE),
    (Asked::OfWebhooks, &webhooks::order::CONSUMER_TREE),
];

/// When a tree is worth walking: where nobody looked, its questions would only fill the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Always,
    OfTraffic,
    /// Where a running hubkeeper tells of itself.
    OfOurselves,
    /// Where one receives webhooks, or hands them on.
    OfWebhooks,
}

impl Asked {
    fn is_worth_it(self, facts: &Facts) -> bool {
        match self {
            Self::Always => true,
            Self::OfTraffic => facts.traffic.is_some(),
            Self::OfOurselves => facts.inside.is_some(),
            Self::OfWebhooks => facts.inbox.is_some() || facts.forwarding.is_some(),
        }
    }
}

/// The trees that these facts can say something to.
pub fn worth_walking(facts: &Facts) -> impl Iterator<Item = &'static Tree> {
    TREES.iter().filter(|(asked, _)| asked.is_worth_it(facts)).map(|(_, tree)| *tree)
}

/// What walking one tree gave.
#[derive(Debug)]
pub struct Walk {
    pub path: Vec<(&'static Question, Reply)>,
    pub leaf: Option<&'static Leaf>,
    pub twin: Option<&'static Twin>,
}

/// Walks from the root to an end.
pub fn walk(tree: &'static Tree, facts: &Facts) -> Walk {
    let mut path = Vec::new();
    let mut step = &tree.root;
    loop {
        match step {
            Step::Ask { question, yes, no } => {
                let reply = (question.answer)(facts);
                step = if reply.truth == Truth::Yes { yes } else { no };
                path.push((*question, reply));
            }
            Step::Found(leaf) => return Walk { path, leaf: Some(leaf), twin: None },
            Step::Undecided(leaf, twin) => return Walk { path, leaf: Some(leaf), twin: Some(twin) },
            Step::Nothing => return Walk { path, leaf: None, twin: None },
        }
    }
}

impl Reply {
    pub(crate) fn yes(probe: &'static str, observed: impl Into<String>) -> Self {
        Self { truth: Truth::Yes, probe, observed: observed.into() }
    }

    pub(crate) fn no(probe: &'static str, observed: impl Into<String>) -> Self {
        Self { truth: Truth::No, probe, observed: observed.into() }
    }

    pub(crate) fn could_not_tell(probe: &'static str, why: impl Into<String>) -> Self {
        Self { truth: Truth::CouldNotTell, probe, observed: why.into() }
    }

    /// Yes or no, resting on the same observation.
    pub(crate) fn is(holds: impl Into<Truth>, probe: &'static str, observed: impl Into<String>) -> Self {
        Self { truth: holds.into(), probe, observed: observed.into() }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.asks)
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.id())
    }
}

impl Tree {
    /// Every cause it can name.
    pub fn codes(&'static self) -> Vec<Code> {
        let mut codes = Vec::new();
        collect(&self.root, &mut codes);
        codes
    }
}

fn collect(step: &'static Step, codes: &mut Vec<Code>) {
    match step {
        Step::Ask { yes, no, .. } => {
            collect(yes, codes);
            collect(no, codes);
        }
        Step::Found(leaf) => codes.push(leaf.code),
        Step::Undecided(leaf, twin) => codes.extend([leaf.code, twin.code]),
        Step::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    #[test]
    fn every_cause_can_be_found() {
        let reachable: BTreeSet<_> = TREES.iter().flat_map(|(_, tree)| tree.codes()).collect();
        let promised: BTreeSet<_> =
            Code::ALL.iter().copied().filter(|code| !matches!(code, Code::Healthy | Code::Unknown)).collect();
        assert_eq!(reachable, promised);
    }
}
