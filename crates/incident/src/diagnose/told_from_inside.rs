//! Faults that show only from inside: our own parts, the webhook inbox, the tokens we refresh.

use hubspot::error::ErrorKind as Kind;
use rstest::rstest;

use super::*;
use crate::facts::forwarding::{Forwarding, Subscriber};
use crate::facts::grants::{Grants, Install, Refusal};
use crate::facts::inbox::{Doorbell, Inbox, Quarantine, Sender, Strangers, Subscription};
use crate::facts::inside::{
    Disk, Inside, OwnCache, Process, Secrets, SharedCache, Store, StoreProblem, Version, Watch,
};
use crate::facts::traffic::{ErrorCount, Group};
use crate::fixture::{ago, busy, change, error, failing_group, group, traffic};

type Spoil = fn(&mut Facts);

/// A hubkeeper in good health, with webhooks, three installs and all of its parts.
fn whole() -> Facts {
    let install = |name: &str| Install {
        connection: name.into(),
        portal_id: Some(7),
        refreshed_at: Some(ago(900)),
        expires_at: Some(ago(-900)),
        ..Install::default()
    };
    let subscriber = |name: &str| Subscriber {
        name: name.into(),
        delivered: 100,
        last_ok_at: Some(ago(4)),
        ..Subscriber::default()
    };
    Facts {
        grants: Some(Grants { installs: ["acme", "bolt", "core"].map(install).into() }),
        inbox: Some(Inbox {
            since: Some(ago(90_000)),
            senders: ["acme", "bolt", "core"].map(sender).into(),
            doorbell: Some(Doorbell { at: Some(ago(20)), arrived: true, stopped_by: None }),
            subscription: Some(Subscription { active: Some(true), target_is_ours: Some(true) }),
            ..Inbox::default()
        }),
        forwarding: Some(Forwarding { subscribers: ["a.example", "b.example"].map(subscriber).into() }),
        inside: Some(inside()),
        ..busy()
    }
}

fn sender(name: &str) -> Sender {
    Sender {
        connection: name.into(),
        portal_id: Some(7),
        events: 150,
        events_recent: 20,
        last_taken_at: Some(ago(5)),
        usual_per_min: Some(10.0),
        ack_p95_ms: 12,
        ..Sender::default()
    }
}

fn inside() -> Inside {
    Inside {
        store: Some(Store {
            commits: 300,
            commits_recent: 40,
            last_ok_at: Some(ago(2)),
            commit_p95_ms: 5,
            ..Store::default()
        }),
        disk: Some(Disk { free_bytes: 50 << 30, total_bytes: 100 << 30 }),
        process: Some(Process {
            cpu_percent: 20,
            memory_bytes: 60 << 20,
            memory_bytes_max: Some(512 << 20),
            descriptors: 90,
            descriptors_max: Some(1_024),
            lag_ms_max: 4,
            lag_ms_felt: None,
            lag_ms_borne: None,
            refused_recent: 0,
        }),
        cache: Some(SharedCache {
            reachable: true,
            hits_recent: 80,
            misses_recent: 20,
            usual_hit_percent: None,
        }),
        own_cache: Some(OwnCache { hits_recent: 300, lost_recent: 9, bytes: 4 << 20 }),
        secrets: Some(Secrets {
            last_ok_at: Some(ago(60)),
            newer_than_loaded: Some(false),
            ..Secrets::default()
        }),
        watch: Some(Watch { beat_every_s: 10, last_beat_at: Some(ago(4)), last_signal_at: Some(ago(1)) }),
        versions: Vec::new(),
    }
}

fn code(facts: &Facts) -> &'static str {
    diagnose(facts, &Runbooks::embedded()).diagnosis.code.id()
}

fn inbox(facts: &mut Facts) -> &mut Inbox {
    facts.inbox.as_mut().unwrap()
}

fn ours(facts: &mut Facts) -> &mut Inside {
    facts.inside.as_mut().unwrap()
}

/// The installs, all refused in this way as their turn came.
fn refuse(facts: &mut Facts, count: usize, refusal: Refusal) {
    for install in facts.grants.as_mut().unwrap().installs.iter_mut().take(count) {
        install.refusal = Some(refusal);
        install.refused_at = Some(ago(300));
        install.refusals = 3;
    }
}

fn silence(sender: &mut Sender) {
    sender.events_recent = 0;
    sender.last_taken_at = Some(ago(1_200));
}

fn every_sender(facts: &mut Facts, how: impl Fn(&mut Sender)) {
    inbox(facts).senders.iter_mut().for_each(how);
}

fn refused(sender: &mut Sender) {
    (sender.events, sender.events_recent) = (40, 0);
    (sender.refused, sender.refused_recent) = (60, 20);
    sender.first_refused_at = Some(ago(300));
    sender.last_taken_at = Some(ago(320));
}

