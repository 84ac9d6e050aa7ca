//! The core: one call in, one outcome out, and no I/O, no clock and no chance of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use crate::arrival::{Arrival, caller_fingerprint};
use crate::auth::{self, Credential};
use crate::call::{Call, Reply};
use crate::config::Config;
use crate::crm::Moment;
use crate::dns::Behaviour;
use crate::fault::{self, FaultBook, Strike, content, hubspot, network, quota};
use crate::limits::allowance::allowance;
use crate::limits::meter::RefusalFills;
use crate::limits::{self, Ledger, Payer, Standing, Verdict};
use crate::locks::Locks;
use crate::outcome::{Outcome, Transport};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::registry::{self, Grant, Registry};
use crate::route::Route;
use crate::seed::{Purpose, Seed};
use crate::tally::Tally;
use crate::{account, capacity, control, half_done, oauth, scope, status, sunset};

/// A simulated HubSpot: accounts, apps, limits and faults.
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) seed: Seed,
    pub(crate) registry: Registry,
    pub(crate) portals: BTreeMap<u64, Portal>,
    pub(crate) ledger: Ledger,
    pub(crate) locks: Locks,
    pub(crate) faults: FaultBook,
    pub(crate) tally: Tally,
    /// How far `/_sim/clock/advance` has moved the clock.
    pub(crate) advanced: SignedDuration,
}

/// An answer of HubSpot's, before its headers.
struct Answered {
    reply: Reply,
    standing: Standing,
}

impl From<Reply> for Answered {
    fn from(reply: Reply) -> Self {
        Self { reply, standing: Standing::default() }
    }
}

impl Simulator {
    pub fn new(config: Config) -> Self {
        Self::starting_at(config.base_time, config)
    }

    pub(crate) fn starting_at(now: Timestamp, config: Config) -> Self {
        let seed = Seed::new(config.seed);
        let mut portal = Portal::empty(&config, config.portal_id);
        if config.contacts > 0 {
            portal.crm.seed(&[("contacts", config.contacts)], now);
        }
        let fills = if config.count_rejected { RefusalFills::TheWindow } else { RefusalFills::Nothing };
        Self {
            seed,
            registry: Registry::new(seed, &config.hosting, config.portal_id, now),
            portals: BTreeMap::from([(config.portal_id, portal)]),
            ledger: Ledger::new(fills),
            locks: Locks::default(),
            faults: FaultBook::default(),
            tally: Tally::default(),
            advanced: SignedDuration::ZERO,
            config,
        }
    }

    /// The private-app token of the default portal: `pat-na1-…`.
    pub fn default_token(&self) -> String {
        registry::default_token(self.seed, &self.config.hosting)
    }

    /// The client secret of the default private app; it also signs its webhooks.
    pub fn client_secret(&self) -> String {
        self.registry.client(registry::PRIVATE_APP_ID).1
    }

    /// Client id, client secret and refresh token of the OAuth app installed in the default portal.
    pub fn default_oauth(&self) -> (String, String, String) {
        let (id, secret) = self.registry.client(registry::OAUTH_APP_ID);
        let refresh_token = self.registry.default_install().map(|install| install.refresh_token.clone());
        (id, secret, refresh_token.unwrap_or_default())
    }

    pub const fn portal_id(&self) -> u64 {
        self.config.portal_id
    }

    /// How the DNS stub answers at this instant.
    pub fn dns_behaviour(&self, wall: Timestamp) -> Behaviour {
        let trouble = self.faults.active_effects(wall + self.advanced).find_map(|(_, effect)| match effect {
            fault::Effect::Network(network::Trouble::Dns(behaviour)) => Some(*behaviour),
            fault::Effect::Network(_)
            | fault::Effect::HubSpot(_)
            | fault::Effect::Auth(_)
            | fault::Effect::Quota(_)
            | fault::Effect::Content(_)
            | fault::Effect::Status(_) => None,
        });
        trouble.unwrap_or(Behaviour::Answer)
    }

    /// Answers one call that arrives at `wall`. Instants never run backwards from call to call.
    pub fn handle(&mut self, call: &Call, wall: Timestamp) -> Outcome {
        let now = wall + self.advanced;
        match call.segments().as_slice() {
            ["_sim", rest @ ..] => control::answer(self, call, rest, wall).into(),
            ["_status", ..] => status::answer(call, &self.faults.incidents(now), now).into(),
            _ => self.arrive(call, now),
        }
    }

