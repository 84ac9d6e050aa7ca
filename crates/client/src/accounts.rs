//! Which portal and app a credential belongs to.
//!
//! Burst limits count per app, search and daily limits per portal, and a bare token tells neither. One cheap read
//! (`account-info/v3/details`) tells the portal and its time zone. While there is only one credential that can wait for
//! a quiet moment; a second one is asked for at once, and so is the first: they may share a portal's limits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use http::HeaderValue;
use hubspot::limits::{AppKind, Limits, Plan};
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::app::App;
use crate::breakers::Breakers;
pub use crate::breakers::FamilyState;
use crate::cache::Marks;
use crate::call::Failure;
use crate::governor::{AppIndex, Ceilings, DailySettings, Governor, QueueSettings};
use crate::introduction::Introduction;
use crate::packing::{Packer, PackingCounts};
use crate::stack::Feature;

mod connection;
mod learn;
mod pause;
mod registry;
mod remembered;
mod replace;

pub use connection::{BadToken, Connection, Holds, Lack, Token};
pub(crate) use learn::{DETAILS, Learned};
pub(crate) use pause::Pause;
pub(crate) use registry::Accounts;
pub(crate) use remembered::fingerprint;

/// Which credential a call uses.
#[derive(Clone)]
pub enum Credential {
    /// None: the call is about to be refused by HubSpot, or carries its own in the body (OAuth).
    Anonymous,
    /// The caller's own `Authorization` header, passed on as it is.
    Passthrough,
    /// A connection whose token we hold.
    Connection(Arc<Connection>),
    /// An app by itself, of no account.
    App(Arc<App>),
}

/// A portal, as its details call describes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Portal {
    pub id: u64,
    pub time_zone: Option<String>,
    pub hosting: Option<String>,
}

/// One app in one portal: a gate, breakers, a name for people.
pub struct Account {
    /// The connection's name, or a short fingerprint of the token.
    pub name: Arc<str>,
    pub configured_portal: Option<u64>,
    /// A place of its own, or that of the account whose app it shares.
    gate: ArcSwap<ArcSwapOption<Gate>>,
    pub(crate) breakers: Breakers,
    /// What has been written through the portal, as far as we know.
    pub(crate) marks: Marks,
    signer: ArcSwap<Signer>,
    /// What its plan and kind allow, until the headers tell.
    limits: Option<Limits>,
    /// And when HubSpot told.
    portal: OnceLock<(Portal, Timestamp)>,
    /// Whose the latest token turned out to be, where it was exchanged since; 0 where it was not.
    exchanged_for: AtomicU64,
    pub(crate) introduction: Introduction,
    pub(crate) packer: Packer,
    /// Nearly always false; then nothing is locked.
    paused: AtomicBool,
    pause: Mutex<Option<Pause>>,
}

/// What an account's own questions are signed with.
enum Signer {
    /// Calls without a credential.
    Nothing,
    /// A caller's token; it prints as `Sensitive`.
    Token(HeaderValue),
    /// Whatever it has at the time.
    Connection(Arc<Connection>),
}

/// An account's place at its portal's gate.
pub struct Gate {
    pub governor: Arc<Governor>,
    pub app: AppIndex,
}

/// What accounts are made with.
#[derive(Debug, Clone, Copy)]
pub struct AccountSettings {
    /// Assumed until the headers tell.
    pub plan: Plan,
    pub kind: AppKind,
    pub packs: u8,
    pub ceilings: Ceilings,
    pub queue: QueueSettings,
    pub daily: DailySettings,
    pub governed: Feature,
}

impl Account {
    pub(crate) fn bare(name: &str, configured_portal: Option<u64>) -> Self {
        Self {
            name: Arc::from(name),
            configured_portal,
            gate: ArcSwap::from_pointee(ArcSwapOption::empty()),
            breakers: Breakers::default(),
            marks: Marks::default(),
            signer: ArcSwap::from_pointee(Signer::Nothing),
            limits: None,
            portal: OnceLock::new(),
            exchanged_for: AtomicU64::new(0),
            introduction: Introduction::default(),
            packer: Packer::default(),
            paused: AtomicBool::new(false),
            pause: Mutex::new(None),
        }
    }

    /// The portal, once it is known.
    pub fn portal(&self) -> Option<&Portal> {
        self.portal.get().map(|(portal, _)| portal)
    }

    /// The portal that calls reach now, once it is known. It is another than [`Self::portal`] where a connection's token was
    /// exchanged for one of another account, by mistake.
    pub fn reached(&self) -> Option<u64> {
        match self.exchanged_for.load(Ordering::Relaxed) {
            0 => self.portal().map(|portal| portal.id),
            other => Some(other),
        }
    }

    pub(crate) fn reaches(&self, portal: u64) {
        self.exchanged_for.store(portal, Ordering::Relaxed);
    }

    /// The two may see the same records: nothing says that they belong to different portals.
    pub(crate) fn may_share_portal(&self, other: &Self) -> bool {
        match (self.portal(), other.portal()) {
            (Some(one), Some(other)) => one.id == other.id,
            (None, _) | (_, None) => true,
        }
    }

    /// The account's gate; `None` where nothing is governed.
    pub fn gate(&self) -> Option<Arc<Gate>> {
        self.gate.load().load_full()
    }

    /// What to sign a question of ours with; `None` where there is nothing, or nothing that is still good.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        match &**self.signer.load() {
            Signer::Nothing => None,
            Signer::Token(token) => Some(token.clone()),
            Signer::Connection(connection) => connection.authorization(Instant::now()).ok(),
        }
    }

    /// Families whose breaker is not closed.
    pub fn open_breakers(&self) -> Vec<hubspot::endpoint::ApiFamily> {
        self.breakers.open()
    }

    /// Every family that has been used, as it is now.
    pub fn families(&self) -> Vec<FamilyState> {
        self.breakers.states(Instant::now()).collect()
    }

    /// What packing has done.
    pub fn packing(&self) -> PackingCounts {
        self.packer.counts()
    }

    /// # Errors
    /// The portal still wants to be left alone (477). From time to time one call goes to ask.
    pub(crate) fn check_pause(&self, now: Instant) -> Result<(), Failure> {
        if !self.paused.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.pause.lock().as_mut().map_or(Ok(()), |pause| pause.check(now))
    }

    pub(crate) fn pause(&self, pause: Pause) {
        *self.pause.lock() = Some(pause);
        self.paused.store(true, Ordering::Relaxed);
    }

    /// The portal answers again.
    pub(crate) fn resume(&self) {
        if self.paused.load(Ordering::Relaxed) {
            self.paused.store(false, Ordering::Relaxed);
            *self.pause.lock() = None;
        }
    }
}
