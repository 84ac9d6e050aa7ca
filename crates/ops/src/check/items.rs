//! The checklist, as data.

use super::facts::Facts;
use super::{Finding, judge};

/// A point of the checklist.
#[derive(Debug)]
pub struct Item {
    /// What waivers and attestations name.
    pub name: &'static str,
    /// As it should be.
    pub title: &'static str,
    /// What to do first where it is not.
    pub remedy: &'static str,
    pub kind: Kind,
    pub(super) judge: fn(&Facts) -> Finding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A machine sees it.
    Seen,
    /// A machine does not, or not all of it: a person's word counts.
    Attested,
}

/// All of them, in the order of a call: who may, what arrives, what is sent, what stands behind.
pub static CHECKLIST: [Item; 23] = [
    Item {
        name: "credentials-kept",
        title: "Credentials come from a secret source that nobody else reads",
        remedy: "chmod 600 the file, or let a secret manager hand it out (exec:)",
        kind: Kind::Seen,
        judge: judge::credentials_kept,
    },
    Item {
        name: "credentials-work",
        title: "The token is well-formed and HubSpot takes it",
        remedy: "hubkeeper triage says why, and what to do first",
        kind: Kind::Seen,
        judge: judge::credentials_work,
    },
    Item {
        name: "credentials-fresh",
        title: "No credential is older than 90 days",
        remedy: "rotate it in HubSpot with the grace period, and let the secret source hand out the new one",
        kind: Kind::Seen,
        judge: judge::credentials_fresh,
    },
    Item {
        name: "connections-authorised",
        title: "Each connection has a token that HubSpot takes",
        remedy: "hubkeeper connections list says what each lacks, and where a person authorises it",
        kind: Kind::Seen,
        judge: judge::connections_authorised,
    },
    Item {
        name: "scopes-minimal",
        title: "The token can do what is used, and not much more",
        remedy: "take scopes away that no program of yours uses, or add the missing ones, in the app's settings",
        kind: Kind::Seen,
        judge: judge::scopes_minimal,
    },
    Item {
        name: "webhooks-encrypted",
        title: "Webhooks arrive over https",
        remedy: "put a TLS proxy in front and write its https:// address in webhooks.public_url",
        kind: Kind::Seen,
        judge: judge::webhooks_encrypted,
    },
    Item {
        name: "webhooks-verified",
        title: "A signed delivery to the public address is taken",
        remedy: "hubkeeper webhooks verify explains a signature; see that the public address leads here unchanged",
        kind: Kind::Seen,
        judge: judge::webhooks_verified,
    },
    Item {
        name: "webhook-secrets-rotate",
        title: "A webhook secret can change without a gap",
        remedy: "let the secret come from file: or exec:, which are read again while hubkeeper runs",
        kind: Kind::Attested,
        judge: judge::webhook_secrets_rotate,
    },
    Item {
        name: "retries-at-one-layer",
        title: "Retries happen at one layer",
        remedy: "switch retries off in the programs: numberOfApiCallRetries: 0 in HubSpot's SDK",
        kind: Kind::Seen,
        judge: judge::retries_at_one_layer,
    },
    Item {
        name: "batches",
        title: "Records are read and written in batches",
        remedy: "switch packing on, or call batch/read and batch/upsert with up to 100 records",
        kind: Kind::Seen,
        judge: judge::batches,
    },
    Item {
        name: "timeouts",
        title: "Every call has a time by which it ends",
        remedy: "keep gateway.attempt_timeout_ms below gateway.deadline_ms and below 100000",
        kind: Kind::Seen,
        judge: judge::timeouts,
    },
    Item {
        name: "governed",
        title: "Limits are kept before HubSpot has to",
        remedy: "remove governor = false and retries = false under [gateway]",
        kind: Kind::Seen,
        judge: judge::governed,
    },
    Item {
        name: "daily-pool-lasts",
        title: "The daily pool lasts until its reset",
        remedy: "hubkeeper quota shows who spends it and what would help",
        kind: Kind::Seen,
        judge: judge::daily_pool_lasts,
    },
    Item {
        name: "callers-limited",
        title: "Each caller has its own key and only the rights it needs",
        remedy: "mode = \"managed\", and a [[callers]] entry with a role for each program: hubkeeper callers new-key",
        kind: Kind::Seen,
        judge: judge::callers_limited,
    },
    Item {
        name: "admin-protected",
        title: "The admin API is not open to others",
        remedy: "give [admin] a key and TLS (tls_certificate, tls_key), or listen on 127.0.0.1",
        kind: Kind::Seen,
        judge: judge::admin_protected,
    },
    Item {
        name: "durable",
        title: "Accepted writes, webhooks and incidents outlive a restart",
        remedy: "start with --data DIR, or set [store] url",
        kind: Kind::Seen,
        judge: judge::durable,
    },
    Item {
        name: "alerts-reach-someone",
        title: "An incident reaches a person, by two ways",
        remedy: "configure two channels under [notify], one of them a pager",
        kind: Kind::Seen,
        judge: judge::alerts_reach_someone,
    },
    Item {
        name: "health",
        title: "Health endpoints answer",
        remedy: "start hubkeeper up, or name its admin API with --admin",
        kind: Kind::Seen,
        judge: judge::health,
    },
    Item {
        name: "versions-current",
        title: "No call that is used ends soon",
        remedy: "hubkeeper scan finds the calls in the source; the report names the successor",
        kind: Kind::Seen,
        judge: judge::versions_current,
    },
    Item {
        name: "disk-has-room",
        title: "The disk has room for an outage",
        remedy: "give the data directory more room: an outage's backlog lies there",
        kind: Kind::Seen,
        judge: judge::disk_has_room,
    },
    Item {
        name: "clock-right",
        title: "The clock is right",
        remedy: "run an NTP client: chrony or systemd-timesyncd",
        kind: Kind::Seen,
        judge: judge::clock_right,
    },
    Item {
        name: "backups",
        title: "A backup exists and was restored once",
        remedy: "back the store up, restore it once elsewhere, and write the day under [[check.attestations]]",
        kind: Kind::Attested,
        judge: judge::backups,
    },
    Item {
        name: "sandbox-tested",
        title: "Changes were tried in a sandbox first",
        remedy: "try the last change against a sandbox portal or hubkeeper sim, and write the day under [[check.attestations]]",
        kind: Kind::Attested,
        judge: judge::sandbox_tested,
    },
];

/// The point of this name.
pub fn find(name: &str) -> Option<&'static Item> {
    CHECKLIST.iter().find(|item| item.name == name)
}
