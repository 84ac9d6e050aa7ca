//! What the probes found: plain data, three-valued (yes, no, could not tell), free of credentials.

pub mod api;
pub mod network;
pub mod surroundings;

use jiff::Timestamp;
use serde::Serialize;

use api::{Account, Answer, DailyUsage, FamilyAnswer, Introspection, Limits};
use network::{Dns, Tcp, Tls};
use surroundings::{Clock, Proxy, StatusPage};

/// Everything one run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub started_at: Timestamp,
    pub duration_ms: u64,
    pub upstream: Upstream,
    /// One line per layer, always all of them, bottom up.
    pub layers: Vec<Layer>,
    pub dns: Finding<Dns>,
    pub tcp: Finding<Tcp>,
    pub tls: Finding<Tls>,
    /// The account details asked for without a credential: HubSpot says 401 in its own shape. Asked along `route`.
    pub http: Finding<Answer>,
    /// The same asked for with the credential.
    pub auth: Finding<Authenticated>,
    pub introspection: Finding<Introspected>,
    pub usage: Finding<Usage>,
    /// One cheap read per API family.
    pub families: Vec<FamilyAnswer>,
    pub limits: Limits,
    pub status_page: Finding<StatusPage>,
    pub clock: Finding<Clock>,
    pub proxy: Finding<Proxy>,
    /// The way the calls went: direct where that is open, else through the proxy.
    pub route: Route,
    /// Requests that reached the wire towards HubSpot.
    pub calls_made: u32,
    /// Of every answer that carried one, in the order asked: what HubSpot's support wants to see.
    pub correlation_ids: Vec<String>,
}

/// Where the calls go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upstream {
    /// `https` or `http`.
    pub scheme: String,
    pub host: String,
    pub port: u16,
    /// The host is `api.hubapi.com`, HubSpot's only documented API host (facts §5.1).
    pub official: bool,
}

/// How the authenticated calls travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    Direct,
    Proxied,
    /// No way was open, so none was made.
    None,
}

/// One rung of the ladder, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub layer: LayerName,
    /// `None`: could not tell, or does not apply.
    pub ok: Option<bool>,
    pub ms: Option<u64>,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerName {
    Dns,
    Tcp,
    Tls,
    Http,
    Auth,
    Limits,
    StatusPage,
    Clock,
    Proxy,
}

/// What became of one question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Finding<T> {
    Answered(T),
    Failed(Failure),
    NotAsked(NotAsked),
}

/// Why a question had no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub stage: Stage,
    pub kind: FailureKind,
    /// Milliseconds until we knew.
    pub ms: u64,
    /// For people; holds no credential and nothing of a record.
    pub detail: String,
}

/// How far a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Dns,
    Connect,
    Proxy,
    Tls,
    Http,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// NXDOMAIN, or a name without addresses.
    NameNotFound,
    /// SERVFAIL, REFUSED: the resolver answered that it cannot.
    ResolverFailed,
    TimedOut,
    Refused,
    /// No route to that network.
    Unreachable,
    /// The certificate was not accepted.
    Untrusted,
    /// The handshake failed for another reason: no common protocol, or no TLS on the other side.
    Handshake,
    /// The connection was cut before an answer began.
    Reset,
    /// The answer began and stopped short.
    Truncated,
    /// What came back is not HTTP, or not what the protocol promises.
    NotUnderstood,
    /// The proxy would not open the way (its status is in the detail).
    ProxyRefused,
    Other,
}

/// Why a question was not put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotAsked {
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It makes no sense here: a name look-up for an address, TLS for plain HTTP.
    NotApplicable,
    /// Nothing to ask with or about: no token, no status page, no proxy.
    NotConfigured,
    /// A lower layer is down, so that the answer is known already.
    LowerLayerDown,
    /// The credential is refused, so that the answer is known already.
    CredentialRefused,
    /// The few calls there are went to what was more telling.
    NotNeeded,
    /// The gateway that spends the same limits had no slot for it in time.
    NoSlot,
}

/// An authenticated read of the account details.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Authenticated {
    pub answer: Answer,
    /// Absent where the answer is not a readable success.
    pub account: Option<Account>,
}

/// A look at the token itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Introspected {
    pub answer: Answer,
    pub token: Option<Introspection>,
}

/// HubSpot's own count of the day.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    pub answer: Answer,
    pub daily: Option<DailyUsage>,
}

impl<T> Finding<T> {
    pub const fn not_asked(why: Why) -> Self {
        Self::NotAsked(NotAsked { why })
    }

    pub const fn answered(&self) -> Option<&T> {
        match self {
            Self::Answered(found) => Some(found),
            Self::Failed(_) | Self::NotAsked(_) => None,
        }
    }

    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Answered(_) | Self::NotAsked(_) => None,
        }
    }

    const fn unasked(&self) -> Option<Why> {
        match self {
            Self::NotAsked(not_asked) => Some(not_asked.why),
            Self::Answered(_) | Self::Failed(_) => None,
        }
    }

    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Finding<U> {
        match self {
            Self::Answered(found) => Finding::Answered(change(found)),
            Self::Failed(failure) => Finding::Failed(failure),
            Self::NotAsked(not_asked) => Finding::NotAsked(not_asked),
        }
    }
}

impl Report {
    /// The line of one layer.
    pub fn layer(&self, name: LayerName) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.layer == name)
    }

    /// All answers along `route`, in the order of the fields.
    pub fn every_answer(&self) -> impl Iterator<Item = &Answer> {
        self.http.answered().into_iter().chain(self.authenticated_answers())
    }

    /// Questions that were not put for want of a slot.
    pub fn without_slot(&self) -> usize {
        let single = [self.auth.unasked(), self.introspection.unasked(), self.usage.unasked()];
        let families = self.families.iter().map(|row| row.answer.unasked());
        single.into_iter().chain(families).filter(|why| *why == Some(Why::NoSlot)).count()
    }

    /// Those that carried a credential, the introspection included.
    pub fn authenticated_answers(&self) -> impl Iterator<Item = &Answer> {
        let auth = self.auth.answered().map(|found| &found.answer);
        let introspection = self.introspection.answered().map(|found| &found.answer);
        let usage = self.usage.answered().map(|found| &found.answer);
        let families = self.families.iter().filter_map(|row| row.answer.answered());
        auth.into_iter().chain(introspection).chain(usage).chain(families)
    }
}
