//! Every account in use, by its credential.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use http::{HeaderMap, HeaderValue};
use hubspot::limits::Limits;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::remembered::fingerprint;
use super::{Account, AccountSettings, Credential, Gate, Learned, Portal};
use crate::clock::WallClock;
use crate::governor::Governor;
use crate::handover::Unclaimed;
use crate::stack::Feature;

/// Credentials kept in mind; past it, those unused for [`FORGET_AFTER`] go, and if none can, new ones are refused.
const CREDENTIALS_MAX: usize = 4096;

/// By then every window of the account has long passed.
const FORGET_AFTER: Duration = Duration::from_secs(600);

pub(crate) struct Accounts {
    /// By the token, whatever the case of the word before it.
    entries: Mutex<HashMap<Box<[u8]>, Arc<Entry>, RandomState>>,
    portals: Mutex<HashMap<u64, Arc<Governor>>>,
    anonymous: Arc<Account>,
    /// What the process before us knew.
    unclaimed: Mutex<Unclaimed>,
    settings: AccountSettings,
    clock: WallClock,
}

/// A credential's account, once there is one.
#[derive(Default)]
struct Entry {
    known: Mutex<Option<Known>>,
    opening: tokio::sync::Mutex<()>,
}

struct Known {
    account: Arc<Account>,
    used_at: Instant,
}

/// The token of an `Authorization` header: what comes after the scheme.
pub(super) fn token(authorization: &HeaderValue) -> &[u8] {
    let value = authorization.as_bytes().trim_ascii();
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => token.trim_ascii(),
        Some(_) | None => value,
    }
}

const SCHEME: &[u8] = b"bearer ";

fn authorization<'a>(credential: &Credential, headers: &'a HeaderMap) -> Option<Cow<'a, HeaderValue>> {
    match credential {
        // An app has an account of its own, which no token opens.
        Credential::Anonymous | Credential::App(_) => None,
        Credential::Passthrough => headers.get(http::header::AUTHORIZATION).map(Cow::Borrowed),
        Credential::Connection(connection) => Some(Cow::Owned(connection.authorization())),
    }
}

impl Accounts {
    pub(crate) fn new(settings: AccountSettings, clock: WallClock) -> Self {
        Self {
            entries: Mutex::default(),
            portals: Mutex::default(),
            anonymous: Arc::new(Account::bare("anonymous", None)),
            unclaimed: Mutex::default(),
            settings,
            clock,
        }
    }

    /// The account of a call whose credential has been seen before, or which has none.
    pub(crate) fn known(
        &self,
        credential: &Credential,
        headers: &HeaderMap,
        now: Instant,
    ) -> Option<Arc<Account>> {
        if let Credential::App(app) = credential {
            return Some(app.account.clone());
        }
        match authorization(credential, headers) {
            None => Some(self.anonymous.clone()),
            Some(authorization) => self.entries.lock().get(token(&authorization))?.account(now),
        }
    }

    /// Opens the account of a new credential, with what `learn` finds out. `learn` runs once for all who ask, and not
    /// at all for the very first credential. `None` when too many credentials are in use.
    pub(crate) async fn open(
        &self,
        credential: &Credential,
        headers: &HeaderMap,
        learn: impl AsyncFnOnce(&str, &HeaderValue) -> Learned,
    ) -> Option<Arc<Account>> {
        let Some(authorization) = authorization(credential, headers) else {
            return Some(self.anonymous.clone());
        };
        let authorization = authorization.as_ref();
        let entry = self.entry(authorization)?;
        let _one_at_a_time = entry.opening.lock().await;
        if let Some(account) = entry.account(Instant::now()) {
            return Some(account);
        }
        let remembered = self.remembered(authorization);
        let learned = match &remembered {
            Some((portal, _)) => Learned { portal: Some(portal.clone()), ..Learned::default() },
            None if self.governed() && self.may_share() => {
                learn(&Self::name(credential, authorization), authorization).await
            }
            None => Learned::default(),
        };
        let account = Arc::new(self.account(credential, authorization, &learned));
        *entry.known.lock() = Some(Known { account: account.clone(), used_at: Instant::now() });
        if learned.refused {
            account.introduction.give_up();
        }
        if let Some(portal) = learned.portal {
            let told_at = remembered.map_or_else(|| self.clock.now(), |(_, told_at)| told_at);
            self.introduce(&account, portal, told_at);
        }
        Some(account)
    }

