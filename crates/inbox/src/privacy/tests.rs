//! Forgetting, on a real store.

use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use store::deliveries::NewDelivery;
use store::dispatch::{Lead, LetterFilter};
use tokio::sync::Notify;

use super::*;
use crate::dispatch::door::{Door, Parcel};
use crate::dispatch::filter::Filter;
use crate::dispatch::subscriber::{Order, Sink, Subscriber};
use crate::dispatch::verdict::{Failed, Reason, Verdict};
use crate::dispatch::worker::Worker;
use crate::effects::NoEffects;
use crate::event::{self, Event};

const DELETION: &str = r#"{"eventId":2,"portalId":62515,"occurredAt":1772366400001,"subscriptionType":"contact.privacyDeletion","objectId":101}"#;

fn change(object: u64, value: &str) -> String {
    format!(
        r#"{{"eventId":1,"portalId":62515,"occurredAt":1772366400000,"subscriptionType":"contact.propertyChange","objectId":{object},"propertyName":"email","propertyValue":"{value}"}}"#
    )
}

async fn opened(directory: &tempfile::TempDir) -> (Store, Privacy) {
    let url = format!("sqlite:{}", directory.path().join("s.db").display());
    let store = Store::open(&url).await.unwrap();
    let clock: Clock = Arc::new(|| "2026-03-01T12:00:00Z".parse().unwrap());
    let privacy = Privacy::new(store.clone(), Arc::new(NoEffects), clock, Uuid::nil());
    (store, privacy)
}

async fn come(store: &Store, events: &[&str]) {
    let body = format!("[{}]", events.join(",")).into_bytes();
    let keys = event::read(&body).unwrap().iter().map(Event::key).collect();
    let received_at = "2026-03-01T12:00:00Z".parse().unwrap();
    store.receive(NewDelivery { received_at, connection: "c".into(), body, keys }).await.unwrap();
}

#[tokio::test]
async fn the_person_goes_and_nobody_else_does() {
    let directory = tempfile::tempdir().unwrap();
    let (store, privacy) = opened(&directory).await;
    come(&store, &[&change(101, "ada@example.com"), &change(1010, "bob@example.com")]).await;
    come(&store, &[DELETION]).await;
    privacy.read(&mut 0).await.unwrap();
    let kept = store.deliveries(0, 10).await.unwrap();
    let text = String::from_utf8(kept[0].body.clone()).unwrap();
    assert!(!text.contains("ada@") && text.contains("bob@") && text.contains("REDACTED"), "{text}");
    assert_eq!(event::read(text.as_bytes()).unwrap().len(), 2, "the events are still there");
    assert_eq!(kept[1].body, format!("[{DELETION}]").into_bytes());
    let purges = store.purges(Timestamp::UNIX_EPOCH, 10).await.unwrap();
    assert_eq!((purges.len(), purges[0].counts.deliveries), (1, 1), "that it was done stays");
    // An older event that comes late has nothing left to tell either.
    come(&store, &[&change(101, "ada@late.example").replace("\"eventId\":1", "\"eventId\":9")]).await;
    privacy.read(&mut 0).await.unwrap();
    let kept = store.deliveries(0, 10).await.unwrap();
    assert!(!String::from_utf8_lossy(&kept[2].body).contains("ada@"), "{:?}", kept[2]);
}

#[tokio::test]
async fn whoever_is_asked_about_here_is_found_and_goes_as_well() {
    use super::asked::Who;
    let directory = tempfile::tempdir().unwrap();
    let (store, privacy) = opened(&directory).await;
    come(&store, &[&change(101, "ada@example.com"), &change(102, "bob@example.com")]).await;
    let by = |text: &str| Who::parse(text).unwrap();
    for who in [by("101"), by(" Ada@Example.COM ")] {
        let found = privacy.find(&who, &["7".into()], None).await.unwrap();
        let one: Vec<_> = found.iter().map(|one| (&*one.person.portal_id, &*one.person.contact_id)).collect();
        assert_eq!(one, [("62515", "101")], "{who:?}");
        assert_eq!((found[0].counts.deliveries, found[0].forgotten_at), (1, None));
        assert!(privacy.find(&who, &[], Some("7")).await.unwrap().is_empty(), "of another portal");
    }
    let found = privacy.find(&by("ada@example.com"), &[], None).await.unwrap();
    assert_eq!(privacy.forget(found[0].person.clone()).await.unwrap().deliveries, 1);
    let text = String::from_utf8(store.deliveries(0, 10).await.unwrap()[0].body.clone()).unwrap();
    assert!(!text.contains("ada@") && text.contains("bob@"), "{text}");
    let again = privacy.find(&by("101"), &[], None).await.unwrap();
    assert_eq!((again[0].counts, again[0].forgotten_at.is_some()), (PurgeCounts::default(), true));
    for nobody in ["", "ada", "@", "a b@c", "12x"] {
        assert_eq!(Who::parse(nobody), None, "{nobody:?}");
    }
}

/// Takes its time over the first request, and fails each.
#[derive(Default)]
struct Slow {
    asked: Arc<Notify>,
    go: Arc<Notify>,
    posts: AtomicI64,
}

impl Door for Slow {
    fn post(&self, _: Parcel) -> BoxFuture<'static, Verdict> {
        let go = (self.posts.fetch_add(1, Ordering::Relaxed) == 0).then(|| self.go.clone());
        self.asked.notify_one();
        Box::pin(async move {
            if let Some(go) = go {
                go.notified().await;
            }
            Verdict::Failed(Failed { status: Some(422), reason: Reason::Status, wait: None })
        })
    }
}

#[tokio::test]
async fn what_a_worker_held_meanwhile_is_not_written_down_again() {
    let directory = tempfile::tempdir().unwrap();
    let (store, privacy) = opened(&directory).await;
    let start = (privacy.clock)();
    store.enrol("s", None, start).await.unwrap();
    come(&store, &[&change(101, "ada@example.com")]).await;
    let door = Arc::new(Slow::default());
    let seconds = AtomicI64::new(0);
    let subscriber = Subscriber {
        name: "s".into(),
        sink: Sink::Stdout,
        filter: Filter::default(),
        order: Order::PerObject,
        batch: 10,
        concurrency: 1,
        settle: Duration::ZERO,
    };
    let worker = Worker {
        store: store.clone(),
        subscriber,
        door: door.clone(),
        // Its tries are over soon.
        clock: Arc::new(move || start + SignedDuration::from_secs(seconds.fetch_add(5, Ordering::Relaxed))),
        lead: Lead { subscriber: "s".into(), owner: Uuid::nil() },
        seed: 1,
        status: Arc::default(),
        leads: watch::Sender::new(false),
    };
    let (stop, stopped) = watch::channel(false);
    let (_arrived, arrivals) = watch::channel(0);
    let work = tokio::spawn(worker.run(arrivals, stopped));
    door.asked.notified().await;
    come(&store, &[DELETION]).await;
    privacy.read(&mut 0).await.unwrap();
    door.go.notify_one();
    let letters = async {
        loop {
            let letters = store.letters(&LetterFilter::default(), 0, 10).await.unwrap();
            if letters.len() == 2 {
                return letters;
            }
        }
    };
    let letters = tokio::time::timeout(Duration::from_secs(60), letters).await.expect("they are written");
    let text = String::from_utf8(letters[0].content.body.clone()).unwrap();
    assert!(!text.contains("ada@") && text.contains("REDACTED"), "{text}");
    stop.send(true).unwrap();
    work.await.unwrap();
}
