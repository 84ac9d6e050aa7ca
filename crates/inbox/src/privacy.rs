//! A person who is to be forgotten: what we keep of them loses what is personal. The events themselves stay, so that
//! subscribers hear of the deletion, and of what else happened, without the values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::deliveries::Delivery;
use store::dispatch::LetterFilter;
use store::failure::StoreError;
use store::journal::Bookmark;
use store::privacy::{Purge, PurgeCounts};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::clock::Clock;
use crate::effects::{Effects, Forgotten, Person};

pub mod asked;
mod people;

use people::{Left, People, people};

/// Deliveries looked at between two breaths.
const PAGE: usize = 200;

/// Pages after which our place is written down, where nothing was found in them.
const PAGES_BETWEEN_MARKS: usize = 50;

/// From one look to the next, at least: each costs a commit or two, and nobody minds a second.
const REST: Duration = Duration::from_millis(500);

/// Without news we look all the same: another hubkeeper may have taken something, or ended.
const REST_MAX: Duration = Duration::from_secs(30);

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
    /// What is read is written back: one at a time.
    turns: Mutex<()>,
}

impl Privacy {
    pub fn new(store: Store, effects: Arc<dyn Effects>, clock: Clock, owner: Uuid) -> Self {
        Self { store, effects, clock, owner, turns: Mutex::default() }
    }

    /// Works until `stop` turns true. After a failure or a crash it goes on where it was.
    pub async fn run(self: Arc<Self>, mut arrivals: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let mut seen = self.store.last_delivery().await.unwrap_or(0);
        loop {
            arrivals.borrow_and_update();
            if let Err(error) = self.turn(&mut seen).await {
                tracing::error!(
                    error,
                    "people who are to be forgotten are not forgotten yet; it is tried again"
                );
            }
            let until_news = async {
                sleep(REST).await;
                let _none_for_long = timeout(REST_MAX, arrivals.changed()).await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = until_news => {}
            }
        }
        let _it_runs_out_by_itself = self.store.give_back(READER, self.owner).await;
    }

    async fn turn(&self, seen: &mut i64) -> Result<(), String> {
        let _nobody_else_rewrites = self.turns.lock().await;
        let now = (self.clock)();
        if self.store.lease(READER, self.owner, now, now + LEASE).await.map_err(told)? {
            let read = self.read(seen).await;
            if read.is_ok() {
                return read;
            }
            // What is in memory can go all the same.
            self.forget_in_memory(seen, i64::MAX).await.map_err(told)?;
            return read;
        }
        self.forget_in_memory(seen, i64::MAX).await.map_err(told)
    }

