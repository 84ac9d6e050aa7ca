//! One subscriber's engine at work: it reads the log, sends, and keeps what was done.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use store::Store;
use store::dispatch::{Backlog, Lead, LetterState, Standing};
use store::failure::StoreError;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::door::{Door, Occasion, Parcel};
use super::engine::{Begin, Counts, Engine};
use super::item::{self, Item};
use super::subscriber::Subscriber;
use super::verdict::Verdict;
use crate::clock::Clock;

/// Deliveries read at once.
const PAGE: usize = 64;

/// Letters taken up at once.
const LETTERS: usize = 256;

/// What was done is kept at least this often; after a crash, that much is done again.
const KEEP_EVERY: Duration = Duration::from_millis(50);

/// Without a sign that something has come, we look after this time: another hubkeeper may have taken it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The same where nobody else can have: what comes wakes us, and what is due has its time.
const LOOK_EVERY_ALONE: Duration = Duration::from_secs(60);

/// How often what is left to deliver is counted.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Who serves a subscriber says so again well before this time is over. After it another goes on for one that was killed: all
/// is to be as usual again within half a minute.
const LEAD_FOR: SignedDuration = SignedDuration::from_secs(15);
const LEAD_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// After trouble with the store.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// How often a subscriber that is switched off is looked at: another hubkeeper may have switched it on, and may be gone since.
const SWITCH_LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long requests under way may take to end once we are told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Everything that one worker needs.
pub struct Worker {
    pub store: Store,
    pub subscriber: Subscriber,
    pub door: Arc<dyn Door>,
    pub clock: Clock,
    pub lead: Lead,
    pub seed: u64,
    pub status: Arc<Mutex<Status>>,
    /// True while we are the one who serves the subscriber.
    pub leads: watch::Sender<bool>,
}

/// What others may know of it.
#[derive(Debug, Clone, Default)]
pub struct Status {
    pub position: i64,
    pub left_alone: bool,
    /// It is switched off.
    pub is_off: bool,
    pub parked: usize,
    pub in_flight: usize,
    pub backlog: Backlog,
    pub counts: Counts,
}

type Flights = FuturesUnordered<BoxFuture<'static, (u64, Verdict)>>;

/// Why a turn at work ended.
enum End {
    Stopped,
    /// It has just said that it wants nothing any more.
    Gone,
    Disabled,
    /// Another serves it now.
    Lost,
}

impl Worker {
    /// Works until `stop` turns true. A subscriber that is switched off is left alone until somebody switches it on, whoever of
    /// those who share the store: the one who did may be killed, and then others have to go on.
    pub async fn run(self, mut arrivals: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let mut in_trouble = false;
        while !*stop.borrow() {
            let now = (self.clock)();
            let end = match self.store.lead(&self.lead, now, now + LEAD_FOR).await {
                Ok(Some(standing)) if standing.disabled.is_some() => Ok(End::Disabled),
                Ok(Some(standing)) => {
                    self.leads.send_replace(true);
                    let end = self.serve(standing, &mut arrivals, &mut stop).await;
                    self.leads.send_replace(false);
                    end
                }
                Ok(None) => Ok(End::Lost),
                Err(error) => Err(error),
            };
            match end {
                Ok(End::Stopped) => break,
                Ok(End::Gone) => {
                    tracing::warn!(
                        subscriber = self.subscriber.name,
                        "it answered 410 Gone: nothing more is sent to it until a person switches it on"
                    );
                    self.wait_while_off(&mut stop).await;
                    continue;
                }
                Ok(End::Disabled) => {
                    self.wait_while_off(&mut stop).await;
                    continue;
                }
                // Whoever serves it tells what waits for it.
                Ok(End::Lost) => self.status.lock().backlog = Backlog::default(),
                Err(error) => {
                    if !std::mem::replace(&mut in_trouble, true) {
                        tracing::error!(subscriber = self.subscriber.name, %error, "forwarding waits for the store");
                    }
                }
            }
            let _go_on = timeout(TROUBLE_PAUSE, told(&mut stop)).await;
        }
        let _it_runs_out_by_itself = self.store.yield_lead(&self.lead).await;
    }

