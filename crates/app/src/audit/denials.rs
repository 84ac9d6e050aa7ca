//! Calls that were denied, on their way into the audit log.
//!
//! A caller that knocks at a closed door in a loop must not fill the disk: of one caller, right and route the first denial is an
//! entry at once, and those of the next minute are one entry with their number.

use std::collections::HashMap;
use std::time::Duration;

use gateway::rights::Witness;
use store::audit::{Act, Outcome, Subject};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::Audit;

/// Denials on their way; more are counted where they come from, among the requests turned away.
const WAITING_MAX: usize = 1_024;
/// Kinds of denial told apart at one time.
const KINDS_MAX: usize = 1_024;
/// How long denials of one kind are gathered.
const GATHERED_FOR: Duration = Duration::from_secs(60);

/// The door to the task that writes. Closing it ends the task.
pub(super) struct Denials(Sender<(Denial, Uuid)>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Denial {
    caller: String,
    right: String,
    route: String,
}

impl Denials {
    pub(super) fn start(audit: Audit) -> (Self, JoinHandle<()>) {
        let (denials, waiting) = mpsc::channel(WAITING_MAX);
        (Self(denials), tokio::spawn(write(audit, waiting)))
    }
}

impl Witness for Denials {
    fn denied(&self, caller: &str, right: &str, route: String, request_id: Uuid) {
        let denial = Denial { caller: caller.to_owned(), right: right.to_owned(), route };
        if self.0.try_send((denial, request_id)).is_err() {
            tracing::warn!(caller, right, "more denied calls than can be audited");
        }
    }
}

/// Since when a kind is gathered, and how many have come since its entry.
struct Gathered {
    since: Instant,
    more: u64,
}

async fn write(audit: Audit, mut waiting: Receiver<(Denial, Uuid)>) {
    let mut kinds: HashMap<Denial, Gathered> = HashMap::new();
    let mut round = tokio::time::interval(GATHERED_FOR);
    loop {
        tokio::select! {
            denial = waiting.recv() => match denial {
                Some((denial, request_id)) => gather(&audit, &mut kinds, denial, request_id).await,
                None => break,
            },
            _ = round.tick() => tell_gathered(&audit, &mut kinds, GATHERED_FOR).await,
        }
    }
    tell_gathered(&audit, &mut kinds, Duration::ZERO).await;
}

async fn gather(audit: &Audit, kinds: &mut HashMap<Denial, Gathered>, denial: Denial, request_id: Uuid) {
    if let Some(gathered) = kinds.get_mut(&denial) {
        gathered.more += 1;
        return;
    }
    tell(audit, &denial, "", Some(request_id)).await;
    if kinds.len() < KINDS_MAX {
        kinds.insert(denial, Gathered { since: Instant::now(), more: 0 });
    }
}

async fn tell_gathered(audit: &Audit, kinds: &mut HashMap<Denial, Gathered>, for_at_least: Duration) {
    let ripe = kinds.extract_if(|_, gathered| gathered.since.elapsed() >= for_at_least);
    for (denial, Gathered { more, .. }) in ripe.collect::<Vec<_>>() {
        if more > 0 {
            tell(audit, &denial, &format!("; {more} more since"), None).await;
        }
    }
}

async fn tell(audit: &Audit, denial: &Denial, more: &str, request_id: Option<Uuid>) {
    let Denial { caller, right, route } = denial;
    let (subject, detail) = (Subject::Ours(route.clone()), format!("missing right {right}{more}"));
    let told = (detail.as_str(), request_id);
    audit.tell_request(caller, Act::CallDenied, subject, Outcome::Refused, told).await;
}
