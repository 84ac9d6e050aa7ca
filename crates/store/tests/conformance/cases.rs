//! The cases. Each has an empty store of its own.

use jiff::{Timestamp, ToSpan};
use store::Store;
use store::deliveries::{EventKey, NewDelivery, Places};
use store::idempotency::{Begun, Hold, KeptAnswer, Keyed};
use store::outbox::{Answer, Attempt, Claim, Edit, Ending, Filter, Line, NewOperation, Operation, State};
use uuid::Uuid;

use crate::Ground;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn update_of(record: Option<&str>) -> NewOperation {
    NewOperation {
        id: Uuid::now_v7(),
        accepted_at: now(),
        connection: "default".into(),
        caller: "billing".into(),
        family: "objects".into(),
        lane: "sync".into(),
        method: "PATCH".into(),
        target: "/crm/v3/objects/contacts/1".into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: br#"{"properties":{"firstname":"Ada"}}"#.to_vec(),
        record: record.map(str::to_owned),
        stamp: None,
    }
}

async fn accept(store: &Store, record: Option<&str>) -> Uuid {
    let operation = update_of(record);
    let id = operation.id;
    store.accept(operation).await.unwrap();
    id
}

async fn claim(store: &Store, now: Timestamp, max: usize) -> Vec<Operation> {
    let line = Line { connection: "default".into(), family: "objects".into(), lane: "sync".into() };
    store
        .claim(Claim { line, now, until: now + 1.minute(), owner: Uuid::nil(), max })
        .await
        .unwrap()
        .operations
}

fn good() -> Ending {
    Ending::Applied(Answer { status: 200, body: b"{}".to_vec() })
}

pub(crate) async fn an_accepted_operation_outlives_the_process(ground: &Ground) {
    let store = ground.open().await;
    let asked = update_of(Some("contacts/1"));
    store.accept(asked.clone()).await.unwrap();
    drop(store);
    let found = ground.open().await.operation(asked.id).await.unwrap().unwrap();
    assert_eq!((found.asked, found.state, found.fence), (asked, State::Pending, 0));
}

pub(crate) async fn operations_of_a_record_go_one_after_the_other_and_others_are_not_held_up(
    ground: &Ground,
) {
    let store = ground.open().await;
    let first = accept(&store, Some("contacts/1")).await;
    let second = accept(&store, Some("contacts/1")).await;
    let other = accept(&store, Some("contacts/2")).await;
    let free = accept(&store, None).await;
    let claimed = claim(&store, now(), 10).await;
    assert_eq!(claimed.iter().map(|one| one.asked.id).collect::<Vec<_>>(), [first, other, free]);
    assert!(claim(&store, now(), 10).await.is_empty(), "none is taken twice");
    assert!(store.end(&claimed[0], None, good(), now()).await.unwrap());
    let next = claim(&store, now(), 10).await;
    assert_eq!(next.iter().map(|one| one.asked.id).collect::<Vec<_>>(), [second]);
}

pub(crate) async fn one_that_waits_to_be_tried_again_keeps_its_place_before_later_ones(ground: &Ground) {
    let store = ground.open().await;
    let first = accept(&store, Some("contacts/1")).await;
    accept(&store, Some("contacts/1")).await;
    let claimed = claim(&store, now(), 1).await;
    let due_at = now() + 1.minute();
    let attempt = Attempt {
        at: now(),
        status: 502,
        correlation_id: Some("c-1".into()),
        outcome: "bad gateway".into(),
        doubtful: false,
        not_kept: 0,
        requests: 2,
    };
    assert!(store.end(&claimed[0], Some(attempt.clone()), Ending::Again { due_at }, now()).await.unwrap());
    assert!(claim(&store, now(), 10).await.is_empty());
    let again = claim(&store, due_at, 10).await;
    assert_eq!(again.iter().map(|one| one.asked.id).collect::<Vec<_>>(), [first]);
    assert_eq!((again[0].fence, &again[0].attempts), (2, &vec![attempt]));
}

pub(crate) async fn a_worker_that_was_too_slow_changes_nothing(ground: &Ground) {
    let store = ground.open().await;
    let id = accept(&store, None).await;
    let slow = claim(&store, now(), 1).await.remove(0);
    assert!(store.end(&slow, None, Ending::Again { due_at: now() }, now()).await.unwrap());
    let fast = claim(&store, now(), 1).await.remove(0);
    assert!(!store.end(&slow, None, Ending::Unknown { reason: "late".into() }, now()).await.unwrap());
    assert!(store.end(&fast, None, good(), now()).await.unwrap());
    assert_eq!(store.operation(id).await.unwrap().unwrap().state, State::Applied);
}

