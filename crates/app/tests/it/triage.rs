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

use crate::house::Upstream;

/// The portal of every simulator.
const PORTAL: u64 = 24_601_842;

fn triage(sim: &Simulator) -> Triage {
    Triage::of(&sim.url).token(&sim.token).status_page(&sim.status_page())
}

fn code(diagnosis: &Value) -> String {
    diagnosis["diagnosis"]["code"].as_str().expect("a code").to_owned()
}

#[tokio::test]
async fn healthy_is_healthy_with_an_unrelated_incident_too() {
    let sim = Simulator::start(&[]).await;
    let (diagnosis, exit) = triage(&sim).run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0));
    sim.fault(&json!({"kind": "F24"})).await;
    let (diagnosis, exit) = triage(&sim).run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0));
}

/// Every fault that probes alone can see, first alone, then with an incident on the status page that has nothing to do
/// with it.
#[tokio::test]
async fn probes_alone_name_the_fault() {
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
    let sim = Simulator::start(&[]).await;
    for (fault, expected) in faults {
        sim.reset().await;
        sim.fault(&fault).await;
        let asked = triage(&sim).option("--portal-id", &PORTAL.to_string());
        let (alone, exit) = asked.run().await;
        assert_eq!((code(&alone).as_str(), exit), (expected, 1), "{fault}: {alone:#}");
        assert!(alone["diagnosis"]["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()));
        sim.fault(&json!({"kind": "F24"})).await;
        let (distracted, _) = asked.run().await;
        assert_eq!(code(&distracted), expected, "{fault} with an unrelated incident: {distracted:#}");
    }
}

/// Every fault that shows only in what the callers get, seen through the gateway. The work goes before the fault, so
/// that the gateway has seen better times, and again after it.
#[rstest::rstest]
#[case(json!({"kind": "F10"}), Work::Lists, "account.tier")]
#[case(json!({"kind": "F18"}), Work::Batches, "quota.processing")]
#[case(json!({"kind": "F19"}), Work::UpdatesOfOneRecord, "quota.locked")]
#[case(json!({"kind": "F28"}), Work::CreatesWithTheNewestVersion, "hubspot.validation_change")]
#[case(json!({"kind": "F40"}), Work::Creates, "self.bad_payload")]
#[case(json!({"kind": "F41"}), Work::Creates, "account.schema")]
#[case(json!({"kind": "F42"}), Work::Creates, "data.conflict")]
#[case(json!({"kind": "F43"}), Work::Creates, "account.limit")]
#[case(json!({"kind": "F44", "share": 0.5}), Work::ReadsOfAll, "data.gone")]
#[case(json!({"kind": "F45"}), Work::Batches, "data.partial")]
#[case(json!({"kind": "F01"}), Work::Lists, "auth.token_revoked")]
#[case(json!({"kind": "F13"}), Work::Lists, "quota.daily_self")]
#[case(json!({"kind": "F14"}), Work::Lists, "quota.daily_neighbour")]
#[case(json!({"kind": "F21"}), Work::Lists, "hubspot.outage_unlisted")]
#[case(json!({"kind": "F24"}), Work::Lists, "healthy")]
#[tokio::test]
async fn traffic_names_the_fault(#[case] fault: Value, #[case] work: Work, #[case] expected: &str) {
    let sim = Simulator::start(&["--contacts", "20"]).await;
    let gateway = Gateway::start(&sim).await;
    let ids = gateway.contact_ids().await;
    Work::ReadsOfAll.is_done(&gateway, &ids).await;
    Work::Creates.is_done(&gateway, &ids).await;
    sim.fault(&fault).await;
    work.is_done(&gateway, &ids).await;
    let (diagnosis, _) = triage(&sim).option("--admin", &gateway.admin).run().await;
    assert_eq!(code(&diagnosis), expected, "{fault}: {diagnosis:#}");
}

/// A deploy that the gateway was told of is the first thing a reader wants to know of a payload that broke after it.
#[tokio::test]
async fn a_deploy_before_a_broken_payload_is_told() {
    let untold = broken_payload_after(None).await;
    let told = broken_payload_after(Some(json!({"kind": "deploy", "what": "crm-sync 1.8.0"}))).await;
    assert_eq!(["self.bad_payload"; 2], [code(&untold), code(&told)], "{untold:#} {told:#}");
    let sure = |diagnosis: &Value| diagnosis["diagnosis"]["confidence"].as_f64().expect("a number");
    assert!(sure(&told) > sure(&untold), "{untold:#} {told:#}");
    assert!(told["diagnosis"]["evidence"].to_string().contains("crm-sync 1.8.0"), "{told:#}");
}

async fn broken_payload_after(deploy: Option<Value>) -> Value {
    let sim = Simulator::start(&["--contacts", "20"]).await;
    let gateway = Gateway::start(&sim).await;
    Work::Creates.is_done(&gateway, &[]).await;
    if let Some(deploy) = deploy {
        gateway.note(&deploy).await;
    }
    sim.fault(&json!({"kind": "F40"})).await;
    Work::Creates.is_done(&gateway, &[]).await;
    triage(&sim).option("--admin", &gateway.admin).run().await.0
}

/// Kept connections that break when they are used again: nothing is lost, and the cause is named.
#[tokio::test]
async fn connections_that_die_while_idle_are_named() {
    let sim = Simulator::start(&["--contacts", "20"]).await;
    let gateway = Gateway::start(&sim).await;
    sim.fault(&json!({"kind": "reset", "after_idle_ms": 100})).await;
    // Longer than any server that means well takes to say that it closes.
    let now_and_then = Pace { programs: 1, pause: Duration::from_millis(1_200), ..Pace::MODEST };
    Workload::through(&gateway.url, &sim.token, now_and_then).calls(5).await;
    let (diagnosis, exit) = triage(&sim).option("--admin", &gateway.admin).run().await;
    let traffic = gateway.traffic().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("net.stale_pool", 1), "{diagnosis:#} {traffic:#}");
}

/// A clock of ours that is wrong, seen from the other side: HubSpot's `Date` is ten minutes on.
#[tokio::test]
async fn a_wrong_clock_is_named() {
    let sim = Simulator::start(&[]).await;
    let gateway = Gateway::start(&sim).await;
    sim.advance(600).await;
    for admin in [NOBODY, &gateway.admin] {
        let (diagnosis, exit) = triage(&sim).option("--admin", admin).run().await;
        assert_eq!((code(&diagnosis).as_str(), exit), ("self.clock", 1), "{diagnosis:#}");
    }
}

/// Answers that say "not there" are part of many programs' everyday work.
#[rstest::rstest]
#[case::single_records(Work::ReadsOfTwoThatAreNotThere)]
#[case::in_batches(Work::BatchReadsWithIdsThatAreNotThere)]
#[tokio::test]
async fn not_finding_a_record_is_no_fault(#[case] work: Work) {
    let sim = Simulator::start(&["--contacts", "20"]).await;
    let gateway = Gateway::start(&sim).await;
    let ids = gateway.contact_ids().await;
    work.is_done(&gateway, &ids).await;
    let asked = triage(&sim).option("--admin", &gateway.admin);
    let (diagnosis, exit) = asked.run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("healthy", 0), "{diagnosis:#}");
    // Nor does it hide what is one.
    Work::ReadsOfAll.is_done(&gateway, &ids).await;
    sim.fault(&json!({"kind": "F44", "share": 0.5})).await;
    Work::ReadsOfAll.is_done(&gateway, &ids).await;
    let (diagnosis, _) = asked.run().await;
    assert_eq!(code(&diagnosis), "data.gone", "{diagnosis:#}");
}

