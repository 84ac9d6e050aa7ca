//! `hubkeeper webhooks tail`, and `replay --dead`: what a person looks at for long, and what was given up.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json as written};
use store::Store;
use store::deliveries::EventKey;
use store::dispatch::{Lead, LetterEnding, NewLetter, Progress};
use uuid::Uuid;

use super::desk::{ask, json};
use super::forwarding::{Place, seen, subscriber};
use super::now;
use crate::house::{Act, Heard, Start, Upstream, json_answer};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn tail_shows_each_event_of_its_kind_once_as_it_comes() {
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let place = Place::new(&subscriber(&taker, "")).await;
    let up = place.up().await;
    place.emit(3, 3).await;
    taker.hears(3).await;
    place.control("workflow", &written!({"bodies": [{}]})).await;
    taker.hears(4).await;
    let tail = Start::new(&["webhooks", "tail", "--json", "--kind", "contact.*", "--admin", up.admin()]);
    let (shown, ()) = tokio::join!(tail.stopped_after_lines(5), place.emit(2, 2));
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let shown = lines(&shown.stdout);
    let mut names: Vec<&str> = shown.iter().map(|event| event["id"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((shown.len(), names.len()), (5, 5), "{shown:?}");
    assert!(shown.iter().all(|event| event["kind"] == "contact.propertyChange"), "{shown:?}");
    up.stop().await;
}

/// A gateway whose answers have one event each, and that is away for the third question.
fn page(asked: usize, heard: &Heard) -> Vec<Act> {
    let after = heard.request_line().split("after=").nth(1).and_then(|rest| rest.split('&').next());
    match asked {
        0 => assert!(heard.request_line().contains("last=true"), "{heard:?}"),
        _ => assert!(after.is_some(), "{heard:?}"),
    }
    if asked == 2 {
        return vec![Act::Close];
    }
    let place: u64 = after.map_or(0, |after| after.parse().unwrap());
    let event = written!({"id": format!("evt_{place}"), "kind": "contact.creation", "object": "1/2",
        "occurred_at": "2026-03-01T12:00:00Z", "connection": "default"});
    let page = written!({"schema": 1, "events": [event], "next": place + 1});
    vec![json_answer("200 OK", &page.to_string())]
}

#[tokio::test]
async fn tail_looks_on_over_a_restart_and_leaves_nothing_out() {
    let asked = AtomicUsize::new(0);
    let gateway = Upstream::start(move |heard| page(asked.fetch_add(1, Ordering::SeqCst), heard)).await;
    let tail = Start::new(&["webhooks", "tail", "--json", "--admin", &gateway.url]);
    let shown = tail.stopped_after_lines(3).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let names: Vec<Value> = lines(&shown.stdout).into_iter().map(|event| event["id"].clone()).collect();
    assert_eq!(names[..3], ["evt_0", "evt_1", "evt_2"]);
    assert_eq!(shown.stderr.matches("no gateway answers").count(), 1, "{shown:?}");
}

/// Leaves letters that were given up, as a hubkeeper of days ago would have.
async fn give_up(place: &Place, kinds: &[&str]) {
    let url = format!("sqlite:{}", place.data.path().join("hubkeeper.db").display());
    let store = Store::open(&url).await.unwrap();
    let (at, until) = (now(), now() + jiff::SignedDuration::from_secs(30));
    let lead = Lead { subscriber: "billing".into(), owner: Uuid::from_u128(1) };
    store.enrol("billing", None, at).await.unwrap();
    store.lead(&lead, at, until).await.unwrap().unwrap();
    let letters = kinds.iter().enumerate().map(|(number, kind)| {
        let body = written!({"eventId": number, "portalId": 1, "occurredAt": at.as_millisecond(),
            "subscriptionType": kind, "objectId": number});
        NewLetter {
            seq: i64::try_from(number).unwrap() + 1,
            place: 0,
            event: EventKey::new(at, [u8::try_from(number).unwrap(); 10]),
            connection: "default".into(),
            object: format!("1/{number}"),
            kind: (*kind).into(),
            occurred_at: at,
            received_at: at,
            body: body.to_string().into_bytes(),
            standing: LetterEnding::Dead { attempts: 40, at, status: Some(500), reason: "late".into() },
        }
    });
    let progress = Progress { letters: letters.collect(), ..Progress::default() };
    assert!(store.advance(&lead, &progress, at).await.unwrap());
    store.yield_lead(&lead).await.unwrap();
}

#[tokio::test]
async fn dead_letters_are_sent_again_those_that_are_meant_and_no_more_than_once() {
    let taker = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let place = Place::new(&subscriber(&taker, "name = \"billing\"")).await;
    give_up(&place, &["contact.creation", "deal.creation", "deal.merge"]).await;
    let up = place.up().await;
    let dead =
        async || json(&ask(&up, &["list", "--letters", "dead"]).await)["letters"].as_array().unwrap().len();
    assert_eq!(dead().await, 3);
    assert_eq!(ask(&up, &["subscribers"]).await.code, Some(1), "what was given up is a problem");
    let sent = async |more: &[&str]| {
        let arguments = [&["replay", "--subscriber", "billing", "--dead"][..], more].concat();
        let ended = ask(&up, &arguments).await;
        (ended.code, json(&ended)["letters"].as_u64())
    };
    assert_eq!(sent(&["--kind", "deal.*"]).await, (Some(0), Some(2)));
    taker.hears(2).await;
    assert_eq!(sent(&[]).await, (Some(0), Some(1)));
    taker.hears(3).await;
    let kinds: Vec<Value> =
        seen(&taker.heard()).into_iter().map(|event| event["subscriptionType"].clone()).collect();
    assert_eq!(kinds[2], "contact.creation", "{kinds:?}");
    assert!(taker.heard().iter().all(|heard| heard.header("hubkeeper-replay") == Some("true")));
    assert_eq!((sent(&[]).await, dead().await), ((Some(1), Some(0)), 0), "nothing is left to send");
    up.stop().await;
}
