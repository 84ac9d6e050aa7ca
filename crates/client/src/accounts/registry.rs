//! Every account in use, by its credential.

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
use super::{Account, AccountSettings, Credential, Gate, Learned, Portal, Signer};
use crate::clock::WallClock;
use crate::governor::Governor;
use crate::handover::Unclaimed;
use crate::stack::Feature;

/// Credentials kept in mind; past it, those unused for [`FORGET_AFTER`] go, and if none can, new ones are refused.
const CREDENTIALS_MAX: usize = 4096;

/// By then every window of the account has long passed.
const FORGET_AFTER: Duration = Duration::from_secs(600);

pub(crate) struct Accounts {
    /// By the token, whatever the case of the word before it; a connection's by its name, too.
    pub(super) entries: Mutex<Entries>,
    /// Those that a token belonged to until it was replaced: it still spends what they spend.
    pub(super) before: Mutex<Entries>,
    portals: Mutex<HashMap<u64, Arc<Governor>>>,
    anonymous: Arc<Account>,
    /// What the process before us knew.
    unclaimed: Mutex<Unclaimed>,
    settings: AccountSettings,
    clock: WallClock,
}

pub(super) type Entries = HashMap<Box<[u8]>, Arc<Entry>, RandomState>;

/// A credential's account, once there is one.
#[derive(Default)]
pub(super) struct Entry {
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

/// Whose calls show nothing.
const ANONYMOUS: &str = "anonymous";

/// A credential, as accounts are told apart.
struct Who {
    key: Box<[u8]>,
    /// A connection may have nothing to call with.
    authorization: Option<HeaderValue>,
}

impl Who {
    /// `None` for who shows nothing.
    fn of(credential: &Credential, headers: &HeaderMap) -> Option<Self> {
        match credential {
            // An app has an account of its own, which no token opens.
            Credential::Anonymous | Credential::App(_) => None,
            Credential::Passthrough => {
                let authorization = headers.get(http::header::AUTHORIZATION)?;
                Some(Self { key: token(authorization).into(), authorization: Some(authorization.clone()) })
            }
            Credential::Connection(connection) => Some(Self {
                key: connection.key.clone(),
                authorization: connection.authorization(Instant::now()).ok(),
            }),
        }
    }
}

impl Accounts {
    pub(crate) fn new(settings: AccountSettings, clock: WallClock) -> Self {
        Self {
            entries: Mutex::default(),
            before: Mutex::default(),
            portals: Mutex::default(),
            anonymous: Arc::new(Account::bare(ANONYMOUS, None)),
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
        match credential {
            Credential::Anonymous => Some(self.anonymous.clone()),
            Credential::App(app) => Some(app.account.clone()),
            Credential::Passthrough => match headers.get(http::header::AUTHORIZATION) {
                None => Some(self.anonymous.clone()),
                Some(authorization) => self.entries.lock().get(token(authorization))?.account(now),
            },
            Credential::Connection(connection) => self.entries.lock().get(&connection.key)?.account(now),
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
        let Some(who) = Who::of(credential, headers) else {
            return Some(self.anonymous.clone());
        };
        let entry = self.entry(&who, credential)?;
        let _one_at_a_time = entry.opening.lock().await;
        if let Some(account) = entry.account(Instant::now()) {
            self.is_connections(&account, credential);
            return Some(account);
        }
        let heir = self.heir(&who);
        let remembered = who.authorization.as_ref().and_then(|authorization| self.remembered(authorization));
        let learned = match (&remembered, &who.authorization) {
            _ if heir.is_some() => Learned::default(),
            (Some((portal, _)), _) => Learned { portal: Some(portal.clone()), ..Learned::default() },
            (None, Some(authorization)) if self.governed() && self.may_share() => {
                learn(&Self::name(credential, &who), authorization).await
            }
            (None, _) => Learned::default(),
        };
        let account = Arc::new(self.account(credential, &who, &learned, heir.as_deref()));
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
                account.gate.load().store(Some(Arc::new(Gate { governor: shared, app })));
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
        all.sort_by(|a, b| (&a.name, Arc::as_ptr(a)).cmp(&(&b.name, Arc::as_ptr(b))));
        // One that is known by two keys is one.
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
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
        let entries = self.entries.lock();
        let first = entries.values().next();
        let others = entries.values().any(|entry| first.is_some_and(|first| !Arc::ptr_eq(first, entry)));
        others || !self.unclaimed.lock().is_empty()
    }

    pub(crate) fn unclaimed(&self) -> &Mutex<Unclaimed> {
        &self.unclaimed
    }

    fn entry(&self, who: &Who, credential: &Credential) -> Option<Arc<Entry>> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&who.key) {
            return Some(entry.clone());
        }
        if entries.len() >= CREDENTIALS_MAX {
            let now = Instant::now();
            entries.retain(|_, entry| !entry.is_forgettable(now));
            self.before.lock().retain(|_, entry| !entry.is_forgettable(now));
            if entries.len() >= CREDENTIALS_MAX {
                return None;
            }
        }
        match (credential, &who.authorization) {
            // Who showed the same token before us opened the account already; who will after us finds it.
            (Credential::Connection(_), Some(authorization)) => {
                let entry = entries.entry(token(authorization).into()).or_default().clone();
                entries.insert(who.key.clone(), entry.clone());
                Some(entry)
            }
            (Credential::Connection(_), None)
            | (Credential::Passthrough | Credential::Anonymous | Credential::App(_), _) => {
                Some(entries.entry(who.key.clone()).or_default().clone())
            }
        }
    }

