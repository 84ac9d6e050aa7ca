//! Each rule at its default (or, where that is a matter of days or of half an hour, at what the test can wait for): it is told
//! under its severity, and a step below it nobody is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use client::clock::WallClock;
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use super::incident;
use super::signals::{PUBLIC, SECRET, deliver, event, ready, webhooks};
use super::told::{Told, names};
use crate::house::{Program, Start, Upstream, ask, json_answer};

/// Asks often; what speaks for itself after two diagnoses need not be waited for.
const QUICK: &str =
    "[incidents.response]\ndiagnosis_seconds = 1\ndiagnosis_seconds_max = 1\ndiagnosis_seconds_idle = 1\n";

/// The severity and the cause of the one incident that shows this.
async fn of_rule(up: &Program, rule: &str) -> (String, Option<String>) {
    let (_, listed) = incident(up, &["list", "--all"]).await;
    let shows =
        |it: &&Value| it["symptoms"].as_array().unwrap().iter().any(|symptom| symptom["rule"] == rule);
    let found: Vec<&Value> = listed["incidents"].as_array().unwrap().iter().filter(shows).collect();
    assert_eq!(found.len(), 1, "{listed:#}");
    let code = found[0]["diagnosis"]["code"].as_str().map(str::to_owned);
    (found[0]["severity"].as_str().unwrap().to_owned(), code)
}

/// HubSpot's front door, which answers 503 to the first so many.
async fn door(ill: usize) -> Upstream {
    let knocks = AtomicUsize::new(0);
    Upstream::start(move |_| {
        let is_ill = knocks.fetch_add(1, Ordering::SeqCst) < ill;
        let body =
            r#"{"status":"error","message":"no","correlationId":"1","category":"INVALID_AUTHENTICATION"}"#;
        vec![json_answer(if is_ill { "503 Service Unavailable" } else { "401 Unauthorized" }, body)]
    })
    .await
}

#[tokio::test]
async fn three_failed_checks_are_p1_and_two_are_nothing() {
    let file = format!("[incidents]\nfront_door_seconds = 1\n{QUICK}");
    let (hubspot, told) = (door(usize::MAX).await, Told::new().await);
    let up = told.up(&hubspot.url, &file).ready().await;
    told.hears("P1").await;
    assert_eq!(of_rule(&up, "health_check").await.0, "P1");
    up.stop().await;

    let (hubspot, told) = (door(2).await, Told::new().await);
    let up = told.up(&hubspot.url, &file).ready().await;
    hubspot.is_called(4).await;
    told.after_a_look(&up).await;
    assert_eq!(names(&up).await, ["a job failed"]);
    up.stop().await;
}

#[tokio::test]
async fn webhooks_that_take_longer_than_five_seconds_are_p3_and_quicker_ones_are_nothing() {
    for (age_s, told_of) in [(7, true), (1, false)] {
        let (sim, told) = (Start::sim().ready().await, Told::new().await);
        let secret = told.file("secret", SECRET);
        let file = format!("{QUICK}{}", webhooks(&secret, ""));
        let up = ready(told.up(sim.url(), &file).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
        for id in 0..8 {
            assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(id, age_s)]).await, 200);
        }
        if told_of {
            told.hears("webhooks arrive late").await;
            assert_eq!(of_rule(&up, "webhook_delay").await, ("P3".into(), None));
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}

#[tokio::test]
async fn a_job_past_its_time_is_p2_and_one_within_it_is_nothing() {
    for (minutes, told_of) in [(0, true), (30, false)] {
        let (sim, told) = (Start::sim().ready().await, Told::new().await);
        let file = format!("[incidents.thresholds]\njob_minutes = {minutes}\n");
        let up = told.up(sim.url(), &file).ready().await;
        assert_eq!(ask(up.admin(), "POST", "/api/v1/jobs/nightly/start", &[], "").await.status, 201);
        if told_of {
            told.hears("nightly").await;
            assert_eq!(of_rule(&up, "job_late").await, ("P2".into(), None));
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}

#[tokio::test]
async fn more_than_four_fifths_of_the_day_is_p3_and_four_fifths_are_nothing() {
    for (spent, told_of) in [(170, true), (60, false)] {
        let told = Told::new().await;
        let words = ["sim", "--listen", "127.0.0.1:0", "--latency-ms", "0..0", "--daily", "200"];
        let sim = Start::new(&words).ready().await;
        let up = ready(told.up(sim.url(), QUICK).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
        super::calls(&up, &sim, spent).await;
        if told_of {
            told.hears("calls of the day are spent").await;
            assert_eq!(of_rule(&up, "daily_use").await.0, "P3");
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}

#[tokio::test]
async fn a_credential_of_91_days_is_p4_and_one_of_89_is_nothing() {
    for (days, told_of) in [(91, true), (89, false)] {
        let (sim, told) = (Start::sim().ready().await, Told::new().await);
        let path = told.file("token", sim.token());
        let written = SystemTime::from(WallClock::system().now()) - Duration::from_secs(days * 86_400);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
        let file = format!("[[connections]]\nname = \"crm\"\ntoken = \"file:{path}\"\n");
        let up = told.up(sim.url(), &file).ready().await;
        if told_of {
            told.hears("a credential is old").await;
            assert_eq!(of_rule(&up, "credential_old").await, ("P4".into(), None));
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}

#[tokio::test]
async fn a_certificate_of_ours_that_ends_within_the_hours_set_is_p3_and_one_that_ends_later_is_nothing() {
    let end: jiff::Timestamp = "2099-03-01T00:00:00Z".parse().unwrap();
    let left = end.duration_since(WallClock::system().now()).as_hours();
    for (hours, told_of) in [(left + 2, true), (left - 2, false)] {
        let (sim, told) = (Start::sim().ready().await, Told::new().await);
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2099, 3, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = told.file("own.pem", &params.self_signed(&key).unwrap().pem());
        let key = told.file("own.key", &key.serialize_pem());
        let file = format!(
            "[gateway]\ntls_certificate = \"{certificate}\"\ntls_key = \"{key}\"\n\
             [incidents.thresholds]\ncredential_ends_hours = {hours}\n"
        );
        let up = told.up(sim.url(), &file).ready().await;
        if told_of {
            told.hears("a credential is about to expire").await;
            assert_eq!(of_rule(&up, "credential_ends").await, ("P3".into(), None));
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}

#[tokio::test]
async fn a_version_that_ends_within_the_days_set_is_p4_and_one_that_ends_later_is_nothing() {
    let end = hubspot::version::ApiVersion::parse("2099-03").unwrap().unsupported_from().unwrap();
    let today = WallClock::system().now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let left = today.until((jiff::Unit::Day, end)).unwrap().get_days();
    for (days, told_of) in [(left + 2, true), (left - 2, false)] {
        let (sim, told) = (Start::sim().ready().await, Told::new().await);
        let up = told.up(sim.url(), &format!("[incidents.thresholds]\nsunset_days = {days}\n")).ready().await;
        let bearer = format!("Authorization: Bearer {}", sim.token());
        ask(up.url(), "GET", "/crm/objects/2099-03/contacts", &[&bearer], "").await;
        if told_of {
            told.hears("2099-03").await;
            assert_eq!(of_rule(&up, "sunset").await, ("P4".into(), Some("hubspot.sunset".into())));
        } else {
            told.after_a_look(&up).await;
            assert_eq!(names(&up).await, ["a job failed"]);
        }
        up.stop().await;
    }
}
