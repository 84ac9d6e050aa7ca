//! Does the name resolve?

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::configured::UpstreamKind;
use crate::facts::probes::{Lookup, LookupError};

pub(super) static TREE: Tree = Tree {
    about: "the name",
    then: Then::Stop,
    root: Step::Ask {
        question: &NAME_FAILS,
        yes: &Step::Ask {
            question: &UNKNOWN_HUBSPOT_NAME,
            yes: &Step::Found(Leaf {
                code: Code::BaseUrl,
                backed_by: &[&CONTROL_RESOLVES],
                unlike: &[(Code::Dns, &CONTROL_RESOLVES)],
            }),
            no: &Step::Found(Leaf {
                code: Code::Dns,
                backed_by: &[&SECOND_RESOLVES],
                unlike: &[(Code::BaseUrl, &NAME_IS_RIGHT)],
            }),
        },
        no: &Step::Nothing,
    },
};

static NAME_FAILS: Question = Question {
    asks: "Does our resolver fail to give the upstream's address?",
    answer: |facts| {
        let Some(dns) = &facts.probes.dns else {
            return Reply::could_not_tell("dns", "the upstream is an address, not a name");
        };
        if super::tcp::proxy_carries(facts) {
            return Reply::no("dns", "the proxy in use resolves the name for us");
        }
        Reply::is(dns.system.error.is_some(), "dns", describe("our resolver", &dns.system))
    },
};

static UNKNOWN_HUBSPOT_NAME: Question = Question {
    asks: "Is it a HubSpot name that HubSpot does not have?",
    answer: |facts| {
        let no_such_name = facts.probes.dns.as_ref().is_some_and(|dns| {
            let denies = |lookup: &Lookup| lookup.error == Some(LookupError::NoSuchName);
            denies(&dns.system) && dns.second.as_ref().is_none_or(denies)
        });
        let lookalike = facts.configured.upstream_kind == UpstreamKind::HubSpotLookalike;
        let observed = format!(
            "the upstream is {}; HubSpot's only API host is api.hubapi.com",
            facts.configured.upstream
        );
        Reply::is(lookalike && no_such_name, "configuration", observed)
    },
};

static SECOND_RESOLVES: Question = Question {
    asks: "Does a second resolver know the name?",
    answer: |facts| match facts.probes.dns.as_ref().and_then(|dns| dns.second.as_ref()) {
        None => Reply::could_not_tell("dns", "no second resolver was asked"),
        Some(second) if second.error.is_none() => Reply::yes("dns", describe("the second resolver", second)),
        Some(second) => Reply::could_not_tell("dns", describe("the second resolver", second)),
    },
};

static CONTROL_RESOLVES: Question = Question {
    asks: "Does our resolver know a name that always exists?",
    answer: |facts| match facts.probes.dns.as_ref().and_then(|dns| dns.control.as_ref()) {
        None => Reply::could_not_tell("dns", "no control name was asked"),
        Some(control) => Reply::is(control.error.is_none(), "dns", describe("the control name", control)),
    },
};

static NAME_IS_RIGHT: Question = Question {
    asks: "Is the upstream HubSpot's own API host, or a name some resolver knows?",
    answer: |facts| {
        let upstream = &facts.configured.upstream;
        let known = facts.probes.dns.as_ref().is_some_and(|dns| {
            dns.second.as_ref().is_some_and(|second| second.error.is_none())
                || matches!(dns.system.error, Some(LookupError::ServerFailed | LookupError::TimedOut))
        });
        if facts.configured.upstream_kind == UpstreamKind::HubSpot {
            Reply::yes("configuration", format!("the upstream is {upstream}"))
        } else if known {
            Reply::yes("dns", format!("nobody says that {upstream} does not exist"))
        } else {
            Reply::no("configuration", format!("the upstream is {upstream}, which is not HubSpot's API host"))
        }
    },
};

fn describe(who: &str, lookup: &Lookup) -> String {
    let outcome = match lookup.error {
        None => format!("{} address(es)", lookup.addresses.len()),
        Some(LookupError::NoSuchName) => "no such name (NXDOMAIN)".into(),
        Some(LookupError::NoAddresses) => "a name without addresses".into(),
        Some(LookupError::ServerFailed) => "server failure (SERVFAIL or REFUSED)".into(),
        Some(LookupError::TimedOut) => "no answer in time".into(),
        Some(LookupError::Unusable) => "no usable answer".into(),
    };
    format!("{who} ({}): {outcome} after {} ms", lookup.resolver, lookup.ms)
}
