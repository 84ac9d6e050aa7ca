//! In degraded mode HubSpot is left alone, by our own questions too.

use std::time::Duration;

use client::degraded::{By, Scope, Turned};
use hubspot::endpoint::ApiFamily;

use super::program::{PATIENT, READ, call, stack};
use super::server::{Entry, Server};

const HOUR: Duration = Duration::from_secs(3600);

/// Two programs whose portals nobody knows, a call of each every minute for two hours; then the switch is turned off.
async fn asked_while(scope: Scope) -> (usize, usize) {
    let server = Server::new(100, |_| None);
    let stack = stack(&server, |_| {});
    stack.degrade(By::Person, scope.clone(), Turned::On, "a test").expect("there is room for one");
    let asks_us = |entry: &Entry| entry.path.starts_with("/account-info/");
    for _ in 0..120 {
        for token in ["Bearer a", "Bearer b"] {
            let _refused_or_not = call(&stack, token, &READ, PATIENT).await;
        }
        tokio::time::sleep(HOUR / 60).await;
    }
    let meanwhile = server.sent(asks_us);
    stack.degrade(By::Person, scope, Turned::Off, "it is over").expect("nothing is turned on");
    tokio::time::sleep(HOUR / 60).await;
    (meanwhile, server.sent(asks_us))
}

#[tokio::test(start_paused = true)]
async fn our_own_questions_wait_until_it_is_over() {
    let (meanwhile, afterwards) = asked_while(Scope::default()).await;
    assert_eq!(meanwhile, 0);
    assert!(afterwards >= 2, "{afterwards}: then each is introduced");
    let account = Scope { family: Some(ApiFamily::Account), ..Scope::default() };
    let (meanwhile, _) = asked_while(account).await;
    assert_eq!(meanwhile, 0, "their own part of the API is left alone");
}

#[tokio::test(start_paused = true)]
async fn control_another_part_of_the_api_is_no_reason() {
    let other = Scope { family: Some(ApiFamily::Search), ..Scope::default() };
    let (meanwhile, _) = asked_while(other).await;
    assert!(meanwhile >= 2, "{meanwhile}");
}
