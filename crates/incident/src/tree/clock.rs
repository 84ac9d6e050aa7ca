//! Is it our own clock? A wrong one makes good certificates look bad, tokens look old and webhooks look forged.

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::probes::ChainProblem;

/// Tokens are refreshed about a minute ahead and signatures live 300,000 ms (facts §6.6): a minute is where it starts
/// to hurt.
const OFFSET_MS_MAX: u64 = 60_000;

pub(super) static TREE: Tree = Tree {
    about: "our clock",
    then: Then::GoOn,
    root: Step::Ask {
        question: &OFF,
        yes: &Step::Found(Leaf {
            code: Code::Clock,
            backed_by: &[&super::tls::DATES_REFUSED],
            unlike: &[(Code::HubspotTls, &OFF)],
        }),
        no: &Step::Nothing,
    },
};

static OFF: Question = Question {
    asks: "Is our clock off?",
    answer: |facts| {
        let Some(clock) = &facts.probes.clock else {
            return Reply::could_not_tell("clock", "no answer carried a Date");
        };
        let seconds = clock.offset_ms.unsigned_abs() / 1000;
        let side = if clock.offset_ms < 0 { "behind" } else { "ahead of" };
        let observed = format!("our clock is {seconds} s {side} the Date of {}", clock.source);
        Reply::is(clock.offset_ms.unsigned_abs() > OFFSET_MS_MAX, "clock", observed)
    },
};

pub(super) static RIGHT: Question = Question {
    asks: "Is our clock right?",
    answer: |facts| {
        let Some(clock) = &facts.probes.clock else {
            return Reply::could_not_tell("clock", "no answer carried a Date");
        };
        let seconds = clock.offset_ms.unsigned_abs() / 1000;
        let observed = format!("our clock agrees with the Date of {} within {seconds} s", clock.source);
        Reply::is(clock.offset_ms.unsigned_abs() <= OFFSET_MS_MAX, "clock", observed)
    },
};

/// A certificate that is not valid yet is nearly always a clock that is behind.
pub(super) static BEHIND_A_CERTIFICATE: Question = Question {
    asks: "Is the certificate from our future?",
    answer: |facts| {
        let Some(tls) = &facts.probes.tls else {
            return Reply::could_not_tell("tls", "no certificate was seen");
        };
        let from = tls.not_before.map_or_else(|| "unknown".into(), |at| at.to_string());
        let observed = format!("valid from {from}, our clock says {}", facts.configured.now);
        Reply::is(tls.problem == Some(ChainProblem::NotYetValid), "tls", observed)
    },
};
