//! Is the certificate HubSpot's, and do we believe it?

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::probes::{ChainProblem, Tls};

pub(super) static TREE: Tree = Tree {
    about: "the certificate",
    then: Then::Stop,
    root: Step::Ask {
        question: &REFUSED,
        yes: &Step::Ask {
            question: &OTHER_HOST,
            yes: &Step::Ask {
                question: &super::answer::HOST_IS_HUBSPOTS,
                // Who listens in shows HubSpot's name. A certificate that the public knows, for a name of its own, is
                // some other server, and the way there is set wrongly: a hosts file, a resolver's override, a proxy.
                yes: &Step::Ask {
                    question: &PUBLICLY_KNOWN,
                    yes: &Step::Found(ELSEWHERE),
                    no: &Step::Found(INTERCEPTED),
                },
                no: &Step::Found(ELSEWHERE),
            },
            no: &Step::Ask { question: &DATES_REFUSED, yes: &DATES, no: &ISSUER },
        },
        no: &Step::Nothing,
    },
};

const ELSEWHERE: Leaf =
    Leaf { code: Code::BaseUrl, backed_by: &[], unlike: &[(Code::TlsIntercept, &PUBLICLY_KNOWN)] };

const INTERCEPTED: Leaf = Leaf {
    code: Code::TlsIntercept,
    backed_by: &[&NOT_PUBLICLY_KNOWN],
    unlike: &[(Code::CaOutdated, &NOT_PUBLICLY_KNOWN), (Code::BaseUrl, &super::answer::HOST_IS_HUBSPOTS)],
};

static DATES: Step = Step::Ask {
    question: &super::clock::BEHIND_A_CERTIFICATE,
    yes: &Step::Ask {
        question: &super::clock::RIGHT,
        yes: &Step::Found(EXPIRED),
        no: &Step::Found(Leaf { code: Code::Clock, backed_by: &[], unlike: &[] }),
    },
    no: &Step::Found(EXPIRED),
};

const EXPIRED: Leaf =
    Leaf { code: Code::HubspotTls, backed_by: &[], unlike: &[(Code::Clock, &super::clock::RIGHT)] };

static ISSUER: Step = Step::Ask {
    question: &PUBLICLY_KNOWN,
    yes: &Step::Found(Leaf {
        code: Code::CaOutdated,
        backed_by: &[],
        unlike: &[(Code::TlsIntercept, &PUBLICLY_KNOWN)],
    }),
    no: &Step::Found(INTERCEPTED),
};

static REFUSED: Question = Question {
    asks: "Is the upstream's certificate refused?",
    answer: |facts| match &facts.probes.tls {
        None => Reply::could_not_tell("tls", "no certificate was seen"),
        Some(tls) => {
            let refused = tls.problem.is_some_and(|problem| problem != ChainProblem::Handshake);
            Reply::is(refused, "tls", describe(tls))
        }
    },
};

static OTHER_HOST: Question = Question {
    asks: "Is it for another host?",
    answer: |facts| {
        with(facts, |tls| {
            let subject = tls.subject.as_deref().unwrap_or("unknown");
            let observed =
                format!("asked for {}, shown a certificate of {subject}", facts.configured.upstream);
            Reply::is(tls.problem == Some(ChainProblem::WrongHost), "tls", observed)
        })
    },
};

pub(super) static DATES_REFUSED: Question = Question {
    asks: "Is it refused for its dates?",
    answer: |facts| {
        with(facts, |tls| {
            let dated = matches!(tls.problem, Some(ChainProblem::Expired | ChainProblem::NotYetValid));
            let until = tls.not_after.map_or_else(|| "unknown".into(), |at| at.to_string());
            let observed = format!("valid until {until}, our clock says {}", facts.configured.now);
            if dated { Reply::yes("tls", observed) } else { Reply::could_not_tell("tls", observed) }
        })
    },
};

static PUBLICLY_KNOWN: Question = Question {
    asks: "Do the public roots built into hubkeeper know the issuer?",
    answer: |facts| {
        with(facts, |tls| match tls.publicly_known {
            Some(known) => Reply::is(known, "tls", issuer(tls, known)),
            None => Reply::could_not_tell("tls", "the chain was not held against the built-in roots"),
        })
    },
};

static NOT_PUBLICLY_KNOWN: Question = Question {
    asks: "Is the issuer unknown to the public roots?",
    answer: |facts| {
        with(facts, |tls| match tls.publicly_known {
            Some(known) => Reply::is(!known, "tls", issuer(tls, known)),
            None => Reply::could_not_tell("tls", "the chain was not held against the built-in roots"),
        })
    },
};

fn issuer(tls: &Tls, known: bool) -> String {
    let name = tls.issuer.as_deref().unwrap_or("unknown");
    let signed = if tls.self_signed { ", which signed itself" } else { "" };
    let by = if known { "is known to" } else { "is unknown to" };
    format!("issuer {name}{signed} {by} the built-in public roots")
}

fn with(facts: &Facts, answer: impl Fn(&Tls) -> Reply) -> Reply {
    facts.probes.tls.as_ref().map_or_else(|| Reply::could_not_tell("tls", "no certificate was seen"), answer)
}

fn describe(tls: &Tls) -> String {
    let problem = match tls.problem {
        None => return format!("the certificate verifies ({} ms)", tls.ms),
        Some(ChainProblem::UnknownIssuer) => "unknown issuer",
        Some(ChainProblem::Expired) => "expired",
        Some(ChainProblem::NotYetValid) => "not valid yet",
        Some(ChainProblem::WrongHost) => "for another host",
        Some(ChainProblem::Invalid) => "invalid",
        Some(ChainProblem::Handshake) => "no handshake",
    };
    let issuer = tls.issuer.as_deref().unwrap_or("unknown");
    format!("certificate refused: {problem}; issued by {issuer}")
}
