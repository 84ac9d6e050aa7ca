//! Asks resolvers for a name, and tells a missing name from a resolver that cannot, or does not, answer.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{join, join_all};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use tokio::time::Instant;

use super::pace::{Pace, ms_since};
use super::report::network::{Dns, Lookup, Resolver};
use super::report::{Failure, FailureKind, Finding, Stage, Why};
use super::target::Target;

/// Asks every resolver about the upstream's name, and the system's about the control name, all at once.
pub(super) async fn probe(target: &Target, pace: &Pace) -> Finding<Dns> {
    let host = target.upstream.host().unwrap_or_default();
    if target.resolve_override.is_some() || literal(host).is_some() {
        return Finding::not_asked(Why::NotApplicable);
    }
    let system = System::of(target);
    let control_name = target.control_host.as_deref().map(name_of).filter(|name| literal(name).is_none());

    let servers = target.dns_servers.iter().copied().map(Server::At);
    let every = std::iter::once(Server::System(&system)).chain(servers);
    let control = async {
        match control_name {
            Some(name) => Some(ask(&Server::System(&system), name, target, pace).await),
            None => None,
        }
    };
    let lookups = join_all(every.map(|server| async move { ask(&server, host, target, pace).await }));
    let (resolvers, control) = join(lookups, control).await;

    let first = resolvers.iter().find_map(|resolver| resolver.answer.addresses());
    let addresses = first.unwrap_or_default().to_vec();
    Finding::Answered(Dns { name: host.to_owned(), resolvers, control, addresses })
}

/// The system's addresses of one name, for what is not the upstream: the status page, a proxy, the control host.
pub(super) async fn addresses(target: &Target, host: &str, pace: &Pace) -> Result<Vec<IpAddr>, Failure> {
    if let Some(address) = literal(host) {
        return Ok(vec![address]);
    }
    let began = Instant::now();
    let system = System::of(target);
    let resolver = ask(&Server::System(&system), host, target, pace).await;
    match resolver.answer {
        Lookup::Addresses { addresses } => Ok(addresses),
        answer => Err(failure(&answer, host, ms_since(began))),
    }
}

/// An address written in a host's place, brackets allowed.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// What stands for the system's resolver in this run.
#[derive(Debug)]
enum System {
    Configured,
    Replaced(Vec<SocketAddr>),
}

#[derive(Debug)]
enum Server<'a> {
    System(&'a System),
    At(SocketAddr),
}

impl System {
    fn of(target: &Target) -> Self {
        target.system_dns.clone().map_or(Self::Configured, Self::Replaced)
    }
}

impl Server<'_> {
    fn label(&self) -> String {
        match self {
            Self::System(_) => "system".to_owned(),
            Self::At(address) => address.to_string(),
        }
    }

    /// `None` is the system's own.
    const fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::System(_) => None,
            Self::At(address) => Some(*address),
        }
    }

    fn resolver(&self, limit: Duration) -> Result<TokioResolver, NetError> {
        let mut builder = match self {
            Self::System(System::Configured) => TokioResolver::builder_tokio()?,
            Self::System(System::Replaced(servers)) => at_addresses(servers),
            Self::At(address) => at_addresses(&[*address]),
        };
        let options = builder.options_mut();
        options.attempts = 1;
        options.timeout = limit;
        options.cache_size = 0;
        builder.build()
    }
}

fn at_addresses(servers: &[SocketAddr]) -> hickory_resolver::ResolverBuilder<TokioRuntimeProvider> {
    let servers = servers.iter().map(|server| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        NameServerConfig::new(server.ip(), true, connections.to_vec())
    });
    let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = ResolverOpts::default();
    builder.options_mut().use_hosts_file = hickory_resolver::config::ResolveHosts::Never;
    builder
}

