//! What a call gets: an answer from memory, a flight to join, or one to lead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use hubspot::endpoint::{ApiFamily, Cacheable};
use rand::RngExt;
use tokio::time::Instant;

use super::freshness::{Lifetime, Outage, is_fresh, may_refresh_early, refreshes_early, stale_age_max};
use super::kept::Kept;
use super::key::{Key, Rights};
use super::kind::Kind;
use super::needs::Needs;
use super::{Approach, Asked, Cache, Found, State, fields, target};
use crate::accounts::{Account, Credential};
use crate::body::Body;
use crate::call::{Call, Source};
use crate::stack::Feature;

impl Cache {
    /// Looks for an answer, else for a flight to join, else begins one.
    pub(crate) fn approach(
        &self,
        call: &Call,
        body: &Body,
        account: &Arc<Account>,
        now: Instant,
    ) -> Approach {
        let Some((asked, question)) = self.ask(call, body) else { return self.apart(call) };
        let target = call.target.as_str();
        let key = self.keys.key(account, Rights::OfCredential, asked.variant, target, &question);
        let mut state = self.state.lock();
        let begin = |state: &mut State| {
            let query = call.target.query();
            let needs = Needs::of_read(call.target.path(), query, &call.endpoint);
            let since = self.moment.load(Ordering::Acquire);
            let lane = call.handling.lane;
            state.flights.begin(&key, call.target.clone(), question.clone(), needs, since, lane)
        };
        if !asked.lifetime.fresh.is_zero()
            && let Some((found, early)) = self.fresh(&mut state, &key, &asked, now)
        {
            self.counters.hit();
            let refresh = early && !state.flights.is_under_way(&key);
            return Approach::Kept(Box::new(found), refresh.then(|| (asked, begin(&mut state))));
        }
        if asked.wishes.only_if_cached {
            return match self.old(&mut state, &key, &asked, Outage::Upstream, now) {
                Some(found) => Approach::Kept(Box::new(found), None),
                None => Approach::NotKept,
            };
        }
        if !asked.wishes.no_cache
            && let Some(landing) = state.flights.join(&key, call.handling.lane)
        {
            self.counters.shared();
            return Approach::Follow(asked, landing);
        }
        self.counters.miss();
        if state.store.is_missed(&key, now, asked.lifetime.fresh) {
            self.counters.lost();
        }
        Approach::Lead(asked, begin(&mut state))
    }

    /// The last good answer, if it may be served although HubSpot was asked and gave none.
    pub(crate) fn stale(
        &self,
        asked: &Asked,
        outage: Outage,
        call: &Call,
        account: &Arc<Account>,
        now: Instant,
    ) -> Option<Found> {
        let key = self.keys.key(account, Rights::OfCredential, asked.variant, call.target.as_str(), &[]);
        self.old(&mut self.state.lock(), &key, asked, outage, now)
    }

    fn old(
        &self,
        state: &mut State,
        key: &Key<'_>,
        asked: &Asked,
        outage: Outage,
        now: Instant,
    ) -> Option<Found> {
        let age_max = stale_age_max(outage, asked.lifetime, asked.stale_said, &asked.wishes)?;
        if !asked.keeps {
            return None;
        }
        let fits = |kept: &Kept| kept.status.is_success() && now - kept.at <= age_max;
        let (found, _) = self.look_up(state, key, now, fits, |age| Source::Stale { age })?;
        self.counters.stale();
        Some(found)
    }

    /// What memory has nothing to do with goes to HubSpot, unless the caller said that it must not.
    fn apart(&self, call: &Call) -> Approach {
        if self.is_for_memory_alone(call) { Approach::NotKept } else { Approach::Apart }
    }

    /// `only-if-cached`, where there is a cache to understand it.
    pub(crate) fn is_for_memory_alone(&self, call: &Call) -> bool {
        self.settings.feature == Feature::On
            && call.headers.contains_key(header::CACHE_CONTROL)
            && self.keys.read(&call.headers).wishes.only_if_cached
    }

