//! Writes that were accepted to be applied later: what is kept of one, and the states it goes through.
//!
//! ```text
//! pending ─▶ sending ─▶ applied
//!    ▲          ├─────▶ dead        refused by HubSpot; a person edits, replays or drops it
//!    │          ├─────▶ unknown     its answer was lost, and nothing tells whether it took effect
//!    ├──────────┘                   to be tried again
//!    └─▶ cancelled                  by a person
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::StoreError;

/// Attempts kept of one operation: through a long outage they are all alike in the middle.
const ATTEMPTS_KEPT: usize = 100;

/// Why an operation whose contact is to be forgotten is not applied any more.
pub const PURGED: &str = "its contact was deleted for privacy, and what it held with them";

/// The line among the attempts that says a person wanted it tried again.
const REPLAYED: &str = "replayed by a person";

/// What the caller asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOperation {
    pub id: Uuid,
    pub accepted_at: Timestamp,
    pub connection: String,
    pub caller: String,
    /// The API family's name: one that fails does not hold up the others.
    pub family: String,
    /// Its lane's name.
    pub lane: String,
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What must travel with it; never a credential.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Operations of one record are applied in the order of their acceptance. `None` where none is named, as in a create.
    pub record: Option<String>,
    /// Makes a create repeatable, where the portal has a property for it.
    pub stamp: Option<String>,
}

/// Where an operation stands. The numbers are what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    Pending = 0,
    Sending = 1,
    Applied = 2,
    Dead = 3,
    Cancelled = 4,
    Unknown = 5,
}

/// An operation as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its place in the order of acceptance.
    pub seq: i64,
    pub asked: NewOperation,
    pub state: State,
    /// Grows with each claim: a worker that was too slow finds its number outdated.
    pub fence: i64,
    /// Not to be sent before; while it is being sent, when that counts as interrupted.
    pub due_at: Timestamp,
    pub attempts: Vec<Attempt>,
    pub settled_at: Option<Timestamp>,
    /// Why it is not applied.
    pub reason: Option<String>,
    /// HubSpot's last answer.
    pub answer: Option<Answer>,
}

/// One try of an operation: one request, or the few that the client's retry layer made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub at: Timestamp,
    /// HubSpot's status, or zero where no answer came.
    pub status: u16,
    pub correlation_id: Option<String>,
    /// What went wrong, in a few words without personal data.
    pub outcome: String,
    /// HubSpot may have taken it in: no answer came, or one that does not tell.
    #[serde(default)]
    pub doubtful: bool,
    /// How many more followed that are not kept.
    #[serde(default)]
    pub not_kept: u32,
    /// Requests that HubSpot may have seen: each of them may have taken effect.
    #[serde(default = "one")]
    pub requests: u32,
}

/// What was written before requests were counted.
const fn one() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Operations that were looked for, and those that are not what was written.
#[derive(Debug, Clone, Default)]
pub struct Found {
    pub operations: Vec<Operation>,
    pub damaged: Vec<StoreError>,
}

/// How a claimed operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Applied(Answer),
    Dead {
        reason: String,
        answer: Option<Answer>,
    },
    Unknown {
        reason: String,
    },
    /// Not settled: again at `due_at`.
    Again {
        due_at: Timestamp,
    },
}

/// Which operations a person means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    pub state: Option<State>,
    pub caller: Option<String>,
    pub connection: Option<String>,
    pub record: Option<String>,
    pub due_before: Option<Timestamp>,
}

/// Operations that share a way: what stops one of them stops the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line {
    pub connection: String,
    /// The API family's name.
    pub family: String,
    /// The lane's name.
    pub lane: String,
}

/// Who takes operations for sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub line: Line,
    pub now: Timestamp,
    /// A claim that has not ended by then was interrupted.
    pub until: Timestamp,
    /// Which of several processes on one store takes them.
    pub owner: Uuid,
    pub max: usize,
}

impl FromIterator<Result<Operation, StoreError>> for Found {
    fn from_iter<I: IntoIterator<Item = Result<Operation, StoreError>>>(each: I) -> Self {
        let mut found = Self::default();
        for one in each {
            match one {
                Ok(operation) => found.operations.push(operation),
                Err(damaged) => found.damaged.push(damaged),
            }
        }
        found
    }
}

impl Operation {
    pub(crate) fn new(asked: NewOperation) -> Self {
        Self {
            seq: 0,
            state: State::Pending,
            fence: 0,
            due_at: asked.accepted_at,
            attempts: Vec::new(),
            settled_at: None,
            reason: None,
            answer: None,
            asked,
        }
    }

    pub(crate) fn take(&mut self, until: Timestamp) {
        self.state = State::Sending;
        self.fence += 1;
        self.due_at = until;
    }

    /// A try has ended. `false` when the claim is outdated.
    pub(crate) fn end_claim(
        &mut self,
        fence: i64,
        attempt: Option<&Attempt>,
        ending: &Ending,
        now: Timestamp,
    ) -> bool {
        let ours = self.state == State::Sending && self.fence == fence;
        if ours {
            attempt.cloned().into_iter().for_each(|attempt| self.note(attempt));
            self.end(ending.clone(), now);
        }
        ours
    }

