//! What the journal brings beside webhooks.

use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::deliveries::{EventKey, NewDelivery, Twin};
use store::journal::{Gap, GapKind};
use uuid::Uuid;

use super::Ground;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn key(what: char, number: u8) -> EventKey {
    let mut digest = [number; 10];
    digest[0] = what as u8;
    EventKey::new(now(), digest)
}

/// Events by webhook, each by its number, which says as much as the other of its pair.
async fn webhook(store: &Store, events: &[(u8, u8)]) -> Vec<usize> {
    let keys = events.iter().map(|(number, _)| key('w', *number)).collect();
    let twin = |(_, says): &(u8, u8)| Twin { shared: key('s', *says), unless: Some(key('j', *says)) };
    come(store, keys, events.iter().map(twin).collect()).await
}

async fn journal(store: &Store, says: &[u8]) -> Vec<usize> {
    let keys = says.iter().map(|says| key('j', *says)).collect();
    let twin = |says: &u8| Twin { shared: key('s', *says), unless: None };
    come(store, keys, says.iter().map(twin).collect()).await
}

/// The places of those that are new.
async fn come(store: &Store, keys: Vec<EventKey>, twins: Vec<Twin>) -> Vec<usize> {
    let count = keys.len();
    let delivery = NewDelivery { received_at: now(), connection: "c".into(), body: b"[]".to_vec(), keys };
    let new = store.receive_beside(delivery, twins).await.unwrap();
    (0..count).filter(|place| new.contains(*place)).collect()
}

pub(crate) async fn an_event_that_comes_both_ways_is_new_once(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(webhook(&store, &[(1, 1), (2, 2)]).await, [0, 1]);
    assert_eq!(journal(&store, &[1, 2, 3]).await, [2]);
    assert_eq!(webhook(&store, &[(3, 3), (4, 4), (1, 1)]).await, [1], "3 came by the journal, 1 by webhook");
    assert!(journal(&store, &[3, 4]).await.is_empty());
    assert_eq!(store.deliveries(0, 10).await.unwrap().len(), 3);
}

pub(crate) async fn two_webhooks_that_say_the_same_are_two_events(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(webhook(&store, &[(1, 1), (2, 1)]).await, [0, 1]);
    assert_eq!(webhook(&store, &[(3, 1)]).await, [0]);
    assert!(journal(&store, &[1]).await.is_empty());
    // Once the journal has told of it, another number is HubSpot's late try.
    assert_eq!(journal(&store, &[2, 2]).await, [0]);
    assert!(webhook(&store, &[(4, 2)]).await.is_empty());
}

pub(crate) async fn what_came_before_anybody_asked_can_be_remembered(ground: &Ground) {
    let store = ground.open().await;
    store.remember(&[key('s', 1), key('s', 1), key('s', 2)]).await.unwrap();
    assert_eq!(journal(&store, &[1, 2, 3]).await, [2]);
}

pub(crate) async fn a_gap_grows_and_is_told(ground: &Ground) {
    let store = ground.open().await;
    let gap = |minutes: i64, kind, events| Gap {
        connection: "c".into(),
        found_at: now() + SignedDuration::from_mins(minutes),
        kind,
        begins: now() - SignedDuration::from_hours(2),
        ends: now() + SignedDuration::from_mins(events),
        events: events.unsigned_abs(),
    };
    store.note_gap(&gap(0, GapKind::Filled, 3)).await.unwrap();
    store.note_gap(&gap(0, GapKind::Filled, 7)).await.unwrap();
    store.note_gap(&gap(10, GapKind::Lost, 0)).await.unwrap();
    drop(store);
    let store = ground.open().await;
    assert_eq!(store.gaps(10).await.unwrap(), [gap(10, GapKind::Lost, 0), gap(0, GapKind::Filled, 7)]);
    store.note_gap(&gap(40 * 24 * 60, GapKind::Filled, 1)).await.unwrap();
    assert_eq!(store.gaps(10).await.unwrap().len(), 1, "what is long ago is forgotten");
}

pub(crate) async fn one_has_a_lease_until_its_time_is_up(ground: &Ground) {
    let store = ground.open().await;
    let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let at = |seconds: i64| now() + SignedDuration::from_secs(seconds);
    assert!(store.lease("l", one, at(0), at(30)).await.unwrap());
    assert!(!store.lease("l", other, at(10), at(40)).await.unwrap());
    assert!(store.lease("l", one, at(20), at(50)).await.unwrap());
    assert!(!store.lease("l", other, at(40), at(70)).await.unwrap());
    assert!(store.lease("l", other, at(51), at(80)).await.unwrap(), "its time is up");
    assert!(!store.lease("l", one, at(52), at(80)).await.unwrap());
    store.give_back("l", other).await.unwrap();
    assert!(store.lease("l", one, at(53), at(80)).await.unwrap());
}
