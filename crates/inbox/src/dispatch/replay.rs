//! What a person wants sent once more, in a lane of its own: one request at a time beside the live ones, which do not wait
//! for it. First letters, then stretches of the log.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::Store;
use store::dispatch::{Lead, Letter, LetterEnding, Progress, Replay, ReplayProgress};
use store::failure::StoreError;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::door::{Door, Occasion, Parcel};
use super::filter::Filter;
use super::item::{self, Item};
use super::schedule;
use super::subscriber::Subscriber;
use super::verdict::Verdict;
use crate::clock::Clock;
use crate::event;

/// Deliveries and letters read at once.
const PAGE: usize = 64;

/// Somebody may have asked another hubkeeper on our store, which cannot wake us.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The same where there is nobody else: whoever asks wakes us.
const LOOK_EVERY_ALONE: Duration = Duration::from_secs(60);

/// After trouble with the store.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after a failure: somebody is waiting.
const PAUSE_MAX: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// Which events of a stretch are wanted, on top of what the subscriber takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wanted {
    pub events: Vec<String>,
    pub portals: Vec<u64>,
    pub properties: Vec<String>,
    /// HubSpot's ids of objects.
    pub objects: Vec<String>,
    /// Names of events, as `webhook-id` has them.
    pub ids: Vec<String>,
}

pub(super) struct ReplayLane {
    pub(super) store: Store,
    pub(super) subscriber: Subscriber,
    pub(super) door: Arc<dyn Door>,
    pub(super) clock: Clock,
    pub(super) lead: Lead,
    /// We are the one who serves the subscriber; of several hubkeepers another may be.
    pub(super) leads: watch::Receiver<bool>,
    /// Changes when somebody asks us for something.
    pub(super) asked: watch::Receiver<u64>,
}

/// Whether we still serve the subscriber.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Ours,
    /// Another serves it now, and replays what was asked for.
    Lost,
}

impl Hold {
    const fn of(ours: bool) -> Self {
        if ours { Self::Ours } else { Self::Lost }
    }
}

impl Wanted {
    fn wants(&self, item: &Item) -> bool {
        let object = item.object.rsplit('/').next().unwrap_or_default();
        (self.objects.is_empty() || self.objects.iter().any(|wanted| wanted == object))
            && (self.ids.is_empty() || self.ids.contains(&item.id()))
    }

    /// Whether a letter is among them. One that is nothing but its place any more is where all are.
    pub fn wants_letter(&self, letter: &Letter) -> bool {
        let fits = || event::read_one(&letter.content.body).is_some_and(|event| self.filter().wants(&event));
        *self == Self::default() || (fits() && self.wants(&Item::from(letter.clone())))
    }

    fn filter(&self) -> Filter {
        Filter {
            events: self.events.clone(),
            portals: self.portals.clone(),
            properties: self.properties.clone(),
        }
    }
}

