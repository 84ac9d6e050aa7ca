//! Two hubkeepers on one PostgreSQL take deliveries for one subscriber, and one of them forwards. It is killed in the middle:
//! the other delivers what both have acknowledged, in order for each object, and repeats nothing that was kept as done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio_postgres::NoTls;

use super::forwarding::{assert_in_order, seen, sees, subscriber};
use super::{NOBODY, PUBLIC, SECRET, deliver, now};
use crate::house::{Act, PATIENCE, Program, Start, Upstream, ask, json_answer};
use crate::outbox::postgres::Server;

const OBJECTS: u64 = 7;
const EVENTS: u64 = 120;

/// So many requests are answered before the killing, and no more.
const ANSWERED: usize = 30;

/// Where each of two keeps what it acknowledges.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stores {
    One,
    /// Each its own; a control.
    Two,
}

struct Town {
    survivor: Program,
    taker: Upstream,
    /// Events of each in the order of their acknowledgement; the killed one first.
    acknowledged: [Vec<u64>; 2],
    /// How many of the first events were kept as done when the one was killed.
    kept: usize,
    _server: Server,
}

async fn one_is_killed(stores: Stores) -> Town {
    let server = Server::start();
    let first = server.database("first").await;
    let second = if stores == Stores::One { first.clone() } else { server.database("second").await };
    let (taker, goes_on) = taker().await;
    // Whoever comes first leads.
    let (one, survivor) = (up(&taker, &first).await, up(&taker, &second).await);
    let mut acknowledged = [Vec::new(), Vec::new()];
    let began = now().as_millisecond();
    for number in 0..EVENTS / 2 {
        let which = usize::from(number % 3 == 0);
        acknowledge([&one, &survivor][which], number, began).await;
        acknowledged[which].push(number);
    }
    taker.hears(ANSWERED + 1).await;
    let leads = delivered(&one).await;
    assert!(leads > 0, "the first to come leads");
    let kept = kept(&first).await;
    one.kill().await;
    for number in EVENTS / 2..EVENTS {
        acknowledge(&survivor, number, began).await;
        acknowledged[1].push(number);
    }
    goes_on.store(true, Ordering::SeqCst);
    Town { survivor, taker, acknowledged, kept, _server: server }
}

async fn up(taker: &Upstream, store: &str) -> Program {
    let section = subscriber(taker, "name = \"billing\"\n");
    let start = Start::up(NOBODY).file("hubkeeper.toml", &section).env("HUBKEEPER__STORE__URL", store);
    let start = start.env("HUBKEEPER__WEBHOOKS__PUBLIC_URL", PUBLIC).env("HUBSPOT_CLIENT_SECRET", SECRET);
    start.env("SUBSCRIBER_SECRET", super::forwarding::SECRET).ready().await
}

/// Answers the first requests, and from then on none until it is told to go on.
async fn taker() -> (Upstream, Arc<AtomicBool>) {
    let goes_on = Arc::new(AtomicBool::new(false));
    let (going, count) = (goes_on.clone(), AtomicUsize::new(0));
    let taker = Upstream::start(move |_| {
        let answered = count.fetch_add(1, Ordering::SeqCst) < ANSWERED || going.load(Ordering::SeqCst);
        vec![if answered { json_answer("200 OK", "{}") } else { Act::Stall }]
    });
    (taker.await, goes_on)
}

