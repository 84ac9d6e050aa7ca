//! What a workflow's action "send a webhook" sends, from a simulated HubSpot to a subscriber.

use std::collections::BTreeSet;

use serde_json::{Value, json as written};

use super::desk::{ask, json};
use super::forwarding::{Place, assert_signed, seen, sees, subscriber};
use crate::house::{PATIENCE, Upstream, json_answer};

async fn taker() -> Upstream {
    Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await
}

/// One with a body that holds what no float can, and one that is a GET.
fn bodies() -> Value {
    written!({"bodies": [{"vid": 9_007_199_254_740_993_u64, "portal-id": 62515, "properties": {}}, null]})
}

#[tokio::test]
async fn it_reaches_those_who_ask_for_it_and_is_listed_shown_and_sent_again() {
    let (taker, other) = (taker().await, taker().await);
    let sections = [
        subscriber(&taker, "name = \"flows\"\nevents = [\"workflow.*\"]"),
        subscriber(&other, "name = \"contacts\"\nevents = [\"contact.*\"]"),
    ];
    let place = Place::new(&sections.concat()).await;
    let up = place.up().await;
    place.control("workflow", &bodies()).await;
    place.emit(1, 1).await;
    sees(&taker, 2).await;
    sees(&other, 1).await;
    let heard = taker.heard();
    heard.iter().for_each(assert_signed);
    let events = seen(&heard);
    let told: BTreeSet<String> = events
        .iter()
        .map(|event| format!("{} {} {}", event["method"], event["objectId"], event["body"]))
        .collect();
    let expected = [
        r#""GET" null null"#,
        r#""POST" 9007199254740993 {"vid":9007199254740993,"portal-id":62515,"properties":{}}"#,
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
    assert!(
        other.heard().iter().all(|heard| !String::from_utf8_lossy(&heard.body).contains("workflow.webhook"))
    );
    let listed = json(&ask(&up, &["list", "--kind", "workflow.webhook"]).await);
    let names: Vec<&str> =
        listed["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{listed}");
    let shown = json(&ask(&up, &["show", names[0]]).await);
    assert_eq!(shown["event"]["subscriptionType"], "workflow.webhook", "{shown}");
    let again =
        ask(&up, &["replay", "--subscriber", "flows", "--kind", "workflow.*", "--from", "2020-01-01"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    taker.hears(4).await;
    let metrics = crate::house::ask(up.admin(), "GET", "/metrics", &[], "").await;
    for line in [
        "hubkeeper_webhook_events_total{result=\"new\"} 3",
        "hubkeeper_forwarded_events_total{subscriber=\"flows\",result=\"delivered\"}",
    ] {
        assert!(metrics.text().contains(line), "{line} is missing in {}", metrics.text());
    }
    up.stop().await;
}

#[tokio::test]
async fn what_does_not_verify_is_sent_again_by_hubspot_and_taken_once_the_secret_is_mended() {
    let taker = taker().await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let up = place.up_with("", "00000000-1111-2222-3333-444444444444").await;
    place.control("workflow", &bodies()).await;
    let refused = async {
        loop {
            let tried =
                crate::house::ask(place.sim.url(), "GET", "/_sim/webhooks/workflows", &[], "").await.json();
            if tried["tried"].as_array().is_some_and(|tried| tried.len() == 2) {
                break tried;
            }
        }
    };
    let refused = tokio::time::timeout(PATIENCE, refused).await.expect("both are answered");
    for tried in refused["tried"].as_array().unwrap() {
        assert_eq!(
            (&tried["answer"]["status"], &tried["given_up"]),
            (&503.into(), &false.into()),
            "{refused}"
        );
    }
    up.stop().await;
    let up = place.up().await;
    let later = written!({"seconds": 61}).to_string();
    let moved = crate::house::ask(place.sim.url(), "POST", "/_sim/clock/advance", &[], &later).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    sees(&taker, 2).await;
    up.stop().await;
}