    /// Answers in memory are each process's own, whoever rewrites what is on the disk. As far as `until` in the log.
    async fn forget_in_memory(&self, seen: &mut i64, until: i64) -> Result<(), StoreError> {
        while *seen < until {
            let page = self.store.deliveries(*seen, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            *seen = last.seq;
            page.iter().flat_map(people).for_each(|person| self.effects.forget_in_memory(&person));
        }
        Ok(())
    }

    /// Reads on from where the last who did it has come to. All that was `seen` was forgotten in memory as well.
    async fn read(&self, seen: &mut i64) -> Result<(), String> {
        let begin = self.store.bookmark(READER).await.map_err(told)?;
        let mut after = begin.and_then(|mark| mark.place?.parse().ok()).unwrap_or(0);
        self.forget_in_memory(seen, after).await.map_err(told)?;
        let since = (self.clock)() - LATE;
        let mut gone = People::default();
        for purge in self.store.purges(since, GONE_MAX).await.map_err(told)? {
            gone.add(known(purge));
        }
        let mut unmarked = 0;
        loop {
            let page = self.store.deliveries(after, PAGE).await.map_err(told)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            unmarked += 1;
            if self.obey(page, &mut gone).await? == Obeyed::Something || unmarked == PAGES_BETWEEN_MARKS {
                self.mark(after).await?;
                unmarked = 0;
            }
            *seen = after.max(*seen);
        }
        if unmarked > 0 { self.mark(after).await } else { Ok(()) }
    }

    async fn mark(&self, place: i64) -> Result<(), String> {
        let mark = Bookmark { place: Some(place.to_string()), read_until: (self.clock)() };
        self.store.set_bookmark(READER, &mark).await.map_err(told)
    }

    /// Forgets whom a page of the log asks to forget, and what it tells late of those who are gone. What names them goes
    /// last: after a failure it is all done again.
    async fn obey(&self, page: Vec<Delivery>, gone: &mut People) -> Result<Obeyed, String> {
        let mut asked = BTreeMap::new();
        for delivery in &page {
            for person in people(delivery) {
                asked.insert(gone.add(person), delivery.received_at);
            }
        }
        let mut counts = Counts::new();
        if asked.is_empty() {
            // What happened before may come after: HubSpot promises no order, and its journal reaches back for days.
            self.rewrite(page, gone, &mut counts).await.map_err(told)?;
            if counts.is_empty() {
                return Ok(Obeyed::Nothing);
            }
        } else {
            self.everywhere(gone, &asked, &mut counts).await?;
        }
        self.afterwards(gone, Asked::AtHubSpot, asked, &mut counts).await?;
        Ok(Obeyed::Something)
    }

    /// Looks through all that is kept, but for letters.
    async fn everywhere(
        &self,
        gone: &mut People,
        asked: &BTreeMap<usize, Timestamp>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        // At once; looking through all that is kept takes its time.
        asked.keys().for_each(|place| self.effects.forget_in_memory(&gone[*place]));
        self.learn(gone).await.map_err(told)?;
        for place in asked.keys() {
            self.effects.forget_in_memory(&gone[*place]);
            let Forgotten { operations, answers } = self.effects.forget(gone[*place].clone()).await?;
            counts.insert(*place, PurgeCounts { operations, answers, ..PurgeCounts::default() });
        }
        self.in_the_log(gone, counts).await.map_err(told)?;
        self.in_the_quarantine(gone, counts).await.map_err(told)
    }

    /// Letters last: workers write them. Then it is kept that it was done.
    async fn afterwards(
        &self,
        gone: &People,
        by: Asked,
        asked: BTreeMap<usize, Timestamp>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        // Workers hold events as they were. They keep nothing of that any more, and begin again with what is kept.
        self.store.end_leads().await.map_err(told)?;
        self.in_letters(gone, counts).await.map_err(told)?;
        for (place, asked_at) in asked {
            let counts = counts.get(&place).copied().unwrap_or_default();
            self.note(&gone[place], by, asked_at, counts).await?;
        }
        self.store.scrub().await.map_err(told)
    }

    /// It is kept that somebody was forgotten.
    async fn note(
        &self,
        person: &Person,
        by: Asked,
        asked_at: Timestamp,
        counts: PurgeCounts,
    ) -> Result<(), String> {
        let PurgeCounts { deliveries, letters, suspects, operations, answers } = counts;
        let Person { connection, portal_id, contact_id, .. } = person.clone();
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
        // Of whom no number is known, no event can come late.
        let is_numbered = !contact_id.is_empty();
        let purge = Purge { portal_id, contact_id, connection, asked_at, purged_at: (self.clock)(), counts };
        match by {
            Asked::AtHubSpot => self.effects.purged(&purge).await,
            Asked::Here => {}
        }
        if is_numbered { self.store.note_purge(&purge).await.map_err(told) } else { Ok(()) }
    }

    /// The addresses that events gave to them: what they wrote is found by these.
    async fn learn(&self, gone: &mut People) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(page) = self.page(&mut after).await? {
            page.iter().for_each(|delivery| gone.learn(&delivery.body));
        }
        Ok(())
    }

    async fn in_the_log(&self, gone: &People, counts: &mut Counts) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(page) = self.page(&mut after).await? {
            self.rewrite(page, gone, counts).await?;
        }
        Ok(())
    }

    async fn page(&self, after: &mut i64) -> Result<Option<Vec<Delivery>>, StoreError> {
        let page = self.store.deliveries(*after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        *after = last.seq;
        Ok(Some(page))
    }

    async fn rewrite(
        &self,
        page: Vec<Delivery>,
        gone: &People,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        for mut delivery in page {
            if let Some(Left { body, of }) = gone.without(&delivery.body) {
                delivery.body = body;
                self.store.rewrite_delivery(&delivery).await?;
                of.into_iter().for_each(|place| counts.entry(place).or_default().deliveries += 1);
            }
        }
        Ok(())
    }

    async fn in_letters(&self, gone: &People, counts: &mut Counts) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.letters(&LetterFilter::default(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for mut letter in page {
                if let Some(Left { body, of }) = gone.without(&letter.content.body) {
                    letter.content.body = body;
                    self.store.rewrite_letter(&letter).await?;
                    of.into_iter().for_each(|place| counts.entry(place).or_default().letters += 1);
                }
            }
        }
    }

    async fn in_the_quarantine(&self, gone: &People, counts: &mut Counts) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.store.suspects(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            for suspect in page {
                if let Some(Left { of, .. }) = gone.without(&suspect.body) {
                    self.store.release(suspect.id).await?;
                    of.into_iter().for_each(|place| counts.entry(place).or_default().suspects += 1);
                }
            }
        }
    }
}

/// Who wants somebody forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Told by an event.
    AtHubSpot,
    /// A person here, who tells the audit log.
    Here,
}

/// What a page of the log had for us to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obeyed {
    Nothing,
    Something,
}

/// What went, by the place of whose it was.
type Counts = BTreeMap<usize, PurgeCounts>;

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn told(error: StoreError) -> String {
    error.to_string()
}

fn known(purge: Purge) -> Person {
    let Purge { portal_id, contact_id, connection, .. } = purge;
    Person { connection, portal_id, contact_id, emails: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use futures_util::future::BoxFuture;
    use store::deliveries::NewDelivery;
    use store::dispatch::Lead;
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
            let one: Vec<_> =
                found.iter().map(|one| (&*one.person.portal_id, &*one.person.contact_id)).collect();
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
            clock: Arc::new(move || {
                start + SignedDuration::from_secs(seconds.fetch_add(5, Ordering::Relaxed))
            }),
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
}