    /// A call to HubSpot: the line first, then HubSpot, then the record of it.
    fn arrive(&mut self, call: &Call, now: Timestamp) -> Outcome {
        self.settle(now);
        let arrival = self.arrival(call, now);
        let strikes = self.faults.strikes(&arrival);
        let (transport, reaches) = match network::line(&strikes, &arrival) {
            Some((transport, network::When::Before)) => (transport, false),
            Some((transport, network::When::After)) => (transport, true),
            None => (Transport::Answer, true),
        };
        if !reaches {
            self.tally.note_lost(arrival.fingerprint);
            return Outcome { reply: Reply::no_content(), delay: Duration::ZERO, transport };
        }
        let reply = match network::intercept(&strikes) {
            Some(reply) => with_date(reply, now),
            None => {
                let answered = self.serve(&arrival, &strikes);
                self.dress(answered, &arrival)
            }
        };
        let delay = hubspot::delay(&strikes, &arrival);
        self.tally.note(arrival.fingerprint, reply.status.as_u16());
        Outcome { reply, delay, transport }
    }

    /// HubSpot's own order of work. Each step may end the call.
    fn serve(&mut self, arrival: &Arrival<'_>, strikes: &[Strike]) -> Answered {
        let (call, now, id) = (arrival.call, arrival.now, arrival.correlation_id.as_str());
        if let Some(reply) = hubspot::before_auth(strikes, arrival) {
            return reply.into();
        }
        if sunset::has_set(&call.segments(), now) {
            return Refusal::no_such_path().reply(id).into();
        }
        if call.method == Method::HEAD {
            return Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed")
                .reply(id)
                .into();
        }
        if let Some(reply) = self.oauth(arrival) {
            return reply.into();
        }
        let grant = match self.authenticate(arrival, strikes) {
            Ok(grant) => grant,
            Err(refusal) => return refusal.reply(id).into(),
        };
        if let Some(reply) = hubspot::after_auth(strikes, arrival) {
            return reply.into();
        }
        self.serve_granted(arrival, strikes, &grant)
    }

    fn serve_granted(&mut self, arrival: &Arrival<'_>, strikes: &[Strike], grant: &Grant) -> Answered {
        let (now, id) = (arrival.now, arrival.correlation_id.as_str());
        let portal = portal(&mut self.portals, &self.config, grant.portal_id);
        let allowance = allowance(quota::plan(strikes, portal.plan), grant.kind, self.config.limits);
        let payer = Payer {
            app_id: grant.app_id,
            portal_id: portal.id,
            kind: grant.kind,
            allowance,
            zone: &portal.zone,
        };
        let (used, day_began, resets_at) = self.ledger.day(portal.id, &portal.zone, now);
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
        let answered = |reply| Answered { reply, standing };
        if let Some(reply) = quota::strain(strikes, arrival, load, &mut self.locks) {
            return answered(reply);
        }
        let required = scope::required(&arrival.route);
        if !required.is_empty() && !required.iter().any(|scope| grant.scopes.contains(scope)) {
            return answered(scope::missing(&required).reply(id));
        }
        if let Some(refusal) =
            fault::auth::forbid(strikes, arrival).or_else(|| content::refuse(strikes, arrival))
        {
            return answered(refusal.reply(id));
        }
        let reply = match (arrival.route.bare().as_slice(), &arrival.call.method) {
            (["account-info", "details"], &Method::GET) => {
                account::details(portal.id, &portal.zone, &portal.hosting, now)
            }
            (["account-info", "api-usage", "daily", ..], &Method::GET) => {
                let limit = payer.allowance.daily.unwrap_or_default();
                account::daily_usage(used + pressure.daily.by_others, limit, resets_at, now)
            }
            (bare @ ["crm", "limits", ..], &Method::GET) => {
                capacity::answer(bare, |name| content::fill(strikes, name))
                    .unwrap_or_else(|| Refusal::no_such_path().reply(id))
            }
            _ => records(portal, arrival, strikes),
        };
        answered(reply)
    }

    fn authenticate(&self, arrival: &Arrival<'_>, strikes: &[Strike]) -> Result<Grant, Refusal> {
        let credential = auth::credential(&arrival.call.headers);
        let grant = auth::authenticate(credential, &self.registry, arrival.now)?;
        fault::auth::alter(grant, strikes, arrival.now)
    }

    fn oauth(&mut self, arrival: &Arrival<'_>) -> Option<Reply> {
        let (faults, now) = (&self.faults, arrival.now);
        let see = |registry: &Registry, token: &str| {
            let grant = auth::authenticate(Credential::Bearer(token), registry, now).ok()?;
            fault::auth::look(grant, faults, now)
        };
        let mut desk = oauth::Desk {
            registry: &mut self.registry,
            see: &see,
            now,
            correlation_id: &arrival.correlation_id,
        };
        let version = arrival.route.version.as_deref().unwrap_or_default();
        oauth::answer(arrival.call, &arrival.route.bare(), version, &mut desk)
    }