/// Another process with the same token: its spending shows in the limit headers and in no ledger of ours. The simulator's
/// clock is moved on, so that the other process has had its ten seconds.
#[tokio::test]
async fn a_second_user_of_the_token_shows_in_the_window() {
    let sim = Simulator::start(&[]).await;
    sim.fault(&json!({"kind": "F16"})).await;
    sim.advance(12).await;
    let (diagnosis, exit) = triage(&sim).option("--admin", NOBODY).run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("quota.burst_split", 1), "{diagnosis:#}");
}

#[rstest::rstest]
#[case(json!({"kind": "F29"}), "net.dns")]
#[case(json!({"kind": "F29", "behaviour": "servfail"}), "net.dns")]
#[case(json!({"kind": "F29", "behaviour": "silent"}), "net.dns")]
#[case(json!({"kind": "F38"}), "net.ipv6")]
#[case(json!({"kind": "F24"}), "healthy")]
#[tokio::test]
async fn the_resolver_names_the_fault(#[case] fault: Value, #[case] expected: &str) {
    let sim = Simulator::start(&["--dns-listen", "127.0.0.1:0"]).await;
    sim.fault(&fault).await;
    let named = sim.url.replace("127.0.0.1", "api.hubspot.test");
    let asked = Triage::of(&named).token(&sim.token).status_page(&sim.status_page());
    let (diagnosis, _) = asked.option("--system-dns", &sim.dns).run().await;
    assert_eq!(code(&diagnosis), expected, "{fault}: {diagnosis:#}");
}

