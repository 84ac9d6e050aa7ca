//! Who did what, when, on what, and with what result: a log that can only grow, and proves that it only grew.
//!
//! Each entry holds the hash of the one before it, so that none can be changed, dropped or moved without all after it telling;
//! the last one is signed, and so is every thousandth, so that nobody without the key can cut the end off or write the whole
//! anew. What the log cannot see by itself is an older copy of the whole store put back in its place: for that an
//! earlier [`Checkpoint`], exported or from our own log, is held against it ([`chain::Verifier::hold_against`]). It begins with an
//! entry of its own, so that one that was emptied is not taken for a new one.
//!
//! Personal data is named by its keyed hash: the same person has the same name, and nobody without the key learns whose it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub mod chain;
pub mod key;
pub mod log;

use key::AuditKey;

use crate::failure::StoreError;
use crate::{Backend, Store};

/// Longer texts are cut: an entry is a line.
const TEXT_BYTES_MAX: usize = 500;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A call was outside its caller's rights.
    CallDenied,
    DegradedOn,
    DegradedOff,
    DeliveryReplayed,
    DeliveryDropped,
    QuarantineVerified,
    SubscriberMade,
    SubscriberSwitched,
    SubscriberRemoved,
    IncidentAcknowledged,
    IncidentNoted,
    IncidentResolved,
    MitigationBegun,
    MitigationEnded,
    OperationReplayed,
    OperationEdited,
    OperationCancelled,
    OperationRemoved,
    PrivacyRequest,
    CredentialChanged,
    ConfigurationChanged,
    ChangeTold,
    MaintenanceSet,
    LoggedIn,
    /// The first entry of every log.
    LogBegun,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Done,
    Refused,
    Failed,
}

/// On what it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A name of ours: a connection, an incident, an operation's id.
    Ours(String),
    /// Tells something about a person: an address, a record's id. Only its keyed hash is kept.
    Person(String),
}

/// An act, as it is told to the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    pub at: Timestamp,
    /// A caller's name, or what of ours acted.
    pub actor: String,
    pub act: Act,
    pub subject: Subject,
    pub outcome: Outcome,
    /// HubSpot's or ours, by which other logs tell of the same.
    pub request_id: Option<String>,
    /// A line without personal data.
    pub detail: String,
}

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without gaps.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: String,
    /// By name: a newer hubkeeper may know more acts than this one.
    pub act: String,
    pub subject: String,
    pub outcome: String,
    pub request_id: Option<String>,
    pub detail: String,
    /// Over this entry and the hash of the one before.
    pub hash: Digest,
}

/// The end of the log at some moment, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub seq: i64,
    pub kind: CheckpointKind,
    pub hash: Digest,
    /// Ed25519.
    pub public_key: String,
    pub signature: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// The last entry. There is one, and it moves.
    Head = 0,
    /// Every thousandth entry keeps one.
    Kept = 1,
}

/// SHA-256; it shows as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Store {
    /// Writes the first entry, where none ever was: a log that is empty later was emptied. `false`: it has begun already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_audit(&self, key: &AuditKey, at: Timestamp) -> Result<bool, StoreError> {
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.begin_audit(key.clone(), at).await,
            Backend::Postgres(postgres) => postgres.begin_audit(key, at).await,
        }
    }

    /// Keeps an act; `Ok` means that it is on the disk. Tells its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&self, key: &AuditKey, entry: NewEntry) -> Result<i64, StoreError> {
        let entry = entry.cut();
        match &self.0 {
            Backend::Sqlite(sqlite) => sqlite.audit(key.clone(), entry).await,
            Backend::Postgres(postgres) => postgres.audit(key, &entry).await,
        }
    }
}

impl NewEntry {
    /// With it every log begins.
    pub(crate) fn beginning(key: &AuditKey, at: Timestamp) -> Self {
        Self {
            at,
            actor: "hubkeeper".into(),
            act: Act::LogBegun,
            subject: Subject::Ours("audit".into()),
            outcome: Outcome::Done,
            request_id: None,
            detail: format!("signed with {}", key.public()),
        }
    }

    fn cut(mut self) -> Self {
        let (Subject::Ours(subject) | Subject::Person(subject)) = &mut self.subject;
        for text in [&mut self.actor, subject, &mut self.detail] {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        }
        if let Some(id) = &mut self.request_id {
            id.truncate(id.floor_char_boundary(TEXT_BYTES_MAX));
        }
        self
    }
}

impl Act {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallDenied => "call_denied",
            Self::DegradedOn => "degraded_on",
            Self::DegradedOff => "degraded_off",
            Self::DeliveryReplayed => "delivery_replayed",
            Self::DeliveryDropped => "delivery_dropped",
            Self::QuarantineVerified => "quarantine_verified",
            Self::SubscriberMade => "subscriber_made",
            Self::SubscriberSwitched => "subscriber_switched",
            Self::SubscriberRemoved => "subscriber_removed",
            Self::IncidentAcknowledged => "incident_acknowledged",
            Self::IncidentNoted => "incident_noted",
            Self::IncidentResolved => "incident_resolved",
            Self::MitigationBegun => "mitigation_begun",
            Self::MitigationEnded => "mitigation_ended",
            Self::OperationReplayed => "operation_replayed",
            Self::OperationEdited => "operation_edited",
            Self::OperationCancelled => "operation_cancelled",
            Self::OperationRemoved => "operation_removed",
            Self::PrivacyRequest => "privacy_request",
            Self::CredentialChanged => "credential_changed",
            Self::ConfigurationChanged => "configuration_changed",
            Self::ChangeTold => "change_told",
            Self::MaintenanceSet => "maintenance_set",
            Self::LoggedIn => "logged_in",
            Self::LogBegun => "log_begun",
        }
    }
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl CheckpointKind {
    pub(crate) const fn of_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Head),
            1 => Some(Self::Kept),
            _ => None,
        }
    }
}

impl Digest {
    /// Before the first entry.
    pub(crate) const BEGINNING: Self = Self([0; 32]);

    pub(crate) fn of_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&key::hex(&self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = key::of_hex(&text).and_then(|bytes| Self::of_slice(&bytes));
        bytes.ok_or_else(|| serde::de::Error::custom("no SHA-256 in hexadecimal digits"))
    }
}