impl ReplayLane {
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.while_we_lead() => {}
            () = super::worker::told(&mut stop) => {}
        }
    }

    /// Two that serve one subscriber would both send.
    async fn while_we_lead(&self) {
        let mut leads = self.leads.clone();
        while leads.wait_for(|leads| *leads).await.is_ok() {
            tokio::select! {
                () = self.look() => {}
                _ = leads.wait_for(|leads| !leads) => {}
            }
        }
    }

    /// Works whenever somebody asks. Never ends by itself.
    async fn look(&self) {
        let mut asked = self.asked.clone();
        let look_every = if self.store.is_shared() { LOOK_EVERY } else { LOOK_EVERY_ALONE };
        loop {
            asked.borrow_and_update();
            let pause = match self.work().await {
                Ok(()) => look_every,
                Err(error) => {
                    tracing::error!(subscriber = self.subscriber.name, %error, "a replay waits for the store");
                    TROUBLE_PAUSE
                }
            };
            let woken = async {
                if asked.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            let _look_again = timeout(pause, woken).await;
        }
    }

    /// Until nothing is wanted any more.
    async fn work(&self) -> Result<(), StoreError> {
        let name = &self.subscriber.name;
        loop {
            let letters = self.store.letters_replaying(name, (self.clock)(), PAGE).await?;
            if letters.is_empty() {
                let Some(replay) = self.store.next_replay(name).await? else { return Ok(()) };
                if self.stretch(replay).await? == Hold::Lost {
                    return Ok(());
                }
            }
            for letter in letters {
                if self.letter(letter).await? == Hold::Lost {
                    return Ok(());
                }
            }
        }
    }

    async fn letter(&self, letter: Letter) -> Result<Hold, StoreError> {
        let (id, now) = (letter.id, (self.clock)());
        let item = Item::from(letter);
        let attempts = item.attempts.saturating_add(1);
        let ending = match self.post(vec![item], now).await {
            Verdict::Delivered => LetterEnding::Delivered,
            Verdict::Gone => {
                let reason = "it answered 410 Gone".to_owned();
                LetterEnding::Dead { attempts, at: now, status: Some(410), reason }
            }
            // A person asked for it, and is told at once; he may ask again.
            Verdict::Failed(failed) => {
                let reason = failed.reason.told().to_owned();
                LetterEnding::Dead { attempts, at: now, status: failed.status, reason }
            }
        };
        let progress = Progress { endings: vec![(id, ending)], ..Progress::default() };
        self.store.advance(&self.lead, &progress, now).await.map(Hold::of)
    }

    async fn stretch(&self, replay: Replay) -> Result<Hold, StoreError> {
        let wanted: Wanted = serde_json::from_slice(&replay.filter).unwrap_or_default();
        let mut progress =
            ReplayProgress { position: replay.position, sent: replay.sent, ..ReplayProgress::default() };
        while progress.ended_at.is_none() {
            let page = self.store.deliveries(progress.position, PAGE).await?;
            let page: Vec<_> = page.into_iter().take_while(|delivery| delivery.seq <= replay.until).collect();
            let items: Vec<Item> = page
                .iter()
                .flat_map(|delivery| item::of_delivery(delivery, &wanted.filter()))
                .filter(|item| wanted.wants(item) && self.takes(item))
                .collect();
            for batch in items.chunks(self.subscriber.batch) {
                if let Err(reason) = self.insist(batch, replay.asked_at).await {
                    progress.reason = Some(reason);
                    break;
                }
                progress.sent += batch.len() as u64;
            }
            let done = page.last().is_none_or(|last| last.seq >= replay.until) || progress.reason.is_some();
            progress.position = page.last().map_or(replay.until, |last| last.seq);
            progress.ended_at = done.then(|| (self.clock)());
            if !self.store.advance_replay(&self.lead, replay.id, &progress).await? {
                return Ok(Hold::Lost);
            }
        }
        Ok(Hold::Ours)
    }

    /// The subscriber's own filter holds in a replay too.
    fn takes(&self, item: &Item) -> bool {
        event::read_one(&item.body).is_some_and(|event| self.subscriber.filter.wants(&event))
    }

    /// Again and again, for as long as any event is tried.
    async fn insist(&self, batch: &[Item], asked_at: Timestamp) -> Result<(), String> {
        let mut attempts = 0;
        loop {
            let now = (self.clock)();
            match self.post(batch.to_vec(), now).await {
                Verdict::Delivered => return Ok(()),
                Verdict::Gone => return Err("it answered 410 Gone".to_owned()),
                Verdict::Failed(failed) if schedule::is_over(asked_at, now) => return Err(failed.to_string()),
                Verdict::Failed(failed) => {
                    attempts += 1;
                    let pause = failed.wait.unwrap_or_else(|| schedule::pause(attempts, 1.0).min(PAUSE_MAX));
                    sleep(Duration::try_from(pause).unwrap_or_default()).await;
                }
            }
        }
    }

    async fn post(&self, items: Vec<Item>, at: Timestamp) -> Verdict {
        self.door.post(Parcel { items, at, occasion: Occasion::Replay }).await
    }
}