async fn acknowledge(up: &Program, number: u64, began: i64) {
    let at = began + i64::try_from(number).unwrap();
    let event = json!({"eventId": number, "subscriptionId": 1, "portalId": 62515, "appId": 54321, "occurredAt": at,
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": number % OBJECTS});
    let (status, said) = deliver(up, SECRET, &json!([event]).to_string()).await;
    assert_eq!(status, 200, "{said}");
}

async fn delivered(up: &Program) -> u64 {
    let told = ask(up.admin(), "GET", "/api/v1/webhooks", &[], "").await.json();
    told["subscribers"][0]["delivered"].as_u64().unwrap()
}

/// How many of the first deliveries are kept as done, once any are.
async fn kept(store: &str) -> usize {
    let (client, connection) = tokio_postgres::connect(store, NoTls).await.unwrap();
    let talking = tokio::spawn(connection);
    let counting = async {
        let sql = "SELECT count(*) FROM deliveries, subscribers WHERE seq <= position";
        loop {
            let count: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
            if count > 0 {
                return usize::try_from(count).unwrap();
            }
        }
    };
    let kept = tokio::time::timeout(PATIENCE, counting).await.expect("something is kept as done");
    talking.abort();
    kept
}

fn number(event: &Value) -> u64 {
    event["eventId"].as_u64().unwrap()
}

#[tokio::test]
async fn what_both_acknowledged_is_delivered_by_the_one_that_is_left_in_order() {
    let town = one_is_killed(Stores::One).await;
    sees(&town.taker, usize::try_from(EVENTS).unwrap()).await;
    let heard = town.taker.heard();
    let events = seen(&heard);
    assert_in_order(&events);
    let mut numbers: Vec<u64> = events.iter().map(number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>(), "each event, and nothing else");
    let mut times: BTreeMap<u64, usize> = BTreeMap::new();
    for heard in &heard {
        let body: Vec<Value> = serde_json::from_slice(&heard.body).unwrap();
        for event in &body {
            *times.entry(number(event)).or_default() += 1;
        }
    }
    let again: Vec<u64> =
        times.into_iter().filter(|(_, times)| *times > 1).map(|(number, _)| number).collect();
    let kept = u64::try_from(town.kept).unwrap();
    assert!(again.iter().all(|number| *number >= kept), "{kept} were kept as done; again came {again:?}");
    town.survivor.stop().await;
}

#[tokio::test]
async fn the_control_with_a_store_each_never_delivers_what_the_killed_one_acknowledged() {
    let town = one_is_killed(Stores::Two).await;
    let [of_the_killed, of_the_other] = &town.acknowledged;
    let all_its_own = async {
        loop {
            let numbers: Vec<u64> = seen(&town.taker.heard()).iter().map(number).collect();
            if of_the_other.iter().all(|own| numbers.contains(own)) {
                return numbers;
            }
            town.taker.hears(town.taker.heard().len() + 1).await;
        }
    };
    let numbers = tokio::time::timeout(PATIENCE, all_its_own).await.expect("it delivers its own");
    assert!(
        of_the_killed.iter().any(|number| !numbers.contains(number)),
        "the rig cannot see what is left behind"
    );
    town.survivor.stop().await;
}

#[tokio::test]
async fn what_is_asked_of_either_is_sent_once_more_by_one_of_them() {
    let server = Server::start();
    let store = server.database("store").await;
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let (one, other) = (up(&taker, &store).await, up(&taker, &store).await);
    let (began, count) = (now().as_millisecond(), 12);
    for number in 0..count {
        acknowledge(&one, number, began).await;
    }
    let count = usize::try_from(count).unwrap();
    sees(&taker, count).await;
    for (times, asked) in [&other, &one].into_iter().enumerate() {
        let wanted = json!({"subscriber": "billing", "from": "2020-01-01T00:00:00Z"}).to_string();
        let answer = ask(asked.admin(), "POST", "/api/v1/webhooks/replay", &[], &wanted).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let ended = async {
            loop {
                let told = ask(asked.admin(), "GET", "/api/v1/webhooks/replays", &[], "").await.json();
                if told["replays"][0]["ended_at"].is_string() {
                    return told["replays"][0]["sent"].clone();
                }
            }
        };
        let sent = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
        assert_eq!((sent, taker.heard().len()), (count.into(), count * (times + 2)), "by nobody else");
    }
    one.stop().await;
    other.stop().await;
}

/// Whoever switched a subscriber on again may be killed: the others have not ended, and go on for it.
#[tokio::test]
async fn a_subscriber_that_was_gone_is_served_by_the_others_when_who_switched_it_on_is_killed() {
    let server = Server::start();
    let store = server.database("shared").await;
    let wants = Arc::new(AtomicBool::new(false));
    let wanting = wants.clone();
    let taker = Upstream::start(move |_| {
        let status = if wanting.load(Ordering::SeqCst) { "200 OK" } else { "410 Gone" };
        vec![json_answer(status, "{}")]
    });
    let taker = taker.await;
    let (one, survivor) = (up(&taker, &store).await, up(&taker, &store).await);
    let began = now().as_millisecond();
    acknowledge(&one, 0, began).await;
    for each in [&one, &survivor] {
        let rests = async { while is_served(each).await {} };
        tokio::time::timeout(PATIENCE, rests).await.expect("a subscriber that is gone is served by nobody");
    }
    wants.store(true, Ordering::SeqCst);
    let on = json!({"subscriber": "billing", "on": true}).to_string();
    let switched = ask(one.admin(), "POST", "/api/v1/webhooks/switch", &[], &on).await;
    assert_eq!(switched.status, 200, "{}", switched.text());
    taker.hears(2).await;
    one.kill().await;
    acknowledge(&survivor, 1, began).await;
    sees(&taker, 2).await;
    survivor.stop().await;
}

async fn is_served(up: &Program) -> bool {
    let told = ask(up.admin(), "GET", "/api/v1/webhooks", &[], "").await.json();
    told["subscribers"][0]["served"].as_bool().unwrap()
}