#[rstest]
#[case::f02("auth.token_stale", |f: &mut Facts| {
    ours(f).secrets.as_mut().unwrap().newer_than_loaded = Some(true);
    failing_group(f, group("objects", "GET", 40), "/crm/v3/owners", error(401, Kind::InvalidAuthentication, 40));
    traffic(f).groups.retain(|group| group.ok == 0);
})]
#[case::f04("auth.refresh_revoked", |f: &mut Facts| refuse(f, 1, Refusal::RefreshToken))]
#[case::f05_told("auth.uninstalled", |f: &mut Facts| {
    refuse(f, 1, Refusal::RefreshToken);
    f.grants.as_mut().unwrap().installs[0].uninstalled_at = Some(ago(400));
})]
#[case::f05_silent("auth.uninstalled", |f: &mut Facts| {
    refuse(f, 1, Refusal::RefreshToken);
    silence(&mut inbox(f).senders[0]);
})]
#[case::f06("auth.client_secret", |f: &mut Facts| refuse(f, 2, Refusal::Client))]
#[case::f07("auth.client_mismatch", |f: &mut Facts| {
    traffic(f).changes.push(change("config", 1_000));
    refuse(f, 3, Refusal::Client);
    f.grants.as_mut().unwrap().installs.iter_mut().for_each(|install| install.refreshed_at = None);
})]
#[case::f12("hubspot.auth_outage", |f: &mut Facts| refuse(f, 3, Refusal::RefreshToken))]
#[case::f46("hook.duplicates", |f: &mut Facts| every_sender(f, |s| (s.repeated, s.repeated_at_first) = (50, 50)))]
#[case::f47("hook.secret", |f: &mut Facts| {
    every_sender(f, refused);
    inbox(f).quarantine = Quarantine { tried: 10, fits_other_secret: 10, fits_other_address: 0 };
})]
#[case::f47_by_the_change("hook.secret", |f: &mut Facts| {
    every_sender(f, refused);
    traffic(f).changes.push(change("secret", 301));
})]
#[case::f47_beside_a_deploy_of_a_program("hook.secret", |f: &mut Facts| {
    every_sender(f, refused);
    traffic(f).changes.push(change("deploy", 301));
})]
#[case::f48("hook.uri", |f: &mut Facts| {
    every_sender(f, refused);
    inbox(f).quarantine = Quarantine { tried: 10, fits_other_secret: 0, fits_other_address: 10 };
    traffic(f).changes.push(change("secret", 4_000));
})]
#[case::f48_by_the_change("hook.uri", |f: &mut Facts| {
    every_sender(f, refused);
    traffic(f).changes.push(change("ingress", 301));
})]
#[case::f49("hook.slow", |f: &mut Facts| every_sender(f, |s| {
    (s.ack_p95_ms, s.retried, s.late, s.repeated) = (7_000, 60, 60, 40);
}))]
#[case::f50("hook.order", |f: &mut Facts| f.forwarding.as_mut().unwrap().subscribers[0].out_of_order = 5)]
#[case::f50_just_begun("hook.order", |f: &mut Facts| {
    let one = &mut f.forwarding.as_mut().unwrap().subscribers[0];
    (one.delivered, one.out_of_order) = (9_000, 6);
    (one.delivered_recent, one.out_of_order_recent) = (300, 6);
})]
#[case::f51("hook.subscription", |f: &mut Facts| {
    inbox(f).subscription = Some(Subscription { active: Some(false), target_is_ours: Some(true) });
    every_sender(f, silence);
})]
#[case::f51_by_the_journal("hook.subscription", |f: &mut Facts| {
    inbox(f).subscription = None;
    inbox(f).journal_missed = Some(80);
    every_sender(f, silence);
})]
#[case::f51_at_a_quiet_hour("hook.subscription", |f: &mut Facts| {
    (inbox(f).subscription, inbox(f).journal_missed) = (None, Some(5));
    every_sender(f, |s| (s.events_recent, s.usual_per_min) = (0, None));
})]
#[case::f52("hook.unreachable", |f: &mut Facts| {
    let stopped_by = Some("certificate expired".into());
    inbox(f).doorbell = Some(Doorbell { at: Some(ago(9)), arrived: false, stopped_by });
    every_sender(f, silence);
})]
#[case::f53("hook.attack", |f: &mut Facts| {
    inbox(f).strangers = Strangers { refused: 90, refused_recent: 60, sources: 3 };
})]
#[case::f54("hook.backlog", |f: &mut Facts| every_sender(f, |s| (s.late, s.retried, s.oldest_s) = (120, 90, 7_000)))]
#[case::f55("self.store", |f: &mut Facts| {
    let store = ours(f).store.as_mut().unwrap();
    (store.failed, store.failed_recent, store.problem) = (30, 30, Some(StoreProblem::Unreachable));
    every_sender(f, |s| s.not_kept = 10);
})]
#[case::f55_slow("self.store", |f: &mut Facts| {
    ours(f).store.as_mut().unwrap().commit_p95_ms = 6_000;
    every_sender(f, |s| (s.ack_p95_ms, s.retried) = (6_100, 40));
})]
#[case::f55_slow_in_a_row("self.store", |f: &mut Facts| ours(f).store.as_mut().unwrap().slow_in_a_row = 3)]
#[case::f55_in_a_row("self.store", |f: &mut Facts| {
    let store = ours(f).store.as_mut().unwrap();
    (store.failed, store.failed_recent, store.failed_in_a_row) = (4, 4, 3);
})]
#[case::f56("self.disk", |f: &mut Facts| {
    let store = ours(f).store.as_mut().unwrap();
    (store.failed, store.failed_recent, store.problem) = (30, 30, Some(StoreProblem::Io));
})]
#[case::f56_full("self.disk", |f: &mut Facts| ours(f).disk.as_mut().unwrap().free_bytes = 0)]
#[case::f57("self.resources", |f: &mut Facts| ours(f).process.as_mut().unwrap().descriptors = 1_020)]
#[case::f57_looks_slow("self.resources", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.cpu_percent, process.lag_ms_max) = (99, 1_500);
    for probe in &mut f.probes.families {
        probe.exchange.first_byte_ms = Some(1_800);
    }
})]
#[case::f57_by_what_is_borne("self.resources", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.lag_ms_max, process.lag_ms_borne) = (200, Some(200));
})]
#[case::f57_that_nobody_waited_for("healthy", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.cpu_percent, process.lag_ms_max, process.lag_ms_felt) = (10, 2_500, Some(3));
})]
#[case::slow_probes_of_an_idle_process_that_lags("healthy", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.lag_ms_max, process.lag_ms_felt) = (1_500, Some(3));
    for probe in &mut f.probes.families {
        probe.exchange.first_byte_ms = Some(1_800);
    }
})]
#[case::f57_that_calls_waited_for("self.resources", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.lag_ms_max, process.lag_ms_felt) = (2_500, Some(1_100));
})]
#[case::f57_that_is_borne("healthy", |f: &mut Facts| {
    let process = ours(f).process.as_mut().unwrap();
    (process.cpu_percent, process.lag_ms_max, process.lag_ms_borne) = (99, 1_500, Some(60_000));
})]
#[case::f58("self.regression", |f: &mut Facts| ours(f).versions = vec![version("2", 100, 40), version("1", 900, 100)])]
#[case::f58_of_our_own("self.regression", |f: &mut Facts| {
    let of = |version: Version| Version { caller: "hubkeeper".into(), ..version };
    ours(f).versions = vec![of(version("2", 100, 40)), of(version("1", 900, 10))];
})]
#[case::f58_in_traffic("self.regression", |f: &mut Facts| {
    traffic(f).changes.push(change("deploy", 210));
    let wrong = ErrorCount { kind: Some(Kind::NoSuchEndpoint), ..error(404, Kind::NoSuchEndpoint, 30) };
    failing_group(f, group("other", "GET", 30), "/crm/v3/objcts/contacts", wrong);
})]
#[case::f58_a_path_that_never_was("self.regression", |f: &mut Facts| {
    traffic(f).changes.push(change("deploy", 210));
    failing_group(f, group("other", "GET", 30), "/{path}", error(404, Kind::NotFound, 30));
})]
#[case::f59("self.cache", |f: &mut Facts| {
    ours(f).cache = Some(SharedCache { reachable: false, hits_recent: 0, misses_recent: 200, usual_hit_percent: Some(80) });
})]
#[case::f59_our_own("self.cache", |f: &mut Facts| {
    ours(f).own_cache = Some(OwnCache { hits_recent: 40, lost_recent: 90, bytes: 1 << 20 });
})]
#[case::f60("consumer.down", |f: &mut Facts| {
    let one = &mut f.forwarding.as_mut().unwrap().subscribers[0];
    (one.failed, one.failed_recent, one.waiting, one.last_failed_at) = (30, 12, 400, Some(ago(2)));
})]
#[case::f62("self.secrets", |f: &mut Facts| {
    ours(f).secrets = Some(Secrets { failed: 3, last_failed_at: Some(ago(9)), last_ok_at: Some(ago(900)), newer_than_loaded: None });
    refuse(f, 2, Refusal::NoSecret);
})]
#[case::f63("self.blind", |f: &mut Facts| {
    ours(f).watch = Some(Watch { beat_every_s: 10, last_beat_at: Some(ago(120)), last_signal_at: Some(ago(120)) });
    traffic(f).groups.clear();
})]
#[case::well("healthy", |_: &mut Facts| ())]
#[case::one_customer_is_quiet("healthy", |f: &mut Facts| silence(&mut inbox(f).senders[1]))]
#[case::a_quiet_hour("healthy", |f: &mut Facts| {
    every_sender(f, |s| (s.usual_per_min, s.events_recent, s.last_taken_at) = (Some(0.1), 0, Some(ago(1_200))));
    traffic(f).groups.clear();
})]
#[case::events_from_before_are_in_another_order("healthy", |f: &mut Facts| every_sender(f, |s| s.overtaken = 30))]
#[case::a_rotation_that_went_well("healthy", |f: &mut Facts| traffic(f).changes.push(change("secret", 300)))]
#[case::a_few_of_very_many_change_places("healthy", |f: &mut Facts| {
    let one = &mut f.forwarding.as_mut().unwrap().subscribers[0];
    (one.delivered, one.out_of_order) = (9_000, 6);
    (one.delivered_recent, one.out_of_order_recent) = (600, 4);
})]
#[case::an_answer_that_made_room_now_and_then("healthy", |f: &mut Facts| {
    ours(f).own_cache = Some(OwnCache { hits_recent: 12, lost_recent: 19, bytes: 1 << 20 });
})]
#[case::the_journal_brings_a_few("healthy", |f: &mut Facts| inbox(f).journal_missed = Some(4))]
#[case::a_cache_that_nobody_has_asked_yet("healthy", |f: &mut Facts| ours(f).cache = Some(SharedCache::default()))]
#[case::a_few_commits_of_many_fail("healthy", |f: &mut Facts| {
    let store = ours(f).store.as_mut().unwrap();
    (store.failed, store.failed_recent, store.failed_in_a_row, store.slow_in_a_row) = (9, 9, 2, 2);
})]
#[case::a_receiver_that_restarts("healthy", |f: &mut Facts| {
    let one = &mut f.forwarding.as_mut().unwrap().subscribers[0];
    (one.failed, one.failed_recent, one.last_failed_at) = (6, 6, Some(ago(60)));
})]
fn it_is_named(#[case] expected: &str, #[case] how: Spoil) {
    let mut facts = whole();
    how(&mut facts);
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert_eq!(triage.diagnosis.code.id(), expected, "{:#?}\n{:#?}", triage.diagnosis, triage.also);
}

