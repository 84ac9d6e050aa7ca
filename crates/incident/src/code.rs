//! The closed list of what a diagnosis may be called, and what each name means by default.
//!
//! The names are a contract: they appear in `triage --json`, in incidents, notifications, metrics and runbook
//! pages. Severity and blame are defaults; a company overrides them in its own runbook page.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How bad it is if nobody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// Customers notice now, or data is at risk.
    P1,
    /// A part of the service is gone, or all of it soon.
    P2,
    /// Slower or poorer, nothing lost.
    P3,
    /// Worth knowing.
    P4,
    /// Nothing is wrong.
    #[serde(rename = "none")]
    None,
}

impl Severity {
    /// Its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            Self::None => "none",
        }
    }
}

/// Whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    Credentials,
    Quota,
    Hubspot,
    Network,
    Caller,
    Account,
    Ours,
    Dependency,
    /// Nobody's, or not known.
    None,
}

/// What the fault leaves standing at its worst; calls that are seen to work soften it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Impact {
    /// Nothing.
    Healthy,
    /// Some calls still work.
    Degraded,
    /// No call works.
    Down,
    /// Not known.
    Unknown,
}

/// From where the fault can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vantage {
    /// Probes alone suffice.
    Probes,
    /// Needs the gateway's record of its traffic.
    Traffic,
    /// Needs the webhook inbox's own record, or that of whoever hands its events on.
    Inbox,
    /// Needs a look into our own process, store or secret source.
    Inside,
}

macro_rules! codes {
    ($( $variant:ident = $id:literal, $fault:literal, $severity:ident, $blame:ident, $impact:ident, $vantage:ident; )*) => {
        /// A named cause. `id` is the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $( #[doc = $id] $variant, )* }

        impl Code {
            /// Every code, in the catalogue's order.
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// Its name in every output: `auth.token_revoked`.
            pub const fn id(self) -> &'static str {
                match self { $( Self::$variant => $id, )* }
            }

            /// Its number in the fault catalogue (`F01` … `F63`); empty for the two that are not faults.
            pub const fn fault(self) -> &'static str {
                match self { $( Self::$variant => $fault, )* }
            }

            /// How bad it is, unless the runbook says otherwise.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$variant => Severity::$severity, )* }
            }

            /// Whose move it is, unless the runbook says otherwise.
            pub const fn blame(self) -> Blame {
                match self { $( Self::$variant => Blame::$blame, )* }
            }

            /// What it leaves standing at its worst.
            pub const fn impact(self) -> Impact {
                match self { $( Self::$variant => Impact::$impact, )* }
            }

            /// From where it can be told.
            pub const fn vantage(self) -> Vantage {
                match self { $( Self::$variant => Vantage::$vantage, )* }
            }

            /// The runbook page built into the program.
            pub(crate) const fn embedded_page(self) -> &'static str {
                match self { $(
                    Self::$variant => include_str!(concat!("../../../runbooks/", $id, ".md")),
                )* }
            }
        }
    };
}

impl Code {
    /// What is broken, in one word: `auth`, `hubspot`, `self` …
    pub fn part(self) -> &'static str {
        self.id().split_once('.').map_or(self.id(), |(part, _)| part)
    }
}