/// What programs do.
#[derive(Debug, Clone, Copy)]
enum Work {
    Lists,
    ReadsOfAll,
    ReadsOfTwoThatAreNotThere,
    BatchReadsWithIdsThatAreNotThere,
    Creates,
    CreatesWithTheNewestVersion,
    UpdatesOfOneRecord,
    Batches,
}

impl Work {
    /// `ids` are those of the contacts there are.
    async fn is_done(self, gateway: &Gateway, ids: &[String]) {
        let contacts = "/crm/v3/objects/contacts";
        match self {
            Self::Lists => {
                for _ in 0..12 {
                    gateway.call("GET", &format!("{contacts}?limit=2"), None).await;
                }
            }
            Self::ReadsOfAll => {
                for id in ids {
                    gateway.call("GET", &format!("{contacts}/{id}"), None).await;
                }
            }
            Self::ReadsOfTwoThatAreNotThere => {
                for id in ["990000001", "990000002"] {
                    let (status, _) = gateway.call("GET", &format!("{contacts}/{id}"), None).await;
                    assert_eq!(status, 404);
                }
            }
            Self::BatchReadsWithIdsThatAreNotThere => {
                let all = ids.iter().map(String::as_str).chain(["990000001", "990000002"]);
                let inputs: Vec<Value> = all.map(|id| json!({"id": id})).collect();
                let asked = json!({"properties": ["email"], "inputs": inputs});
                for _ in 0..4 {
                    let (status, body) =
                        gateway.call("POST", &format!("{contacts}/batch/read"), Some(&asked)).await;
                    assert_eq!(status, 207, "{body}");
                }
            }
            Self::Creates => create(gateway, contacts).await,
            Self::CreatesWithTheNewestVersion => create(gateway, "/crm/objects/2026-09/contacts").await,
            Self::UpdatesOfOneRecord => {
                for turn in 0..8 {
                    let change = json!({"properties": {"firstname": turn.to_string()}});
                    gateway.call("PATCH", &format!("{contacts}/{}", ids[0]), Some(&change)).await;
                }
            }
            Self::Batches => {
                for _ in 0..8 {
                    let input = |trace: u32| json!({"properties": {"email": gateway.fresh_address()}, "objectWriteTraceId": trace.to_string()});
                    let inputs: Vec<Value> = (0..10).map(input).collect();
                    let asked = json!({"inputs": inputs});
                    gateway.call("POST", &format!("{contacts}/batch/create"), Some(&asked)).await;
                }
            }
        }
    }
}

async fn create(gateway: &Gateway, path: &str) {
    for _ in 0..14 {
        let contact = json!({"email": gateway.fresh_address(), "phone": "1"});
        gateway.call("POST", path, Some(&json!({"properties": contact}))).await;
    }
}

#[tokio::test]
async fn nobody_listening_is_a_closed_connection() {
    let (diagnosis, exit) = Triage::of(&Upstream::nobody().await)
        .token("pat-na1-00000000-0000-4000-8000-000000000000")
        .run()
        .await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("net.tcp_blocked", 1));
}

#[tokio::test]
async fn without_a_token_it_abstains() {
    let sim = Simulator::start(&[]).await;
    let asked = Triage::of(&sim.url).status_page(&sim.status_page()).flag("--without-token");
    let (diagnosis, exit) = asked.run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("unknown", 3));
    let remedy = diagnosis["diagnosis"]["remedy"].as_str().expect("a remedy");
    assert!(remedy.starts_with("Set HUBSPOT_ACCESS_TOKEN"), "{remedy}");
}

#[tokio::test]
async fn a_token_never_shows() {
    let sim = Simulator::start(&[]).await;
    for fault in ["F01", "F08", "F21", "F36", "F37", "F39"] {
        sim.reset().await;
        sim.fault(&json!({"kind": fault})).await;
        for options in [&["--json"] as &[&str], &[]] {
            let said = triage(&sim).everything_said(options).await;
            assert!(!said.contains(&sim.token), "{fault}: {said}");
        }
    }
}
