//! The age of credentials.

use jiff::{Timestamp, ToSpan};

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
