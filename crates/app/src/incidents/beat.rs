//! A beat of our own: a timer that tells how late we are, and a small write that tells how our store is. Both come whatever
//! callers do. The write is a lease on the room: of all hubkeepers on one store, whoever has it runs the room for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use client::clock::WallClock;
use gateway::traffic::Traffic;
use incident::facts::inside::StoreProblem;
use jiff::SignedDuration;
use store::Store;
use tokio::time::Instant;

use crate::ledgers::vitals::BEAT;
use crate::ledgers::{self, Ledgers};

/// Between two writes: three that fail are told within half a minute.
const BETWEEN: Duration = Duration::from_secs(10);

/// A write that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(8);

/// Who holds the room says so again well before this time is over.
const HELD: SignedDuration = SignedDuration::from_secs(35);

const ROOM: &str = "incident-room";

/// What is written, and where what it tells is noted.
pub(super) struct Lease {
    pub(super) store: Store,
    pub(super) ledgers: Arc<Ledgers>,
    pub(super) clock: WallClock,
    traffic: Arc<Traffic>,
    ours: AtomicBool,
}

impl Lease {
    pub(super) fn new(store: Store, ledgers: Arc<Ledgers>, traffic: Arc<Traffic>, clock: WallClock) -> Self {
        let ours = AtomicBool::new(!store.is_shared());
        Self { store, ledgers, clock, traffic, ours }
    }

    /// We run the room. A store that fails changes nothing: then nobody else can take it either.
    pub(super) fn is_ours(&self) -> bool {
        self.ours.load(Ordering::Relaxed)
    }

    /// Beats for as long as it is polled.
    pub(super) async fn run(&self) {
        tokio::join!(self.write_again_and_again(), feel(&self.ledgers, &self.traffic));
    }

    async fn write_again_and_again(&self) {
        let mut due = tokio::time::interval(BETWEEN);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            self.write().await;
        }
    }

    pub(super) async fn write(&self) {
        let (now, began) = (self.clock.now(), Instant::now());
        let writing = self.store.lease(ROOM, self.store.owner(), now, now + HELD);
        let ended = match tokio::time::timeout(PATIENCE, writing).await {
            // Settling goes on out of the reserve; that nothing new is taken is trouble all the same.
            Ok(Ok(ours)) => {
                self.now_ours(ours);
                self.store.refusing().map_or(Ok(()), |refusing| {
                    Err(ledgers::problem(&store::failure::StoreError::NotAccepted(refusing)))
                })
            }
            Ok(Err(error)) if self.store.is_shared() => {
                tracing::debug!(%error, "the beat was not written");
                Err(StoreProblem::Unreachable)
            }
            Ok(Err(error)) => Err(ledgers::problem(&error)),
            Err(_late) => Err(StoreProblem::Unreachable),
        };
        self.ledgers.commit(began.elapsed(), ended);
    }
}

impl Lease {
    fn now_ours(&self, ours: bool) {
        if self.ours.swap(ours, Ordering::Relaxed) != ours {
            let who = if ours { "this hubkeeper" } else { "another hubkeeper on this store" };
            tracing::info!("{who} runs the incident room");
        }
    }
}

/// How late our own timers fire, and whether calls waited meanwhile.
async fn feel(ledgers: &Ledgers, traffic: &Traffic) {
    loop {
        let began = Instant::now();
        tokio::time::sleep(BEAT).await;
        ledgers.lag(began.elapsed().saturating_sub(BEAT), traffic.calls_ended());
    }
}
