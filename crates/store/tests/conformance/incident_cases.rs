//! Incidents and messages about them.

use jiff::{Timestamp, ToSpan};
use store::Store;
use store::incidents::{
    IncidentStep, KeptIncident, Line, NewNotice, Notice, NoticeEnd, NoticeState, Progress, Recording,
};
use uuid::Uuid;

use crate::Ground;

const ID: &str = "20260301-00002a";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn kept(id: &str, progress: Progress, document: &str) -> KeptIncident {
    KeptIncident { id: id.into(), began_at: now(), progress, document: document.into() }
}

fn notice(channel: &str, document: &str) -> NewNotice {
    let (incident, channel) = (ID.into(), channel.into());
    NewNotice { id: Uuid::now_v7(), incident, channel, due_at: now(), document: document.into() }
}

async fn keep(store: &Store, step: IncidentStep) {
    store.keep_incidents(step).await.unwrap();
}

async fn claim(store: &Store, now: Timestamp) -> Vec<Notice> {
    store.claim_notices(now, now + 1.minute(), 10).await.unwrap()
}

fn documents(notices: &[Notice]) -> Vec<&str> {
    notices.iter().map(|notice| std::str::from_utf8(&notice.asked.document).unwrap()).collect()
}

pub(crate) async fn a_step_is_kept_as_a_whole_and_outlives_the_process(ground: &Ground) {
    let store = ground.open().await;
    let line = |text: &str| Line { incident: ID.into(), at: now(), document: text.into() };
    let recording = Recording { incident: ID.into(), at: now(), document: b"{}".to_vec() };
    let step = IncidentStep {
        incidents: vec![kept(ID, Progress::GoingOn, "first")],
        lines: vec![line("opened"), line("named")],
        recordings: vec![recording.clone()],
        notices: vec![notice("slack", "a"), notice("pagerduty", "a")],
    };
    keep(&store, step).await;
    let again = IncidentStep { incidents: vec![kept(ID, Progress::GoingOn, "second")], ..Default::default() };
    keep(&store, again).await;
    drop(store);
    let store = ground.open().await;
    assert_eq!(store.incident(ID).await.unwrap().unwrap().document, b"second");
    let lines = store.timeline(ID).await.unwrap();
    assert_eq!(
        lines.iter().map(|line| line.document.as_slice()).collect::<Vec<_>>(),
        [b"opened".as_slice(), b"named"]
    );
    assert_eq!(store.recordings(ID).await.unwrap(), [recording]);
    assert_eq!(store.notices(ID).await.unwrap().len(), 2);
    assert!(store.incident("another").await.unwrap().is_none());
}

pub(crate) async fn what_goes_on_is_listed_before_what_is_over(ground: &Ground) {
    let store = ground.open().await;
    let incidents = vec![
        kept("a", Progress::Over, "a"),
        KeptIncident { began_at: now() + 1.hour(), ..kept("b", Progress::Over, "b") },
        KeptIncident { began_at: now() - 9.hours(), ..kept("c", Progress::GoingOn, "c") },
    ];
    keep(&store, IncidentStep { incidents, ..Default::default() }).await;
    let listed = store.incidents(10).await.unwrap();
    assert_eq!(listed.iter().map(|incident| incident.id.as_str()).collect::<Vec<_>>(), ["c", "b", "a"]);
    assert_eq!(store.incidents(1).await.unwrap().len(), 1);
}

pub(crate) async fn messages_of_one_channel_go_in_their_order(ground: &Ground) {
    let store = ground.open().await;
    let notices = vec![notice("slack", "1"), notice("slack", "2"), notice("pagerduty", "1")];
    keep(&store, IncidentStep { notices, ..Default::default() }).await;
    let first = claim(&store, now()).await;
    assert_eq!(documents(&first), ["1", "1"], "one for each channel");
    assert!(claim(&store, now()).await.is_empty(), "the second waits for the first");
    let due_at = now() + 2.seconds();
    let again = NoticeEnd::Again { due_at, why: "503".into() };
    assert!(store.end_notice(&first[0], again).await.unwrap());
    assert!(claim(&store, now()).await.is_empty());
    let second = claim(&store, due_at).await;
    assert_eq!((documents(&second), second[0].attempts), (vec!["1"], 2));
    assert!(store.end_notice(&second[0], NoticeEnd::Told { handle: Some("h".into()) }).await.unwrap());
    assert_eq!(documents(&claim(&store, due_at).await), ["2"]);
    let told = store.notices(ID).await.unwrap().remove(0);
    assert_eq!((told.state, told.handle.as_deref()), (NoticeState::Told, Some("h")));
}

pub(crate) async fn who_has_the_store_alone_sends_at_once_what_was_being_sent(ground: &Ground) {
    let store = ground.open().await;
    keep(&store, IncidentStep { notices: vec![notice("slack", "a")], ..Default::default() }).await;
    assert_eq!(documents(&claim(&store, now()).await), ["a"]);
    drop(store);
    let store = ground.open().await;
    store.release_notices(now()).await.unwrap();
    // Another process may be sending it on a store that is shared.
    let again = claim(&store, now()).await;
    assert_eq!(again.len(), usize::from(!store.is_shared()));
    assert!(again.iter().all(|notice| notice.attempts == 2), "it may have arrived, and is counted");
}

pub(crate) async fn a_message_whose_sender_died_is_taken_again(ground: &Ground) {
    let store = ground.open().await;
    keep(&store, IncidentStep { notices: vec![notice("slack", "1")], ..Default::default() }).await;
    claim(&store, now()).await;
    drop(store);
    let store = ground.open().await;
    assert!(claim(&store, now()).await.is_empty(), "it may still be on its way");
    assert_eq!(claim(&store, now() + 1.minute()).await.len(), 1);
}

pub(crate) async fn a_sender_that_was_too_slow_ends_nothing(ground: &Ground) {
    let store = ground.open().await;
    keep(&store, IncidentStep { notices: vec![notice("slack", "1")], ..Default::default() }).await;
    let slow = claim(&store, now()).await.remove(0);
    let fast = claim(&store, now() + 1.minute()).await.remove(0);
    assert!(!store.end_notice(&slow, NoticeEnd::GivenUp { why: "late".into() }).await.unwrap());
    assert!(store.end_notice(&fast, NoticeEnd::Told { handle: None }).await.unwrap());
    assert!(!store.end_notice(&fast, NoticeEnd::Told { handle: None }).await.unwrap(), "it has ended");
}
