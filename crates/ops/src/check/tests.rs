use jiff::Timestamp;
use jiff::civil::date;

use super::facts::{Credential, Delivered, Disk, Gateway, Running, Token, Webhooks};
use super::*;
use crate::scopes::{ConnectionScopes, Granted, Used};

const TODAY: Date = date(2026, 12, 1);

fn now() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

/// An integration that lacks nothing that a machine can see.
fn sound() -> Facts {
    Facts {
        now: now(),
        credentials: vec![Credential {
            key: "connections.main.token".into(),
            reference: "file:/run/secrets/token".into(),
            readable_by_others: false,
            changed_at: Some("2026-11-01T00:00:00Z".parse().unwrap()),
            missing: false,
        }],
        token: Some(Token {
            well_formed: true,
            status: Some(200),
            scopes: Some(vec!["oauth".into(), "crm.objects.contacts.read".into()]),
        }),
        webhooks: Some(Webhooks {
            public_url: "https://hooks.example.com".into(),
            secrets: vec![("main".into(), 2)],
            reread: Vec::new(),
            delivery: Some(Delivered::Answered(200)),
            subscribers: 1,
        }),
        gateway: Gateway {
            managed: true,
            callers: 1,
            callers_unlimited: Vec::new(),
            deadline_ms: 300_000,
            attempt_timeout_ms: 60_000,
            governor: true,
            retries: true,
            packing: true,
            admin_listen: "127.0.0.1:8401".into(),
            admin_is_loopback: true,
            admin_has_key: false,
            admin_has_tls: false,
        },
        channels: vec!["pagerduty", "slack"],
        incidents: true,
        running: Some(Running {
            health: true,
            ready: true,
            routes: vec![("GET".into(), "/crm/v3/objects/contacts/{id}".into(), 1_000)],
            packed: 900,
            callers_retries: 0,
            calls: 1_000,
            exhausted: 0,
            connections: vec![("main".into(), "ok".into()), ("other".into(), "expiring".into())],
            scopes: Vec::new(),
        }),
        disk: Some(Disk { free_bytes: 100 << 30, size_bytes: 200 << 30 }),
        store: Some("SQLite"),
        clock_ahead_s: Some(0.2),
    }
}

/// What the gateway counted in nine days: calls with one need, and what their token has.
fn counted(scopes: &[&str], need: &str) -> Vec<ConnectionScopes> {
    let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(9 * 24);
    let scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
    let granted = Granted { connection: "main".into(), scopes, told_seconds_ago: Some(1) };
    let (connection, day) = ("main".to_owned(), Timestamp::UNIX_EPOCH);
    let used = Used { connection, day, need: need.into(), calls: 1, refused: 0, last_at: now };
    crate::scopes::report(&[granted], &[used], now)
}

fn standing(facts: &Facts, item: &str) -> Standing {
    let report = report(facts, &[], &[], TODAY);
    report.points.iter().find(|point| point.item == item).expect("a point of this name").standing
}

#[test]
fn what_is_sound_passes_but_for_what_no_machine_sees() {
    let report = report(&sound(), &[], &[], TODAY);
    let open: Vec<_> = report
        .points
        .iter()
        .filter(|point| point.standing != Standing::Passes)
        .map(|point| point.item)
        .collect();
    assert_eq!(open, ["backups", "sandbox-tested"], "{report:#?}");
    assert!(!report.has_problem());
}

