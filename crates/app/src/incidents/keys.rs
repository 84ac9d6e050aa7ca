//! How the secrets stand that we run with: can they be read again, and how old are they?

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use incident::signal::{Place, Seen, Signal, Standing, Wellness};
use store::Store;
use tokio::sync::mpsc;

use super::Asked;
use crate::ledgers::Ledgers;
use crate::secrets::{Secrets, Stands};

/// Between two looks.
const BETWEEN: Duration = Duration::from_secs(5);

pub(super) struct Keys {
    pub(super) secrets: Secrets,
    pub(super) ledgers: Arc<Ledgers>,
    pub(super) store: Store,
    pub(super) clock: WallClock,
    pub(super) found: mpsc::Sender<Asked>,
}

impl Keys {
    /// Looks again and again, for as long as it is polled.
    pub(super) async fn run(&self) {
        let mut due = tokio::time::interval(BETWEEN);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut round = 0_u64;
        loop {
            due.tick().await;
            self.look(round).await;
            round += 1;
        }
    }

    async fn look(&self, round: u64) {
        let all = self.secrets.stand();
        for stands in &all {
            // Of one that cannot change only its age is of interest, and that changes by itself.
            if stands.may_change || round == 0 {
                let (well, observed) = match stands.is_failing {
                    true => (Wellness::Ill, "it cannot be read"),
                    false => (Wellness::Well, "it can be read"),
                };
                self.stands(stands, well, observed).await;
                self.age(stands).await;
            }
        }
        if all.iter().any(|stands| stands.is_failing) {
            self.ledgers.secret_read(None);
        } else if all.iter().any(|stands| stands.may_change) {
            // Another one would be in use already.
            self.ledgers.secret_read(Some(false));
        }
    }

    async fn stands(&self, stands: &Stands, well: Wellness, observed: &str) {
        let (name, observed) = (stands.name.clone(), observed.to_owned());
        self.tell(Seen::Standing { of: Standing::SecretSource, name, well, observed }).await;
    }

    /// At least as old as we have known it, or as the file that it lies in.
    async fn age(&self, stands: &Stands) {
        let now = self.clock.now();
        let Ok(since) = self.store.in_use_since(&stands.name, &stands.digest, now).await else { return };
        let since = stands.written_at.map_or(since, |written| written.min(since));
        self.tell(Seen::Credential { name: stands.name.clone(), since: Some(since), until: None }).await;
    }

    async fn tell(&self, seen: Seen) {
        let signal = Signal { at: self.clock.now(), place: Place::default(), seen };
        let _the_room_is_closing = self.found.send(Asked::Signal(signal)).await;
    }
}