    /// Whether a call may be answered from here at all; with a search, its question.
    fn ask(&self, call: &Call, body: &Body) -> Option<(Asked, Bytes)> {
        let is_get = call.method == Method::GET;
        let (fresh, question) = match (call.endpoint.cacheable, call.endpoint.family, body) {
            (Cacheable::Definition, _, Body::Empty) if is_get => (self.settings.definitions, Bytes::new()),
            (Cacheable::Record | Cacheable::LastGood, _, Body::Empty) if is_get => {
                (call.handling.keep, Bytes::new())
            }
            (Cacheable::No, ApiFamily::Search, Body::Whole(question)) if !is_get => {
                (Duration::ZERO, question.clone())
            }
            (Cacheable::No | Cacheable::Definition | Cacheable::Record | Cacheable::LastGood, _, _) => {
                return None;
            }
        };
        let whose = &call.credential;
        if self.settings.feature == Feature::Off
            || matches!(whose, Credential::Anonymous | Credential::App(_))
        {
            return None;
        }
        let mut said = self.keys.read(&call.headers);
        if said.conditional || said.wishes.no_store {
            return None;
        }
        said.wishes.no_cache |= call.handling.fresh;
        let stale_max = call.handling.stale_max.unwrap_or(self.settings.stale_max);
        let asked = Asked {
            variant: said.variant,
            wishes: said.wishes,
            lifetime: Lifetime { fresh, stale_max },
            stale_said: call.handling.stale_max.is_some(),
            keeps: is_get,
        };
        Some((asked, question))
    }

    /// A fresh answer, and whether this is the reader who asks for the next one.
    fn fresh(&self, state: &mut State, key: &Key<'_>, asked: &Asked, now: Instant) -> Option<(Found, bool)> {
        let lifetime_of = |kept: &Kept| match kept.status {
            status if status.is_success() => asked.lifetime,
            _ => Lifetime { fresh: asked.lifetime.fresh.min(self.settings.not_found), ..asked.lifetime },
        };
        let fits = |kept: &Kept| is_fresh(now - kept.at, lifetime_of(kept), &asked.wishes);
        let (found, (at, took_ms)) = self.look_up(state, key, now, fits, |age| Source::Cache { age })?;
        let left = asked.lifetime.fresh.saturating_sub(now - at);
        let took = Duration::from_millis(took_ms.into());
        let early =
            may_refresh_early(left, took) && refreshes_early(left, took, state.random.random_range(0.0..1.0));
        Some((found, early))
    }

    /// The answer to exactly this question, else to one with more properties.
    fn look_up(
        &self,
        state: &mut State,
        key: &Key<'_>,
        now: Instant,
        fits: impl Fn(&Kept) -> bool,
        source: impl Fn(Duration) -> Source,
    ) -> Option<(Found, (Instant, u32))> {
        let stands = |kept: &Kept| kept.account.marks.stands(kept.needs, kept.since);
        let mut fallen = None;
        if let Some((place, kept)) = state.store.find(key) {
            if !stands(kept) {
                fallen = Some(place);
            } else if fits(kept) {
                let found = Found { response: kept.response(kept.body()), source: source(now - kept.at) };
                return Some((found, (kept.at, kept.took_ms)));
            }
        }
        if let Some(place) = fallen {
            state.store.remove(place);
            self.counters.dropped(1);
        }
        let asked = target::properties(key.target)?;
        let derived = state.store.beside(key).filter(|(_, kept)| stands(kept) && fits(kept)).find_map(
            |(place, kept)| {
                let had = target::properties(kept.target())?;
                let body = fields::subset(&kept.body(), record_kind(key.target)?, &had, &asked)?;
                let found = Found { response: kept.response(body), source: source(now - kept.at) };
                Some((place, found, (kept.at, kept.took_ms)))
            },
        );
        let (place, found, facts) = derived?;
        state.store.use_again(place);
        Some((found, facts))
    }
}

/// The kind of the one record that a target reads, if it reads one with its properties and without their history.
fn record_kind(target: &str) -> Option<Kind> {
    let (path, query) = target.split_once('?')?;
    let path = hubspot::endpoint::Path::read(path);
    match path.words() {
        ["crm", "objects", kind, _] if target::parameter(query, "propertiesWithHistory").is_none() => {
            Some(Kind::parse(kind))
        }
        _ => None,
    }
}
