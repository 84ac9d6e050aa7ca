use std::collections::BTreeSet;

use hubspot::secret::Secret;
use hubspot::signature::Rules;
use serde_json::json;
use store::Store;
use store::journal::GapKind;

use super::*;
use crate::address::PublicAddress;
use crate::books::Books;
use crate::effects::NoEffects;
use crate::event;
use crate::receive::{App, Outcome, Ways};
use crate::secrets::ClientSecrets;

/// Entries that HubSpot keeps, by place.
#[derive(Default)]
struct Kept(Mutex<Vec<Entry>>);

impl Source for Kept {
    fn next(&self, after: Option<String>) -> BoxFuture<'static, Result<Next, String>> {
        let entries = self.0.lock();
        let next = match after {
            None => entries.first().cloned().map_or(Next::Nothing, Next::Entry),
            Some(place) => match entries.iter().position(|entry| entry.place == place) {
                None => Next::Forgotten,
                Some(at) => entries.get(at + 1).cloned().map_or(Next::Nothing, Next::Entry),
            },
        };
        Box::pin(std::future::ready(Ok(next)))
    }
}

fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn at(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// Published a minute after the last of its events.
fn entry(minute: i64, objects: &[u64]) -> Entry {
    let events = objects.iter().map(|object| update(*object, minute)).collect();
    Entry { place: format!("{minute}"), published_at: at(minute + 1), events }
}

/// Two properties, so two events.
fn update(object: u64, minute: i64) -> Value {
    json!({"type": "crmObject", "portalId": 62515, "occurredAt": at(minute).to_string(), "action": "UPDATE",
        "objectTypeId": "0-1", "objectId": object, "propertyChanges": {"email": "a@b.example", "phone": "1"}})
}

fn webhook(object: u64, minute: i64, property: &str, number: u64) -> String {
    json!([{"eventId": number, "portalId": 62515, "appId": 5, "occurredAt": at(minute).as_millisecond(), "attemptNumber": 0,
        "subscriptionType": "contact.propertyChange", "objectId": object, "propertyName": property, "propertyValue": "1"}])
    .to_string()
}

/// A reader, the journal that it reads, and the time of day.
struct Town {
    reader: Reader,
    journal: Arc<Kept>,
    minute: Arc<Mutex<i64>>,
    _directory: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open(&format!("sqlite:{}", directory.path().join("s.db").display())).await.unwrap();
        let app = App {
            connection: "default".into(),
            app_id: None,
            portal_id: None,
            secrets: ClientSecrets::new([Secret::new("s")]),
            ways: Ways::WebhooksAndJournal,
        };
        let receiver = Receiver {
            store,
            public: PublicAddress::new("https://hooks.example.com").unwrap(),
            rules: Rules::default(),
            apps: vec![app],
            arrived: watch::Sender::new(0),
            books: Books::default(),
            trusted_proxies: Vec::new(),
            effects: Arc::new(NoEffects),
        };
        let (minute, journal) = (Arc::new(Mutex::new(0)), Arc::new(Kept::default()));
        let now = minute.clone();
        let reader = Reader {
            receiver: Arc::new(receiver),
            source: journal.clone(),
            connection: "default".into(),
            app_id: Some(5),
            clock: Arc::new(move || at(*now.lock())),
            hold: SignedDuration::from_mins(10),
            every: Duration::from_secs(180),
            owner: Uuid::from_u128(1),
            status: Arc::default(),
        };
        Self { reader, journal, minute, _directory: directory }
    }

    fn publish(&self, entry: Entry) {
        self.journal.0.lock().push(entry);
    }

    async fn look_at(&self, minute: i64) -> Found {
        *self.minute.lock() = minute;
        self.reader.look(&mut None).await.unwrap()
    }

    /// What came by webhook then: how many events were new.
    async fn comes(&self, body: &str, minute: i64) -> usize {
        let events = event::read(body.as_bytes()).unwrap();
        let receiver = &self.reader.receiver;
        let kept = receiver.keep(&receiver.apps[0], body.as_bytes(), &events, at(minute)).await;
        let Outcome::Kept { new, .. } = kept else { panic!("{kept:?}") };
        new
    }
}

#[tokio::test]
async fn what_webhooks_brought_is_not_taken_again_and_the_rest_is() {
    let town = Town::new().await;
    assert_eq!(town.look_at(0).await, Found::default());
    town.comes(&webhook(7, 1, "email", 99), 1).await;
    town.publish(entry(1, &[7]));
    town.publish(entry(2, &[7]));
    assert_eq!(town.look_at(60).await, Found { entries: 2, filled: 3, more: false });
    assert_eq!(town.look_at(61).await, Found::default(), "it goes on where it was");
    // And HubSpot's late try brings nothing that the journal has brought.
    assert_eq!(town.comes(&webhook(7, 1, "phone", 98), 62).await, 0);
    let gaps = town.reader.receiver.store.gaps(10).await.unwrap();
    let told: Vec<_> = gaps.iter().map(|gap| (gap.kind, gap.events, gap.begins, gap.ends)).collect();
    assert_eq!(told, [(GapKind::Filled, 3, at(1), at(2))]);
    assert_eq!(town.reader.receiver.books.counts().from_journal, 3);
}