    /// The first ones and the latest are kept.
    fn note(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        if self.attempts.len() > ATTEMPTS_KEPT {
            let middle = ATTEMPTS_KEPT / 2;
            let forgotten = self.attempts.remove(middle);
            let before = &mut self.attempts[middle - 1];
            before.not_kept = before.not_kept.saturating_add(1 + forgotten.not_kept);
            before.doubtful |= forgotten.doubtful;
        }
    }

    /// One of its requests may have taken effect without a word, and no person has looked since.
    pub fn is_doubtful(&self) -> bool {
        let since = self.attempts.iter().rev().take_while(|attempt| attempt.outcome != REPLAYED);
        since.into_iter().any(|attempt| attempt.doubtful)
    }

    /// Where it waits.
    pub fn line(&self) -> Line {
        let NewOperation { connection, family, lane, .. } = &self.asked;
        Line { connection: connection.clone(), family: family.clone(), lane: lane.clone() }
    }

    fn end(&mut self, ending: Ending, now: Timestamp) {
        let (state, reason, answer) = match ending {
            Ending::Applied(answer) => (State::Applied, None, Some(answer)),
            Ending::Dead { reason, answer } => (State::Dead, Some(reason), answer),
            Ending::Unknown { reason } => (State::Unknown, Some(reason), None),
            Ending::Again { due_at } => {
                self.due_at = due_at;
                (State::Pending, None, None)
            }
        };
        self.settle(state, reason, now);
        self.answer = answer;
    }

    /// A person takes it back. `false` once it is being sent, or settled.
    pub(crate) fn cancel(&mut self, now: Timestamp) -> bool {
        let can = self.state == State::Pending;
        if can {
            self.settle(State::Cancelled, Some("cancelled by a person".into()), now);
        }
        can
    }

    /// A person has it tried again, perhaps with another target or body. Only what ended without being applied can be.
    pub(crate) fn replay(&mut self, edit: &Edit, now: Timestamp) -> bool {
        let can = matches!(self.state, State::Dead | State::Unknown | State::Cancelled) && !self.is_purged();
        if can {
            self.change(edit);
            self.note(Attempt {
                at: now,
                status: 0,
                correlation_id: None,
                outcome: REPLAYED.to_owned(),
                doubtful: false,
                not_kept: 0,
                requests: 0,
            });
            self.settle(State::Pending, None, now);
            self.due_at = now;
            self.answer = None;
        }
        can
    }

    /// What is somebody's goes. One that waits, and of which nothing is left, is not sent any more.
    pub(crate) fn purge(&mut self, purged: &Purged, now: Timestamp) -> bool {
        if self.state == State::Sending {
            return false;
        }
        self.asked.target.clone_from(&purged.target);
        self.asked.body.clone_from(&purged.body);
        if purged.names_the_record {
            self.asked.record = None;
        }
        if let Some(answer) = &mut self.answer {
            answer.body = purged.answer.clone().unwrap_or_default();
        }
        match (self.state, purged.left) {
            (State::Pending, Left::Nothing) => self.settle(State::Dead, Some(PURGED.to_owned()), now),
            (_, Left::Nothing) => self.reason = Some(PURGED.to_owned()),
            (_, Left::Others) => {}
        }
        true
    }

    fn is_purged(&self) -> bool {
        self.reason.as_deref() == Some(PURGED)
    }

    /// A person changes what is to be sent. Not while it is being sent, nor once it is applied.
    pub(crate) fn edit(&mut self, edit: &Edit) -> bool {
        let can = !matches!(self.state, State::Sending | State::Applied) && !self.is_purged();
        if can {
            self.change(edit);
        }
        can
    }

    fn change(&mut self, edit: &Edit) {
        if let Some(target) = &edit.target {
            self.asked.target.clone_from(target);
        }
        if let Some(body) = &edit.body {
            self.asked.body.clone_from(body);
        }
    }

    /// May a person drop it for good? What waits is cancelled first, and what was applied goes by age.
    pub(crate) fn can_be_dropped(&self) -> bool {
        matches!(self.state, State::Dead | State::Cancelled | State::Unknown)
    }

    fn settle(&mut self, state: State, reason: Option<String>, now: Timestamp) {
        self.state = state;
        self.reason = reason;
        self.settled_at = state.is_settled().then_some(now);
    }
}

/// An operation without what is somebody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    pub target: String,
    pub body: Vec<u8>,
    pub answer: Option<Vec<u8>>,
    /// The record that its order is kept by is called by something of theirs.
    pub names_the_record: bool,
    pub left: Left,
}

/// What an operation still does without somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Nothing,
    /// It is about others as well.
    Others,
}

/// What a person changes before a replay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub target: Option<String>,
    pub body: Option<Vec<u8>>,
}

impl State {
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Sending, Self::Applied, Self::Dead, Self::Cancelled, Self::Unknown];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Applied => "applied",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub(crate) fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as i64 == number)
    }

    /// Nothing more happens by itself.
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Pending | Self::Sending => false,
            Self::Applied | Self::Dead | Self::Cancelled | Self::Unknown => true,
        }
    }
}
