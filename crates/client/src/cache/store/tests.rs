use std::time::Duration;

use http::Response;
use proptest::prelude::*;
use tokio::time::Instant;

use super::super::kept::{Facts, Use};
use super::super::key::{KeyMaker, Rights};
use super::super::needs::Needs;
use super::*;
use crate::body::Body;

struct Rig {
    store: Store,
    keys: KeyMaker,
    account: Arc<Account>,
    began: Instant,
    count: u64,
}

impl Rig {
    fn new(bytes_max: usize) -> Self {
        Self {
            store: Store::new(bytes_max),
            keys: KeyMaker::new(7),
            account: Arc::new(Account::bare("a", None)),
            began: Instant::now(),
            count: 0,
        }
    }

    fn key<'a>(&self, account: &'a Arc<Account>, target: &'a str) -> Key<'a> {
        self.keys.key(account, Rights::OfCredential, 0, target, &[])
    }

    fn keep(&mut self, target: &str, body: &[u8]) {
        let account = self.account.clone();
        let key = self.key(&account, target);
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("set-cookie", "secret=1")
            .header("x-hubspot-ratelimit-remaining", "5")
            .header("x-two", "1")
            .header("x-two", "2")
            .body(Body::Empty)
            .unwrap();
        self.count += 1;
        let at = self.began + Duration::from_secs(self.count);
        let facts = Facts { needs: Needs::Crm, since: 0, at, took_ms: 1, use_of: Use::Stale };
        let names = self.store.names(answer.headers());
        let kept = Kept::new(&key, facts, &answer, body, names).unwrap();
        self.store.keep(&key, kept);
    }

    fn find(&mut self, target: &str) -> Option<Vec<u8>> {
        let account = self.account.clone();
        let key = self.key(&account, target);
        self.store.find(&key).map(|(_, kept)| kept.body().to_vec())
    }
}

#[test]
fn an_answer_comes_back_as_it_went_in() {
    let mut rig = Rig::new(100_000);
    rig.keep("/a?x=1", b"one");
    let account = rig.account.clone();
    let key = rig.key(&account, "/a?x=1");
    let (_, kept) = rig.store.find(&key).unwrap();
    let response = kept.response(kept.body());
    let headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    assert_eq!(headers, ["content-type: application/json", "x-two: 1", "x-two: 2"]);
    assert_eq!(response.body().at_hand(), b"one");
}

#[test]
fn one_accounts_answers_are_not_anothers() {
    let mut rig = Rig::new(100_000);
    rig.keep("/a", b"one");
    let other = Arc::new(Account::bare("a", None));
    let key = rig.key(&other, "/a");
    assert!(rig.store.find(&key).is_none());
    // Not even if the digests were the same.
    let key = Key { hash: rig.key(&rig.account.clone(), "/a").hash, ..key };
    assert!(rig.store.find(&key).is_none() && rig.store.beside(&key).next().is_none());
}

#[test]
fn what_is_used_outlives_what_is_not() {
    let mut rig = Rig::new(10 * (256 + 100));
    for number in 0..5 {
        rig.keep(&format!("/{number}"), &[0; 20]);
    }
    assert!(rig.find("/0").is_some());
    for number in 5..40 {
        rig.keep(&format!("/{number}"), &[0; 20]);
        assert!(rig.find("/0").is_some(), "after {number}");
    }
    assert!(rig.find("/1").is_none() && rig.find("/39").is_some());
}

#[test]
fn answers_that_differ_in_properties_lie_together_and_stay_few() {
    let mut rig = Rig::new(100_000);
    for number in 0..20 {
        rig.keep(&format!("/a?properties=p{number}&x=1"), b"one");
    }
    rig.keep("/a?properties=p&x=2", b"other");
    let account = rig.account.clone();
    let key = rig.key(&account, "/a?x=1");
    assert_eq!(rig.store.beside(&key).count(), PROPERTY_SETS_MAX);
    assert_eq!(rig.store.remove_beside(&key), PROPERTY_SETS_MAX);
    assert_eq!(rig.store.entries(), 1);
}

proptest! {
    /// Whatever comes and goes, the books are right and the budget holds.
    #[test]
    fn the_budget_holds(steps in proptest::collection::vec((0u8..30, 0usize..900, 0u8..4), 1..300)) {
        let mut rig = Rig::new(6_000);
        for (number, size, what) in steps {
            let target = format!("/{}?properties=p{}", number / 4, number % 4);
            match what {
                0 => {
                    let _looked = rig.find(&target);
                }
                1 => {
                    let account = rig.account.clone();
                    let key = rig.key(&account, &target);
                    rig.store.remove_beside(&key);
                }
                _ => {
                    rig.keep(&target, &vec![number; size]);
                    prop_assert_eq!(rig.find(&target), Some(vec![number; size]));
                }
            }
            let taken = rig.store.places.iter().filter_map(|place| match place {
                Place::Taken(entry) => Some(entry.kept.weight()),
                Place::Free { .. } => None,
            });
            let (count, sum) = taken.fold((0, 0), |(count, sum), weight| (count + 1, sum + weight));
            prop_assert_eq!((count, sum), (rig.store.entries(), rig.store.bytes()));
            prop_assert!(sum <= 6_000);
            let mut listed = 0;
            let mut place = rig.store.head;
            while place != NOWHERE {
                listed += 1;
                place = entry(&rig.store.places, place).older;
            }
            prop_assert_eq!(listed, count);
        }
    }
}
