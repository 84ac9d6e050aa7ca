//! The moments at which a process may end with the most to lose, by name.
//!
//! The proof kills hubkeeper at each of them (`proof steps`, see docs/PROOF.md). A step costs nothing in an ordinary
//! build: only with the feature `proof` does [`at`] look at anything. A new step is a variant here and one line,
//! `store::step::at(Step::…)`, at the place that its name tells; a test finds steps that nobody passes.

/// A moment between two effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A delivery's signature fits; nothing of it is written.
    DeliveryVerified,
    /// A delivery is on the disk; HubSpot has not heard.
    DeliveryKept,
    /// A group of requests is written and not yet committed.
    GroupWritten,
    /// A group of requests is on the disk; nobody has been told.
    GroupCommitted,
    /// An accepted write is on the disk; its caller has not heard.
    OperationKept,
    /// A write is claimed; HubSpot has not heard.
    OperationTaken,
    /// HubSpot has answered; the answer is not kept.
    OperationAnswered,
    /// How a write ended is on the disk.
    OperationEnded,
    /// A caller's key is on the disk; its write was not sent.
    KeyBegun,
    /// The answer to a write with a key is on the disk; its caller has not heard.
    AnswerKept,
    /// The right to renew a connection's token is taken; HubSpot has not heard.
    GrantClaimed,
    /// HubSpot has given a new token; it is not kept.
    GrantAnswered,
    /// A renewed token is on the disk; nothing was called with it.
    GrantKept,
}

impl Step {
    pub const ALL: &[Self] = &[
        Self::DeliveryVerified,
        Self::DeliveryKept,
        Self::GroupWritten,
        Self::GroupCommitted,
        Self::OperationKept,
        Self::OperationTaken,
        Self::OperationAnswered,
        Self::OperationEnded,
        Self::KeyBegun,
        Self::AnswerKept,
        Self::GrantClaimed,
        Self::GrantAnswered,
        Self::GrantKept,
    ];

    /// Passed only where people granted something to an OAuth connection.
    pub const fn needs_a_grant(self) -> bool {
        matches!(self, Self::GrantClaimed | Self::GrantAnswered | Self::GrantKept)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::DeliveryVerified => "delivery_verified",
            Self::DeliveryKept => "delivery_kept",
            Self::GroupWritten => "group_written",
            Self::GroupCommitted => "group_committed",
            Self::OperationKept => "operation_kept",
            Self::OperationTaken => "operation_taken",
            Self::OperationAnswered => "operation_answered",
            Self::OperationEnded => "operation_ended",
            Self::KeyBegun => "key_begun",
            Self::AnswerKept => "answer_kept",
            Self::GrantClaimed => "grant_claimed",
            Self::GrantAnswered => "grant_answered",
            Self::GrantKept => "grant_kept",
        }
    }
}

/// Passes a step: in an ordinary build, nothing.
#[cfg(not(feature = "proof"))]
#[inline(always)]
pub const fn at(_step: Step) {}

#[cfg(feature = "proof")]
pub use armed::{acknowledges_first, arm, at, synchronous};

/// What SQLite is told, as a word of its `PRAGMA synchronous`.
#[cfg(not(feature = "proof"))]
pub(crate) const fn synchronous() -> &'static str {
    "FULL"
}

/// Whether success is told before the commit: never, but in a control that must fail.
#[cfg(not(feature = "proof"))]
pub(crate) const fn acknowledges_first() -> bool {
    false
}

#[cfg(feature = "proof")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    use super::Step;

    static PLAN: OnceLock<Plan> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    #[derive(Debug, Default)]
    struct Plan {
        dies_at: Option<(Step, u64)>,
        weakness: Option<Weakness>,
    }

    /// What a control takes away, so that the rig must find something lost.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Weakness {
        /// `synchronous = NORMAL`: a commit does not wait for the disk.
        Normal,
        /// Success is told before the commit.
        AcknowledgesFirst,
    }

    /// Reads the plan once: `dies_at` is `name:times`, `weakness` is `normal` or `acknowledges_first`.
    ///
    /// # Errors
    /// What of it means nothing.
    pub fn arm(dies_at: Option<&str>, weakness: Option<&str>) -> Result<(), String> {
        let dies_at = dies_at.map(step).transpose()?;
        let weakness = weakness.map(|word| match word {
            "normal" => Ok(Weakness::Normal),
            "acknowledges_first" => Ok(Weakness::AcknowledgesFirst),
            other => Err(format!("`{other}` is no weakness")),
        });
        let plan = Plan { dies_at, weakness: weakness.transpose()? };
        PLAN.set(plan).map_err(|_| "armed twice".to_owned())
    }

    fn step(text: &str) -> Result<(Step, u64), String> {
        let bad = || format!("`{text}` is no step and number, such as delivery_kept:3");
        let (name, times) = text.split_once(':').ok_or_else(bad)?;
        let step = Step::ALL.iter().find(|step| step.name() == name).ok_or_else(bad)?;
        Ok((*step, times.parse().map_err(|_| bad())?))
    }

    /// Passes a step, and dies there as by kill -9 if it is the one.
    pub fn at(step: Step) {
        let Some((deadly, times)) = PLAN.get().and_then(|plan| plan.dies_at) else { return };
        if step == deadly && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == times {
            let _never_returns = kill_process(getpid(), Signal::KILL);
        }
    }

    pub fn synchronous() -> &'static str {
        if is(Weakness::Normal) { "NORMAL" } else { "FULL" }
    }

    pub fn acknowledges_first() -> bool {
        is(Weakness::AcknowledgesFirst)
    }

    fn is(weakness: Weakness) -> bool {
        PLAN.get().is_some_and(|plan| plan.weakness == Some(weakness))
    }
}