    /// The account's portal has become known. If the portal has a gate already, the account goes through that one from
    /// now on; what it spent at its own is unknown there, so everybody sits out for as long as that may count.
    pub(crate) fn introduce(&self, account: &Account, portal: Portal, told_at: Timestamp) {
        if let Some(gate) = account.gate() {
            if let Some(zone) = portal.zone() {
                gate.governor.set_zone(zone);
            }
            let shared =
                self.portals.lock().entry(portal.id).or_insert_with(|| gate.governor.clone()).clone();
            if !Arc::ptr_eq(&shared, &gate.governor) {
                let app = shared.add_app(&self.limits(account), self.settings.ceilings, None);
                shared.sit_out(app);
                account.gate.store(Some(Arc::new(Gate { governor: shared, app })));
                gate.governor.move_away(gate.app);
            }
        }
        let _known_before = account.portal.set((portal, told_at));
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

    pub(crate) fn clock(&self) -> WallClock {
        self.clock.clone()
    }

    /// Those that may see the same records as `account`, which is one of them.
    pub(crate) fn beside(&self, account: &Arc<Account>) -> Vec<Arc<Account>> {
        let entries = self.entries.lock();
        let others = entries.values().filter_map(|entry| {
            let known = entry.known.lock();
            let other = &known.as_ref()?.account;
            (!Arc::ptr_eq(other, account) && other.may_share_portal(account)).then(|| other.clone())
        });
        std::iter::once(account.clone()).chain(others).collect()
    }

    pub(crate) fn governed(&self) -> bool {
        self.settings.governed == Feature::On
    }

    /// Another credential has been seen, or the process before us knew one: there may be somebody to share a portal with.
    fn may_share(&self) -> bool {
        self.entries.lock().len() > 1 || !self.unclaimed.lock().is_empty()
    }

    pub(crate) fn unclaimed(&self) -> &Mutex<Unclaimed> {
        &self.unclaimed
    }

    fn entry(&self, authorization: &HeaderValue) -> Option<Arc<Entry>> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(token(authorization)) {
            return Some(entry.clone());
        }
        if entries.len() >= CREDENTIALS_MAX {
            let now = Instant::now();
            entries.retain(|_, entry| !entry.is_forgettable(now));
            if entries.len() >= CREDENTIALS_MAX {
                return None;
            }
        }
        Some(entries.entry(token(authorization).into()).or_default().clone())
    }

    /// The connection's name, or the token's fingerprint.
    fn name(credential: &Credential, authorization: &HeaderValue) -> String {
        match credential {
            Credential::Connection(connection) => connection.name.clone(),
            Credential::Anonymous | Credential::Passthrough | Credential::App(_) => {
                fingerprint(authorization)
            }
        }
    }

    fn account(&self, credential: &Credential, authorization: &HeaderValue, learned: &Learned) -> Account {
        let (configured_portal, plan, kind) = match credential {
            Credential::Connection(connection) => {
                (connection.portal_id, connection.plan.unwrap_or(self.settings.plan), connection.kind)
            }
            Credential::Anonymous | Credential::Passthrough | Credential::App(_) => {
                (None, self.settings.plan, self.settings.kind)
            }
        };
        let mut sensitive = authorization.clone();
        sensitive.set_sensitive(true);
        let limits = hubspot::limits::limits(plan, kind, self.settings.packs);
        let account = Account {
            authorization: Some(sensitive),
            limits: Some(limits),
            ..Account::bare(&Self::name(credential, authorization), configured_portal)
        };
        if self.governed() {
            let shared =
                learned.portal.as_ref().and_then(|portal| self.portals.lock().get(&portal.id).cloned());
            let governor = shared.unwrap_or_else(|| {
                let governor = self.governor(&limits);
                self.claim(&governor, authorization, learned.portal.as_ref());
                governor
            });
            let app = governor.add_app(&limits, self.settings.ceilings, learned.seen.as_ref());
            if learned.seen.is_none() {
                governor.count_one(app, learned.asked);
            }
            account.gate.store(Some(Arc::new(Gate { governor, app })));
        }
        account
    }

    /// An account for an app by itself: a gate of its own, and breakers.
    pub(crate) fn for_an_app(&self, name: &str) -> Account {
        let account = Account::bare(name, None);
        if self.governed() {
            let limits = self.limits(&account);
            let governor = self.governor(&limits);
            let app = governor.add_app(&limits, self.settings.ceilings, None);
            account.gate.store(Some(Arc::new(Gate { governor, app })));
        }
        account
    }

    fn limits(&self, account: &Account) -> Limits {
        let assumed = || hubspot::limits::limits(self.settings.plan, self.settings.kind, self.settings.packs);
        account.limits.unwrap_or_else(assumed)
    }

    fn governor(&self, limits: &Limits) -> Arc<Governor> {
        let AccountSettings { ceilings, queue, daily, .. } = self.settings;
        Governor::new(limits, ceilings, None, queue, daily, self.clock.clone())
    }
}

impl Entry {
    fn account(&self, now: Instant) -> Option<Arc<Account>> {
        let mut known = self.known.lock();
        let known = known.as_mut()?;
        known.used_at = now;
        Some(known.account.clone())
    }

    fn is_forgettable(&self, now: Instant) -> bool {
        self.known
            .lock()
            .as_ref()
            .is_some_and(|known| now.saturating_duration_since(known.used_at) > FORGET_AFTER)
    }
}

impl Portal {
    fn zone(&self) -> Option<jiff::tz::TimeZone> {
        jiff::tz::TimeZone::get(self.time_zone.as_deref()?).ok()
    }
}