pub(crate) async fn a_dead_letter_is_edited_and_replayed_and_keeps_its_history(ground: &Ground) {
    let store = ground.open().await;
    let id = accept(&store, None).await;
    let claimed = claim(&store, now(), 1).await.remove(0);
    let attempt = Attempt {
        at: now(),
        status: 400,
        correlation_id: None,
        outcome: "validation".into(),
        doubtful: false,
        not_kept: 0,
        requests: 2,
    };
    let answer = Some(Answer { status: 400, body: b"{}".to_vec() });
    let dead = Ending::Dead { reason: "PROPERTY_DOESNT_EXIST".into(), answer };
    store.end(&claimed, Some(attempt), dead, now()).await.unwrap();
    let letters = store
        .operations(Filter { state: Some(State::Dead), ..Filter::default() }, 0, 10)
        .await
        .unwrap()
        .operations;
    assert_eq!((letters.len(), letters[0].reason.as_deref()), (1, Some("PROPERTY_DOESNT_EXIST")));
    let edit = Edit { body: Some(b"{\"properties\":{}}".to_vec()), ..Edit::default() };
    assert!(store.replay(id, edit, now()).await.unwrap());
    let again = claim(&store, now(), 1).await.remove(0);
    assert_eq!((again.asked.body.as_slice(), again.attempts.len()), (&b"{\"properties\":{}}"[..], 2));
    assert!(!store.replay(id, Edit::default(), now()).await.unwrap(), "what is being sent is not sent twice");
}

pub(crate) async fn what_is_replayed_stands_in_line_again(ground: &Ground) {
    let store = ground.open().await;
    let first = accept(&store, Some("contacts/1")).await;
    let second = accept(&store, Some("contacts/1")).await;
    let claimed = claim(&store, now(), 10).await.remove(0);
    let dead = Ending::Dead { reason: "locked".into(), answer: None };
    store.end(&claimed, None, dead, now()).await.unwrap();
    let claimed = claim(&store, now(), 10).await.remove(0);
    assert_eq!(claimed.asked.id, second);
    assert!(store.replay(first, Edit::default(), now()).await.unwrap());
    assert!(claim(&store, now(), 10).await.is_empty(), "one at a time");
    drop(store);
    let store = ground.open().await;
    assert!(claim(&store, now(), 10).await.is_empty(), "after a crash too");
    store.end(&claimed, None, good(), now()).await.unwrap();
    assert_eq!(claim(&store, now(), 10).await.remove(0).asked.id, first);
}

pub(crate) async fn only_what_waits_can_be_cancelled(ground: &Ground) {
    let store = ground.open().await;
    let id = accept(&store, None).await;
    assert!(store.cancel(id, now()).await.unwrap());
    assert!(!store.cancel(id, now()).await.unwrap());
    assert!(claim(&store, now(), 1).await.is_empty());
    let sent = accept(&store, None).await;
    claim(&store, now(), 1).await;
    assert!(!store.cancel(sent, now()).await.unwrap());
    assert_eq!(store.counts().await.unwrap(), [(State::Sending, 1), (State::Cancelled, 1)]);
}

pub(crate) async fn what_was_being_sent_is_found_after_a_crash(ground: &Ground) {
    let store = ground.open().await;
    let id = accept(&store, None).await;
    claim(&store, now(), 1).await;
    drop(store);
    let interrupted = ground.open().await.interrupted(now() + 1.minute()).await.unwrap().operations;
    assert_eq!(interrupted.iter().map(|one| one.asked.id).collect::<Vec<_>>(), [id]);
}

fn keyed(key: u8, fingerprint: u8, now: Timestamp) -> Keyed {
    Keyed {
        key: [key; 32],
        fingerprint: [fingerprint; 32],
        now,
        until: now + 1.minute(),
        stamp: Some("s1".into()),
    }
}

fn created() -> KeptAnswer {
    KeptAnswer { status: 201, headers: vec![("x".into(), "y".into())], body: b"{}".to_vec() }
}

pub(crate) async fn a_key_is_answered_once_and_for_one_write(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(store.begin_key(keyed(1, 1, now())).await.unwrap(), Begun::New);
    assert_eq!(store.begin_key(keyed(1, 1, now())).await.unwrap(), Begun::InProgress);
    assert_eq!(store.begin_key(keyed(1, 2, now())).await.unwrap(), Begun::Different);
    store.end_key(keyed(1, 1, now()), created()).await.unwrap();
    store.release_key([1; 32]).await.unwrap();
    drop(store);
    let store = ground.open().await;
    assert_eq!(
        store.begin_key(keyed(1, 1, now())).await.unwrap(),
        Begun::Answered { answer: created(), since: now() },
        "and stays so"
    );
    assert_eq!(store.forget_answers(now()).await.unwrap(), 0);
    assert_eq!(store.forget_answers(now() + 1.second()).await.unwrap(), 1);
    assert_eq!(store.begin_key(keyed(1, 2, now())).await.unwrap(), Begun::New);
}