/// Asks for both address families; either alone is an answer.
async fn ask(server: &Server<'_>, name: &str, target: &Target, pace: &Pace) -> Resolver {
    let began = Instant::now();
    let answer = match &target.terrain {
        Some(terrain) => {
            let resolver = server.address();
            let asked = pace.within(target.timeouts.dns, terrain.look_up(resolver, name)).await;
            asked.unwrap_or(Lookup::TimedOut)
        }
        None => ask_for_real(server, name, target.timeouts.dns, pace).await,
    };
    Resolver { server: server.label(), name: name.to_owned(), answer, ms: ms_since(began) }
}

async fn ask_for_real(server: &Server<'_>, name: &str, limit: Duration, pace: &Pace) -> Lookup {
    match server.resolver(limit) {
        Err(error) => Lookup::Unusable { detail: error.to_string() },
        Ok(resolver) => {
            let name = qualified(name);
            let (v4, v6) = join(
                pace.within(limit, resolver.ipv4_lookup(name.as_str())),
                pace.within(limit, resolver.ipv6_lookup(name.as_str())),
            )
            .await;
            let v4 = v4.map_or(Lookup::TimedOut, lookup);
            let v6 = v6.map_or(Lookup::TimedOut, lookup);
            both(v4, v6)
        }
    }
}

/// A name with a dot is complete: search domains would only turn one question into several.
fn qualified(name: &str) -> String {
    if name.contains('.') && !name.ends_with('.') { format!("{name}.") } else { name.to_owned() }
}

/// The name in `name[:port]`.
fn name_of(host: &str) -> &str {
    host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name)
}

fn lookup(result: Result<hickory_resolver::lookup::Lookup, NetError>) -> Lookup {
    match result {
        Ok(found) => {
            let addresses: Vec<IpAddr> =
                found.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
            if addresses.is_empty() { Lookup::NoAddresses } else { Lookup::Addresses { addresses } }
        }
        Err(NetError::Timeout) => Lookup::TimedOut,
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => by_code(none.response_code),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => by_code(code),
        Err(error) => Lookup::Unusable { detail: error.to_string() },
    }
}

fn by_code(code: ResponseCode) -> Lookup {
    if code == ResponseCode::NoError {
        Lookup::NoAddresses
    } else if code == ResponseCode::NXDomain {
        Lookup::NoSuchName
    } else if code == ResponseCode::ServFail {
        Lookup::ServerFailed
    } else {
        Lookup::Refused { code: u16::from(code) }
    }
}

/// Puts the two families' answers together. Where neither has an address, the IPv4 answer speaks, unless it only
/// says that there is no IPv4 address and the other says something worse.
fn both(v4: Lookup, v6: Lookup) -> Lookup {
    match (v4, v6) {
        (Lookup::Addresses { mut addresses }, Lookup::Addresses { addresses: more }) => {
            addresses.extend(more);
            Lookup::Addresses { addresses }
        }
        (found @ Lookup::Addresses { .. }, _) | (_, found @ Lookup::Addresses { .. }) => found,
        (Lookup::NoAddresses, v6) => v6,
        (v4, _) => v4,
    }
}

fn failure(answer: &Lookup, host: &str, ms: u64) -> Failure {
    let (kind, detail) = match answer {
        Lookup::NoSuchName => (FailureKind::NameNotFound, format!("{host} does not exist (NXDOMAIN)")),
        Lookup::NoAddresses | Lookup::Addresses { .. } => {
            (FailureKind::NameNotFound, format!("{host} has no address"))
        }
        Lookup::ServerFailed => (FailureKind::ResolverFailed, "the resolver failed (SERVFAIL)".to_owned()),
        Lookup::Refused { code } => {
            (FailureKind::ResolverFailed, format!("the resolver refused (response code {code})"))
        }
        Lookup::TimedOut => (FailureKind::TimedOut, "the resolver did not answer in time".to_owned()),
        Lookup::Unusable { detail } => (FailureKind::Other, format!("the resolver is unusable: {detail}")),
    };
    Failure { stage: Stage::Dns, kind, ms, detail }
}
