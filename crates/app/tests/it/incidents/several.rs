//! Two hubkeepers on one PostgreSQL: one of them runs the room for both, and nobody is told twice.

use std::time::Duration;

use serde_json::Value;

use super::channels::all_told;
use super::told::{Told, names};
use super::{body, calls, fault, incident};
use crate::house::{PATIENCE, Program, Start, ask};
use crate::outbox::postgres::Server;

async fn up(sim: &Program, told: &Told, store: &str) -> Program {
    Start::up(sim.url())
        .with_incidents()
        .env("HUBKEEPER__STORE__URL", store)
        .env("HUBSPOT_ACCESS_TOKEN", sim.token())
        .env("HUBKEEPER__NOTIFY__SLACK__URL", &format!("{}/services/x", told.chat.url))
        .args(&["--status-page", &format!("{}/_status/api/v2/summary.json", sim.url())])
        .ready()
        .await
}

/// Those about the token, as one of them lists them.
async fn about_the_token(up: &Program) -> Vec<Value> {
    let (_, listed) = incident(up, &["list", "--all"]).await;
    let all = listed["incidents"].as_array().unwrap_or_else(|| panic!("{listed:#}")).clone();
    all.into_iter().filter(|it| it["diagnosis"]["code"] == "auth.token_revoked").collect()
}

fn ids(incidents: &[Value]) -> Vec<&str> {
    incidents.iter().map(|it| it["id"].as_str().unwrap()).collect()
}

fn opened(told: &Told) -> usize {
    let heard = told.chat.heard();
    let about = heard.iter().map(|one| body(one).to_string());
    about.filter(|text| text.contains("auth.token_revoked") && text.contains("P1")).count()
}

/// A job of this name fails, which is told at the next look: by then all that came before has been looked at, too.
pub(super) async fn after_a_look_by(up: &Program, job: &str) {
    after_a_look_within(PATIENCE, up, job).await;
}

async fn after_a_look_within(patience: Duration, up: &Program, job: &str) {
    let path = format!("/api/v1/jobs/{job}/fail");
    assert_eq!(ask(up.admin(), "POST", &path, &["content-type: application/json"], "").await.status, 201);
    let told = async {
        while !incident(up, &["list"]).await.1.to_string().contains(&format!("{job} failed")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, told).await.expect("it is looked at");
}

#[tokio::test]
async fn one_runs_the_room_for_both() {
    let server = Server::start();
    let store = server.database("room").await;
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let (one, other) = (up(&sim, &told, &store).await, up(&sim, &told, &store).await);
    fault(&sim, "auth.token_revoked").await;
    calls(&one, &sim, 6).await;
    calls(&other, &sim, 6).await;
    told.hears("auth.token_revoked").await;
    after_a_look_by(&one, "here").await;
    after_a_look_by(&other, "there").await;
    let all = about_the_token(&one).await;
    assert_eq!(all.len(), 1, "one cause, one incident: {all:#?}");
    assert_eq!(ids(&about_the_token(&other).await), ids(&all), "either tells of it");
    assert_eq!(opened(&told), 1, "nobody is told twice");

    // Whichever is asked, it is done.
    let id = all[0]["id"].as_str().unwrap();
    for up in [&one, &other] {
        let by = if std::ptr::eq(up, &one) { "ada" } else { "bob" };
        incident(up, &["note", id, "seen", "by", by, "--by", by]).await;
    }
    let both_noted = async {
        loop {
            let (_, shown) = incident(&one, &["show", id]).await;
            let lines = shown["timeline"].to_string();
            if lines.contains("seen by ada") && lines.contains("seen by bob") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, both_noted).await.expect("a wish reaches the room from either");
    one.stop().await;
    other.stop().await;
}

/// What each would do by itself.
#[tokio::test]
async fn control_with_a_store_each_there_are_two() {
    let server = Server::start();
    let (first, second) = (server.database("first").await, server.database("second").await);
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let (one, other) = (up(&sim, &told, &first).await, up(&sim, &told, &second).await);
    fault(&sim, "auth.token_revoked").await;
    calls(&one, &sim, 6).await;
    calls(&other, &sim, 6).await;
    for count in 1.. {
        told.chat.hears(count).await;
        if opened(&told) == 2 {
            break;
        }
    }
    assert_ne!(about_the_token(&one).await[0]["id"], about_the_token(&other).await[0]["id"]);
    one.stop().await;
    other.stop().await;
}

/// Whoever runs the room dies without a word: the other goes on with what was kept, and tells nobody twice.
#[tokio::test]
async fn when_the_one_is_killed_the_other_goes_on_with_its_incident() {
    let server = Server::start();
    let store = server.database("heir").await;
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let one = up(&sim, &told, &store).await;
    let other = up(&sim, &told, &store).await;
    fault(&sim, "auth.token_revoked").await;
    calls(&one, &sim, 6).await;
    told.hears("auth.token_revoked").await;
    let before = about_the_token(&one).await;
    let id = before[0]["id"].as_str().unwrap();
    // Who was told and could not keep that would be told again.
    all_told(&one, id, "slack", &["opened"]).await;
    one.kill().await;
    // A job that only whoever runs the room makes an incident of: once its lease has run out, that is the other.
    calls(&other, &sim, 6).await;
    after_a_look_within(PATIENCE * 2, &other, "heir").await;
    assert_eq!(opened(&told), 1, "nobody is told twice");
    assert_eq!(incident(&other, &["ack", id, "--by", "ada"]).await.0, Some(0));
    let taken = async {
        while incident(&other, &["show", id]).await.1["incident"]["stage"] != "acknowledged" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("people's words reach it there");
    let after = about_the_token(&other).await;
    assert_eq!(ids(&after), [id], "{after:#?}");
    other.stop().await;
}

/// Each sees the other in its window, and takes it for a stranger until they tell each other what they sent.
#[tokio::test]
async fn two_of_us_with_one_token_name_no_stranger() {
    let server = Server::start();
    let store = server.database("siblings").await;
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let (one, other) = (up(&sim, &told, &store).await, up(&sim, &told, &store).await);
    for _ in 0..14 {
        calls(&one, &sim, 5).await;
        calls(&other, &sim, 5).await;
    }
    let strangers = async |up: &Program| {
        let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
        let lines = traffic["connections"].as_array().unwrap().clone();
        lines.iter().filter_map(|line| line["burst_outside_peak"].as_u64()).max().unwrap_or(0)
    };
    let (of_one, of_other) = (strangers(&one).await, strangers(&other).await);
    assert!(of_one.max(of_other) >= 20, "{of_one} and {of_other}: else there is nothing to mistake");
    // Whoever runs the room asks, and a revoked token is named beside it.
    fault(&sim, "auth.token_revoked").await;
    calls(&one, &sim, 6).await;
    told.hears("auth.token_revoked").await;
    after_a_look_by(&one, "here").await;
    after_a_look_by(&other, "there").await;
    let named = names(&one).await;
    assert!(named.contains(&"auth.token_revoked".to_owned()), "{named:?}");
    assert!(!named.iter().any(|name| name.starts_with("quota.")), "{named:?}");
    one.stop().await;
    other.stop().await;
}
