//! Takes what is due, line by line, and sends it. What ends is told to the store, which then gives the next of a record.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use jiff::Timestamp;
use store::failure::StoreError;
use store::outbox::{Claim, Ending, Found, Line, Operation, State};
use store::step::{self, Step};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::Outbox;
use super::pace::Pace;
use super::pack::Pack;
use super::send::{self, CLAIM_FOR, Tried};
use super::strikes::Strikes;
use super::verdict::{Again, Blame, Verdict};

/// Under way in all lines together.
const UNDER_WAY_MAX: usize = 512;

/// Other hubkeepers on the same store may have accepted something, or have left something behind.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Tries to write down how an operation ended. After them it stays `sending` until its claim is too old.
const END_TRIES: u32 = 6;

/// The worker of one process.
struct Worker {
    outbox: Arc<Outbox>,
    paces: HashMap<Line, Pace>,
    running: JoinSet<Vec<Done>>,
    /// When something that was put back is due.
    due: BTreeSet<Instant>,
    strikes: Strikes,
}

/// One operation's try has ended.
struct Done {
    id: Uuid,
    line: Line,
    told: Told,
    due: Option<Duration>,
}

/// What a try tells about the line.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Answered,
    Nothing,
    Failed(Option<Duration>),
}

impl Outbox {
    /// Applies what is accepted, until `draining` turns true; then ends what is under way.
    pub async fn run(self: Arc<Self>, mut draining: watch::Receiver<bool>) {
        let mut worker = Worker {
            outbox: self.clone(),
            paces: HashMap::new(),
            running: JoinSet::new(),
            due: BTreeSet::new(),
            strikes: Strikes::default(),
        };
        let mut look_at = Instant::now();
        let mut forget_at = Instant::now();
        // After a start with a store of our own, all that was being sent was interrupted.
        let mut interrupted_before = if self.store.is_shared() { self.clock.now() } else { Timestamp::MAX };
        loop {
            let say_again = self.live().await;
            if look_at <= Instant::now() && self.recover(interrupted_before).await {
                look_at = Instant::now() + LOOK_EVERY;
                interrupted_before = self.clock.now();
            }
            if forget_at <= Instant::now() {
                self.forget().await;
                forget_at = Instant::now() + FORGET_EVERY;
            }
            let next = worker.claim().await;
            let next = say_again.map_or(next, |again| again.min(next));
            tokio::select! {
                biased;
                _ = draining.wait_for(|draining| *draining) => break,
                Some(done) = worker.running.join_next() => worker.ended(done),
                () = self.wake.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
            while let Some(done) = worker.running.try_join_next() {
                worker.ended(done);
            }
        }
        while worker.running.join_next().await.is_some() {}
    }

    /// What was being sent when somebody's time was up: honest about what is not known. `false` when the store cannot
    /// tell.
    async fn recover(&self, before: Timestamp) -> bool {
        let Found { operations, damaged } = match self.left_behind(before).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                return false;
            }
        };
        tell_damaged(&damaged);
        let ends = operations.iter().map(|operation| self.end(operation, self.interrupted(operation)));
        future::join_all(ends).await;
        if let Err(error) = self.look().await {
            tracing::error!(%error, "the outbox cannot be counted");
        }
        true
    }

    /// What was claimed too long ago, and what processes were sending that have died.
    async fn left_behind(&self, before: Timestamp) -> Result<Found, StoreError> {
        let mut found = self.store.interrupted(before).await?;
        let orphans = self.orphans().await?;
        found.operations.extend(orphans.operations);
        found.damaged.extend(orphans.damaged);
        Ok(found)
    }

    /// Writes down how a try ended, however long the store takes to listen.
    async fn end(&self, operation: &Operation, tried: Tried) {
        let now = self.clock.now();
        let ending = send::ending(&tried, operation.attempts.len(), now);
        tell(operation, &tried, &ending);
        let mut wait = Duration::from_millis(100);
        for _ in 0..END_TRIES {
            match self.store.end(operation, tried.attempt.clone(), ending.clone(), now).await {
                Ok(_) => return self.books.ended(&ending),
                Err(error) => {
                    let id = operation.asked.id;
                    tracing::error!(%id, %error, "how an operation ended could not be written down");
                }
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
    }
}

impl Worker {
    /// Takes all there is room for. Tells when to look again.
    async fn claim(&mut self) -> Instant {
        let outbox = self.outbox.clone();
        let mut seen = 0;
        for connection in &outbox.connections {
            match outbox.store.lines(&connection.name).await {
                Ok(lines) => {
                    seen += lines.len();
                    for line in lines {
                        self.claim_of(line).await;
                    }
                }
                Err(error) => tracing::error!(%error, "the outbox cannot be read"),
            }
        }
        let now = Instant::now();
        // What is due by now has been looked for.
        self.due = self.due.split_off(&(now + Duration::from_millis(1)));
        let paused = |(line, pace): (&Line, &Pace)| Some((line.clone(), pace.paused(now)?));
        let stopped: Vec<_> = self.paces.iter().filter_map(paused).collect();
        let next = stopped.iter().map(|(_, until)| *until).chain(self.due.first().copied()).min();
        outbox.books.note_lines(seen.max(stopped.len()), stopped);
        next.map_or(now + LOOK_EVERY, |next| next.min(now + LOOK_EVERY))
    }

    async fn claim_of(&mut self, line: Line) {
        let left = UNDER_WAY_MAX.saturating_sub(self.running.len());
        let pace = self.paces.entry(line.clone()).or_default();
        let max = pace.room(Instant::now()).min(left);
        if max == 0 || !self.outbox.lives() {
            return;
        }
        let now = self.outbox.clock.now();
        let until = now.checked_add(CLAIM_FOR).unwrap_or(Timestamp::MAX);
        match self
            .outbox
            .store
            .claim(Claim { line: line.clone(), now, until, owner: self.outbox.store.owner(), max })
            .await
        {
            Ok(Found { operations, damaged }) => {
                tell_damaged(&damaged);
                pace.begun(operations.len());
                for pack in self.outbox.packs(operations) {
                    let out = pack.operations().iter().filter(|one| self.strikes.is_out(one.asked.id));
                    let out = out.map(|one| one.asked.id).collect();
                    self.running.spawn(try_and_end(self.outbox.clone(), pack, out));
                }
            }
            // Whatever was taken all the same is found as interrupted.
            Err(error) => tracing::error!(%error, "nothing could be taken from the outbox"),
        }
    }

    fn ended(&mut self, done: Result<Vec<Done>, tokio::task::JoinError>) {
        let Ok(done) = done else {
            tracing::error!("sending an operation broke; it counts as interrupted once its claim is too old");
            return;
        };
        let now = Instant::now();
        for Done { id, line, told, due } in done {
            if let Some(wait) = due {
                self.due.insert(now + wait);
            }
            let pace = self.paces.entry(line.clone()).or_default();
            match told {
                Told::Answered => {
                    self.strikes.answered(&line, id);
                    pace.answered();
                }
                Told::Nothing => pace.ended(),
                Told::Failed(after) => {
                    self.strikes.failed(&line, id);
                    pace.failed(after, now);
                }
            }
        }
    }
}

async fn try_and_end(outbox: Arc<Outbox>, pack: Pack, out: Vec<Uuid>) -> Vec<Done> {
    step::at(Step::OperationTaken);
    let (operations, tried) = match pack {
        Pack::One(operation) => {
            let tried = outbox.try_once(&operation).await;
            (vec![*operation], vec![tried])
        }
        Pack::Upsert { collection, creates } => {
            let tried = outbox.try_upsert(&collection, &creates).await;
            (creates, tried)
        }
    };
    step::at(Step::OperationAnswered);
    let ends = operations.into_iter().zip(tried).map(|(operation, tried)| {
        let tried = if out.contains(&operation.asked.id) { tried.for_the_last_time() } else { tried };
        end(outbox.clone(), operation, tried)
    });
    future::join_all(ends).await
}

async fn end(outbox: Arc<Outbox>, operation: Operation, tried: Tried) -> Done {
    let told = told(&tried);
    let now = outbox.clock.now();
    let due = match send::ending(&tried, operation.attempts.len(), now) {
        Ending::Again { due_at } => Duration::try_from(due_at.duration_since(now)).ok(),
        Ending::Applied(_) | Ending::Dead { .. } | Ending::Unknown { .. } => None,
    };
    let (id, line) = (operation.asked.id, operation.line());
    outbox.end(&operation, tried).await;
    step::at(Step::OperationEnded);
    Done { id, line, told, due }
}

fn told(tried: &Tried) -> Told {
    match &tried.verdict {
        Verdict::Applied | Verdict::Dead => Told::Answered,
        // Nothing was sent: it was looked for, and what was found tells nothing. HubSpot is well.
        Verdict::InDoubt if tried.attempt.is_none() => Told::Nothing,
        Verdict::InDoubt => Told::Failed(None),
        Verdict::Again(Again { blame: Blame::Operation, .. }) => Told::Nothing,
        Verdict::Again(Again { blame: Blame::Way | Blame::Failing, after }) => Told::Failed(*after),
    }
}

/// One line for each operation that needs a person, and none with personal data.
fn tell(operation: &Operation, tried: &Tried, ending: &Ending) {
    let (id, connection) = (operation.asked.id, operation.asked.connection.as_str());
    let attempt = tried.attempt.as_ref();
    let status = attempt.map_or(0, |attempt| attempt.status);
    let correlation_id = attempt.and_then(|attempt| attempt.correlation_id.as_deref()).unwrap_or("-");
    let outcome = attempt.map_or("-", |attempt| attempt.outcome.as_str());
    match ending {
        Ending::Applied(_) | Ending::Again { .. } => {
            tracing::debug!(%id, connection, status, outcome, "an accepted write was tried");
        }
        Ending::Dead { .. } => tracing::warn!(
            %id, connection, status, outcome, correlation_id, state = State::Dead.name(),
            "an accepted write was refused: `hubkeeper outbox show` tells why"
        ),
        Ending::Unknown { .. } => tracing::warn!(
            %id, connection, status, outcome, correlation_id, state = State::Unknown.name(),
            "whether an accepted write took effect is not known: look, then replay or drop it"
        ),
    }
}

fn tell_damaged(damaged: &[StoreError]) {
    for error in damaged {
        tracing::error!(%error, "an accepted write is not what was written; it is left alone");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After a kill there are hundreds of creates of which nothing tells whether they were made. Each of them stopped the
    /// line for a second, and together for longer and longer.
    #[test]
    fn a_create_that_cannot_be_found_out_about_stops_nobody_else() {
        let looked_for =
            Tried { attempt: None, verdict: Verdict::InDoubt, answer: None, reason: String::new() };
        assert_eq!(told(&looked_for), Told::Nothing);
        let attempt = send::attempt(Timestamp::UNIX_EPOCH, 0, None, "timeout", true);
        let lost = Tried { attempt: Some(attempt), ..looked_for };
        assert_eq!(told(&lost), Told::Failed(None));
    }
}
