//! Names, connections, certificates.

use client::probe::report::network as found;
use client::probe::report::{FailureKind, Finding, Report, Route, Stage};
use incident::facts::probes::{ChainProblem, Connect, ConnectOutcome, Dns, Lookup, LookupError, Tcp, Tls};

pub(super) fn dns(report: &Report) -> Option<Dns> {
    match &report.dns {
        Finding::Answered(dns) => {
            let (system, others) = dns.resolvers.split_first()?;
            let answering = others.iter().find(|resolver| resolver.answer.addresses().is_some());
            Some(Dns {
                system: lookup(system),
                second: answering.or(others.first()).map(lookup),
                control: dns.control.as_ref().map(lookup),
            })
        }
        Finding::Failed(failure) => {
            let error = match failure.kind {
                FailureKind::NameNotFound => LookupError::NoSuchName,
                FailureKind::ResolverFailed => LookupError::ServerFailed,
                FailureKind::TimedOut => LookupError::TimedOut,
                FailureKind::Refused
                | FailureKind::Unreachable
                | FailureKind::Untrusted
                | FailureKind::Handshake
                | FailureKind::Reset
                | FailureKind::Truncated
                | FailureKind::NotUnderstood
                | FailureKind::ProxyRefused
                | FailureKind::Other => LookupError::Unusable,
            };
            let system = Lookup {
                resolver: "system".into(),
                addresses: Vec::new(),
                error: Some(error),
                ms: failure.ms,
            };
            Some(Dns { system, ..Dns::default() })
        }
        Finding::NotAsked(_) => None,
    }
}

fn lookup(resolver: &found::Resolver) -> Lookup {
    let error = match &resolver.answer {
        found::Lookup::Addresses { .. } => None,
        found::Lookup::NoSuchName => Some(LookupError::NoSuchName),
        found::Lookup::NoAddresses => Some(LookupError::NoAddresses),
        found::Lookup::ServerFailed | found::Lookup::Refused { .. } => Some(LookupError::ServerFailed),
        found::Lookup::TimedOut => Some(LookupError::TimedOut),
        found::Lookup::Unusable { .. } => Some(LookupError::Unusable),
    };
    let addresses = resolver.answer.addresses().unwrap_or_default();
    Lookup {
        resolver: resolver.server.clone(),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        error,
        ms: resolver.ms,
    }
}

pub(super) fn tcp(report: &Report) -> Option<Tcp> {
    report.tcp.answered().map(connects)
}

pub(in crate::triage) fn connects(tcp: &found::Tcp) -> Tcp {
    Tcp { addresses: tcp.addresses.iter().map(connect).collect(), control: tcp.control.as_ref().map(connect) }
}

fn connect(connect: &found::Connect) -> Connect {
    let outcome = match connect.failure {
        None => ConnectOutcome::Connected,
        Some(FailureKind::Refused) => ConnectOutcome::Refused,
        Some(FailureKind::TimedOut) => ConnectOutcome::Timeout,
        Some(FailureKind::Unreachable) => ConnectOutcome::Unreachable,
        Some(
            FailureKind::NameNotFound
            | FailureKind::ResolverFailed
            | FailureKind::Untrusted
            | FailureKind::Handshake
            | FailureKind::Reset
            | FailureKind::Truncated
            | FailureKind::NotUnderstood
            | FailureKind::ProxyRefused
            | FailureKind::Other,
        ) => ConnectOutcome::Other,
    };
    Connect {
        address: connect.address.to_string(),
        ipv6: connect.address.is_ipv6(),
        loopback: connect.address.ip().is_loopback(),
        outcome,
        ms: connect.ms,
    }
}

/// The chain that calls meet: the direct one, or the proxy's where only that way is open.
pub(super) fn tls(report: &Report) -> Option<Tls> {
    let through_proxy = report.proxy.answered().map(|proxy| &proxy.tls);
    let direct = report.tls.answered();
    match (direct, through_proxy, report.route) {
        (_, Some(Finding::Answered(tls)), Route::Proxied) => Some(chain(tls)),
        (Some(tls), _, _) | (None, Some(Finding::Answered(tls)), _) => Some(chain(tls)),
        (None, _, _) => {
            let failure = report.tls.failure()?;
            let cut = failure.stage == Stage::Tls && failure.kind != FailureKind::Other;
            cut.then(|| Tls { problem: Some(ChainProblem::Handshake), ms: failure.ms, ..Tls::default() })
        }
    }
}

fn chain(tls: &found::Tls) -> Tls {
    let leaf = tls.chain.first();
    let publicly_known = match (&tls.public_trust, tls.ca_outdated, tls.private_issuer) {
        (_, true, _) => Some(true),
        (found::Trust::UnknownIssuer, _, _) | (_, _, true) => Some(false),
        (found::Trust::Other { .. }, _, _) => None,
        (
            found::Trust::Trusted
            | found::Trust::Expired
            | found::Trust::NotYetValid
            | found::Trust::WrongName
            | found::Trust::Revoked,
            _,
            _,
        ) => Some(true),
    };
    Tls {
        subject: leaf.map(|leaf| leaf.subject.clone()),
        issuer: leaf.map(|leaf| leaf.issuer.clone()),
        not_before: leaf.and_then(|leaf| leaf.not_before),
        not_after: leaf.and_then(|leaf| leaf.not_after),
        problem: problem(&tls.trust),
        publicly_known,
        self_signed: tls.self_signed,
        ms: tls.ms,
    }
}

fn problem(trust: &found::Trust) -> Option<ChainProblem> {
    match trust {
        found::Trust::Trusted => None,
        found::Trust::UnknownIssuer => Some(ChainProblem::UnknownIssuer),
        found::Trust::Expired => Some(ChainProblem::Expired),
        found::Trust::NotYetValid => Some(ChainProblem::NotYetValid),
        found::Trust::WrongName => Some(ChainProblem::WrongHost),
        found::Trust::Revoked | found::Trust::Other { .. } => Some(ChainProblem::Invalid),
    }
}
