//! The direct way, rung by rung: name, connection, certificate. The first broken rung ends the climb.

use std::net::{IpAddr, SocketAddr};

use super::pace::Pace;
use super::report::network::{Connect, Dns, Tcp, Tls, Trust};
use super::report::{Failure, Finding, Upstream, Why};
use super::target::Target;
use super::tls::Unverified;
use super::way::{Via, Way};
use super::{Run, dns, tcp, tls};

/// Stands for both loopback addresses, and a server listens on either: the other one refusing is no fault.
const LOCALHOST: &str = "localhost";

/// How far the direct way goes.
pub(super) struct Ladder {
    pub(super) dns: Finding<Dns>,
    pub(super) tcp: Finding<Tcp>,
    pub(super) tls: Finding<Tls>,
    pub(super) end: End,
}

/// What stands at the end of the direct way.
pub(super) enum End {
    /// Calls can be made.
    Open(Way),
    /// The certificate's dates are wrong, or our clock is: good for asking the time, and nothing else.
    DatesWrong(Way, Unverified),
    Closed,
}

pub(super) async fn climb(run: &Run<'_>) -> Ladder {
    let dns = dns::probe(run.target, &run.pace).await;
    let Some(tcp) = connect(run.target, &run.upstream, &dns, &run.pace).await else {
        let (tcp, tls) = (Finding::not_asked(Why::LowerLayerDown), Finding::not_asked(Why::LowerLayerDown));
        return Ladder { dns, tcp, tls, end: End::Closed };
    };
    let (tls, end) = match fastest(&tcp) {
        Some(address) => shake(run, address).await,
        None => (Finding::not_asked(Why::LowerLayerDown), End::Closed),
    };
    Ladder { dns, tcp: Finding::Answered(tcp), tls, end }
}

/// Every address that is known; `None` where there is none.
pub(super) async fn connect(
    target: &Target,
    upstream: &Upstream,
    dns: &Finding<Dns>,
    pace: &Pace,
) -> Option<Tcp> {
    let addresses = addresses(target, upstream, dns);
    if addresses.is_empty() {
        return None;
    }
    let mut tcp = tcp::probe(&addresses, target, pace).await;
    if upstream.host == LOCALHOST && tcp.connected().next().is_some() {
        tcp.addresses.retain(|connect| connect.failure.is_none());
    }
    Some(tcp)
}

fn addresses(target: &Target, upstream: &Upstream, dns: &Finding<Dns>) -> Vec<SocketAddr> {
    let literal: Option<IpAddr> = dns::literal(&upstream.host);
    let given = target.resolve_override.clone().or_else(|| literal.map(|address| vec![address]));
    let found = given.or_else(|| dns.answered().map(|dns| dns.addresses.clone()));
    found.unwrap_or_default().into_iter().map(|address| SocketAddr::new(address, upstream.port)).collect()
}

fn fastest(tcp: &Tcp) -> Option<SocketAddr> {
    tcp.connected().min_by_key(|connect: &&Connect| connect.ms).map(|connect| connect.address)
}

async fn shake(run: &Run<'_>, address: SocketAddr) -> (Finding<Tls>, End) {
    let way = match run.way_upstream(Via::Address(address)) {
        Ok(way) => way,
        Err(failure) => return (Finding::Failed(failure), End::Closed),
    };
    let Some(judges) = run.security.judges().filter(|_| way.tls.is_some()) else {
        return (Finding::not_asked(Why::NotApplicable), End::Open(way));
    };
    let recorded: Result<_, Failure> = async {
        let wire = way.open(run).await?;
        tls::record(wire, &way.host, judges, run).await
    }
    .await;
    match recorded {
        Ok((tls, connection)) => {
            let end = match tls.trust {
                Trust::Trusted => End::Open(way),
                Trust::Expired | Trust::NotYetValid => End::DatesWrong(way, connection),
                Trust::UnknownIssuer | Trust::WrongName | Trust::Revoked | Trust::Other { .. } => End::Closed,
            };
            (Finding::Answered(tls), end)
        }
        Err(failure) => (Finding::Failed(failure), End::Closed),
    }
}