codes! {
    TokenRevoked = "auth.token_revoked", "F01", P1, Credentials, Down, Probes;
    TokenStale = "auth.token_stale", "F02", P1, Credentials, Down, Traffic;
    TokenExpired = "auth.token_expired", "F03", P2, Credentials, Down, Probes;
    RefreshRevoked = "auth.refresh_revoked", "F04", P2, Credentials, Down, Traffic;
    Uninstalled = "auth.uninstalled", "F05", P3, Account, Down, Inbox;
    ClientSecret = "auth.client_secret", "F06", P1, Credentials, Down, Traffic;
    ClientMismatch = "auth.client_mismatch", "F07", P2, Ours, Down, Traffic;
    MissingScope = "auth.missing_scope", "F08", P2, Credentials, Degraded, Probes;
    UserPermissions = "auth.user_permissions", "F09", P2, Account, Degraded, Probes;
    Tier = "account.tier", "F10", P2, Account, Degraded, Probes;
    WrongAccount = "auth.wrong_account", "F11", P1, Ours, Degraded, Probes;
    AuthOutage = "hubspot.auth_outage", "F12", P1, Hubspot, Down, Probes;
    DailySelf = "quota.daily_self", "F13", P1, Quota, Down, Probes;
    DailyNeighbour = "quota.daily_neighbour", "F14", P1, Quota, Down, Probes;
    BurstSelf = "quota.burst_self", "F15", P2, Quota, Degraded, Probes;
    BurstSplit = "quota.burst_split", "F16", P2, Quota, Degraded, Probes;
    SearchLimit = "quota.search", "F17", P3, Quota, Degraded, Probes;
    Processing = "quota.processing", "F18", P2, Quota, Degraded, Traffic;
    Locked = "quota.locked", "F19", P3, Quota, Degraded, Traffic;
    OutageKnown = "hubspot.outage_known", "F20", P1, Hubspot, Down, Probes;
    OutageUnlisted = "hubspot.outage_unlisted", "F21", P1, Hubspot, Down, Probes;
    Partial = "hubspot.partial", "F22", P2, Hubspot, Degraded, Probes;
    Region = "hubspot.region", "F23", P1, Hubspot, Down, Probes;
    Slow = "hubspot.slow", "F25", P3, Hubspot, Degraded, Probes;
    Migration = "hubspot.migration", "F26", P2, Hubspot, Down, Probes;
    Sunset = "hubspot.sunset", "F27", P1, Caller, Degraded, Probes;
    ValidationChange = "hubspot.validation_change", "F28", P2, Account, Degraded, Traffic;
    Dns = "net.dns", "F29", P1, Network, Down, Probes;
    TcpBlocked = "net.tcp_blocked", "F30", P1, Network, Down, Probes;
    TlsIntercept = "net.tls_intercept", "F31", P1, Network, Down, Probes;
    CaOutdated = "net.ca_outdated", "F32", P1, Ours, Down, Probes;
    HubspotTls = "hubspot.tls", "F33", P1, Hubspot, Down, Probes;
    StalePool = "net.stale_pool", "F34", P3, Ours, Degraded, Traffic;
    Clock = "self.clock", "F35", P2, Ours, Degraded, Probes;
    Proxy = "net.proxy", "F36", P1, Network, Down, Probes;
    BaseUrl = "self.base_url", "F37", P1, Ours, Down, Probes;
    Ipv6 = "net.ipv6", "F38", P3, Network, Degraded, Probes;
    EdgeBlock = "net.edge_block", "F39", P1, Network, Down, Probes;
    BadPayload = "self.bad_payload", "F40", P2, Caller, Degraded, Traffic;
    Schema = "account.schema", "F41", P2, Account, Degraded, Traffic;
    Conflict = "data.conflict", "F42", P3, Caller, Degraded, Traffic;
    RecordLimit = "account.limit", "F43", P3, Account, Degraded, Traffic;
    Gone = "data.gone", "F44", P3, Caller, Degraded, Traffic;
    PartialWrite = "data.partial", "F45", P2, Caller, Degraded, Traffic;
    HookDuplicates = "hook.duplicates", "F46", P4, Hubspot, Degraded, Inbox;
    HookSecret = "hook.secret", "F47", P1, Ours, Degraded, Inbox;
    HookUri = "hook.uri", "F48", P1, Ours, Degraded, Inbox;
    HookSlow = "hook.slow", "F49", P2, Ours, Degraded, Inbox;
    HookOrder = "hook.order", "F50", P3, Ours, Degraded, Inbox;
    HookSubscription = "hook.subscription", "F51", P2, Account, Degraded, Inbox;
    HookUnreachable = "hook.unreachable", "F52", P1, Ours, Degraded, Inbox;
    HookAttack = "hook.attack", "F53", P3, Network, Degraded, Inbox;
    HookBacklog = "hook.backlog", "F54", P4, Hubspot, Degraded, Inbox;
    Store = "self.store", "F55", P1, Dependency, Down, Inside;
    Disk = "self.disk", "F56", P1, Ours, Down, Inside;
    Resources = "self.resources", "F57", P2, Ours, Degraded, Inside;
    Regression = "self.regression", "F58", P2, Ours, Degraded, Inside;
    Cache = "self.cache", "F59", P2, Dependency, Degraded, Inside;
    ConsumerDown = "consumer.down", "F60", P3, Dependency, Degraded, Inbox;
    RetryStorm = "self.retry_storm", "F61", P2, Ours, Degraded, Traffic;
    Secrets = "self.secrets", "F62", P2, Dependency, Degraded, Inside;
    Blind = "self.blind", "F63", P2, Ours, Unknown, Inside;
    Healthy = "healthy", "", None, None, Healthy, Probes;
    Unknown = "unknown", "", P2, None, Unknown, Probes;
}

impl Code {
    /// Reads a name; `None` where there is no such code.
    pub fn parse(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.id() == id)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::parse(&id).ok_or_else(|| serde::de::Error::custom(format!("no such diagnosis code: {id}")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_but_the_distractor_has_a_code() {
        let faults: BTreeSet<_> =
            Code::ALL.iter().map(|code| code.fault()).filter(|f| !f.is_empty()).collect();
        // F24 is an unrelated status incident: its right answer is the other cause, or healthy.
        let expected: BTreeSet<_> = (1..=63).filter(|n| *n != 24).map(|n| format!("F{n:02}")).collect();
        assert_eq!(faults.into_iter().map(String::from).collect::<BTreeSet<_>>(), expected);
        assert_eq!(Code::ALL.len(), 62 + 2, "and healthy, and unknown");
    }

    #[test]
    fn every_name_reads_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.id()), Some(*code));
        }
        assert_eq!(Code::parse("auth.nonsense"), None);
    }
}