pub(crate) async fn a_key_that_nobody_ended_was_interrupted(ground: &Ground) {
    let store = ground.open().await;
    store.begin_key(keyed(1, 1, now())).await.unwrap();
    let later = now() + 2.minutes();
    assert_eq!(
        store.begin_key(keyed(1, 1, later)).await.unwrap(),
        Begun::Interrupted { since: now(), stamp: Some("s1".into()) }
    );
    assert_eq!(store.begin_key(keyed(1, 1, later)).await.unwrap(), Begun::InProgress, "by whoever found it");
    store.interrupt_key([1; 32]).await.unwrap();
    assert_eq!(
        store.begin_key(keyed(1, 1, later)).await.unwrap(),
        Begun::Interrupted { since: now(), stamp: Some("s1".into()) },
        "it is as it was begun first"
    );
    store.release_key([1; 32]).await.unwrap();
    assert_eq!(store.begin_key(keyed(1, 1, later)).await.unwrap(), Begun::New);
}

pub(crate) async fn an_operation_and_the_answer_to_its_key_are_one_commit(ground: &Ground) {
    let store = ground.open().await;
    let (first, second) = (update_of(None), update_of(None));
    let once =
        async |asked, hold| store.accept_once(asked, keyed(1, 1, now()), created(), hold).await.unwrap();
    assert_eq!(once(first.clone(), Hold::Free).await, Begun::New);
    assert_eq!(once(second.clone(), Hold::Free).await, Begun::Answered { answer: created(), since: now() });
    assert_eq!(store.counts().await.unwrap(), [(State::Pending, 1)]);
    assert!(store.operation(second.id).await.unwrap().is_none());
    assert!(!store.has_unsettled("default", "contacts/1").await.unwrap());
}

pub(crate) async fn lines_are_taken_from_one_by_one(ground: &Ground) {
    let store = ground.open().await;
    accept(&store, Some("contacts/1")).await;
    let other =
        NewOperation { family: "associations".into(), lane: "bulk".into(), ..update_of(Some("contacts/1")) };
    store.accept(other.clone()).await.unwrap();
    let names = async || {
        let lines = store.lines("default").await.unwrap();
        lines.into_iter().map(|line| format!("{}/{}", line.family, line.lane)).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["objects/sync"], "of a record only the first has its turn");
    assert!(store.has_unsettled("default", "contacts/1").await.unwrap());
    assert_eq!(store.oldest().await.unwrap(), Some(now()));
    let claimed = claim(&store, now(), 10).await.remove(0);
    assert!(store.end(&claimed, None, good(), now()).await.unwrap());
    assert_eq!(names().await, ["associations/bulk"]);
    let free = NewOperation { lane: "bulk".into(), ..update_of(None) };
    store.accept(free).await.unwrap();
    assert_eq!(names().await, ["associations/bulk", "objects/bulk"]);
    assert!(claim(&store, now(), 10).await.is_empty(), "each line by itself");
}

pub(crate) async fn settled_ones_are_forgotten_and_undelivered_ones_only_dropped(ground: &Ground) {
    let store = ground.open().await;
    let (applied, dead) = (accept(&store, None).await, accept(&store, None).await);
    let claimed = claim(&store, now(), 10).await;
    store.end(&claimed[0], None, good(), now()).await.unwrap();
    let ending = Ending::Dead { reason: "no".into(), answer: None };
    store.end(&claimed[1], None, ending, now()).await.unwrap();
    let waiting = accept(&store, None).await;
    assert_eq!(store.forget_settled(now()).await.unwrap(), 0);
    assert_eq!(store.forget_settled(now() + 1.second()).await.unwrap(), 1);
    assert!(store.operation(applied).await.unwrap().is_none());
    assert!(!store.remove(waiting).await.unwrap(), "what waits is cancelled first");
    let edit = Edit { target: Some("/other".into()), ..Edit::default() };
    assert!(store.edit(dead, edit).await.unwrap());
    assert_eq!(store.operation(dead).await.unwrap().unwrap().asked.target, "/other");
    assert!(store.remove(dead).await.unwrap() && !store.remove(dead).await.unwrap());
    assert_eq!(store.counts().await.unwrap(), [(State::Pending, 1)]);
}

