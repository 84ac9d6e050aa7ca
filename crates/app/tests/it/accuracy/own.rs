//! What is ours in a case: the state that faults of our own and of the surroundings change, and the ledgers that `up` keeps.

use std::sync::Arc;

use incident::facts::inside::ledger::{Commits, LookUps, Reads};
use incident::facts::inside::{Disk, Process, Version};
use incident::facts::{forwarding, grants, inbox};
use jiff::Timestamp;
use parking_lot::Mutex;

/// Shared by everything that runs in a case.
pub(super) type Shared = Arc<Mutex<Own>>;

pub(super) struct Own {
    pub(super) ground: Ground,
    pub(super) receiver: Receiver,
    pub(super) grants: grants::ledger::Ledger,
    /// Of all refreshes, the first that gave no token.
    pub(super) first_refused_at: Option<Timestamp>,
    pub(super) inbox: inbox::ledger::Ledger,
    pub(super) forwarding: forwarding::ledger::Ledger,
    pub(super) commits: Commits,
    pub(super) look_ups: LookUps,
    pub(super) reads: Reads,
    pub(super) process: Process,
    pub(super) disk: Disk,
    pub(super) versions: Vec<Version>,
    /// Nothing is counted any more.
    pub(super) deaf: bool,
    pub(super) last_beat_at: Option<Timestamp>,
    pub(super) last_signal_at: Option<Timestamp>,
    pub(super) store: StoreMood,
    pub(super) cache_lost: bool,
    pub(super) secrets: SecretsMood,
    /// One of the receivers of events takes none.
    pub(super) consumer_down: bool,
    /// Our clock minus everybody's, in seconds.
    pub(super) clock_off_s: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreMood {
    Well,
    Slow { ms: u64 },
    Failing(incident::facts::inside::StoreProblem),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretsMood {
    Well,
    /// It holds another token than the one loaded.
    Newer,
    Unreachable,
}

/// The network between us and HubSpot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ground {
    pub(super) names: Names,
    pub(super) upstream: Reach,
    pub(super) ipv6: Reach,
    /// Everything else: the control host.
    pub(super) others: Reach,
    pub(super) certificate: Certificate,
    pub(super) proxy: ProxyMood,
    /// Added to every connect.
    pub(super) connect_ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Found,
    Missing,
    Failing,
    Silent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Open,
    Refused,
    Hanging,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certificate {
    Good,
    /// Of a company's own issuer.
    Corporate,
    /// Of a public issuer that this machine does not know yet.
    Renewed,
    Expired,
    OfAnotherHost,
    /// No handshake.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyMood {
    Absent,
    Refuses(u16),
}

/// How we take webhooks.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) secrets: Vec<String>,
    /// Secrets known but not in use: tried on what was refused.
    pub(super) other_secrets: Vec<String>,
    pub(super) public_url: String,
    pub(super) other_urls: Vec<String>,
    pub(super) ack_ms: u64,
    /// Nothing reaches us.
    pub(super) unreachable: bool,
    /// Events go on as they come, in whatever order.
    pub(super) hands_on_as_it_comes: bool,
    pub(super) quarantine: inbox::Quarantine,
}

pub(super) const PUBLIC_URL: &str = "https://hooks.example.com/webhooks/hubspot";

impl Own {
    pub(super) fn new(secret: String, now: Timestamp) -> Self {
        Self {
            ground: Ground {
                names: Names::Found,
                upstream: Reach::Open,
                ipv6: Reach::Absent,
                others: Reach::Open,
                certificate: Certificate::Good,
                proxy: ProxyMood::Absent,
                connect_ms: 0,
            },
            receiver: Receiver {
                secrets: vec![secret],
                other_secrets: Vec::new(),
                public_url: PUBLIC_URL.into(),
                other_urls: vec![
                    "http://hooks.example.com/webhooks/hubspot".into(),
                    "https://internal.hooks.example.com/webhooks/hubspot".into(),
                ],
                ack_ms: 5,
                unreachable: false,
                hands_on_as_it_comes: false,
                quarantine: inbox::Quarantine::default(),
            },
            grants: grants::ledger::Ledger::default(),
            first_refused_at: None,
            inbox: inbox::ledger::Ledger::new(now),
            forwarding: forwarding::ledger::Ledger::default(),
            commits: Commits::default(),
            look_ups: LookUps::default(),
            reads: Reads::default(),
            process: Process {
                cpu_percent: 20,
                memory_bytes: 60 << 20,
                memory_bytes_max: Some(512 << 20),
                descriptors: 80,
                descriptors_max: Some(1_024),
                lag_ms_max: 2,
                lag_ms_felt: None,
                lag_ms_borne: None,
                refused_recent: 0,
            },
            disk: Disk { free_bytes: 40 << 30, total_bytes: 100 << 30 },
            versions: Vec::new(),
            deaf: false,
            // As the program begins: the first beat has not been missed before it can have come.
            last_beat_at: Some(now),
            last_signal_at: Some(now),
            store: StoreMood::Well,
            cache_lost: false,
            secrets: SecretsMood::Well,
            consumer_down: false,
            clock_off_s: 0,
        }
    }

    pub(super) fn refused(&mut self, name: &str, portal: Option<u64>, why: grants::Refusal, at: Timestamp) {
        self.first_refused_at.get_or_insert(at);
        self.grants.refused(name, portal, why, at);
    }
}
