//! Forwarding, as every kind of store keeps it.

use jiff::{Timestamp, ToSpan};
use store::Store;
use store::deliveries::{EventKey, NewDelivery};
use store::dispatch::{Lead, LetterEnding, LetterFilter, LetterState, NewLetter, Progress, ReplayProgress};
use store::journal::Bookmark;
use store::quarantine::Suspect;
use store::retention::Retention;
use uuid::Uuid;

use super::Ground;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn lead() -> Lead {
    Lead { subscriber: "s".into(), owner: Uuid::from_u128(1) }
}

async fn serving(store: &Store) -> Lead {
    store.enrol("s", None, now()).await.unwrap();
    store.lead(&lead(), now(), now() + 30.seconds()).await.unwrap().unwrap();
    lead()
}

async fn deliver(store: &Store, number: u8, at: Timestamp) {
    let keys = vec![EventKey::new(at, [number; 10])];
    let body = format!("[{number}]").into_bytes();
    store.receive(NewDelivery { received_at: at, connection: "c".into(), body, keys }).await.unwrap();
}

fn letter(seq: i64, object: &str, standing: LetterEnding) -> NewLetter {
    NewLetter {
        seq,
        place: 0,
        event: EventKey::new(now(), [u8::try_from(seq).unwrap(); 10]),
        connection: "c".into(),
        object: object.into(),
        kind: "contact.creation".into(),
        occurred_at: now() + seq.milliseconds(),
        received_at: now(),
        body: b"{}".to_vec(),
        standing,
    }
}

fn again(due_at: Timestamp) -> LetterEnding {
    LetterEnding::Again { attempts: 3, due_at, status: Some(500), reason: Some("r".into()) }
}

pub(crate) async fn a_subscriber_begins_with_what_comes_from_now_on_and_keeps_its_place(ground: &Ground) {
    let store = ground.open().await;
    deliver(&store, 1, now()).await;
    let lead = serving(&store).await;
    let begin = store.standings().await.unwrap()[0].position;
    assert_eq!(store.deliveries(begin, 10).await.unwrap().len(), 0);
    deliver(&store, 2, now()).await;
    let next = store.deliveries(begin, 10).await.unwrap()[0].seq;
    let progress = Progress { position: Some(next), ..Progress::default() };
    assert!(store.advance(&lead, &progress, now()).await.unwrap());
    store.enrol("s", Some(b"{}"), now()).await.unwrap();
    drop(store);
    let standing = ground.open().await.standings().await.unwrap().remove(0);
    assert_eq!((standing.position, standing.settings.as_deref()), (next, Some(&b"{}"[..])));
}

pub(crate) async fn one_leads_and_what_another_did_is_refused_whole(ground: &Ground) {
    let store = ground.open().await;
    let first = serving(&store).await;
    let second = Lead { owner: Uuid::from_u128(2), ..first.clone() };
    assert!(store.lead(&second, now(), now() + 30.seconds()).await.unwrap().is_none());
    let later = now() + 31.seconds();
    assert!(store.lead(&second, later, later + 30.seconds()).await.unwrap().is_some());
    let progress = Progress {
        position: Some(99),
        letters: vec![letter(1, "o", again(now()))],
        latest: vec![([1; 16], now())],
        ..Progress::default()
    };
    assert!(!store.advance(&first, &progress, later).await.unwrap());
    assert_eq!(store.standings().await.unwrap()[0].position, 0);
    assert!(store.letters(&LetterFilter::default(), 0, 10).await.unwrap().is_empty());
    assert_eq!(store.latest("s", [1; 16]).await.unwrap(), None);
    store.yield_lead(&second).await.unwrap();
    assert!(store.lead(&first, later, later + 30.seconds()).await.unwrap().is_some());
}

pub(crate) async fn a_lead_that_was_ended_keeps_nothing_more_until_it_is_taken_anew(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    let until = now() + 60.seconds();
    assert!(store.renew_lead(&lead, until).await.unwrap().is_some());
    store.end_leads().await.unwrap();
    assert!(store.renew_lead(&lead, until).await.unwrap().is_none());
    let letters = vec![letter(1, "o", again(now()))];
    let progress = Progress { position: Some(1), letters, ..Progress::default() };
    assert!(!store.advance(&lead, &progress, now()).await.unwrap());
    assert!(store.letters(&LetterFilter::default(), 0, 10).await.unwrap().is_empty());
    assert_eq!(store.lead(&lead, now(), until).await.unwrap().unwrap().position, 0);
    assert!(store.advance(&lead, &progress, now()).await.unwrap());
}