    /// Until it seems to be on, or `stop` turns true. What the store does not tell, whoever takes the lead next finds out.
    async fn wait_while_off(&self, stop: &mut watch::Receiver<bool>) {
        self.status.lock().is_off = true;
        let _it_runs_out_by_itself = self.store.yield_lead(&self.lead).await;
        let every = if self.store.is_shared() { SWITCH_LOOK_EVERY } else { LOOK_EVERY_ALONE };
        self.count_what_waits().await;
        while timeout(every, told(stop)).await.is_err() {
            let standings = self.store.standings().await.unwrap_or_default();
            let of_it = standings.iter().find(|standing| standing.name == self.subscriber.name);
            if of_it.is_none_or(|standing| standing.disabled.is_none()) {
                break;
            }
            self.count_what_waits().await;
        }
        self.status.lock().is_off = false;
    }

    /// While nobody serves it, what waits for it is counted all the same.
    async fn count_what_waits(&self) {
        let name = &self.subscriber.name;
        let standings = self.store.standings().await.unwrap_or_default();
        let Some(standing) = standings.iter().find(|standing| standing.name == *name) else { return };
        if let Ok(backlog) = self.store.backlog(name, standing.position).await {
            self.status.lock().backlog = backlog;
        }
    }

    async fn serve(
        &self,
        standing: Standing,
        arrivals: &mut watch::Receiver<u64>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<End, StoreError> {
        let name = &self.subscriber.name;
        let begin = Begin {
            position: standing.position,
            parked: self.store.letters_waiting(name).await?,
            written: self.store.letters_behind(name, standing.position).await?,
        };
        self.status.lock().position = standing.position;
        let mut turn = Turn {
            worker: self,
            engine: Engine::new(&self.subscriber, begin, self.seed),
            flights: Flights::new(),
            kept_at: Instant::now(),
            lead_again: (self.clock)() + LEAD_AGAIN,
            counted_at: None,
            letters_at: Some(Timestamp::MIN),
        };
        loop {
            arrivals.borrow_and_update();
            let more = turn.read().await?;
            turn.letters().await?;
            turn.send();
            if !turn.keep(Keep::InTime).await? {
                return Ok(End::Lost);
            }
            turn.count().await?;
            turn.tell();
            if turn.engine.is_disabled() && turn.flights.is_empty() {
                return Ok(if turn.keep(Keep::Now).await? { End::Gone } else { End::Lost });
            }
            let wake = turn.wake_at();
            tokio::select! {
                biased;
                Some((number, verdict)) = turn.flights.next(), if !turn.flights.is_empty() => {
                    turn.engine.ended(number, &verdict, (self.clock)());
                }
                () = told(stop) => return turn.finish().await,
                _ = arrivals.changed(), if turn.engine.has_room() => {}
                () = std::future::ready(()), if more && turn.engine.has_room() => {}
                () = sleep_until(wake) => {}
            }
        }
    }
}

/// Told to stop; by whoever is gone, too.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// When to keep what was done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Now,
    /// Once enough time has passed, or nothing else is to be done.
    InTime,
}

/// A time of serving, from taking the lead to losing it.
struct Turn<'a> {
    worker: &'a Worker,
    engine: Engine,
    flights: Flights,
    kept_at: Instant,
    lead_again: Timestamp,
    /// When the backlog was counted.
    counted_at: Option<Instant>,
    /// When to look for letters.
    letters_at: Option<Timestamp>,
}

