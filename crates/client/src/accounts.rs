//! Which portal and app a credential belongs to, learned once, before its first call.
//!
//! Burst limits count per app, search and daily limits per portal, and a bare token tells neither. One cheap read
//! (`account-info/v3/details`) tells the portal, its time zone, and through its headers what is left of the window,
//! so that even the first second after a restart keeps the limit.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use hubspot::limits::{AppKind, Limits, Plan};
use hubspot::secret::Secret;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::breakers::Breakers;
use crate::clock::WallClock;
use crate::governor::{AppIndex, Ceilings, Governor, QueueSettings};
use crate::stack::Feature;

mod learn;

pub(crate) use learn::{DETAILS, Learned};

/// Credentials kept in mind; past it, those unused for [`FORGET_AFTER`] go, and if none can, new ones share a gate.
const CREDENTIALS_MAX: usize = 4096;

/// By then every window of the account has long passed.
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// With an account that could not be learned, the time to the next try.
const LEARN_AGAIN: Duration = Duration::from_secs(30);

/// Which credential a call uses.
#[derive(Clone)]
pub enum Credential {
    /// None: the call is about to be refused by HubSpot, or carries its own in the body (OAuth).
    Anonymous,
    /// The caller's own `Authorization` header, passed on as it is.
    Passthrough,
    /// A connection whose token we hold.
    Connection(Arc<Connection>),
}

/// How we may call one portal.
#[derive(Debug)]
pub struct Connection {
    pub name: String,
    pub kind: AppKind,
    pub plan: Option<Plan>,
    pub portal_id: Option<u64>,
    /// The header that authenticates as this connection; it prints as `Sensitive`.
    authorization: HeaderValue,
}

/// The token holds what no header can carry.
#[derive(Debug, thiserror::Error)]
#[error("the token is not plain visible text")]
pub struct BadToken;

/// A portal, as its details call describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    pub id: u64,
    pub time_zone: Option<String>,
    pub hosting: Option<String>,
}

/// One app in one portal: a gate, breakers, a name for people.
pub struct Account {
    /// The connection's name, or a short fingerprint of the token.
    pub name: Arc<str>,
    pub portal: Option<Portal>,
    pub configured_portal: Option<u64>,
    pub(crate) gate: Option<Gate>,
    pub(crate) breakers: Breakers,
    paused_until: Mutex<Option<Instant>>,
}

/// An account's place at its portal's gate.
#[derive(Clone)]
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
    pub governed: Feature,
}

/// Every account in use.
pub(crate) struct Accounts {
    entries: Mutex<HashMap<u128, Arc<Entry>>>,
    portals: Mutex<HashMap<u64, Arc<Governor>>>,
    hashers: (RandomState, RandomState),
    anonymous: Arc<Account>,
    overflow: Arc<Entry>,
    settings: AccountSettings,
    clock: WallClock,
}

/// A credential's account, once learned.
pub(crate) struct Entry {
    known: Mutex<Option<Known>>,
    learning: tokio::sync::Mutex<()>,
}

struct Known {
    account: Arc<Account>,
    used_at: Instant,
    learn_again_at: Option<Instant>,
}

impl Accounts {
    pub(crate) fn new(settings: AccountSettings, clock: WallClock) -> Self {
        Self {
            entries: Mutex::default(),
            portals: Mutex::default(),
            hashers: (RandomState::new(), RandomState::new()),
            anonymous: Arc::new(Account::bare("anonymous", None)),
            overflow: Arc::new(Entry::default()),
            settings,
            clock,
        }
    }

    /// The account of a call, learned by `learn` if it is not known yet. `learn` runs once for all who ask.
    pub(crate) async fn of(
        &self,
        credential: &Credential,
        headers: &HeaderMap,
        now: Instant,
        learn: impl AsyncFnOnce(&HeaderValue) -> Learned,
    ) -> Arc<Account> {
        let authorization = match credential {
            Credential::Anonymous => None,
            Credential::Passthrough => headers.get(http::header::AUTHORIZATION),
            Credential::Connection(connection) => Some(&connection.authorization),
        };
        let Some(authorization) = authorization else { return self.anonymous.clone() };
        let entry = self.entry(authorization);
        if let Some(account) = entry.account(now) {
            return account;
        }
        let _one_flight = entry.learning.lock().await;
        if let Some(account) = entry.account(Instant::now()) {
            return account;
        }
        let learned = if self.governed() { learn(authorization).await } else { Learned::default() };
        let account = Arc::new(self.open(credential, authorization, &learned));
        let learn_again_at =
            (self.governed() && learned.portal.is_none()).then(|| Instant::now() + LEARN_AGAIN);
        *entry.known.lock() =
            Some(Known { account: account.clone(), used_at: Instant::now(), learn_again_at });
        account
    }

