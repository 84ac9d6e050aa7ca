//! All subscribers, each with its worker.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use store::Store;
use store::dispatch::Lead;
use store::failure::StoreError;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::door::{Door, Occasion, Parcel};
use super::http_door::HttpDoor;
use super::item::Item;
use super::lines::FileDoor;
use super::replay::ReplayLane;
use super::subscriber::{Sink, Subscriber};
use super::verdict::Verdict;
use super::witness::{Watched, Witness};
use super::worker::{Status, Worker};
use crate::clock::Clock;

/// What workers need from outside.
pub struct Surroundings {
    pub store: Store,
    pub clock: Clock,
    pub tls: Arc<rustls::ClientConfig>,
    /// Our own output, which only the program itself writes to.
    pub stdout: Arc<dyn Door>,
    /// Is told of every request as it ends.
    pub witness: Arc<dyn Witness>,
    /// Tells us apart from other hubkeepers on the same store.
    pub owner: Uuid,
    pub seed: u64,
}

/// Forwards to every subscriber until it is told to stop.
pub struct Dispatch {
    around: Surroundings,
    arrivals: watch::Receiver<u64>,
    /// Changes when a person wants something sent once more.
    asked: watch::Sender<u64>,
    running: Mutex<BTreeMap<String, Running>>,
}

struct Running {
    subscriber: Subscriber,
    stop: watch::Sender<bool>,
    status: Arc<Mutex<Status>>,
    work: JoinHandle<()>,
    replays: JoinHandle<()>,
}

/// One subscriber, as it is served now.
#[derive(Debug, Clone)]
pub struct Served {
    pub subscriber: Subscriber,
    pub status: Status,
    pub is_working: bool,
}

impl Dispatch {
    /// `arrivals` changes whenever something has come in.
    pub fn new(around: Surroundings, arrivals: watch::Receiver<u64>) -> Self {
        Self { around, arrivals, asked: watch::Sender::new(0), running: Mutex::default() }
    }

    /// Something was asked for that is to be sent once more.
    pub fn replay_asked(&self) {
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Serves a subscriber from now on, in place of one of the same name. A new one begins with what comes from now on.
    /// `settings` are kept, where it was made by a person at work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn serve(&self, subscriber: Subscriber, settings: Option<&[u8]>) -> Result<(), StoreError> {
        self.around.store.enrol(&subscriber.name, settings, (self.around.clock)()).await?;
        self.rest(&subscriber.name).await;
        let (stop, stopped) = watch::channel(false);
        let status = Arc::new(Mutex::new(Status::default()));
        let (leads, we_lead) = watch::channel(false);
        let worker = Worker {
            store: self.around.store.clone(),
            door: self.watched(&subscriber),
            clock: self.around.clock.clone(),
            lead: Lead { subscriber: subscriber.name.clone(), owner: self.around.owner },
            seed: self.around.seed,
            status: status.clone(),
            leads,
            subscriber: subscriber.clone(),
        };
        let lane = ReplayLane {
            store: worker.store.clone(),
            door: self.door(&subscriber.sink),
            clock: worker.clock.clone(),
            lead: worker.lead.clone(),
            leads: we_lead,
            asked: self.asked.subscribe(),
            subscriber: subscriber.clone(),
        };
        let replays = tokio::spawn(lane.run(stopped.clone()));
        let work = tokio::spawn(worker.run(self.arrivals.clone(), stopped));
        let name = subscriber.name.clone();
        self.running.lock().insert(name, Running { subscriber, stop, status, work, replays });
        Ok(())
    }

    /// Serves it no longer; ends once what was under way has ended.
    pub async fn rest(&self, name: &str) {
        let running = self.running.lock().remove(name);
        if let Some(running) = running {
            running.end().await;
        }
    }

    pub fn served(&self) -> Vec<Served> {
        let running = self.running.lock();
        let served = |one: &Running| {
            let status = one.status.lock().clone();
            let is_working = !one.work.is_finished() && !status.is_off;
            Served { subscriber: one.subscriber.clone(), status, is_working }
        };
        running.values().map(served).collect()
    }

    /// Ends all of them.
    pub async fn finish(&self) {
        let running = std::mem::take(&mut *self.running.lock());
        for one in running.values() {
            let _it_has_ended_already = one.stop.send(true);
        }
        for one in running.into_values() {
            one.end().await;
        }
    }

    /// Sends a made-up event to a subscriber, at once and beside everything else.
    pub async fn test(&self, name: &str, item: Item) -> Option<Verdict> {
        let door = self.running.lock().get(name).map(|running| self.door(&running.subscriber.sink))?;
        let parcel = Parcel { items: vec![item], at: (self.around.clock)(), occasion: Occasion::Live };
        Some(door.post(parcel).await)
    }

    fn watched(&self, subscriber: &Subscriber) -> Arc<dyn Door> {
        Arc::new(Watched {
            door: self.door(&subscriber.sink),
            subscriber: Arc::from(subscriber.name.as_str()),
            witness: self.around.witness.clone(),
        })
    }

    fn door(&self, sink: &Sink) -> Arc<dyn Door> {
        match sink {
            Sink::Http(http) => {
                Arc::new(HttpDoor::new(http.clone(), self.around.tls.clone(), self.around.clock.clone()))
            }
            Sink::Stdout => self.around.stdout.clone(),
            Sink::File(path) => Arc::new(FileDoor(path.clone())),
        }
    }
}

impl Running {
    async fn end(self) {
        let _it_has_ended_already = self.stop.send(true);
        let _its_requests_are_repeated = self.replays.await;
        if let Err(error) = self.work.await {
            tracing::error!(subscriber = self.subscriber.name, %error, "a worker broke");
        }
    }
}
