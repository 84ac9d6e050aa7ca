//! HubSpot's own order of work: front door, auth, limits, strain, scopes, rights, content, and then the answer.

use http::{Method, StatusCode};
use jiff::Timestamp;

use super::{Simulator, portal};
use crate::arrival::Arrival;
use crate::auth::{self, Credential};
use crate::call::{Call, Reply};
use crate::crm::Moment;
use crate::fault::{self, Strike, content, grants, hubspot, quota};
use crate::limits::allowance::allowance;
use crate::limits::{self, Payer, Standing, Verdict};
use crate::oauth::{self, Desk, Introspection};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::registry::{Grant, Install, Registry};
use crate::seed::Purpose;
use crate::webhooks::journal::JournalAsk;
use crate::{account, capacity, half_done, scope, sunset};

/// An answer of HubSpot's, before its headers.
pub(super) struct Answered {
    pub(super) reply: Reply,
    pub(super) standing: Standing,
}

/// The daily pool as the usage endpoint shows it.
#[derive(Clone, Copy)]
struct DailyUsage {
    used: u64,
    limit: u64,
    resets_at: Timestamp,
}

impl From<Reply> for Answered {
    fn from(reply: Reply) -> Self {
        Self { reply, standing: Standing::default() }
    }
}

impl Simulator {
    /// From the front door to the answer; each step may end the call.
    pub(super) fn serve(&mut self, arrival: &Arrival<'_>, strikes: &[Strike]) -> Answered {
        let id = arrival.correlation_id.as_str();
        if let Some(reply) = hubspot::before_auth(strikes, arrival) {
            return reply.into();
        }
        if sunset::has_set(&arrival.call.segments(), arrival.now) {
            return Refusal::no_such_path().reply(id).into();
        }
        if arrival.call.method == Method::HEAD {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed");
            return refusal.reply(id).into();
        }
        if let Some(reply) = self.oauth(arrival, strikes) {
            return reply.into();
        }
        let grant = match self.authenticate(arrival, strikes) {
            Ok(grant) => grant,
            Err(refusal) => return refusal.reply(id).into(),
        };
        if let (&Method::DELETE, ["appinstalls", "external-install"]) =
            (&arrival.call.method, arrival.route.bare().as_slice())
        {
            self.registry.uninstall(grant.app_id, grant.portal_id);
            return Reply::no_content().into();
        }
        if let Some(reply) = hubspot::after_auth(strikes, arrival) {
            return reply.into();
        }
        self.serve_known(arrival, strikes, &grant)
    }

    /// The limits, then everything that is counted.
    fn serve_known(&mut self, arrival: &Arrival<'_>, strikes: &[Strike], grant: &Grant) -> Answered {
        let (now, id) = (arrival.now, arrival.correlation_id.as_str());
        if let ["webhooks" | "app-webhooks", app_id, rest @ ..] = arrival.route.bare().as_slice() {
            let app_id = app_id.parse().ok().filter(|app_id| *app_id == grant.app_id);
            let answered = app_id
                .ok_or_else(Refusal::no_such_path)
                .and_then(|app_id| self.webhooks.answer(arrival.call, app_id, rest, now));
            self.watch();
            return answered.unwrap_or_else(|refusal| refusal.reply(id)).into();
        }
        if let ["webhooks-journal", rest @ ..] = arrival.route.bare().as_slice() {
            if let (["journal" | "journal-local", ..], Err(refusal)) = (rest, reads_the_journal(grant)) {
                return refusal.reply(id).into();
            }
            let answered = self.webhooks.journal.answer(&JournalAsk { call: arrival.call, rest, now });
            self.watch();
            return answered.unwrap_or_else(|refusal| refusal.reply(id)).into();
        }
        let portal = portal(&mut self.portals, &self.config, grant.portal_id);
        let (used, day_began, resets_at) = self.ledger.day(portal.id, &portal.zone, now);
        let planned = allowance(quota::plan(strikes, portal.plan), grant.kind, self.config.limits);
        let allowance = quota::narrowed(strikes, planned, day_began);
        let payer = Payer {
            app_id: grant.app_id,
            portal_id: portal.id,
            kind: grant.kind,
            allowance,
            zone: &portal.zone,
        };
        let pressure = quota::pressure(strikes, arrival, &allowance, day_began);
        let load = self.ledger.burst_load(&payer, now);
        let standing = match self.ledger.admit(&payer, arrival.route.draws, &pressure, now) {
            Verdict::Accepted(standing) => standing,
            Verdict::Refused(budget, standing) => {
                let request_id = self.seed.hex(Purpose::RequestId, arrival.number, 32);
                let reply = limits::refusal::refusal(budget, &payer, &request_id).reply(id);
                return Answered { reply, standing };
            }
        };
        let reply = quota::strain(strikes, arrival, load, &mut self.locks)
            .or_else(|| refused(arrival, strikes, grant).map(|refusal| refusal.reply(id)))
            .unwrap_or_else(|| {
                let limit = allowance.daily.unwrap_or_default();
                let usage = DailyUsage { used: used + pressure.daily.by_others, limit, resets_at };
                answer(portal, arrival, strikes, usage)
            });
        Answered { reply, standing }
    }