/// Each point, and one change that must show at it and at nothing else.
#[test]
fn each_point_shows_what_is_wrong_with_it_alone() {
    type Break = fn(&mut Facts);
    let breaks: [(&str, Standing, Break); 25] = [
        ("credentials-kept", Standing::Fails, |facts| facts.credentials[0].readable_by_others = true),
        ("credentials-kept", Standing::Fails, |facts| facts.credentials[0].missing = true),
        ("credentials-work", Standing::Fails, |facts| facts.token.as_mut().unwrap().status = Some(401)),
        ("credentials-fresh", Standing::Warns, |facts| {
            facts.credentials[0].changed_at = Some("2026-08-01T00:00:00Z".parse().unwrap());
        }),
        ("scopes-minimal", Standing::Warns, |facts| {
            facts.token.as_mut().unwrap().scopes.as_mut().unwrap().push("forms".into());
        }),
        ("scopes-minimal", Standing::Fails, |facts| {
            facts.token.as_mut().unwrap().scopes = Some(vec!["oauth".into()]);
        }),
        ("scopes-minimal", Standing::Warns, |facts| {
            facts.running.as_mut().unwrap().scopes = counted(&["oauth", "forms"], "?objects");
        }),
        ("scopes-minimal", Standing::Fails, |facts| {
            facts.running.as_mut().unwrap().scopes = counted(&["oauth"], "forms");
        }),
        ("webhooks-encrypted", Standing::Fails, |facts| {
            facts.webhooks.as_mut().unwrap().public_url = "http://hooks.example.com".into();
        }),
        ("webhooks-verified", Standing::Fails, |facts| {
            facts.webhooks.as_mut().unwrap().delivery = Some(Delivered::Answered(400));
        }),
        ("webhook-secrets-rotate", Standing::Unknown, |facts| {
            facts.webhooks.as_mut().unwrap().secrets[0].1 = 1;
        }),
        ("retries-at-one-layer", Standing::Warns, |facts| {
            facts.running.as_mut().unwrap().callers_retries = 100;
        }),
        ("batches", Standing::Warns, |facts| facts.gateway.packing = false),
        ("timeouts", Standing::Warns, |facts| facts.gateway.attempt_timeout_ms = 400_000),
        ("governed", Standing::Fails, |facts| facts.gateway.governor = false),
        ("daily-pool-lasts", Standing::Warns, |facts| facts.running.as_mut().unwrap().exhausted = 1),
        ("callers-limited", Standing::Warns, |facts| facts.gateway.managed = false),
        ("connections-authorised", Standing::Fails, |facts| {
            facts.running.as_mut().unwrap().connections[1].1 = "needs_reauthorisation".into();
        }),
        ("admin-protected", Standing::Fails, |facts| facts.gateway.admin_is_loopback = false),
        ("admin-protected", Standing::Warns, |facts| {
            (facts.gateway.admin_is_loopback, facts.gateway.admin_has_key) = (false, true);
        }),
        ("durable", Standing::Fails, |facts| facts.store = None),
        ("alerts-reach-someone", Standing::Fails, |facts| facts.channels.clear()),
        ("health", Standing::Fails, |facts| facts.running.as_mut().unwrap().health = false),
        ("disk-has-room", Standing::Warns, |facts| {
            facts.disk = Some(Disk { free_bytes: 1 << 30, size_bytes: 2 << 30 });
        }),
        ("clock-right", Standing::Fails, |facts| facts.clock_ahead_s = Some(-300.0)),
    ];
    for (item, expected, change) in breaks {
        let mut facts = sound();
        change(&mut facts);
        assert_eq!(standing(&facts, item), expected, "{item}");
        let before = report(&sound(), &[], &[], TODAY);
        for point in &before.points {
            if point.item != item {
                assert_eq!(standing(&facts, point.item), point.standing, "{item} shows at {}", point.item);
            }
        }
    }
}

#[test]
fn a_call_that_ends_soon_is_named_with_its_successor() {
    let mut facts = sound();
    let sunset = hubspot::sunset::calendar().iter().max_by_key(|sunset| sunset.date).unwrap();
    facts.running.as_mut().unwrap().routes.push(("GET".into(), sunset.path_prefix.into(), 3));
    facts.now = sunset.date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let report = report(&facts, &[], &[], sunset.date);
    let point = report.points.iter().find(|point| point.item == "versions-current").unwrap();
    assert_eq!(point.standing, Standing::Fails);
    assert!(point.evidence.contains(sunset.path_prefix) && point.evidence.contains(&sunset.date.to_string()));
}

#[test]
fn a_waiver_excuses_until_its_day_and_nothing_afterwards() {
    let mut facts = sound();
    facts.store = None;
    let waiver = Waiver { item: "durable".into(), until: TODAY, reason: "a proxy only".into() };
    let waived = report(&facts, std::slice::from_ref(&waiver), &[], TODAY);
    assert!(!waived.has_problem());
    let over = report(&facts, std::slice::from_ref(&waiver), &[], TODAY.tomorrow().unwrap());
    assert!(over.has_problem());
    let point = over.points.iter().find(|point| point.item == "durable").unwrap();
    assert!(point.evidence.contains("ran out"), "{point:?}");
    // It is about what is open, and hides nothing that passes.
    let unneeded = report(&sound(), &[waiver], &[], TODAY);
    assert_eq!(unneeded.count(Standing::Waived), 0);
}

#[test]
fn a_word_on_what_no_machine_sees_holds_half_a_year_and_only_there() {
    let said = |item: &str, on| Attestation { item: item.into(), on, evidence: "restored".into() };
    let of = |attestation: Attestation, item| {
        let report = report(&sound(), &[], &[attestation], TODAY);
        report.points.iter().find(|point| point.item == item).unwrap().standing
    };
    assert_eq!(of(said("backups", date(2026, 11, 1)), "backups"), Standing::Passes);
    assert_eq!(of(said("backups", date(2026, 3, 1)), "backups"), Standing::Warns);
    assert_eq!(of(said("backups", date(2027, 1, 1)), "backups"), Standing::Unknown);
    let mut facts = sound();
    facts.store = None;
    let report = report(&facts, &[], &[said("durable", TODAY)], TODAY);
    assert!(report.has_problem(), "what a machine sees, nobody can talk away without a waiver");
}

#[test]
fn names_are_told_apart() {
    for (place, item) in CHECKLIST.iter().enumerate() {
        let first = CHECKLIST.iter().position(|other| other.name == item.name);
        assert_eq!(first, Some(place), "{} stands twice", item.name);
    }
}