    fn arrival<'a>(&self, call: &'a Call, now: Timestamp) -> Arrival<'a> {
        let number = self.tally.calls + 1;
        let grant = match auth::credential(&call.headers) {
            Credential::Bearer(token) => self.registry.grant(token),
            Credential::Absent => None,
        };
        let portal_id = grant.map(|grant| grant.portal_id);
        let hosting = portal_id.map(|id| {
            self.portals.get(&id).map_or_else(|| self.config.hosting.clone(), |portal| portal.hosting.clone())
        });
        Arrival {
            number,
            now,
            call,
            route: Route::of(call),
            fingerprint: caller_fingerprint(call),
            portal_id,
            hosting,
            correlation_id: self.seed.uuid(Purpose::CorrelationId, number),
            seed: self.seed,
        }
    }

    /// The headers every answer of HubSpot's carries (facts §2.4, §1.3).
    fn dress(&self, answered: Answered, arrival: &Arrival<'_>) -> Reply {
        let Answered { mut reply, standing } = answered;
        let headers = &mut reply.headers;
        let is_page =
            headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let ray = format!("{}-IAD", self.seed.hex(Purpose::CloudflareRay, arrival.number, 16));
        let mut put = |name, value| headers.insert(HeaderName::from_static(name), value);
        put("server", HeaderValue::from_static("cloudflare"));
        put("cf-ray", HeaderValue::try_from(ray).expect("hexadecimal digits"));
        put("cf-cache-status", HeaderValue::from_static("DYNAMIC"));
        // A page comes from the edge, which knows nothing of correlation ids.
        if !is_page {
            let id = HeaderValue::try_from(arrival.correlation_id.as_str()).expect("a uuid");
            put("x-hubspot-correlation-id", id);
            limits::headers::write(&standing, headers);
        }
        with_date(reply, arrival.now)
    }

    /// Begins and ends what faults do to records, when their time has come.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for fault in self.faults.all_mut() {
            let portal_id = fault.aim.portal_id.unwrap_or(self.config.portal_id);
            let portal = portal(&mut self.portals, &self.config, portal_id);
            let active = fault.is_active(now);
            if active && !fault.settled {
                fault.undo = fault
                    .effects
                    .iter()
                    .filter_map(|effect| content::inflict(effect, &mut portal.crm))
                    .collect();
            } else if !active && fault.settled {
                for undo in fault.undo.drain(..) {
                    undo.carry_out(&mut portal.crm);
                }
            }
            fault.settled = active;
        }
    }

    /// Undoes what a fault did to records, when it is removed.
    pub(crate) fn heal(&mut self, fault: fault::Fault) {
        let portal_id = fault.aim.portal_id.unwrap_or(self.config.portal_id);
        let portal = portal(&mut self.portals, &self.config, portal_id);
        for undo in fault.undo {
            undo.carry_out(&mut portal.crm);
        }
    }
}

/// The portal of this id; one nobody has mentioned before is empty.
pub(crate) fn portal<'a>(portals: &'a mut BTreeMap<u64, Portal>, config: &Config, id: u64) -> &'a mut Portal {
    portals.entry(id).or_insert_with(|| Portal::empty(config, id))
}

/// The records' own answer, a batch spoilt where a fault says so.
fn records(portal: &mut Portal, arrival: &Arrival<'_>, strikes: &[Strike]) -> Reply {
    let moment =
        Moment { now: arrival.now, portal_id: portal.id, correlation_id: arrival.correlation_id.clone() };
    let action = arrival.route.action;
    let split = content::failing_share(strikes)
        .filter(|_| action.is_batch())
        .and_then(|share| half_done::split(arrival.call, action, share));
    let reply = match (&split, arrival.route.bare().as_slice()) {
        (Some(split), _) => portal.crm.handle(&split.call, &moment),
        // Pipelines v1 lives until its sunset; its list is the v3 one.
        (None, ["crm-pipelines", "pipelines", object_type]) => {
            let path = format!("/crm/v3/pipelines/{object_type}");
            portal.crm.handle(&Call { path, ..arrival.call.clone() }, &moment)
        }
        (None, _) => portal.crm.handle(arrival.call, &moment),
    };
    let reply = reply.unwrap_or_else(|| Refusal::no_such_path().reply(&arrival.correlation_id));
    match split {
        Some(split) => half_done::join(reply, &split.failed, action),
        None => reply,
    }
}

fn with_date(mut reply: Reply, now: Timestamp) -> Reply {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        reply.headers.insert(header::DATE, date);
    }
    reply
}
