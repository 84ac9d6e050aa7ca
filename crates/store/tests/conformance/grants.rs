//! Grants: kept sealed, renewed by one at a time, and never found by who has the files alone.

use hubspot::secret::Secret;
use jiff::{Timestamp, ToSpan};
use store::grants::{GrantError, Lost, Tokens};
use store::seal::{SealError, Sealer};

use crate::Ground;

const CANARIES: [&str; 3] = ["na1-canary-refresh-0001", "Ccanary-access-0001", "na1-canary-refresh-0002"];

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn sealer() -> Sealer {
    Sealer::of_text(&Secret::new("7".repeat(64)), None).unwrap()
}

fn tokens(refresh: &str, access: &str) -> Tokens {
    Tokens {
        refresh: Secret::new(refresh),
        access: Secret::new(access),
        access_until: now() + 30.minutes(),
        scopes: vec!["oauth".into(), "tickets".into()],
    }
}

pub(crate) async fn a_grant_is_renewed_by_one_at_a_time(ground: &Ground) {
    let (store, sealer) = (ground.open().await, sealer());
    assert!(store.grant(&sealer, "sales").await.unwrap().is_none());
    store.keep_grant(&sealer, "sales", 7, &tokens(CANARIES[0], CANARIES[1]), now()).await.unwrap();
    let read = store.grant(&sealer, "sales").await.unwrap().unwrap();
    assert_eq!((read.portal_id, read.version, read.lost), (7, 1, None));
    assert_eq!(read.tokens.refresh.expose(), CANARIES[0]);
    let until = now() + 45.seconds();
    let fence = store.claim_grant(&read, now(), until).await.unwrap().unwrap();
    assert_eq!(store.claim_grant(&read, now(), until).await.unwrap(), None, "it has just been claimed");
    let again = store.grant(&sealer, "sales").await.unwrap().unwrap();
    assert_eq!(store.claim_grant(&again, now(), until).await.unwrap(), None, "somebody is at it");
    // Who claimed it is dead: another takes over, and what the dead one brings comes too late.
    let second = store.claim_grant(&again, until, until + 45.seconds()).await.unwrap().unwrap();
    let late = store.keep_renewed(&sealer, &read, fence, &tokens("late", "late"), now()).await.unwrap();
    assert!(!late && !store.end_claim("sales", fence, Some(Lost::Revoked)).await.unwrap());
    let renewed = tokens(CANARIES[2], CANARIES[1]);
    assert!(store.keep_renewed(&sealer, &again, second, &renewed, until).await.unwrap());
    let read = store.grant(&sealer, "sales").await.unwrap().unwrap();
    assert_eq!((read.tokens.refresh.expose(), read.version), (CANARIES[2], 2));
    assert_eq!(read.tokens.scopes, ["oauth", "tickets"]);
    let third = store.claim_grant(&read, until, until + 45.seconds()).await.unwrap().unwrap();
    assert!(store.end_claim("sales", third, Some(Lost::Gone)).await.unwrap());
    assert_eq!(store.grant(&sealer, "sales").await.unwrap().unwrap().lost, Some(Lost::Gone));
    // A person consents anew.
    store.keep_grant(&sealer, "sales", 8, &tokens(CANARIES[0], CANARIES[1]), until).await.unwrap();
    let read = store.grant(&sealer, "sales").await.unwrap().unwrap();
    assert_eq!((read.portal_id, read.version, read.lost), (8, 3, None));
    assert_eq!(store.granted().await.unwrap(), ["sales"]);
    assert!(store.remove_grant("sales").await.unwrap() && !store.remove_grant("sales").await.unwrap());
}

pub(crate) async fn what_is_sealed_opens_with_its_key_alone(ground: &Ground) {
    let (store, old) = (ground.open().await, sealer());
    store.keep_grant(&old, "sales", 7, &tokens(CANARIES[0], CANARIES[1]), now()).await.unwrap();
    let key = Secret::new("8".repeat(64));
    let other = Sealer::of_text(&key, None).unwrap();
    let refused = store.grant(&other, "sales").await;
    assert!(matches!(refused, Err(GrantError::Sealed { why: SealError::OtherKey, .. })), "{refused:?}");
    let both = Sealer::of_text(&key, Some(&Secret::new("7".repeat(64)))).unwrap();
    assert_eq!(store.wrap_grants_anew(&both).await.unwrap(), 1);
    assert_eq!(store.wrap_grants_anew(&both).await.unwrap(), 0);
    assert_eq!(store.grant(&other, "sales").await.unwrap().unwrap().tokens.refresh.expose(), CANARIES[0]);
    assert!(store.grant(&old, "sales").await.is_err());
}

pub(crate) async fn no_token_lies_in_the_files(ground: &Ground) {
    let Ground::Directory(directory) = ground else { return };
    let (store, sealer) = (ground.open().await, sealer());
    let found = |what: &str| {
        let files = std::fs::read_dir(directory.path().join("data")).unwrap();
        let all: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default()).collect();
        all.iter().any(|bytes| bytes.windows(what.len()).any(|window| window == what.as_bytes()))
    };
    // While it is open what is new lies in the write-ahead log; afterwards it has gone into the file.
    store.keep_grant(&sealer, "sales-canary", 7, &tokens(CANARIES[0], CANARIES[1]), now()).await.unwrap();
    let read = store.grant(&sealer, "sales-canary").await.unwrap().unwrap();
    let fence = store.claim_grant(&read, now(), now() + 45.seconds()).await.unwrap().unwrap();
    store.keep_renewed(&sealer, &read, fence, &tokens(CANARIES[2], CANARIES[1]), now()).await.unwrap();
    assert!(found("sales-canary"), "the control: what is not sealed is found");
    assert_eq!(CANARIES.map(found), [false; 3]);
    drop(store);
    drop(ground.open().await);
    assert!(found("sales-canary"));
    assert_eq!(CANARIES.map(found), [false; 3]);
}