    /// Every account that has been used.
    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        let entries: Vec<_> = self.entries.lock().values().cloned().collect();
        let mut all: Vec<_> = entries
            .iter()
            .filter_map(|entry| entry.known.lock().as_ref().map(|known| known.account.clone()))
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn governed(&self) -> bool {
        self.settings.governed == Feature::On
    }

    fn entry(&self, authorization: &HeaderValue) -> Arc<Entry> {
        // Two keyed hashes name the token without keeping it.
        let bytes = authorization.as_bytes();
        let key =
            (u128::from(self.hashers.0.hash_one(bytes)) << 64) | u128::from(self.hashers.1.hash_one(bytes));
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&key) {
            return entry.clone();
        }
        if entries.len() >= CREDENTIALS_MAX {
            let now = Instant::now();
            entries.retain(|_, entry| !entry.is_forgettable(now));
            if entries.len() >= CREDENTIALS_MAX {
                return self.overflow.clone();
            }
        }
        entries.entry(key).or_default().clone()
    }

    fn open(&self, credential: &Credential, authorization: &HeaderValue, learned: &Learned) -> Account {
        let (name, configured_portal, plan, kind) = match credential {
            Credential::Connection(connection) => (
                connection.name.clone(),
                connection.portal_id,
                connection.plan.unwrap_or(self.settings.plan),
                connection.kind,
            ),
            Credential::Anonymous | Credential::Passthrough => {
                let token = authorization.to_str().unwrap_or_default();
                let token = Secret::new(token.strip_prefix("Bearer ").unwrap_or(token));
                (hubspot::token::fingerprint(&token), None, self.settings.plan, self.settings.kind)
            }
        };
        if !self.governed() {
            return Account::bare(&name, configured_portal);
        }
        let limits = hubspot::limits::limits(plan, kind, self.settings.packs);
        let governor = match learned.portal.as_ref() {
            Some(portal) => self
                .portals
                .lock()
                .entry(portal.id)
                .or_insert_with(|| self.governor(&limits, learned))
                .clone(),
            None => self.governor(&limits, learned),
        };
        let app = governor.add_app(&limits, self.settings.ceilings, learned.seen.as_ref());
        Account {
            portal: learned.portal.clone(),
            gate: Some(Gate { governor, app }),
            ..Account::bare(&name, configured_portal)
        }
    }

    fn governor(&self, limits: &Limits, learned: &Learned) -> Arc<Governor> {
        let zone = learned.portal.as_ref().and_then(|portal| portal.time_zone.as_deref());
        let zone = zone.and_then(|name| jiff::tz::TimeZone::get(name).ok());
        Governor::new(limits, self.settings.ceilings, zone, self.settings.queue, self.clock.clone())
    }
}

impl Entry {
    fn account(&self, now: Instant) -> Option<Arc<Account>> {
        let mut known = self.known.lock();
        let known = known.as_mut()?;
        known.used_at = now;
        match known.learn_again_at {
            // The one who takes the alarm asks again; the others go on with what there is.
            Some(at) if now >= at => {
                known.learn_again_at = Some(now + LEARN_AGAIN);
                None
            }
            _ => Some(known.account.clone()),
        }
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        self.known.lock().as_ref().is_none_or(|known| now - known.used_at > FORGET_AFTER)
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self { known: Mutex::new(None), learning: tokio::sync::Mutex::new(()) }
    }
}

impl Account {
    fn bare(name: &str, configured_portal: Option<u64>) -> Self {
        Self {
            name: Arc::from(name),
            portal: None,
            configured_portal,
            gate: None,
            breakers: Breakers::default(),
            paused_until: Mutex::new(None),
        }
    }

    /// The account's gate; `None` where nothing is governed.
    pub fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    /// Families whose breaker is not closed.
    pub fn open_breakers(&self) -> Vec<hubspot::endpoint::ApiFamily> {
        self.breakers.open()
    }

    /// How long the portal still wants to be left alone (477).
    pub(crate) fn paused_for(&self, now: Instant) -> Option<Duration> {
        let until = (*self.paused_until.lock())?;
        (until > now).then(|| until - now)
    }

    pub(crate) fn pause(&self, until: Instant) {
        *self.paused_until.lock() = Some(until);
    }
}

impl Connection {
    /// # Errors
    /// When the token cannot stand in a header.
    pub fn new(name: String, token: &Secret, kind: AppKind) -> Result<Self, BadToken> {
        let mut authorization =
            HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| BadToken)?;
        authorization.set_sensitive(true);
        Ok(Self { name, kind, plan: None, portal_id: None, authorization })
    }

    pub(crate) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}