    /// The connection's name, or the token's fingerprint.
    fn name(credential: &Credential, who: &Who) -> String {
        match (credential, &who.authorization) {
            (Credential::Connection(connection), _) => connection.name.clone(),
            (Credential::Anonymous | Credential::Passthrough | Credential::App(_), Some(authorization)) => {
                fingerprint(authorization)
            }
            (Credential::Anonymous | Credential::Passthrough | Credential::App(_), None) => {
                ANONYMOUS.to_owned()
            }
        }
    }

    /// `heir` is the account whose app has another token now: the two spend the same limits, and share nothing else.
    fn account(
        &self,
        credential: &Credential,
        who: &Who,
        learned: &Learned,
        heir: Option<&Account>,
    ) -> Account {
        let (configured_portal, plan, kind) = match credential {
            Credential::Connection(connection) => {
                (connection.portal_id(), connection.plan.unwrap_or(self.settings.plan), connection.kind)
            }
            Credential::Anonymous | Credential::Passthrough | Credential::App(_) => {
                (None, self.settings.plan, self.settings.kind)
            }
        };
        let limits = hubspot::limits::limits(plan, kind, self.settings.packs);
        let signer = match (credential, &who.authorization) {
            (Credential::Connection(connection), _) => Signer::Connection(connection.clone()),
            (Credential::Anonymous | Credential::Passthrough | Credential::App(_), Some(authorization)) => {
                let mut sensitive = authorization.clone();
                sensitive.set_sensitive(true);
                Signer::Token(sensitive)
            }
            (Credential::Anonymous | Credential::Passthrough | Credential::App(_), None) => Signer::Nothing,
        };
        let account = Account {
            limits: Some(limits),
            ..Account::bare(&Self::name(credential, who), configured_portal)
        };
        account.signer.store(Arc::new(signer));
        if let Some(heir) = heir {
            account.gate.store(heir.gate.load_full());
            if let Some(known) = heir.portal.get() {
                let _new = account.portal.set(known.clone());
            }
        } else if self.governed() {
            let shared =
                learned.portal.as_ref().and_then(|portal| self.portals.lock().get(&portal.id).cloned());
            let governor = shared.unwrap_or_else(|| {
                let governor = self.governor(&limits);
                if let Some(authorization) = &who.authorization {
                    self.claim(&governor, authorization, learned.portal.as_ref());
                }
                governor
            });
            let app = governor.add_app(&limits, self.settings.ceilings, learned.seen.as_ref());
            if learned.seen.is_none() {
                governor.count_one(app, learned.asked);
            }
            account.gate.load().store(Some(Arc::new(Gate { governor, app })));
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
            account.gate.load().store(Some(Arc::new(Gate { governor, app })));
        }
        account
    }

    /// An account that was opened by a token is a connection's, and goes on with whatever token that has.
    fn is_connections(&self, account: &Account, credential: &Credential) {
        if let Credential::Connection(connection) = credential {
            account.signer.store(Arc::new(Signer::Connection(connection.clone())));
        }
    }

    /// The account of the app that this token was replaced at.
    fn heir(&self, who: &Who) -> Option<Arc<Account>> {
        self.before.lock().get(&who.key)?.account(Instant::now())
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
    pub(super) fn account(&self, now: Instant) -> Option<Arc<Account>> {
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
