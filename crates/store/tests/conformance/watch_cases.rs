//! The age of credentials, and letters to the incident room.

use jiff::{Timestamp, ToSpan};
use store::room::RoomLetter;
use uuid::Uuid;

use crate::Ground;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) async fn a_credential_is_as_old_as_its_value(ground: &Ground) {
    let store = ground.open().await;
    let later = now() + 24.hours();
    assert_eq!(store.in_use_since("default", b"12345678", now()).await.unwrap(), now());
    assert_eq!(store.in_use_since("default", b"12345678", later).await.unwrap(), now());
    drop(store);
    let store = ground.open().await;
    assert_eq!(store.in_use_since("default", b"12345678", later).await.unwrap(), now());
    assert_eq!(store.in_use_since("default", b"87654321", later).await.unwrap(), later, "it was rotated");
}

pub(crate) async fn letters_to_the_room_are_taken_once_in_their_order(ground: &Ground) {
    let store = ground.open().await;
    let letter = |minutes: i64, document: &[u8]| {
        let at = now() + minutes.minutes();
        RoomLetter { at, sender: Uuid::from_u128(7), document: document.into() }
    };
    for (minutes, document) in [(0, b"old"), (3, b"one"), (3, b"two")] {
        store.tell_the_room(letter(minutes, document)).await.unwrap();
    }
    let taken = store.room_letters().await.unwrap();
    assert_eq!(taken, [letter(3, b"one"), letter(3, b"two")], "what nobody took in time is gone");
    assert_eq!(store.room_letters().await.unwrap(), []);
}
