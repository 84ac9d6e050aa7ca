//! Detectors turn signals into suspicions. Each rule is a line of data; what it counts is in the file of its kind.
//!
//! | module | judges |
//! |---|---|
//! | `rates` | calls: errors, refusals, silence |
//! | `states` | what stands: health checks, the daily pool, jobs, credentials, sunsets, webhooks |
//! | `own` | ourselves and what reaches us: our process, store, disk, clock, deliveries, subscribers, breakers |
//! | `memory` | what is remembered for it |
//! | [`settings`] | every threshold, with its default |

mod memory;
mod own;
mod rates;
pub mod settings;
mod states;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::{Code, Severity};
use crate::signal::Place;
use crate::slo::Objective;

pub(crate) use memory::Memory;
use settings::Settings;
pub use states::HUBSPOT;

/// Whether a rule's own observation is the whole story, or a cause must be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// The trees are asked, with probes.
    Diagnosis,
    /// The trees are asked first; where they find nothing, it speaks for itself.
    DiagnosisFirst,
    /// It speaks for itself.
    Nothing,
}

macro_rules! rules {
    ($( $variant:ident = $name:literal, $title:literal, $severity:ident, $asks:ident; )*) => {
        /// One rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RuleId { $( #[doc = $title] $variant, )* }

        impl RuleId {
            pub const ALL: &[Self] = &[ $( Self::$variant, )* ];

            /// Its name in configuration and output.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What it says, for people.
            pub const fn title(self) -> &'static str {
                match self { $( Self::$variant => $title, )* }
            }

            /// How bad it is until a cause is known.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$variant => Severity::$severity, )* }
            }

            pub const fn asks(self) -> Asks {
                match self { $( Self::$variant => Asks::$asks, )* }
            }
        }
    };
}

rules! {
    NothingWorks = "nothing_works", "no call works", P1, Diagnosis;
    ErrorRate = "error_rate", "many calls fail", P1, Diagnosis;
    Denied = "denied", "a burst of 401 or 403", P1, Diagnosis;
    ServerErrors = "server_errors", "HubSpot fails again and again", P1, Diagnosis;
    HealthCheck = "health_check", "a health check fails", P1, Diagnosis;
    Rejected = "rejected", "many calls are refused for what they ask", P3, Diagnosis;
    Limited = "limited", "HubSpot refuses calls as too many", P2, Diagnosis;
    Slow = "slow", "HubSpot answers slowly", P3, DiagnosisFirst;
    Likeness = "likeness", "what passes is like a known fault", P3, Diagnosis;
    Silence = "silence", "calls have stopped that usually come at this hour", P3, DiagnosisFirst;
    BurnFast = "burn_fast", "an objective is being missed fast", P1, Diagnosis;
    BurnMiddle = "burn_middle", "an objective is being missed", P2, Diagnosis;
    BurnSlow = "burn_slow", "an objective will be missed", P4, Nothing;
    Dependency = "dependency", "a dependency fails its checks", P2, Nothing;
    DailyUse = "daily_use", "most of the daily pool is spent", P3, DiagnosisFirst;
    JobLate = "job_late", "a job has not finished in time", P2, Nothing;
    JobFailed = "job_failed", "a job failed", P2, Nothing;
    WebhookDelay = "webhook_delay", "webhooks arrive late", P3, DiagnosisFirst;
    HookRefused = "hook_refused", "webhook deliveries for us do not verify", P2, Diagnosis;
    HookStrangers = "hook_strangers", "somebody sends us deliveries that are not for us", P3, Diagnosis;
    HookSlow = "hook_slow", "we answer webhooks too late", P2, Diagnosis;
    HookRepeated = "hook_repeated", "the same webhook events come again", P4, Diagnosis;
    HookSilence = "hook_silence", "webhooks have fallen silent", P3, DiagnosisFirst;
    HookUnreachable = "hook_unreachable", "our public address does not answer from outside", P1, Diagnosis;
    SubscriberDown = "subscriber_down", "a subscriber takes no events", P3, Diagnosis;
    BreakerOpen = "breaker_open", "an API family is left alone because it fails", P2, Diagnosis;
    StoreFails = "store_fails", "our store fails or is slow", P1, Diagnosis;
    DiskLow = "disk_low", "the disk of our store is nearly full", P2, Nothing;
    Exhausted = "exhausted", "our own process is at its limit", P2, Diagnosis;
    ClockOff = "clock_off", "our clock is wrong", P2, Diagnosis;
    SecretSource = "secret_source", "a secret cannot be read", P2, Diagnosis;
    GrantRefused = "grant_refused", "the token of an OAuth connection is not renewed", P2, Diagnosis;
    DeadLetters = "dead_letters", "accepted work was given up", P3, Nothing;
    DailyForecast = "daily_forecast", "the daily pool will not last", P3, DiagnosisFirst;
    BacklogOld = "backlog_old", "accepted work waits for long", P3, Nothing;
    CredentialOld = "credential_old", "a credential is old", P4, Nothing;
    CredentialEnds = "credential_ends", "a credential is about to expire", P3, Nothing;
    Sunset = "sunset", "something in use is about to be switched off", P4, Nothing;
}

