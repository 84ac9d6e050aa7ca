//! Takes what is due, line by line, and sends it. What ends is told to the store, which then gives the next of a record.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use store::failure::StoreError;
use store::outbox::{Claim, Ending, Found, Line, Operation, State};
use store::step::{self, Step};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Outbox;
use super::pace::Pace;
use super::send::{self, PATIENCE, Tried};
use super::verdict::{Again, Blame, Verdict};

/// Under way in all lines together.
const UNDER_WAY_MAX: usize = 512;

/// Other hubkeepers on the same store may have accepted something, or have left something behind.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A try ends well within its patience; a claim that is older was interrupted.
const CLAIM_FOR: SignedDuration = SignedDuration::from_secs(PATIENCE.as_secs() as i64 + 120);

/// Tries to write down how an operation ended. After them it stays `sending` until its claim is too old.
const END_TRIES: u32 = 6;

/// The worker of one process.
struct Worker {
    outbox: Arc<Outbox>,
    paces: HashMap<Line, Pace>,
    running: JoinSet<Done>,
    /// When something that was put back is due.
    due: BTreeSet<Instant>,
}

/// One operation's try has ended.
struct Done {
    line: Line,
    told: Told,
    due: Option<Duration>,
}

/// What a try tells about the line.
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
        };
        let mut look_for_interrupted_at = Instant::now();
        // After a start with a store of our own, all that was being sent was interrupted.
        let mut interrupted_before = if self.store.is_shared() { self.clock.now() } else { Timestamp::MAX };
        loop {
            if look_for_interrupted_at <= Instant::now() && self.recover(interrupted_before).await {
                look_for_interrupted_at = Instant::now() + LOOK_EVERY;
            }
            let next = worker.claim().await;
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
            interrupted_before = self.clock.now();
        }
        while worker.running.join_next().await.is_some() {}
    }

    /// What was being sent when somebody's time was up: honest about what is not known. `false` when the store cannot
    /// tell.
    async fn recover(&self, before: Timestamp) -> bool {
        let Found { operations, damaged } = match self.store.interrupted(before).await {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be read");
                return false;
            }
        };
        tell_damaged(&damaged);
        for operation in operations {
            let tried = self.interrupted(&operation);
            self.end(&operation, tried).await;
        }
        true
    }

    /// Writes down how a try ended, however long the store takes to listen.
    async fn end(&self, operation: &Operation, tried: Tried) {
        let now = self.clock.now();
        let ending = send::ending(&tried, operation.attempts.len(), now);
        tell(operation, &tried, &ending);
        let mut wait = Duration::from_millis(100);
        for _ in 0..END_TRIES {
            match self.store.end(operation, tried.attempt.clone(), ending.clone(), now).await {
                Ok(_) => return,
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
        for connection in &outbox.connections {
            match outbox.store.lines(&connection.name).await {
                Ok(lines) => {
                    for line in lines {
                        self.claim_of(line).await;
                    }
                }
                Err(error) => tracing::error!(%error, "the outbox cannot be read"),
            }
        }
        let now = Instant::now();
        self.due = self.due.split_off(&now);
        let paused = self.paces.values().filter_map(|pace| pace.paused(now));
        let next = paused.chain(self.due.first().copied()).min();
        next.map_or(now + LOOK_EVERY, |next| next.min(now + LOOK_EVERY))
    }

    async fn claim_of(&mut self, line: Line) {
        let left = UNDER_WAY_MAX.saturating_sub(self.running.len());
        let pace = self.paces.entry(line.clone()).or_default();
        let max = pace.room(Instant::now()).min(left);
        if max == 0 {
            return;
        }
        let now = self.outbox.clock.now();
        let until = now.checked_add(CLAIM_FOR).unwrap_or(Timestamp::MAX);
        match self.outbox.store.claim(Claim { line: line.clone(), now, until, max }).await {
            Ok(Found { operations, damaged }) => {
                tell_damaged(&damaged);
                pace.begun(operations.len());
                for operation in operations {
                    self.running.spawn(try_and_end(self.outbox.clone(), operation));
                }
            }
            // Whatever was taken all the same is found as interrupted.
            Err(error) => tracing::error!(%error, "nothing could be taken from the outbox"),
        }
    }

    fn ended(&mut self, done: Result<Done, tokio::task::JoinError>) {
        let Ok(Done { line, told, due }) = done else {
            tracing::error!("sending an operation broke; it counts as interrupted once its claim is too old");
            return;
        };
        let now = Instant::now();
        if let Some(wait) = due {
            self.due.insert(now + wait);
        }
        let pace = self.paces.entry(line).or_default();
        match told {
            Told::Answered => pace.answered(),
            Told::Nothing => pace.ended(),
            Told::Failed(after) => pace.failed(after, now),
        }
    }
}

async fn try_and_end(outbox: Arc<Outbox>, operation: Operation) -> Done {
    step::at(Step::OperationTaken);
    let tried = outbox.try_once(&operation).await;
    step::at(Step::OperationAnswered);
    let line = operation.line();
    let told = match &tried.verdict {
        Verdict::Applied | Verdict::Dead => Told::Answered,
        Verdict::InDoubt => Told::Failed(None),
        Verdict::Again(Again { blame: Blame::Operation, .. }) => Told::Nothing,
        Verdict::Again(Again { blame: Blame::Way | Blame::Failing, after }) => Told::Failed(*after),
    };
    let due = match send::ending(&tried, operation.attempts.len(), outbox.clock.now()) {
        Ending::Again { due_at } => Duration::try_from(due_at.duration_since(outbox.clock.now())).ok(),
        Ending::Applied(_) | Ending::Dead { .. } | Ending::Unknown { .. } => None,
    };
    outbox.end(&operation, tried).await;
    step::at(Step::OperationEnded);
    Done { line, told, due }
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
