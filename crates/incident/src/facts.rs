//! Everything a diagnosis may know, as plain data.
//!
//! Facts are handed in: by the probes through `app`, by the gateway as JSON, by a test as a literal. Each one may be
//! missing, and missing means "could not tell", never "fine". They serialise, so that a conclusion can be
//! replayed from what it was drawn from.
//!
//! | module | is filled by |
//! |---|---|
//! | [`configured`] | the configuration |
//! | [`probes`], [`exchange`] | the probes |
//! | [`traffic`] | the gateway's memory |
//! | [`grants`] | whoever refreshes OAuth tokens, through [`grants::ledger`] |
//! | [`inbox`] | the webhook receiver, through [`inbox::ledger`]; the checks of its surroundings |
//! | [`forwarding`] | the dispatcher of webhook events, through [`forwarding::ledger`] |
//! | [`inside`] | our own process, store, disk, cache, secret source and heartbeat |
//!
//! `of_late` makes of all this what still happens, for whoever asks whether something is over.

pub mod configured;
pub mod error_kind;
pub mod exchange;
pub mod forwarding;
pub mod grants;
pub mod inbox;
pub mod inside;
pub mod minutes;
mod of_late;
pub mod probes;
pub mod traffic;

use serde::{Deserialize, Serialize};

use configured::Configured;
use forwarding::Forwarding;
use grants::Grants;
use inbox::Inbox;
use inside::Inside;
use probes::Probes;
use traffic::Traffic;

/// All that is known at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub configured: Configured,
    /// How long the probes took together.
    pub duration_ms: u64,
    pub probes: Probes,
    /// What the gateway saw in the last 15 minutes; `None` where no gateway answered.
    pub traffic: Option<Traffic>,
    /// OAuth installs whose tokens we refresh; `None` where we refresh none.
    pub grants: Option<Grants>,
    /// Webhooks as they came in; `None` where we receive none.
    pub inbox: Option<Inbox>,
    /// Webhook events as they went on; `None` where we forward none.
    pub forwarding: Option<Forwarding>,
    /// Ourselves; `None` where no running hubkeeper was asked.
    pub inside: Option<Inside>,
}
