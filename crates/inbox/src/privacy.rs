//! A person who is to be forgotten: what we keep of them loses what is personal. The events themselves stay, so that
//! subscribers hear of the deletion, and of what else happened, without the values.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use store::Store;
use store::deliveries::Delivery;
use store::dispatch::LetterFilter;
use store::failure::StoreError;
use store::privacy::{Purge, PurgeCounts};
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock::Clock;
use crate::effects::{Effects, Forgotten, Person};
use crate::event::{self, Event};

/// HubSpot's name for the event.
const KIND: &str = "contact.privacyDeletion";

/// Fields of an event that hold what somebody wrote. facts §6.4 (webhooks guide).
const PERSONAL: [&str; 2] = ["propertyValue", "sourceId"];

/// What HubSpot itself writes in place of what it does not tell. facts §6.4.
const REDACTED: &str = "REDACTED";

/// Deliveries looked at between two breaths.
const PAGE: usize = 200;

/// For so long after a deletion, events of before may still come: HubSpot tries for a day, its journal reaches back three.
const LATE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// People who were forgotten lately and are looked for in what comes.
const GONE_MAX: usize = 10_000;

/// One of all that share a store rewrites. One that died is replaced once this is over.
const LEASE: SignedDuration = SignedDuration::from_secs(120);

/// Our own place in the log is kept under this name; no subscriber can have it.
pub const READER: &str = "@privacy";

/// Reads the log for people to forget.
pub struct Privacy {
    pub store: Store,
    pub effects: Arc<dyn Effects>,
    pub clock: Clock,
    /// Tells us apart from other hubkeepers on the same store.
    pub owner: Uuid,
}

impl Privacy {
    /// Works until `stop` turns true. After a failure or a crash it goes on where it was.
    pub async fn run(self, mut arrivals: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let mut seen = self.store.last_delivery().await.unwrap_or(0);
        loop {
            arrivals.borrow_and_update();
            if let Err(error) = self.turn(&mut seen).await {
                tracing::error!(
                    error,
                    "people who are to be forgotten are not forgotten yet; it is tried again"
                );
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                _ = arrivals.changed() => {}
                () = tokio::time::sleep(std::time::Duration::from_secs(30)) => {}
            }
        }
        let _it_runs_out_by_itself = self.store.give_back(READER, self.owner).await;
    }

    async fn turn(&self, seen: &mut i64) -> Result<(), String> {
        self.forget_in_memory(seen).await.map_err(told)?;
        let now = (self.clock)();
        if self.store.lease(READER, self.owner, now, now + LEASE).await.map_err(told)? {
            self.read().await?;
        }
        Ok(())
    }