pub(crate) async fn letters_of_an_object_are_due_one_after_the_other(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    let letters = vec![
        letter(2, "o", again(now())),
        letter(1, "o", again(now() + 1.hour())),
        letter(3, "p", again(now())),
    ];
    let progress = Progress { letters, ..Progress::default() };
    assert!(store.advance(&lead, &progress, now()).await.unwrap());
    assert!(store.advance(&lead, &progress, now()).await.unwrap(), "told again, it changes nothing");
    let due = store.letters_due("s", now(), 10).await.unwrap();
    assert_eq!(
        due.iter().map(|one| one.content.seq).collect::<Vec<_>>(),
        [3],
        "the second waits for the first"
    );
    assert_eq!(store.letters_waiting("s").await.unwrap().iter().map(|(_, count)| count).sum::<u64>(), 3);
    assert_eq!(store.letters_behind("s", 1).await.unwrap().len(), 2);
    assert_eq!(store.next_letter("s", LetterState::Waiting, now()).await.unwrap(), Some(now() + 1.hour()));
    let hurry =
        Progress { hurry: true, endings: vec![(due[0].id, LetterEnding::Delivered)], ..Progress::default() };
    assert!(store.advance(&lead, &hurry, now()).await.unwrap());
    let due = store.letters_due("s", now(), 10).await.unwrap();
    assert_eq!(due.iter().map(|one| one.content.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(due[0].content, letter(1, "o", again(now())));
}

pub(crate) async fn a_dead_letter_waits_for_a_person(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    let dead = LetterEnding::Dead { attempts: 9, at: now(), status: None, reason: "late".into() };
    let progress =
        Progress { letters: vec![letter(1, "o", dead.clone()), letter(2, "o", dead)], ..Progress::default() };
    store.advance(&lead, &progress, now()).await.unwrap();
    assert!(store.letters_due("s", now() + 9.hours(), 10).await.unwrap().is_empty());
    let filter = LetterFilter {
        state: Some(LetterState::Dead),
        subscriber: Some("s".into()),
        ..LetterFilter::default()
    };
    let letters = store.letters(&filter, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 2);
    let one = LetterFilter { event: Some(letters[1].content.event), ..LetterFilter::default() };
    assert_eq!(store.letters(&one, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.replay_letters(&[letters[0].id, 99], now()).await.unwrap(), 1);
    assert_eq!(
        store.drop_letters(&[letters[0].id, letters[1].id]).await.unwrap(),
        1,
        "what is replayed is not dropped"
    );
    let replaying = store.letters_replaying("s", now(), 10).await.unwrap();
    assert_eq!(replaying.len(), 1);
    let failed =
        Progress { endings: vec![(replaying[0].id, again(now() + 1.hour()))], ..Progress::default() };
    store.advance(&lead, &failed, now()).await.unwrap();
    assert!(
        store.letters_due("s", now() + 9.hours(), 10).await.unwrap().is_empty(),
        "it stays in its own lane"
    );
    assert_eq!(store.letters_replaying("s", now() + 1.hour(), 10).await.unwrap().len(), 1);
    let backlog = store.backlog("s", 0).await.unwrap();
    assert_eq!((backlog.waiting, backlog.dead), (0, 0));
}

pub(crate) async fn a_stretch_of_the_log_is_sent_again(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    for number in 1..=4 {
        deliver(&store, number, now() + i64::from(number).minutes()).await;
    }
    let seqs: Vec<i64> = store.deliveries(0, 10).await.unwrap().iter().map(|one| one.seq).collect();
    let id = store.replay_log("s", now() + 2.minutes(), now() + 3.minutes(), b"{}", now()).await.unwrap();
    let replay = store.next_replay("s").await.unwrap().unwrap();
    assert_eq!((replay.id, replay.position, replay.until), (id, seqs[1] - 1, seqs[2]));
    let ended = ReplayProgress { position: seqs[2], sent: 2, ended_at: Some(now()), reason: None };
    store.advance_replay(&lead, id, &ended).await.unwrap();
    assert_eq!(store.next_replay("s").await.unwrap(), None);
    assert_eq!(store.replays(Some("s"), 10).await.unwrap()[0].sent, 2);
    assert!(store.dismiss("s").await.unwrap());
    assert!(store.replays(None, 10).await.unwrap().is_empty());
}

pub(crate) async fn a_subscriber_is_switched_off_and_on(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    let gone = Progress { disabled: Some("410".into()), ..Progress::default() };
    store.advance(&lead, &gone, now()).await.unwrap();
    assert_eq!(store.standings().await.unwrap()[0].disabled.as_deref(), Some("410"));
    assert!(store.enable("s", now()).await.unwrap());
    assert_eq!(store.standings().await.unwrap()[0].disabled, None);
    assert!(store.disable("s", "by hand", now()).await.unwrap());
    assert!(!store.disable("nobody", "by hand", now()).await.unwrap());
}

pub(crate) async fn suspects_are_kept_once_and_let_go(ground: &Ground) {
    let store = ground.open().await;
    let suspect = Suspect {
        id: 0,
        digest: vec![1; 32],
        received_at: now(),
        connection: "c".into(),
        method: "POST".into(),
        target: "/webhooks/hubspot".into(),
        headers: vec![("x-hubspot-signature".into(), "00".into())],
        body: b"[{}]".to_vec(),
        refusal: "r".into(),
        times: 0,
    };
    assert!(store.quarantine(&suspect).await.unwrap());
    assert!(store.quarantine(&suspect).await.unwrap());
    let kept = store.suspects(0, 10).await.unwrap();
    assert_eq!(kept, [Suspect { id: kept[0].id, times: 2, ..suspect }]);
    assert_eq!(store.suspects_count().await.unwrap(), 1);
    assert!(store.release(kept[0].id).await.unwrap());
    assert!(!store.release(kept[0].id).await.unwrap());
}

pub(crate) async fn what_is_delivered_goes_in_time_and_nothing_else(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    for number in 1..=4 {
        deliver(&store, number, now() + i64::from(number).minutes()).await;
    }
    let seqs: Vec<i64> = store.deliveries(0, 10).await.unwrap().iter().map(|one| one.seq).collect();
    let all = Retention { before: now() + 1.hour(), bytes_max: 1 << 30 };
    assert_eq!(store.expire(all).await.unwrap(), 0, "nothing is delivered yet");
    assert_eq!(store.held_back(now() + 1.hour()).await.unwrap(), 4);
    let progress = Progress { position: Some(seqs[2]), ..Progress::default() };
    store.advance(&lead, &progress, now()).await.unwrap();
    let by_age = Retention { before: now() + 2.minutes(), ..all };
    assert_eq!(store.expire(by_age).await.unwrap(), 1);
    let by_size = Retention { before: now(), bytes_max: 6 };
    assert_eq!(
        store.expire(by_size).await.unwrap(),
        1,
        "two bodies of three bytes are what there is room for"
    );
    assert_eq!(store.expire(all).await.unwrap(), 1);
    assert_eq!(store.deliveries(0, 10).await.unwrap().len(), 1, "what is not delivered stays");
}

pub(crate) async fn the_number_of_a_delivery_that_is_gone_is_never_given_again(ground: &Ground) {
    let store = ground.open().await;
    let lead = serving(&store).await;
    let mut last = 0;
    for number in 1..=3 {
        deliver(&store, number, now()).await;
        let seq = store.last_delivery().await.unwrap();
        assert!(seq > last, "delivery {number} comes after {last}, and not at {seq}");
        last = seq;
        let progress = Progress { position: Some(last), ..Progress::default() };
        store.advance(&lead, &progress, now()).await.unwrap();
        let all = Retention { before: now() + 1.hour(), bytes_max: 1 << 30 };
        assert_eq!(store.expire(all).await.unwrap(), 1);
        assert_eq!(store.last_delivery().await.unwrap(), 0, "nothing is left that would tell the number");
    }
    drop(store);
    let store = ground.open().await;
    deliver(&store, 4, now()).await;
    assert!(store.last_delivery().await.unwrap() > last, "nor after a start");
}

pub(crate) async fn a_bookmark_outlives_the_process(ground: &Ground) {
    let store = ground.open().await;
    assert_eq!(store.bookmark("c").await.unwrap(), None);
    let first = Bookmark { place: None, read_until: now() };
    store.set_bookmark("c", &first).await.unwrap();
    let second = Bookmark { place: Some("x".into()), read_until: now() + 1.hour() };
    store.set_bookmark("c", &second).await.unwrap();
    drop(store);
    assert_eq!(ground.open().await.bookmark("c").await.unwrap(), Some(second));
}