#[tokio::test]
async fn what_is_young_is_left_for_hubspot_to_bring() {
    let town = Town::new().await;
    town.look_at(0).await;
    town.publish(entry(5, &[7]));
    assert_eq!(town.look_at(15).await, Found::default());
    assert_eq!(town.comes(&webhook(7, 5, "email", 1), 15).await, 1);
    assert_eq!(town.look_at(17).await.filled, 1);
}

#[tokio::test]
async fn the_first_time_nothing_is_brought_that_was_never_waited_for() {
    let town = Town::new().await;
    town.publish(entry(-2_000, &[7]));
    town.publish(entry(-1, &[8]));
    assert_eq!(town.look_at(0).await.filled, 0);
    town.publish(entry(30, &[9]));
    assert_eq!(town.look_at(60).await.filled, 2);
}

#[tokio::test]
async fn what_came_while_the_journal_was_not_read_is_not_brought_again() {
    let town = Town::new().await;
    let mut receiver = Arc::try_unwrap(town.reader.receiver).ok().unwrap();
    receiver.apps[0].ways = Ways::Webhooks;
    let mut town = Town { reader: Reader { receiver: Arc::new(receiver), ..town.reader }, ..town };
    town.comes(&webhook(7, 1, "email", 1), 1).await;
    town.comes(&webhook(7, 1, "phone", 2), 1).await;
    town.publish(entry(1, &[7, 8]));
    let mut receiver = Arc::try_unwrap(town.reader.receiver).ok().unwrap();
    receiver.apps[0].ways = Ways::WebhooksAndJournal;
    town.reader.receiver = Arc::new(receiver);
    assert_eq!(town.look_at(60).await.filled, 2, "the other contact's");
}

#[tokio::test]
async fn a_place_that_is_forgotten_is_told_and_begins_anew() {
    let town = Town::new().await;
    town.look_at(0).await;
    town.publish(entry(1, &[7]));
    assert_eq!(town.look_at(60).await.filled, 2);
    let days = |days: i64| days * 24 * 60;
    // Nothing happened for days, and we looked: then nothing is lost when the place is forgotten.
    for day in 1..=5 {
        town.look_at(days(day)).await;
    }
    town.journal.0.lock().clear();
    town.publish(entry(days(5), &[9]));
    assert_eq!(town.look_at(days(5) + 60).await.filled, 2);
    let gaps = async || town.reader.receiver.store.gaps(10).await.unwrap();
    assert!(gaps().await.iter().all(|gap| gap.kind == GapKind::Filled));
    // We did not look for five days: of the first two of them nothing is known.
    *town.journal.0.lock() = vec![entry(days(7), &[9]), entry(days(8), &[7])];
    assert_eq!(town.look_at(days(10)).await, Found { entries: 2, filled: 4, more: false });
    let gaps = gaps().await;
    let lost: Vec<_> = gaps.iter().filter(|gap| gap.kind == GapKind::Lost).collect();
    assert_eq!((lost.len(), lost[0].ends), (1, at(days(7))));
}

#[tokio::test]
async fn a_crash_between_what_is_kept_and_the_place_doubles_nothing() {
    let town = Town::new().await;
    town.look_at(0).await;
    town.publish(entry(1, &[7, 8]));
    *town.minute.lock() = 60;
    assert_eq!(town.reader.fill(&entry(1, &[7, 8]), &mut None).await.unwrap(), 4);
    assert_eq!(town.look_at(61).await, Found { entries: 1, filled: 0, more: false });
}

#[tokio::test]
async fn one_of_two_readers_reads() {
    let town = Town::new().await;
    let other = Reader { owner: Uuid::from_u128(2), status: Arc::default(), ..copy(&town.reader) };
    town.reader.turn(&mut None).await;
    other.turn(&mut None).await;
    assert_eq!((town.reader.status.lock().elsewhere, other.status.lock().elsewhere), (false, true));
    *town.minute.lock() = 7;
    other.turn(&mut None).await;
    assert!(!other.status.lock().elsewhere, "the lease of the first is over");
}

fn copy(reader: &Reader) -> Reader {
    Reader {
        receiver: reader.receiver.clone(),
        source: reader.source.clone(),
        connection: reader.connection.clone(),
        app_id: reader.app_id,
        clock: reader.clock.clone(),
        hold: reader.hold,
        every: reader.every,
        owner: reader.owner,
        status: reader.status.clone(),
    }
}

#[test]
fn every_action_has_its_word() {
    let words = |action: &str, kind: &str| -> BTreeSet<String> {
        let mut entry = update(7, 1);
        entry["action"] = json!(action);
        entry["objectTypeId"] = json!(kind);
        let events = translate::events(&entry, None).unwrap();
        events.iter().map(|event| event["subscriptionType"].as_str().unwrap().to_owned()).collect()
    };
    for (action, kind, word) in [
        ("UPDATE", "0-1", "contact.propertyChange"),
        ("CREATE", "0-3", "deal.creation"),
        ("GDPR_DELETE", "0-1", "contact.privacyDeletion"),
        ("ASSOCIATION_ADDED", "2-123", "object.associationChange"),
    ] {
        assert_eq!(words(action, kind), BTreeSet::from([word.to_owned()]));
    }
    assert!(words("APP_INSTALL", "0-1").is_empty());
    assert_eq!(translate::events(&json!({"action": "CREATE"}), None), None);
}