impl Turn<'_> {
    /// Reads a page of the log, where there is room. `true` where there may be more.
    async fn read(&mut self) -> Result<bool, StoreError> {
        if !self.engine.has_room() {
            return Ok(true);
        }
        let page = self.worker.store.deliveries(self.engine.read_to(), PAGE).await?;
        let more = page.len() == PAGE;
        let last = page.last().filter(|_| more).map(|delivery| delivery.received_at);
        self.engine.has_read_what_came_before(last.unwrap_or_else(|| (self.worker.clock)()));
        for delivery in page {
            let items = item::of_delivery(&delivery, &self.worker.subscriber.filter);
            self.ask_for_latest(&items).await?;
            self.engine.read(delivery.seq, items, (self.worker.clock)());
        }
        Ok(more)
    }

    async fn ask_for_latest(&mut self, items: &[Item]) -> Result<(), StoreError> {
        for item in items {
            if let Some(subject) = self.engine.asks(item)
                && let Some(at) = self.worker.store.latest(&self.worker.subscriber.name, subject).await?
            {
                self.engine.told(subject, at);
            }
        }
        Ok(())
    }

    async fn letters(&mut self) -> Result<(), StoreError> {
        let now = (self.worker.clock)();
        if self.engine.parked() == 0 || self.letters_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        let (store, name) = (&self.worker.store, &self.worker.subscriber.name);
        let due = store.letters_due(name, now, LETTERS).await?;
        self.engine.letters(due.into_iter().map(Item::from).collect(), now);
        self.letters_at = store.next_letter(name, LetterState::Waiting, now).await?;
        Ok(())
    }

    fn send(&mut self) {
        let now = (self.worker.clock)();
        while let Some(batch) = self.engine.next(now) {
            let parcel = Parcel { items: batch.items, at: now, occasion: Occasion::Live };
            let posted = self.worker.door.post(parcel);
            self.flights.push(Box::pin(async move { (batch.number, posted.await) }));
        }
    }

    /// `false` when another serves the subscriber by now.
    async fn keep(&mut self, when: Keep) -> Result<bool, StoreError> {
        let now = (self.worker.clock)();
        let lead = &self.worker.lead;
        if now >= self.lead_again {
            self.lead_again = now + LEAD_AGAIN;
            let Some(standing) = self.worker.store.renew_lead(lead, now + LEAD_FOR).await? else {
                return Ok(false);
            };
            if standing.disabled.is_some() {
                return Ok(false);
            }
        }
        let in_time = self.kept_at.elapsed() >= KEEP_EVERY || self.flights.is_empty();
        let progress = self.engine.progress();
        if progress.is_nothing() || (when == Keep::InTime && !in_time) {
            return Ok(true);
        }
        let letters = !progress.letters.is_empty() || !progress.endings.is_empty() || progress.hurry;
        let holds = self.worker.store.advance(lead, progress, now).await?;
        self.engine.kept();
        self.kept_at = Instant::now();
        if letters {
            self.letters_at = Some(now);
        }
        Ok(holds)
    }

    /// When to go on, if nothing happens.
    fn wake_at(&mut self) -> Instant {
        let now = (self.worker.clock)();
        let at = |at: Timestamp| {
            Instant::now() + Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO)
        };
        let letters = self.letters_at.filter(|_| self.engine.parked() > 0);
        let alone = !self.worker.store.is_shared();
        let mut wake = Instant::now() + if alone { LOOK_EVERY_ALONE } else { LOOK_EVERY };
        for moment in [self.engine.wake_at(now), letters].into_iter().flatten() {
            wake = wake.min(at(moment));
        }
        if !self.engine.progress().is_nothing() {
            wake = wake.min(self.kept_at + KEEP_EVERY);
        }
        if let Some(counted_at) = self.counted_at.filter(|at| self.kept_at > *at) {
            wake = wake.min(counted_at + COUNT_EVERY);
        }
        wake
    }

    /// Counts what there is still to deliver, now and then; and once more when the last of it is done.
    async fn count(&mut self) -> Result<(), StoreError> {
        if self.counted_at.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return Ok(());
        }
        self.counted_at = Some(Instant::now());
        let backlog = self.worker.store.backlog(&self.worker.subscriber.name, self.engine.done_to()).await?;
        self.worker.status.lock().backlog = backlog;
        Ok(())
    }

    fn tell(&mut self) {
        let mut status = self.worker.status.lock();
        status.position = self.engine.done_to();
        status.left_alone = self.engine.is_left_alone();
        status.parked = self.engine.parked();
        status.in_flight = self.flights.len();
        status.counts = self.engine.counts();
    }

    /// Waits a moment for what is under way, and keeps what was done.
    async fn finish(&mut self) -> Result<End, StoreError> {
        let until = Instant::now() + DRAIN;
        while !self.flights.is_empty()
            && let Ok(Some((number, verdict))) = tokio::time::timeout_at(until, self.flights.next()).await
        {
            self.engine.ended(number, &verdict, (self.worker.clock)());
        }
        self.keep(Keep::Now).await?;
        self.tell();
        Ok(End::Stopped)
    }
}
