//! `hubkeeper triage` against the real simulator, probe by probe and, where a fault shows in traffic only, through the
//! real gateway: the right first code for every fault, and silence when all is well.

mod black_hole;
mod certificates;
mod contract;
mod house;
mod quota;

use std::time::Duration;

use house::{Gateway, NOBODY, Pace, Simulator, Triage, Workload};
use serde_json::{Value, json};

/// The portal of every simulator.
const PORTAL: u64 = 24_601_842;

fn triage(sim: &Simulator) -> Triage {
    Triage::of(&sim.url).token(&sim.token).status_page(&sim.status_page())
}

fn code(diagnosis: &Value) -> String {
    diagnosis["diagnosis"]["code"].as_str().expect("a code").to_owned()
}

#[test]
fn healthy_is_healthy_with_an_unrelated_incident_too() {
    let sim = Simulator::start(&[]);
    let (diagnosis, exit) = triage(&sim).run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0));
    sim.fault(&json!({"kind": "F24"}));
    let (diagnosis, exit) = triage(&sim).run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0));
}

/// Every fault that probes alone can see, first alone, then with an incident on the status page that has nothing to do
/// with it.
#[test]
fn probes_alone_name_the_fault() {
    let faults = [
        (json!({"kind": "F01"}), "auth.token_revoked"),
        (json!({"kind": "F03"}), "auth.token_expired"),
        (json!({"kind": "F08"}), "auth.missing_scope"),
        (json!({"kind": "F09"}), "auth.user_permissions"),
        (json!({"kind": "F11"}), "auth.wrong_account"),
        (json!({"kind": "F13"}), "quota.daily_self"),
        (json!({"kind": "F14"}), "quota.daily_neighbour"),
        (json!({"kind": "F15"}), "quota.burst_self"),
        (json!({"kind": "F17"}), "quota.search"),
        (json!({"kind": "F20"}), "hubspot.outage_known"),
        (json!({"kind": "F21"}), "hubspot.outage_unlisted"),
        (json!({"kind": "F22"}), "hubspot.partial"),
        (json!({"kind": "F22", "family": "associations"}), "hubspot.partial"),
        (json!({"kind": "F23"}), "hubspot.region"),
        (json!({"kind": "F25", "ms": 1_600}), "hubspot.slow"),
        (json!({"kind": "F26"}), "hubspot.migration"),
        (json!({"kind": "F27"}), "hubspot.sunset"),
        (json!({"kind": "F27", "body": "json"}), "hubspot.sunset"),
        (json!({"kind": "F36"}), "net.proxy"),
        (json!({"kind": "F36", "status": 502}), "net.proxy"),
        (json!({"kind": "F37"}), "self.base_url"),
        (json!({"kind": "F39"}), "net.edge_block"),
        (json!({"kind": "reset"}), "hubspot.outage_unlisted"),
        (json!({"kind": "truncate"}), "hubspot.outage_unlisted"),
        (json!({"kind": "html", "status": 503}), "hubspot.outage_unlisted"),
    ];
    let sim = Simulator::start(&[]);
    for (fault, expected) in faults {
        sim.reset();
        sim.fault(&fault);
        let asked = triage(&sim).option("--portal-id", &PORTAL.to_string());
        let (alone, exit) = asked.run();
        assert_eq!((code(&alone).as_str(), exit), (expected, 1), "{fault}: {alone:#}");
        assert!(alone["diagnosis"]["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()));
        sim.fault(&json!({"kind": "F24"}));
        let (distracted, _) = asked.run();
        assert_eq!(code(&distracted), expected, "{fault} with an unrelated incident: {distracted:#}");
    }
}

/// Every fault that shows only in what the callers get, seen through the gateway. The work goes before the fault, so
/// that the gateway has seen better times, and again after it.
#[rstest::rstest]
#[case(json!({"kind": "F10"}), lists, "account.tier")]
#[case(json!({"kind": "F18"}), batches, "quota.processing")]
#[case(json!({"kind": "F19"}), updates_of_one_record, "quota.locked")]
#[case(json!({"kind": "F28"}), creates_with_the_newest_version, "hubspot.validation_change")]
#[case(json!({"kind": "F40"}), creates, "self.bad_payload")]
#[case(json!({"kind": "F41"}), creates, "account.schema")]
#[case(json!({"kind": "F42"}), creates, "data.conflict")]
#[case(json!({"kind": "F43"}), creates, "account.limit")]
#[case(json!({"kind": "F44", "share": 0.5}), reads_of_all, "data.gone")]
#[case(json!({"kind": "F45"}), batches, "data.partial")]
#[case(json!({"kind": "F01"}), lists, "auth.token_revoked")]
#[case(json!({"kind": "F13"}), lists, "quota.daily_self")]
#[case(json!({"kind": "F14"}), lists, "quota.daily_neighbour")]
#[case(json!({"kind": "F21"}), lists, "hubspot.outage_unlisted")]
#[case(json!({"kind": "F24"}), lists, "healthy")]
fn traffic_names_the_fault(
    #[case] fault: Value,
    #[case] work: fn(&Gateway, &[String]),
    #[case] expected: &str,
) {
    let sim = Simulator::start(&["--contacts", "20"]);
    let gateway = Gateway::start(&sim);
    let ids = gateway.contact_ids();
    reads_of_all(&gateway, &ids);
    creates(&gateway, &ids);
    sim.fault(&fault);
    work(&gateway, &ids);
    let (diagnosis, _) = triage(&sim).option("--admin", &gateway.admin).run();
    assert_eq!(code(&diagnosis), expected, "{fault}: {diagnosis:#}");
}

/// A deploy that the gateway was told of is the first thing a reader wants to know of a payload that broke after it.
#[test]
fn a_deploy_before_a_broken_payload_is_told() {
    let [untold, told] = [None, Some(json!({"kind": "deploy", "what": "crm-sync 1.8.0"}))].map(|deploy| {
        let sim = Simulator::start(&["--contacts", "20"]);
        let gateway = Gateway::start(&sim);
        let ids = gateway.contact_ids();
        creates(&gateway, &ids);
        if let Some(deploy) = deploy {
            gateway.note(&deploy);
        }
        sim.fault(&json!({"kind": "F40"}));
        creates(&gateway, &ids);
        triage(&sim).option("--admin", &gateway.admin).run().0
    });
    assert_eq!(["self.bad_payload"; 2], [code(&untold), code(&told)], "{untold:#} {told:#}");
    let sure = |diagnosis: &Value| diagnosis["diagnosis"]["confidence"].as_f64().expect("a number");
    assert!(sure(&told) > sure(&untold), "{untold:#} {told:#}");
    assert!(told["diagnosis"]["evidence"].to_string().contains("crm-sync 1.8.0"), "{told:#}");
}

/// Kept connections that break when they are used again: nothing is lost, and the cause is named.
#[test]
fn connections_that_die_while_idle_are_named() {
    let sim = Simulator::start(&["--contacts", "20"]);
    let gateway = Gateway::start(&sim);
    sim.fault(&json!({"kind": "reset", "after_idle_ms": 100}));
    // Longer than any server that means well takes to say that it closes.
    let now_and_then = Pace { programs: 1, pause: Duration::from_millis(1_200), ..Pace::MODEST };
    Workload::through(&gateway.url, &sim.token, &now_and_then).goes_on_for(5);
    let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run();
    let traffic = gateway.traffic();
    assert_eq!((code(&diagnosis).as_str(), exit), ("net.stale_pool", 1), "{diagnosis:#} {traffic:#}");
}

/// A clock of ours that is wrong, seen from the other side: HubSpot's `Date` is ten minutes on.
#[test]
fn a_wrong_clock_is_named() {
    let sim = Simulator::start(&[]);
    let gateway = Gateway::start(&sim);
    sim.advance(600);
    for admin in [NOBODY, &gateway.admin] {
        let (diagnosis, exit) = triage(&sim).option("--admin", admin).run();
        assert_eq!((code(&diagnosis).as_str(), exit), ("self.clock", 1), "{diagnosis:#}");
    }
}

/// Answers that say "not there" are part of many programs' everyday work.
#[rstest::rstest]
#[case::single_records(reads_of_two_that_are_not_there)]
#[case::in_batches(batch_reads_with_ids_that_are_not_there)]
fn not_finding_a_record_is_no_fault(#[case] work: fn(&Gateway)) {
    let sim = Simulator::start(&["--contacts", "20"]);
    let gateway = Gateway::start(&sim);
    work(&gateway);
    let asked = triage(&sim).option("--admin", &gateway.admin);
    let (diagnosis, exit) = asked.run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0), "{diagnosis:#}");
    // Nor does it hide what is one.
    let ids = gateway.contact_ids();
    reads_of_all(&gateway, &ids);
    sim.fault(&json!({"kind": "F44", "share": 0.5}));
    reads_of_all(&gateway, &ids);
    let (diagnosis, _) = asked.run();
    assert_eq!(code(&diagnosis), "data.gone", "{diagnosis:#}");
}