fn version(name: &str, calls: u64, failed: u64) -> Version {
    let since = if name == "2" { ago(300) } else { ago(90_000) };
    Version {
        caller: "crm-sync".into(),
        version: name.into(),
        since: Some(since),
        calls,
        failed: failed / 4,
        p50_ms: 80,
    }
}

#[test]
fn an_expired_token_that_cannot_be_refreshed_is_the_refreshs_fault() {
    let mut facts = whole();
    refuse(&mut facts, 1, Refusal::RefreshToken);
    let expired = error(401, Kind::ExpiredAuthentication, 40);
    let mut acme = group("objects", "GET", 40);
    acme.connection = "acme".into();
    failing_group(&mut facts, acme, "/crm/v3/owners", expired);
    assert_eq!(code(&facts), "auth.refresh_revoked");
}

#[test]
fn tokens_that_run_out_while_no_secret_can_be_read_are_no_fault_of_hubspots() {
    let expired = |refusal: Option<Refusal>| {
        let mut facts = whole();
        for name in ["acme", "bolt", "core"] {
            let own = Group { connection: name.into(), ..group("objects", "GET", 40) };
            failing_group(&mut facts, own, "/crm/v3/owners", error(401, Kind::ExpiredAuthentication, 40));
        }
        if let Some(refusal) = refusal {
            refuse(&mut facts, 3, refusal);
            ours(&mut facts).secrets =
                Some(Secrets { failed: 9, last_failed_at: Some(ago(4)), ..Secrets::default() });
        }
        causes(&facts, &Runbooks::embedded()).into_iter().map(|cause| cause.code).collect::<Vec<_>>()
    };
    assert_eq!(expired(Some(Refusal::NoSecret)), [Code::Secrets]);
    assert_eq!(expired(None), [Code::AuthOutage]);
}

#[test]
fn webhooks_that_still_come_exclude_an_uninstall() {
    let mut facts = whole();
    refuse(&mut facts, 1, Refusal::RefreshToken);
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert!(triage.also.iter().all(|also| also.code != Code::Uninstalled), "{:?}", triage.also);
    facts.inbox = None;
    let triage = diagnose(&facts, &Runbooks::embedded());
    assert!(triage.also.iter().any(|also| also.code == Code::Uninstalled), "{:?}", triage.also);
}

#[test]
fn who_does_not_look_inside_is_not_asked_about_it() {
    let triage = diagnose(&crate::fixture::healthy(), &Runbooks::embedded());
    assert!(triage.path.iter().all(|step| !step.question.contains("our own store")), "{:?}", triage.path);
}
