//! Can we connect, and over which address family?

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::probes::{Connect, ConnectOutcome};

pub(super) static TREE: Tree = Tree {
    about: "the connection",
    then: Then::Stop,
    root: Step::Ask {
        question: &NOTHING_CONNECTS,
        yes: &Step::Ask {
            question: &super::answer::PROXY_REFUSES,
            yes: &Step::Found(Leaf { code: Code::Proxy, backed_by: &[], unlike: &[] }),
            no: &Step::Found(Leaf {
                code: Code::TcpBlocked,
                backed_by: &[&CONTROL_CONNECTS],
                unlike: &[
                    (Code::OutageKnown, &super::status::NO_INCIDENT_OF_OURS),
                    (Code::BaseUrl, &super::answer::HOST_IS_HUBSPOTS),
                ],
            }),
        },
        no: &Step::Nothing,
    },
};

/// Asked after the front door: half of the addresses failing does not stop calls, it makes some of them slow.
pub(super) static IPV6_TREE: Tree = Tree {
    about: "IPv6",
    then: Then::GoOn,
    root: Step::Ask {
        question: &ONLY_IPV6_FAILS,
        yes: &Step::Found(Leaf {
            code: Code::Ipv6,
            backed_by: &[&IPV4_CONNECTS],
            unlike: &[(Code::TcpBlocked, &IPV4_CONNECTS)],
        }),
        no: &Step::Nothing,
    },
};

static NOTHING_CONNECTS: Question = Question {
    asks: "Does every address of the upstream refuse to connect?",
    answer: |facts| {
        let Some(tcp) = facts.probes.tcp.as_ref().filter(|tcp| !tcp.addresses.is_empty()) else {
            return Reply::could_not_tell("tcp", "there was no address to connect to");
        };
        if proxy_carries(facts) {
            return Reply::no("tcp", "the proxy in use connects for us");
        }
        let down = tcp.addresses.iter().all(|connect| connect.outcome != ConnectOutcome::Connected);
        Reply::is(down, "tcp", describe(&tcp.addresses))
    },
};

static CONTROL_CONNECTS: Question = Question {
    asks: "Can we connect to a host that is not HubSpot's?",
    answer: |facts| match facts.probes.tcp.as_ref().and_then(|tcp| tcp.control.as_ref()) {
        Some(control) if control.outcome == ConnectOutcome::Connected => Reply::yes(
            "tcp",
            format!("the control host {} connects: only the way to the upstream is closed", control.address),
        ),
        Some(control) => Reply::could_not_tell(
            "tcp",
            format!("the control host {} does not connect either: egress as a whole", control.address),
        ),
        None => Reply::could_not_tell("tcp", "no control host was asked"),
    },
};

/// Loopback is left out (a server on `localhost` often listens on IPv4 only), and so is "no route": a machine
/// without IPv6 fails at once and loses nothing.
static ONLY_IPV6_FAILS: Question = Question {
    asks: "Do only the IPv6 addresses fail?",
    answer: |facts| {
        let Some(tcp) = &facts.probes.tcp else {
            return Reply::could_not_tell("tcp", "there was no address to connect to");
        };
        let v6: Vec<&Connect> =
            tcp.addresses.iter().filter(|connect| connect.ipv6 && !connect.loopback).collect();
        let broken = |connect: &Connect| match connect.outcome {
            ConnectOutcome::Refused | ConnectOutcome::Timeout | ConnectOutcome::Other => true,
            ConnectOutcome::Unreachable => leads_nowhere(&connect.address),
            ConnectOutcome::Connected => false,
        };
        let v4_connects =
            tcp.addresses.iter().any(|connect| !connect.ipv6 && connect.outcome == ConnectOutcome::Connected);
        let holds = !v6.is_empty() && v6.iter().all(|connect| broken(connect)) && v4_connects;
        Reply::is(holds, "tcp", describe(&tcp.addresses))
    },
};

static IPV4_CONNECTS: Question = Question {
    asks: "Do the IPv4 addresses connect?",
    answer: |facts| {
        let v4: Vec<Connect> =
            facts.probes.tcp.iter().flat_map(|tcp| &tcp.addresses).filter(|c| !c.ipv6).cloned().collect();
        let holds = v4.iter().any(|connect| connect.outcome == ConnectOutcome::Connected);
        Reply::is(holds, "tcp", describe(&v4))
    },
};

/// Behind a proxy that opens the way our own name look-ups and connections are nobody's business.
pub(super) fn proxy_carries(facts: &Facts) -> bool {
    facts.probes.proxy.as_ref().is_some_and(|proxy| proxy.opens && proxy.in_use)
}

/// The discard-only prefix `100::/64` (RFC 6666): whoever names it as the upstream's address breaks IPv6 for everybody,
/// even where this machine has no IPv6 to notice.
fn leads_nowhere(address: &str) -> bool {
    let address: Option<std::net::SocketAddrV6> = address.parse().ok();
    address.is_some_and(|address| address.ip().segments()[..4] == [0x100, 0, 0, 0])
}

fn describe(connects: &[Connect]) -> String {
    let each = connects.iter().map(|connect| {
        let outcome = match connect.outcome {
            ConnectOutcome::Connected => "connected",
            ConnectOutcome::Refused => "refused",
            ConnectOutcome::Timeout => "no answer",
            ConnectOutcome::Unreachable => "no route",
            ConnectOutcome::Other => "failed",
        };
        format!("{} {outcome} after {} ms", connect.address, connect.ms)
    });
    each.collect::<Vec<_>>().join("; ")
}
