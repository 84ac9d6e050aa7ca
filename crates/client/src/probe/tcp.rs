//! Connects to every address at once, and says how each went.

use std::io;
use std::net::SocketAddr;

use futures_util::future::{join, join_all};
use tokio::time::Instant;

use super::dns;
use super::pace::{Pace, TimedOut, ms_since};
use super::report::network::{Connect, Tcp};
use super::report::{Failure, FailureKind, Stage};
use super::target::Target;
use super::terrain::{self, Wire};

/// HTTPS, where the control host names no port.
const CONTROL_PORT: u16 = 443;

pub(super) async fn probe(addresses: &[SocketAddr], target: &Target, pace: &Pace) -> Tcp {
    let every = join_all(addresses.iter().map(|address| try_connect(*address, target, pace)));
    let (addresses, control) = join(every, control(target, pace)).await;
    Tcp { addresses, control }
}

/// Connects, or says at which point and why not.
pub(super) async fn connect(
    address: SocketAddr,
    target: &Target,
    pace: &Pace,
) -> Result<Box<dyn Wire>, Failure> {
    let began = Instant::now();
    let connected =
        pace.within(target.timeouts.tcp, terrain::connect(target.terrain.as_deref(), address)).await;
    let kind = match connected {
        Ok(Ok(wire)) => return Ok(wire),
        Ok(Err(error)) => kind_of(&error),
        Err(TimedOut) => FailureKind::TimedOut,
    };
    let detail = format!("{address}: {}", words(kind));
    Err(Failure { stage: Stage::Connect, kind, ms: ms_since(began), detail })
}

pub(super) const fn words(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Refused => "connection refused",
        FailureKind::Unreachable => "no route",
        FailureKind::TimedOut => "timed out",
        FailureKind::Reset => "connection reset",
        FailureKind::NameNotFound
        | FailureKind::ResolverFailed
        | FailureKind::Untrusted
        | FailureKind::Handshake
        | FailureKind::Truncated
        | FailureKind::NotUnderstood
        | FailureKind::ProxyRefused
        | FailureKind::Other => "could not connect",
    }
}

async fn try_connect(address: SocketAddr, target: &Target, pace: &Pace) -> Connect {
    let began = Instant::now();
    let failure = connect(address, target, pace).await.err().map(|failure| failure.kind);
    Connect { address, failure, ms: ms_since(began) }
}

/// The first address of the control host stands for it.
async fn control(target: &Target, pace: &Pace) -> Option<Connect> {
    let (name, port) = host_and_port(target.control_host.as_deref()?);
    let address = *dns::addresses(target, name, pace).await.ok()?.first()?;
    Some(try_connect(SocketAddr::new(address, port), target, pace).await)
}

/// `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`.
fn host_and_port(text: &str) -> (&str, u16) {
    match text.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            port.parse().map_or((text, CONTROL_PORT), |port| (name, port))
        }
        Some(_) | None => (text, CONTROL_PORT),
    }
}

fn kind_of(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => FailureKind::Refused,
        io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::AddrNotAvailable => FailureKind::Unreachable,
        io::ErrorKind::TimedOut => FailureKind::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => FailureKind::Reset,
        _ => FailureKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("example.com", ("example.com", 443))]
    #[case("example.com:8443", ("example.com", 8443))]
    #[case("192.0.2.1:80", ("192.0.2.1", 80))]
    #[case("[2001:db8::1]:80", ("[2001:db8::1]", 80))]
    #[case("2001:db8::1", ("2001:db8::1", 443))]
    fn reads_a_control_host(#[case] text: &str, #[case] expected: (&str, u16)) {
        assert_eq!(host_and_port(text), expected);
    }
}
