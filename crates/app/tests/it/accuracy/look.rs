//! The look: the real probes over the case's network, the real traffic memory, the ledgers; and the diagnosis of it all.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use client::probe::target::Target;
use client::slot::OwnGate;
use http::Method;
use hubspot::secret::Secret;
use incident::diagnose;
use incident::facts::Facts;
use incident::facts::configured::Configured;
use incident::facts::inbox::{Doorbell, Inbox, Subscription};
use incident::facts::inside::{Inside, Watch};
use incident::facts::probes::{Probes, Tcp};
use incident::facts::traffic::Traffic;
use incident::runbook::Runbooks;
use incident::triage::Triage;
use jiff::SignedDuration;
use ops::triage::Asked;
use serde_json::Value;
use simulator::registry::PRIVATE_APP_ID;

use super::house::House;
use super::network::{self, Network};
use super::own::{PUBLIC_URL, ProxyMood};

/// What one look gave, and what it cost.
pub(super) struct Looked {
    pub(super) triage: Triage,
    pub(super) facts: Facts,
    pub(super) calls: u32,
    pub(super) took: Duration,
}

pub(super) async fn look(house: &House) -> Looked {
    let began = tokio::time::Instant::now();
    let plan = &house.plan;
    let clock = skewed(house);
    let mut facts = ops::triage::facts(&asked(house), plan.gateway.then(|| traffic(house)), &clock).await;
    if plan.gateway {
        with_our_own(house, &mut facts);
        if let Some(inbox) = &mut facts.inbox {
            asked_around(house, inbox).await;
        }
    }
    let triage = diagnose(&facts, &Runbooks::embedded());
    Looked { triage, calls: facts.probes.calls, facts, took: began.elapsed() }
}

/// What the incident room of a running hubkeeper asks: probes, traffic, and how its own parts stand.
pub(super) async fn look_from_the_room(house: &House) -> Facts {
    let mut facts = ops::triage::facts(&asked(house), Some(traffic(house)), &skewed(house)).await;
    with_our_own(house, &mut facts);
    facts
}

/// What it has without asking anybody; `tcp` is what was found when HubSpot's addresses were last connected to.
pub(super) fn in_passing(house: &House, tcp: Option<Tcp>) -> Facts {
    let portal_id = house.plan.portal_known.then_some(house.portal);
    let configured = Configured { now: skewed(house).now(), portal_id, ..Configured::default() };
    let probes = Probes { tcp, ..Probes::default() };
    let mut facts = Facts { configured, probes, traffic: Some(traffic(house)), ..Facts::default() };
    with_our_own(house, &mut facts);
    facts
}

/// Every address of HubSpot's, as the room connects to them now and then.
pub(super) async fn connects(house: &House) -> Option<Tcp> {
    ops::triage::connects(&asked(house).target).await
}

fn with_our_own(house: &House, facts: &mut Facts) {
    let now = skewed(house).now();
    facts.inside = Some(inside(house, now));
    facts.grants = (house.plan.installs > 0).then(|| house.own.lock().grants.report());
    if house.plan.webhooks {
        let own = house.own.lock();
        facts.inbox = Some(Inbox { quarantine: own.receiver.quarantine.clone(), ..own.inbox.report(now) });
        facts.forwarding = Some(own.forwarding.report(house.clock.now()));
    }
}

fn skewed(house: &House) -> WallClock {
    let (clock, off_s) = (house.clock.clone(), house.own.lock().clock_off_s);
    WallClock::new(move || clock.now() + SignedDuration::from_secs(off_s))
}

/// As it travels from the admin API to triage.
fn traffic(house: &House) -> Traffic {
    let report = house.traffic.report(&house.stack.accounts());
    let json: Value = serde_json::to_value(&report).expect("a report");
    serde_json::from_value(json).expect("the contract between gateway and diagnosis")
}

fn asked(house: &House) -> Asked {
    let scheme = if house.plan.https { "https" } else { "http" };
    let mut target = Target::new(format!("{scheme}://{}", network::HOST).parse().expect("a URL"));
    let page = format!("http://{}/_status/api/v2/summary.json", network::STATUS_HOST);
    target.status_page = house.plan.status_page.then(|| page.parse().expect("a URL"));
    let token = Secret::new(house.token.lock().as_str());
    if house.plan.gateway {
        target.gate = Some(Arc::new(OwnGate::new(house.stack.clone(), &token, "triage")));
    }
    target.token = Some(token);
    target.dns_servers = vec![network::SECOND_RESOLVER.parse().expect("an address")];
    target.control_host = Some(network::CONTROL_HOST.into());
    if house.own.lock().ground.proxy != ProxyMood::Absent {
        target.proxy = Some(network::PROXY.parse().expect("a URL"));
    }
    let terrain = Network { shell: house.shell.clone(), own: house.own.clone() };
    target.terrain = Some(Arc::new(terrain));
    Asked { target, portal_id: house.plan.portal_known.then_some(house.portal), plan: None }
}

fn inside(house: &House, now: jiff::Timestamp) -> Inside {
    let own = house.own.lock();
    Inside {
        store: Some(own.commits.report(now)),
        disk: Some(own.disk.clone()),
        process: Some(own.process.clone()),
        cache: Some(own.look_ups.report(now)),
        own_cache: None,
        secrets: Some(own.reads.report()),
        watch: Some(Watch {
            beat_every_s: 10,
            last_beat_at: own.last_beat_at,
            last_signal_at: own.last_signal_at,
        }),
        versions: own.versions.clone(),
    }
}

/// What is asked of HubSpot's settings and of our own public address.
async fn asked_around(house: &House, inbox: &mut Inbox) {
    if !house.plan.asks_around {
        return;
    }
    let under = format!("/webhooks/v3/{PRIVATE_APP_ID}");
    let settings = house.ask(Method::GET, &format!("{under}/settings"), "").await;
    let all = house.ask(Method::GET, &format!("{under}/subscriptions"), "").await;
    let listed = all["results"].as_array();
    let active = listed.map(|all| all.iter().any(|one| one["active"].as_bool() == Some(true)));
    inbox.subscription = listed.map(|_| Subscription {
        active,
        target_is_ours: settings["targetUrl"].as_str().map(|url| url == PUBLIC_URL),
    });
    let unreachable = house.own.lock().receiver.unreachable;
    inbox.doorbell = Some(Doorbell {
        at: Some(skewed(house).now()),
        arrived: !unreachable,
        stopped_by: unreachable.then(|| "connection refused".into()),
    });
}