/// Another process with the same token: its spending shows in the limit headers and in no ledger of ours. The simulator's
/// clock is moved on, so that the other process has had its ten seconds.
#[test]
fn a_second_user_of_the_token_shows_in_the_window() {
    let sim = Simulator::start(&[]);
    sim.fault(&json!({"kind": "F16"}));
    sim.advance(12);
    let (diagnosis, exit) = triage(&sim).option("--admin", NOBODY).run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("quota.burst_split", 1), "{diagnosis:#}");
}

#[rstest::rstest]
#[case(json!({"kind": "F29"}), "net.dns")]
#[case(json!({"kind": "F29", "behaviour": "servfail"}), "net.dns")]
#[case(json!({"kind": "F29", "behaviour": "silent"}), "net.dns")]
#[case(json!({"kind": "F38"}), "net.ipv6")]
#[case(json!({"kind": "F24"}), "healthy")]
fn the_resolver_names_the_fault(#[case] fault: Value, #[case] expected: &str) {
    let sim = Simulator::start(&["--dns-listen", "127.0.0.1:0"]);
    sim.fault(&fault);
    let named = sim.url.replace("127.0.0.1", "api.hubspot.test");
    let asked = Triage::of(&named).token(&sim.token).status_page(&sim.status_page());
    let (diagnosis, _) = asked.option("--system-dns", &sim.dns).run();
    assert_eq!(code(&diagnosis), expected, "{fault}: {diagnosis:#}");
}

