//! People who are on their way to consent.

use hubspot::secret::Secret;
use jiff::{Timestamp, ToSpan};
use store::consents::Away;
use store::grants::GrantError;
use store::seal::{SealError, Sealer};

use super::Ground;

const STATE: &str = "a-state-that-nobody-guesses";
const VERIFIER: &str = "a-verifier-that-is-sealed";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn sealer(digit: &str) -> Sealer {
    Sealer::of_text(&Secret::new(digit.repeat(64)), None).unwrap()
}

fn away() -> Away {
    Away { connection: "crm".into(), verifier: Secret::new(VERIFIER) }
}

/// Whoever shares the store and its key takes them back, whoever sent them away.
pub(crate) async fn whoever_comes_back_is_known_once_and_in_time(ground: &Ground) {
    let (store, other) = (ground.open().await, sealer("7"));
    let until = now() + 15.minutes();
    store.keep_consent(&sealer("7"), STATE, &away(), until).await.unwrap();
    assert_eq!(store.consents_under_way(now()).await.unwrap(), 1);
    assert!(store.take_consent(&other, "another", now()).await.unwrap().is_none());
    let back = store.take_consent(&other, STATE, now()).await.unwrap().unwrap();
    assert_eq!((back.connection.as_str(), back.verifier.expose()), ("crm", VERIFIER));
    assert!(store.take_consent(&other, STATE, now()).await.unwrap().is_none(), "each state is good once");
    store.keep_consent(&other, STATE, &away(), until).await.unwrap();
    assert!(store.take_consent(&other, STATE, until).await.unwrap().is_none(), "too late");
    assert_eq!(store.consents_under_way(until).await.unwrap(), 0, "who never came back is forgotten");
    // Another key opens nothing.
    store.keep_consent(&other, STATE, &away(), until).await.unwrap();
    let refused = store.take_consent(&sealer("8"), STATE, now()).await;
    assert!(matches!(refused, Err(GrantError::Sealed { why: SealError::OtherKey, .. })), "{refused:?}");
}
