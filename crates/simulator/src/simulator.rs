//! The core: one call in, one outcome out, and no I/O, no clock and no chance of its own.

mod dress;
mod serve;

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use crate::arrival::{Arrival, caller_fingerprint};
use crate::auth::{self, Credential};
use crate::backlog::{Backlog, Turn};
use crate::call::{Call, Reply};
use crate::config::Config;
use crate::dns::Behaviour;
use crate::fault::{Effect, Fault, FaultBook, content, grants, hook, hubspot, network, quota};
use crate::limits::Ledger;
use crate::limits::meter::RefusalFills;
use crate::locks::Locks;
use crate::outcome::{Outcome, Transport};
use crate::portal::Portal;
use crate::refusal::Refusal;
use crate::registry::{self, Registry};
use crate::route::Route;
use crate::scenario::Scenario;
use crate::seed::{Purpose, Seed};
use crate::tally::Tally;
use crate::webhooks::Webhooks;
use crate::{control, forms, status};
use dress::with_date;

/// A simulated HubSpot: accounts, apps, limits and faults.
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) seed: Seed,
    pub(crate) registry: Registry,
    pub(crate) portals: BTreeMap<u64, Portal>,
    pub(crate) ledger: Ledger,
    pub(crate) locks: Locks,
    pub(crate) faults: FaultBook,
    pub(crate) backlog: Backlog,
    pub(crate) tally: Tally,
    pub(crate) webhooks: Webhooks,
    pub(crate) forms: forms::Gate,
    /// Forms taken.
    pub(crate) submitted: u64,
    /// What is being played, and since when.
    pub(crate) scenario: Option<(Timestamp, Scenario)>,
    /// How far `/_sim/clock/advance` has moved the clock.
    pub(crate) advanced: SignedDuration,
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
            backlog: Backlog::default(),
            tally: Tally::default(),
            webhooks: Webhooks::new(seed),
            forms: forms::Gate::default(),
            submitted: 0,
            scenario: None,
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

    /// Its client id, which buys a token for the app by itself.
    pub fn client_id(&self) -> String {
        self.registry.client(registry::PRIVATE_APP_ID).0
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
        let trouble = self.faults.active_effects(wall + self.advanced).find_map(|(_, effect)| {
            let Effect::Network(network::Trouble::Dns(behaviour)) = effect else { return None };
            Some(*behaviour)
        });
        trouble.unwrap_or(Behaviour::Answer)
    }

    /// Answers one call that arrives at `wall`. Instants never run backwards from call to call.
    pub fn handle(&mut self, call: &Call, wall: Timestamp) -> Outcome {
        let now = wall + self.advanced;
        match call.segments().as_slice() {
            ["_sim", rest @ ..] => with_date(control::answer(self, call, rest, wall), now).into(),
            // The files behind the journal's entries lie with somebody else, who asks for no token.
            ["_journal", offset] => {
                let found = self.webhooks.journal.file(offset, now);
                with_date(found.unwrap_or_else(|refusal| refusal.reply("-")), now).into()
            }
            ["_forms", ..] => with_date(forms::answer(self, call, now), now).into(),
            ["_status", ..] => {
                let shown = now + network::skew(&self.faults, now);
                with_date(status::answer(call, &self.faults.incidents(now), now), shown).into()
            }
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
        let turn = hubspot::capacity(&strikes).map(|capacity| self.backlog.join(now, capacity));
        let reply = match (network::intercept(&strikes), turn) {
            (Some(reply), _) => with_date(reply, now),
            (None, Some(Turn::GivenUp { .. })) => {
                let refusal = Refusal::new(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout");
                with_date(refusal.reply(&arrival.correlation_id), now)
            }
            (None, Some(Turn::Comes { .. }) | None) => {
                let answered = self.serve(&arrival, &strikes);
                let reply = self.dress(answered, &arrival);
                network::instead(&strikes, &arrival).map_or(reply, |lost| with_date(lost, now))
            }
        };
        let reply = match network::skew(&self.faults, now) {
            SignedDuration::ZERO => reply,
            skew => with_date(reply, now + skew),
        };
        self.tell_watchers(&arrival);
        let in_line = turn.map_or(Duration::ZERO, |turn| match turn {
            Turn::Comes { after } | Turn::GivenUp { after } => after,
        });
        let delay = in_line + hubspot::delay(&strikes, &arrival);
        self.tally.note(arrival.fingerprint, reply.status.as_u16());
        Outcome { reply, delay, transport }
    }

    /// What the call changed goes to the apps that want to know.
    fn tell_watchers(&mut self, arrival: &Arrival<'_>) {
        let portal = arrival.portal_id.and_then(|id| self.portals.get_mut(&id));
        if let Some(portal) = portal {
            let changes = portal.crm.take_changes();
            if !grants::hears_nothing(&self.faults, portal.id, arrival.now) {
                self.webhooks.note(portal.id, &changes);
            }
            if self.webhooks.is_watching() {
                portal.crm.watch();
            }
        }
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

    /// Begins and ends what faults do to records and take note of, when their time has come.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for fault in self.faults.all_mut() {
            let portal_id = fault.aim.portal_id.unwrap_or(self.config.portal_id);
            let portal = portal(&mut self.portals, &self.config, portal_id);
            let active = fault.is_active(now);
            if active && !fault.settled {
                let (spent_today, ..) = self.ledger.day(portal.id, &portal.zone, now);
                fault.effects.iter_mut().for_each(|effect| quota::take_stock(effect, spent_today));
                fault.undo = fault
                    .effects
                    .iter()
                    .filter_map(|effect| content::inflict(effect, &mut portal.crm))
                    .collect();
                let tampered = fault.effects.iter();
                fault.hook_undo = tampered
                    .filter_map(|effect| hook::inflict(effect, &mut self.webhooks, portal.id, now))
                    .collect();
            } else if !active && fault.settled {
                for undo in fault.undo.drain(..) {
                    undo.carry_out(&mut portal.crm);
                }
                fault.hook_undo.drain(..).for_each(|undo| undo.carry_out(&mut self.webhooks));
            }
            fault.settled = active;
        }
        self.webhooks.faulty = hook::disorder(self.faults.active_effects(now).map(|(_, effect)| effect));
    }

    /// Undoes what a fault did to records, when it is removed.
    pub(crate) fn heal(&mut self, fault: Fault) {
        let portal_id = fault.aim.portal_id.unwrap_or(self.config.portal_id);
        let portal = portal(&mut self.portals, &self.config, portal_id);
        for undo in fault.undo {
            undo.carry_out(&mut portal.crm);
        }
        fault.hook_undo.into_iter().for_each(|undo| undo.carry_out(&mut self.webhooks));
    }
}

/// The portal of this id; one nobody has mentioned before is empty.
pub(crate) fn portal<'a>(portals: &'a mut BTreeMap<u64, Portal>, config: &Config, id: u64) -> &'a mut Portal {
    portals.entry(id).or_insert_with(|| Portal::empty(config, id))
}
