//! What names, connections and certificates said.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde::Serialize;

use super::FailureKind;

/// Every resolver's answer about the upstream's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dns {
    pub name: String,
    /// The system's resolver first, then the second ones in the order configured.
    pub resolvers: Vec<Resolver>,
    /// The system's resolver about a name that should exist whatever HubSpot does.
    pub control: Option<Resolver>,
    /// Addresses the next layer used: the system's, or failing that a second resolver's.
    pub addresses: Vec<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolver {
    /// `system`, or the address asked.
    pub server: String,
    pub name: String,
    pub answer: Lookup,
    pub ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Lookup {
    Addresses {
        addresses: Vec<IpAddr>,
    },
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists without an address.
    NoAddresses,
    /// SERVFAIL.
    ServerFailed,
    /// REFUSED, NOTIMP and their like; `code` is the DNS response code.
    Refused {
        code: u16,
    },
    TimedOut,
    /// The question could not be sent, or the answer not be read.
    Unusable {
        detail: String,
    },
}

/// Connecting to every address, all at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tcp {
    pub addresses: Vec<Connect>,
    /// An address that should take connections whatever HubSpot does.
    pub control: Option<Connect>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connect {
    pub address: SocketAddr,
    /// `None`: connected.
    pub failure: Option<FailureKind>,
    pub ms: u64,
}

/// The certificates shown to us, and who believes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// Of the handshake, without connecting.
    pub ms: u64,
    pub protocol: Option<String>,
    /// The leaf first, as sent.
    pub chain: Vec<Certificate>,
    /// By the trust we call HubSpot with: the system's store and configured roots.
    pub trust: Trust,
    /// By the public roots compiled into this program.
    pub public_trust: Trust,
    /// The system's store is empty or unreadable, so that the compiled-in roots stood in.
    pub system_store_missing: bool,
    /// The leaf names itself as its issuer.
    pub self_signed: bool,
    /// The public roots know this issuer and the system's store does not: `net.ca_outdated`.
    pub ca_outdated: bool,
    /// No public root knows this issuer: a company's own, or an interception.
    pub private_issuer: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    pub subject: String,
    pub issuer: String,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// DNS names it is for; leaf only.
    pub names: Vec<String>,
}

/// One store's judgement of a chain, at our own clock's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Trust {
    Trusted,
    UnknownIssuer,
    Expired,
    NotYetValid,
    WrongName,
    Revoked,
    Other { detail: String },
}

impl Lookup {
    pub fn addresses(&self) -> Option<&[IpAddr]> {
        match self {
            Self::Addresses { addresses } => Some(addresses),
            Self::NoSuchName
            | Self::NoAddresses
            | Self::ServerFailed
            | Self::Refused { .. }
            | Self::TimedOut
            | Self::Unusable { .. } => None,
        }
    }
}

impl Tcp {
    pub fn connected(&self) -> impl Iterator<Item = &Connect> {
        self.addresses.iter().filter(|connect| connect.failure.is_none())
    }

    /// IPv4 connects and no IPv6 address does, though there is a route to them. A machine without IPv6 is not broken.
    pub fn ipv6_broken(&self) -> bool {
        let v6 = || self.addresses.iter().filter(|connect| connect.address.is_ipv6());
        self.connected().any(|connect| connect.address.is_ipv4())
            && v6().next().is_some()
            && v6().all(|connect| matches!(connect.failure, Some(kind) if kind != FailureKind::Unreachable))
    }
}
