//! Two hubkeepers on one PostgreSQL: one of them runs the room for both, and nobody is told twice.

use serde_json::Value;

use super::told::Told;
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

fn opened(told: &Told) -> usize {
    let heard = told.chat.heard();
    let about = heard.iter().map(|one| body(one).to_string());
    about.filter(|text| text.contains("auth.token_revoked") && text.contains("P1")).count()
}

/// A job of this name fails, which is told at the next look: by then all that came before has been looked at, too.
async fn after_a_look_by(up: &Program, job: &str) {
    let path = format!("/api/v1/jobs/{job}/fail");
    assert_eq!(ask(up.admin(), "POST", &path, &["content-type: application/json"], "").await.status, 201);
    let told = async {
        while !incident(up, &["list"]).await.1.to_string().contains(&format!("{job} failed")) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it is looked at");
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
    assert_eq!(about_the_token(&other).await, all, "either tells of it");
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