impl RuleId {
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.name() == name)
    }

    /// A cause is looked for when it fires.
    pub const fn wants_a_cause(self) -> bool {
        match self.asks() {
            Asks::Diagnosis | Asks::DiagnosisFirst => true,
            Asks::Nothing => false,
        }
    }

    /// It tells of what has happened, for as long as that is news, and of nothing that goes on.
    pub(crate) const fn has_happened(self) -> bool {
        matches!(self, Self::DeadLetters | Self::JobFailed)
    }

    /// The cause that a rule which speaks for itself names, where the catalogue has one.
    pub const fn code(self) -> Option<Code> {
        match self {
            Self::Sunset => Some(Code::Sunset),
            Self::DiskLow => Some(Code::Disk),
            Self::NothingWorks
            | Self::ErrorRate
            | Self::Denied
            | Self::ServerErrors
            | Self::HealthCheck
            | Self::Rejected
            | Self::Limited
            | Self::Slow
            | Self::Likeness
            | Self::Silence
            | Self::BurnFast
            | Self::BurnMiddle
            | Self::BurnSlow
            | Self::Dependency
            | Self::DailyUse
            | Self::JobLate
            | Self::JobFailed
            | Self::WebhookDelay
            | Self::HookRefused
            | Self::HookStrangers
            | Self::HookSlow
            | Self::HookRepeated
            | Self::HookSilence
            | Self::HookUnreachable
            | Self::SubscriberDown
            | Self::BreakerOpen
            | Self::StoreFails
            | Self::Exhausted
            | Self::ClockOff
            | Self::SecretSource
            | Self::GrantRefused
            | Self::DeadLetters
            | Self::DailyForecast
            | Self::BacklogOld
            | Self::CredentialOld
            | Self::CredentialEnds => None,
        }
    }
}

/// A rule that holds at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    pub rule: RuleId,
    pub place: Place,
    pub observed: String,
}

/// A firing as an incident keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symptom {
    pub rule: RuleId,
    pub place: Place,
    pub observed: String,
    pub since: Timestamp,
    /// When it last showed, once it has been gone for a while.
    pub until: Option<Timestamp>,
}

/// Every rule that holds now, those that are switched off left out.
pub(crate) fn firings(memory: &Memory, settings: &Settings, now: Timestamp) -> Vec<Firing> {
    let mut firings = Vec::new();
    rates::judge(memory, &settings.thresholds, now, &mut firings);
    states::judge(memory, &settings.thresholds, now, &mut firings);
    own::judge(&memory.own, &settings.thresholds, now, &mut firings);
    for (objective, burn) in memory.slo.burning(&settings.objectives, now) {
        let rule = match burn.speed {
            crate::slo::Speed::Fast => RuleId::BurnFast,
            crate::slo::Speed::Middle => RuleId::BurnMiddle,
            crate::slo::Speed::Slow => RuleId::BurnSlow,
        };
        let observed = format!("{}: {}", Objective::name(objective), burn.tell());
        firings.push(Firing { rule, place: Place::default(), observed });
    }
    firings.retain(|firing| settings.severity(firing.rule).is_some());
    firings
}