    /// Answers in memory are each process's own, whoever rewrites what is on the disk.
    async fn forget_in_memory(&self, seen: &mut i64) -> Result<(), StoreError> {
        loop {
            let page = self.store.deliveries(*seen, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            *seen = last.seq;
            page.iter().flat_map(people).for_each(|person| self.effects.forget_in_memory(&person));
        }
    }

    async fn read(&self) -> Result<(), String> {
        let begin = self.store.bookmark(READER).await.map_err(told)?;
        let mut after = begin.and_then(|mark| mark.place?.parse().ok()).unwrap_or(0);
        let since = (self.clock)() - LATE;
        let mut gone: Vec<Person> =
            self.store.purges(since, GONE_MAX).await.map_err(told)?.into_iter().map(known).collect();
        loop {
            let page = self.store.deliveries(after, PAGE).await.map_err(told)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            let mut changed = false;
            for delivery in page {
                for person in people(&delivery) {
                    self.forget(person.clone(), delivery.received_at).await?;
                    changed = true;
                    gone.push(person);
                }
                // What happened before may come after: HubSpot promises no order, and its journal reaches back for days.
                for person in &gone {
                    changed |= self.rewrite(&delivery, person).await.map_err(told)?;
                }
            }
            if changed {
                self.store.scrub().await.map_err(told)?;
            }
            let mark =
                store::journal::Bookmark { place: Some(after.to_string()), read_until: (self.clock)() };
            self.store.set_bookmark(READER, &mark).await.map_err(told)?;
        }
    }

    /// In all that is kept, and then it is kept that it was done.
    async fn forget(&self, mut person: Person, asked_at: Timestamp) -> Result<(), String> {
        let mut counts = self.in_the_inbox(&mut person).await.map_err(told)?;
        self.effects.forget_in_memory(&person);
        let Forgotten { operations, answers } = self.effects.forget(person.clone()).await?;
        (counts.operations, counts.answers) = (operations, answers);
        let PurgeCounts { deliveries, letters, suspects, .. } = counts;
        let Person { connection, portal_id, contact_id, .. } = person;
        tracing::info!(
            connection,
            portal_id,
            deliveries,
            letters,
            suspects,
            operations,
            answers,
            "a contact was deleted for privacy: what was kept of them is gone"
        );
        let purge = Purge { portal_id, contact_id, connection, asked_at, purged_at: (self.clock)(), counts };
        self.store.note_purge(&purge).await.map_err(told)
    }

    /// Deliveries, letters, the quarantine.
    async fn in_the_inbox(&self, person: &mut Person) -> Result<PurgeCounts, StoreError> {
        let mut counts = PurgeCounts::default();
        let mut after = 0;
        loop {
            let page = self.store.deliveries(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            for delivery in &page {
                learn(person, &delivery.body);
                counts.deliveries += u64::from(self.rewrite(delivery, person).await?);
            }
        }
        after = 0;
        loop {
            let page = self.store.letters(&LetterFilter::default(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for mut letter in page {
                if let Some(body) = without(&letter.content.body, person) {
                    letter.content.body = body;
                    self.store.rewrite_letter(&letter).await?;
                    counts.letters += 1;
                }
            }
        }
        after = 0;
        loop {
            let page = self.store.suspects(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(counts) };
            after = last.id;
            for suspect in page.iter().filter(|suspect| without(&suspect.body, person).is_some()) {
                self.store.release(suspect.id).await?;
                counts.suspects += 1;
            }
        }
    }

    async fn rewrite(&self, delivery: &Delivery, person: &Person) -> Result<bool, StoreError> {
        let Some(body) = without(&delivery.body, person) else { return Ok(false) };
        self.store.rewrite_delivery(&Delivery { body, ..delivery.clone() }).await?;
        Ok(true)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn told(error: StoreError) -> String {
    error.to_string()
}

fn known(purge: Purge) -> Person {
    let Purge { portal_id, contact_id, connection, .. } = purge;
    Person { connection, portal_id, contact_id, emails: Vec::new() }
}

/// The addresses that events give to them.
fn learn(person: &mut Person, body: &[u8]) {
    if !contains(body, person.contact_id.as_bytes()) {
        return;
    }
    for (raw, event) in event::read_raw(body).unwrap_or_default() {
        let theirs = event.object() == (person.portal_id.as_str(), person.contact_id.as_str());
        if theirs && event.property_name.as_deref() == Some("email") {
            let value: Value = serde_json::from_str(raw).unwrap_or_default();
            let email = value["propertyValue"].as_str().unwrap_or_default().trim().to_lowercase();
            if email.contains('@') && !person.emails.contains(&email) {
                person.emails.push(email);
            }
        }
    }
}

/// Whom a delivery asks to forget.
fn people(delivery: &Delivery) -> Vec<Person> {
    if !contains(&delivery.body, KIND.as_bytes()) {
        return Vec::new();
    }
    let events = event::read(&delivery.body).unwrap_or_default();
    let asks = events.iter().filter(|event| event.subscription_type == KIND);
    let person = |event: &Event<'_>| {
        let (portal, contact) = event.object();
        let (portal_id, contact_id) = (portal.to_owned(), contact.to_owned());
        Person { connection: delivery.connection.clone(), portal_id, contact_id, emails: Vec::new() }
    };
    asks.map(person).filter(|person| !person.contact_id.is_empty()).collect()
}

/// The body without what is personal about them; `None` where there is nothing of the kind.
fn without(body: &[u8], person: &Person) -> Option<Vec<u8>> {
    if !contains(body, person.contact_id.as_bytes()) {
        return None;
    }
    let mut value: Value = serde_json::from_slice(body).ok()?;
    let mut changed = false;
    let events = match &mut value {
        Value::Array(events) => events.iter_mut().collect(),
        one => vec![one],
    };
    for event in events {
        let is = |name: &str, id: &str| event.get(name).is_some_and(|found| plain(found) == id);
        let about_them = is("portalId", &person.portal_id)
            && ["objectId", "fromObjectId", "toObjectId"].iter().any(|name| is(name, &person.contact_id));
        if about_them {
            for name in PERSONAL {
                if let Some(found) = event.get_mut(name)
                    && *found != REDACTED
                {
                    *found = Value::from(REDACTED);
                    changed = true;
                }
            }
        }
    }
    changed.then(|| value.to_string().into_bytes())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use store::deliveries::NewDelivery;

    use super::*;
    use crate::effects::NoEffects;

    fn change(object: u64, value: &str) -> String {
        format!(
            r#"{{"eventId":1,"portalId":62515,"occurredAt":1772366400000,"subscriptionType":"contact.propertyChange","objectId":{object},"propertyName":"email","propertyValue":"{value}"}}"#
        )
    }

    #[tokio::test]
    async fn the_person_goes_and_nobody_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("s.db").display());
        let store = Store::open(&url).await.unwrap();
        let deletion = r#"{"eventId":2,"portalId":62515,"occurredAt":1772366400001,"subscriptionType":"contact.privacyDeletion","objectId":101}"#;
        let body = format!("[{},{}]", change(101, "ada@example.com"), change(1010, "bob@example.com"));
        for body in [body, format!("[{deletion}]")] {
            let keys = event::read(body.as_bytes()).unwrap().iter().map(Event::key).collect();
            let received_at = "2026-03-01T12:00:00Z".parse().unwrap();
            let body = body.into_bytes();
            store.receive(NewDelivery { received_at, connection: "c".into(), body, keys }).await.unwrap();
        }
        let clock: Clock = Arc::new(|| "2026-03-01T12:00:00Z".parse().unwrap());
        let privacy =
            Privacy { store: store.clone(), effects: Arc::new(NoEffects), clock, owner: Uuid::nil() };
        privacy.read().await.unwrap();
        let kept = store.deliveries(0, 10).await.unwrap();
        let text = String::from_utf8(kept[0].body.clone()).unwrap();
        assert!(!text.contains("ada@") && text.contains("bob@") && text.contains(REDACTED), "{text}");
        assert_eq!(event::read(text.as_bytes()).unwrap().len(), 2, "the events are still there");
        assert_eq!(kept[1].body, format!("[{deletion}]").into_bytes());
        let purges = store.purges(Timestamp::UNIX_EPOCH, 10).await.unwrap();
        assert_eq!((purges.len(), purges[0].counts.deliveries), (1, 1), "that it was done stays");
        // An older event that comes late has nothing left to tell either.
        let late = format!("[{}]", change(101, "ada@late.example").replace("\"eventId\":1", "\"eventId\":9"));
        let keys = event::read(late.as_bytes()).unwrap().iter().map(Event::key).collect();
        let received_at = "2026-03-02T12:00:00Z".parse().unwrap();
        let body = late.into_bytes();
        store.receive(NewDelivery { received_at, connection: "c".into(), body, keys }).await.unwrap();
        privacy.read().await.unwrap();
        let kept = store.deliveries(0, 10).await.unwrap();
        assert!(!String::from_utf8_lossy(&kept[2].body).contains("ada@"), "{:?}", kept[2]);
    }
}