    /// Changes are kept from the first subscription on.
    pub(crate) fn watch(&mut self) {
        if self.webhooks.is_watching() {
            self.portals.values_mut().for_each(|portal| portal.crm.watch());
        }
    }

    fn authenticate(&self, arrival: &Arrival<'_>, strikes: &[Strike]) -> Result<Grant, Refusal> {
        let credential = auth::credential(&arrival.call.headers);
        let grant = auth::authenticate(credential, &self.registry, arrival.now)?;
        grants::unknown_to_hubspot(strikes).map_or(Ok(()), Err)?;
        fault::auth::alter(grant, strikes, arrival.now)
    }

    fn oauth(&mut self, arrival: &Arrival<'_>, strikes: &[Strike]) -> Option<Reply> {
        let (faults, now) = (&self.faults, arrival.now);
        let see = |registry: &Registry, token: &str| {
            let grant = auth::authenticate(Credential::Bearer(token), registry, now).ok()?;
            fault::auth::look(grant, faults, now)
        };
        let bars = |install: &Install| grants::trade_refused(faults, install, now);
        let down = grants::introspection_is_down(strikes);
        let mut desk = Desk {
            registry: &mut self.registry,
            see: &see,
            bars: &bars,
            introspection: if down { Introspection::Down } else { Introspection::Open },
            portal_id: self.config.portal_id,
            now,
            correlation_id: &arrival.correlation_id,
        };
        let version = arrival.route.version.as_deref().unwrap_or_default();
        oauth::answer(arrival.call, &arrival.route.bare(), version, &mut desk)
    }
}

/// Only an app by itself is given this scope, for a client-credentials token (facts §5.4, §6.7).
fn reads_the_journal(grant: &Grant) -> Result<(), Refusal> {
    let required = scope::JOURNAL.map(str::to_owned);
    let has = required.iter().any(|scope| grant.scopes.contains(scope));
    has.then_some(()).ok_or_else(|| scope::missing(&required))
}

/// Scopes, rights, and what the request holds.
fn refused(arrival: &Arrival<'_>, strikes: &[Strike], grant: &Grant) -> Option<Refusal> {
    let required = scope::required(&arrival.route);
    if !required.is_empty() && !required.iter().any(|scope| grant.scopes.contains(scope)) {
        return Some(scope::missing(&required));
    }
    fault::auth::forbid(strikes, arrival).or_else(|| content::refuse(strikes, arrival))
}

/// What a call that passed everything is answered.
fn answer(portal: &mut Portal, arrival: &Arrival<'_>, strikes: &[Strike], usage: DailyUsage) -> Reply {
    let now = arrival.now;
    let reply = match (arrival.route.bare().as_slice(), &arrival.call.method) {
        (["account-info", "details"], &Method::GET) => {
            Some(account::details(portal.id, &portal.zone, &portal.hosting, now))
        }
        (["account-info", "api-usage", "daily", ..], &Method::GET) => {
            Some(account::daily_usage(usage.used, usage.limit, usage.resets_at, now))
        }
        (bare @ ["crm", "limits", ..], &Method::GET) => {
            capacity::answer(bare, |name| content::fill(strikes, name))
        }
        _ => records(portal, arrival, strikes),
    };
    reply.unwrap_or_else(|| Refusal::no_such_path().reply(&arrival.correlation_id))
}

/// The records' own answer, a batch spoilt where a fault says so.
fn records(portal: &mut Portal, arrival: &Arrival<'_>, strikes: &[Strike]) -> Option<Reply> {
    let moment =
        Moment { now: arrival.now, portal_id: portal.id, correlation_id: arrival.correlation_id.clone() };
    let action = arrival.route.action;
    let split = content::failing_share(strikes)
        .filter(|_| action.is_batch())
        .and_then(|share| half_done::split(arrival.call, action, share));
    if let Some(split) = split {
        let reply = portal.crm.handle(&split.call, &moment)?;
        return Some(half_done::join(reply, &split.failed, action));
    }
    match arrival.route.bare().as_slice() {
        // Pipelines v1 lives until its sunset; its list is the v3 one.
        ["crm-pipelines", "pipelines", object_type] => {
            let path = format!("/crm/v3/pipelines/{object_type}");
            portal.crm.handle(&Call { path, ..arrival.call.clone() }, &moment)
        }
        _ => portal.crm.handle(arrival.call, &moment),
    }
}
