use hubspot::secret::Secret;
use hubspot::signature::Rules;
use parking_lot::Mutex;
use serde_json::json;
use store::Store;

use super::*;
use crate::address::PublicAddress;
use crate::books::Books;
use crate::effects::NoEffects;
use crate::receive::{App, Dedupe};

/// Entries that HubSpot keeps, by place.
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

fn entry(place: u64, events: Vec<Value>) -> Entry {
    Entry { place: place.to_string(), published_at: "2026-03-01T12:00:00Z".parse().unwrap(), events }
}

fn update(object: u64, second: u64) -> Value {
    json!({"type": "crmObject", "portalId": 62515, "occurredAt": format!("2026-03-01T11:00:{second:02}.000Z"), "action": "UPDATE",
        "objectTypeId": "0-1", "objectId": object, "propertyChanges": {"email": "a@b.example", "phone": "1"}})
}

async fn reader(entries: Vec<Entry>) -> (Reader, Arc<Kept>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", directory.path().join("s.db").display())).await.unwrap();
    let app = App {
        connection: "default".into(),
        app_id: None,
        portal_id: None,
        secrets: vec![Secret::new("s")],
        dedupe: Dedupe::ByWhatItSays,
    };
    let receiver = Arc::new(Receiver {
        store,
        public: PublicAddress::new("https://hooks.example.com").unwrap(),
        rules: Rules::default(),
        apps: vec![app],
        arrived: watch::Sender::new(0),
        books: Books::default(),
        trusted_proxies: Vec::new(),
        effects: Arc::new(NoEffects),
    });
    let source = Arc::new(Kept(Mutex::new(entries)));
    let clock: Clock = Arc::new(|| "2026-03-01T13:00:00Z".parse().unwrap());
    (Reader { receiver, source: source.clone(), connection: "default".into(), clock }, source, directory)
}

#[tokio::test]
async fn what_webhooks_brought_is_not_taken_again_and_the_rest_is() {
    let (reader, source, _directory) = reader(vec![entry(1, vec![update(7, 1)]), entry(2, vec![update(7, 2)])]).await;
    // The first of the four came by webhook, with an id and an app's number.
    let webhook = br#"[{"eventId":99,"portalId":62515,"appId":5,"occurredAt":1772362801000,"subscriptionType":"contact.propertyChange","attemptNumber":3,"objectId":7,"propertyName":"email","propertyValue":"a@b.example"}]"#;
    let events = event::read(webhook).unwrap();
    let app = &reader.receiver.apps[0];
    reader.receiver.keep(app, webhook, &events, (reader.clock)()).await;
    assert_eq!(reader.catch_up().await.unwrap(), Found { entries: 2, filled: 3 });
    assert_eq!(reader.catch_up().await.unwrap(), Found::default(), "it goes on where it was");
    source.0.lock().push(entry(3, vec![update(8, 3)]));
    assert_eq!(reader.catch_up().await.unwrap(), Found { entries: 1, filled: 2 });
    // And HubSpot's late try brings nothing that the journal has brought.
    let late = String::from_utf8_lossy(webhook).replace("\"email\"", "\"phone\"");
    let events = event::read(late.as_bytes()).unwrap();
    let kept = reader.receiver.keep(app, late.as_bytes(), &events, (reader.clock)()).await;
    assert_eq!(kept, crate::receive::Outcome::Kept { events: 1, new: 0 });
}

#[tokio::test]
async fn a_place_that_is_forgotten_begins_anew() {
    let (reader, source, _directory) = reader(vec![entry(1, vec![update(7, 1)])]).await;
    assert_eq!(reader.catch_up().await.unwrap().filled, 2);
    *source.0.lock() = vec![entry(5, vec![update(9, 5)]), entry(6, vec![update(7, 1)])];
    assert_eq!(reader.catch_up().await.unwrap(), Found { entries: 2, filled: 2 });
}

#[test]
fn every_action_has_its_word() {
    let words = |action: &str, kind: &str| {
        let mut entry = update(7, 1);
        entry["action"] = json!(action);
        entry["objectTypeId"] = json!(kind);
        let events = translate::events(&entry);
        events.iter().map(|event| event["subscriptionType"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(words("UPDATE", "0-1"), ["contact.propertyChange"; 2]);
    assert_eq!(words("CREATE", "0-3"), ["deal.creation"]);
    assert_eq!(words("GDPR_DELETE", "0-1"), ["contact.privacyDeletion"]);
    assert_eq!(words("ASSOCIATION_ADDED", "2-123"), ["object.associationChange"]);
    assert_eq!(words("APP_INSTALL", "0-1"), Vec::<String>::new());
}