fn lists(gateway: &Gateway, _: &[String]) {
    for _ in 0..12 {
        gateway.call("GET", "/crm/v3/objects/contacts?limit=2", None);
    }
}

fn reads_of_all(gateway: &Gateway, ids: &[String]) {
    for id in ids {
        gateway.call("GET", &format!("/crm/v3/objects/contacts/{id}"), None);
    }
}

fn reads_of_two_that_are_not_there(gateway: &Gateway) {
    for id in ["990000001", "990000002"] {
        let (status, _) = gateway.call("GET", &format!("/crm/v3/objects/contacts/{id}"), None);
        assert_eq!(status, 404);
    }
}

fn batch_reads_with_ids_that_are_not_there(gateway: &Gateway) {
    let known = gateway.contact_ids();
    let inputs: Vec<Value> = known
        .iter()
        .map(String::as_str)
        .chain(["990000001", "990000002"])
        .map(|id| json!({"id": id}))
        .collect();
    for _ in 0..4 {
        let ids = json!({"properties": ["email"], "inputs": inputs});
        let (status, body) = gateway.call("POST", "/crm/v3/objects/contacts/batch/read", Some(&ids));
        assert_eq!(status, 207, "{body}");
    }
}

fn creates(gateway: &Gateway, _: &[String]) {
    create(gateway, "/crm/v3/objects/contacts");
}

fn creates_with_the_newest_version(gateway: &Gateway, _: &[String]) {
    create(gateway, "/crm/objects/2026-09/contacts");
}

fn create(gateway: &Gateway, path: &str) {
    for _ in 0..14 {
        let contact = json!({"email": gateway.fresh_address(), "phone": "1"});
        gateway.call("POST", path, Some(&json!({"properties": contact})));
    }
}

fn updates_of_one_record(gateway: &Gateway, ids: &[String]) {
    let path = format!("/crm/v3/objects/contacts/{}", ids[0]);
    for turn in 0..8 {
        gateway.call("PATCH", &path, Some(&json!({"properties": {"firstname": turn.to_string()}})));
    }
}

fn batches(gateway: &Gateway, _: &[String]) {
    for _ in 0..8 {
        let input = |trace: u32| json!({"properties": {"email": gateway.fresh_address()}, "objectWriteTraceId": trace.to_string()});
        let inputs: Vec<Value> = (0..10).map(input).collect();
        gateway.call("POST", "/crm/v3/objects/contacts/batch/create", Some(&json!({"inputs": inputs})));
    }
}

#[test]
fn nobody_listening_is_a_closed_connection() {
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    let (diagnosis, exit) =
        Triage::of(&format!("http://{free}")).token("pat-na1-00000000-0000-4000-8000-000000000000").run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("net.tcp_blocked", 1));
}

#[test]
fn without_a_token_it_abstains() {
    let sim = Simulator::start(&[]);
    let asked = Triage::of(&sim.url).status_page(&sim.status_page()).flag("--without-token");
    let (diagnosis, exit) = asked.run();
    assert_eq!((code(&diagnosis).as_str(), exit), ("unknown", 3));
    let remedy = diagnosis["diagnosis"]["remedy"].as_str().expect("a remedy");
    assert!(remedy.starts_with("Set HUBSPOT_ACCESS_TOKEN"), "{remedy}");
}

#[test]
fn a_token_never_shows() {
    let sim = Simulator::start(&[]);
    for fault in ["F01", "F08", "F21", "F36", "F37", "F39"] {
        sim.reset();
        sim.fault(&json!({"kind": fault}));
        for options in [&["--json"] as &[&str], &[]] {
            let said = triage(&sim).everything_said(options);
            assert!(!said.contains(&sim.token), "{fault}: {said}");
        }
    }
}