pub(crate) async fn attempts_are_bounded_and_none_is_forgotten_without_a_trace(ground: &Ground) {
    let store = ground.open().await;
    let id = accept(&store, None).await;
    for number in 0..130 {
        let claimed = claim(&store, now(), 1).await.remove(0);
        let outcome = format!("attempt {number}");
        let attempt = Attempt {
            at: now(),
            status: 503,
            correlation_id: None,
            outcome,
            doubtful: number == 60,
            not_kept: 0,
            requests: 1,
        };
        store.end(&claimed, Some(attempt), Ending::Again { due_at: now() }, now()).await.unwrap();
    }
    let operation = store.operation(id).await.unwrap().unwrap();
    let not_kept: u32 = operation.attempts.iter().map(|attempt| attempt.not_kept).sum();
    assert_eq!((operation.attempts.len(), not_kept, operation.is_doubtful()), (100, 30, true));
    assert_eq!(operation.attempts[0].outcome, "attempt 0");
    assert_eq!(operation.attempts[99].outcome, "attempt 129");
}

fn delivery(keys: &[u8]) -> NewDelivery {
    let keys = keys.iter().map(|key| EventKey::new(now(), [*key; 10])).collect();
    NewDelivery { received_at: now(), connection: "default".into(), body: b"[{},{}]".to_vec(), keys }
}

pub(crate) async fn an_event_that_came_before_is_kept_once(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(store.receive(delivery(&[1, 2])).await.unwrap().len(), 2);
    let second = store.receive(delivery(&[2, 3])).await.unwrap();
    assert!(!second.contains(0) && second.contains(1));
    assert!(store.receive(delivery(&[1, 3])).await.unwrap().is_empty());
    let kept = store.deliveries(0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.new.len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(kept[0].body, b"[{},{}]");
    assert_eq!(store.deliveries(kept[0].seq, 10).await.unwrap().len(), 1);
}

pub(crate) async fn of_deliveries_at_once_each_event_is_new_in_one(ground: &Ground) {
    let store = ground.open().await;
    // Each event is in three deliveries, in another order.
    let received = (0..60u8).map(|first| {
        let store = store.clone();
        let keys = [first + 2, first, first + 1];
        tokio::spawn(async move { store.receive(delivery(&keys)).await.unwrap().len() })
    });
    let mut new = 0;
    for one in received.collect::<Vec<_>>() {
        new += one.await.unwrap();
    }
    assert_eq!(new, 62);
    let kept = store.deliveries(0, 100).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.new.len()).sum::<usize>(), 62, "and what is kept says the same");
}

pub(crate) async fn one_bad_delivery_does_not_harm_the_others_of_its_group(ground: &Ground) {
    let store = ground.open().await;
    let received = (0..20u8).map(|number| {
        let store = store.clone();
        let mut delivery = delivery(&[number]);
        if number == 7 {
            // No text, to one kind of store.
            delivery.connection = "\0".into();
        }
        tokio::spawn(async move { store.receive(delivery).await })
    });
    let mut kept = 0;
    for one in received.collect::<Vec<_>>() {
        kept += one.await.unwrap().map_or(0, Places::len);
    }
    let expected = match ground {
        Ground::Directory(_) => 20,
        Ground::Database(_) => 19,
    };
    assert_eq!(kept, expected);
    assert_eq!(store.deliveries(0, 100).await.unwrap().len(), kept);
}

pub(crate) async fn keys_are_forgotten_by_the_time_of_their_event(ground: &Ground) {
    let store = ground.open().await;
    store.receive(delivery(&[1])).await.unwrap();
    assert_eq!(store.forget_keys(now()).await.unwrap(), 0);
    assert_eq!(store.forget_keys(now() + 1.second()).await.unwrap(), 1);
    assert_eq!(store.receive(delivery(&[1])).await.unwrap().len(), 1);
}

pub(crate) async fn a_hundred_at_once_are_all_kept(ground: &Ground) {
    let store = ground.open().await;
    let accepted = (0..100).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { accept(&store, None).await })
    });
    for one in accepted.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    drop(store);
    assert_eq!(ground.open().await.counts().await.unwrap(), [(State::Pending, 100)]);
}

pub(crate) async fn one_bad_request_does_not_harm_the_others_of_its_group(ground: &Ground) {
    let store = ground.open().await;
    let twice = update_of(None);
    store.accept(twice.clone()).await.unwrap();
    let others = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { accept(&store, None).await })
    });
    let others: Vec<_> = others.collect();
    assert!(store.accept(twice).await.is_err(), "an id is used once");
    for other in others {
        other.await.unwrap();
    }
    assert_eq!(store.counts().await.unwrap(), [(State::Pending, 21)]);
}
