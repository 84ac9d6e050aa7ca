//! Every threshold, with the default that people already use. A rule's severity can be changed, and it can be switched off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RuleId;
use crate::code::Severity;
use crate::slo::Objectives;

/// What the detectors hold their counts against.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub thresholds: Thresholds,
    pub objectives: Objectives,
    /// By rule: another severity than the default, or off.
    pub severities: BTreeMap<RuleId, RuleSeverity>,
}

/// A rule's severity as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleSeverity {
    P1,
    P2,
    P3,
    P4,
    #[serde(rename = "off")]
    Off,
}

/// Counts, spans and shares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// More than this share of calls failing …
    pub error_percent: f64,
    /// … over this span …
    pub error_minutes: u32,
    /// … with at least so many failed calls: one of three is no rate.
    pub error_calls_min: u64,
    /// Requests without one good answer in a minute.
    pub nothing_works_calls: u64,
    /// 401s and 403s in a minute.
    pub denied_per_minute: u64,
    /// 5xx and lost answers in a minute.
    pub server_errors_per_minute: u64,
    /// Failed checks in a row.
    pub health_failures: u32,
    /// Answers 4xx about the call itself, and refused items, in a minute …
    pub rejected_per_minute: u64,
    /// … and their share of what was sent.
    pub rejected_percent: f64,
    /// 429s in an hour.
    pub limited_per_hour: u64,
    pub daily_percent: f64,
    pub job_minutes: u32,
    pub webhook_delay_ms: u64,
    /// One answer in a hundred may take longer, over five minutes.
    pub p99_ms: u64,
    pub backlog_minutes: u32,
    pub credential_days: u32,
    pub credential_ends_hours: u32,
    pub sunset_days: u32,
    /// Deliveries of our apps that do not verify, in a minute; and those that are for nobody here.
    pub hook_refused_per_minute: u64,
    pub hook_strangers_per_minute: u64,
    /// An API family left alone for longer.
    pub breaker_seconds: u32,
    /// An OAuth connection's token is not renewed, and is asked for again and again, for longer.
    pub grant_seconds: u32,
    /// Less than this part of the disk is free.
    pub disk_free_percent: f64,
    /// … and than so many bytes: a small part of a large disk is more than a store grows by before somebody looks.
    pub disk_free_bytes: u64,
    /// More of the memory or the descriptors that we may use.
    pub process_percent: u64,
    /// A timer of ours fires later.
    pub lag_ms: u64,
    /// Our clock is off by more.
    pub clock_seconds: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            error_percent: 5.0,
            error_minutes: 5,
            error_calls_min: 10,
            nothing_works_calls: 3,
            denied_per_minute: 5,
            server_errors_per_minute: 10,
            health_failures: 3,
            rejected_per_minute: 20,
            rejected_percent: 20.0,
            limited_per_hour: 50,
            daily_percent: 80.0,
            job_minutes: 30,
            webhook_delay_ms: 5_000,
            p99_ms: 3_000,
            backlog_minutes: 15,
            credential_days: 90,
            credential_ends_hours: 24,
            sunset_days: 60,
            hook_refused_per_minute: 5,
            hook_strangers_per_minute: 20,
            breaker_seconds: 30,
            grant_seconds: 60,
            disk_free_percent: 5.0,
            disk_free_bytes: 5 << 30,
            process_percent: 95,
            lag_ms: 1_000,
            clock_seconds: 60,
        }
    }
}

impl Settings {
    /// `None`: the rule is off.
    pub fn severity(&self, rule: RuleId) -> Option<Severity> {
        match self.severities.get(&rule) {
            None => Some(rule.severity()),
            Some(RuleSeverity::P1) => Some(Severity::P1),
            Some(RuleSeverity::P2) => Some(Severity::P2),
            Some(RuleSeverity::P3) => Some(Severity::P3),
            Some(RuleSeverity::P4) => Some(Severity::P4),
            Some(RuleSeverity::Off) => None,
        }
    }
}
