//! Rules over what stands: checks, the daily pool, jobs, webhooks, credentials, announced ends.

use jiff::{SignedDuration, Timestamp};

use super::memory::{Memory, SLOT, end_of};
use super::settings::Thresholds;
use super::{Firing, RuleId};
use crate::signal::{JobStep, Place};

/// A failed job is news for as long.
const FAILED_JOB_IS_NEWS: SignedDuration = SignedDuration::from_hours(1);

/// A check that has not been made for as long says nothing.
const CHECK_IS_OLD: SignedDuration = SignedDuration::from_mins(10);

/// The name under which HubSpot itself is checked; others are dependencies.
pub const HUBSPOT: &str = "hubspot";

pub(super) fn judge(memory: &Memory, thresholds: &Thresholds, now: Timestamp, firings: &mut Vec<Firing>) {
    let mut fire = |rule: RuleId, connection: Option<&str>, observed: String| {
        let place = Place { connection: connection.map(Into::into), ..Place::default() };
        firings.push(Firing { rule, place, observed });
    };
    checks(memory, thresholds, now, &mut fire);
    pools(memory, thresholds, &mut fire);
    jobs(memory, thresholds, now, &mut fire);
    work(memory, thresholds, now, &mut fire);
    ends(memory, thresholds, now, &mut fire);
}

type Fire<'a> = dyn FnMut(RuleId, Option<&str>, String) + 'a;

fn checks(memory: &Memory, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    for (name, check) in &memory.checks {
        if check.failures >= thresholds.health_failures && now.duration_since(check.at) < CHECK_IS_OLD {
            let rule = if name == HUBSPOT { RuleId::HealthCheck } else { RuleId::Dependency };
            fire(rule, None, format!("{name}: {} checks in a row failed", check.failures));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a day's calls")]
fn pools(memory: &Memory, thresholds: &Thresholds, fire: &mut Fire<'_>) {
    for (connection, pool) in &memory.pools {
        if pool.limit > 0 && pool.used as f64 * 100.0 > pool.limit as f64 * thresholds.daily_percent {
            let observed = format!("{} of {} calls of the day are spent", pool.used, pool.limit);
            fire(
                RuleId::DailyUse,
                Some(connection).filter(|name| !name.is_empty()).map(String::as_str),
                observed,
            );
        }
    }
}

fn jobs(memory: &Memory, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    let late = SignedDuration::from_mins(i64::from(thresholds.job_minutes));
    for (name, job) in &memory.jobs {
        let age = now.duration_since(job.at);
        match job.step {
            JobStep::Started if age > late => {
                fire(RuleId::JobLate, None, format!("{name} has run for {} minutes", age.as_mins()));
            }
            JobStep::Failed if age < FAILED_JOB_IS_NEWS => {
                fire(RuleId::JobFailed, None, format!("{name} failed at {:.0}", job.at));
            }
            JobStep::Started | JobStep::Failed | JobStep::Finished => {}
        }
    }
}

fn work(memory: &Memory, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    let late = memory.webhooks.sum(now, SignedDuration::from_mins(5));
    if late.late > 0 && late.slowest_ms > thresholds.webhook_delay_ms && late.late * 20 > late.events {
        let observed = format!(
            "{} of {} events in five minutes came more than {} ms after they occurred, the slowest {} ms",
            late.late, late.events, thresholds.webhook_delay_ms, late.slowest_ms
        );
        fire(RuleId::WebhookDelay, None, observed);
    }
    debug_assert!(SLOT.as_secs() <= 60, "five minutes are many slots");
    for (name, (waiting, oldest_seconds)) in &memory.backlogs {
        if *waiting > 0 && *oldest_seconds > u64::from(thresholds.backlog_minutes) * 60 {
            fire(
                RuleId::BacklogOld,
                None,
                format!("{name}: {waiting} wait, the oldest for {oldest_seconds} s"),
            );
        }
    }
}

fn ends(memory: &Memory, thresholds: &Thresholds, now: Timestamp, fire: &mut Fire<'_>) {
    let old = SignedDuration::from_hours(24 * i64::from(thresholds.credential_days));
    let soon = SignedDuration::from_hours(i64::from(thresholds.credential_ends_hours));
    for (name, (since, until)) in &memory.credentials {
        if let Some(since) = since.filter(|since| now.duration_since(*since) > old) {
            fire(RuleId::CredentialOld, Some(name), format!("{name} is in use since {since}"));
        }
        if let Some(until) = until.filter(|until| until.duration_since(now) < soon) {
            fire(RuleId::CredentialEnds, Some(name), format!("{name} ends at {until}"));
        }
    }
    let near = SignedDuration::from_hours(24 * i64::from(thresholds.sunset_days));
    for (what, on) in &memory.sunsets {
        if end_of(*on).duration_since(now) < near {
            fire(RuleId::Sunset, None, format!("{what} ends on {on}"));
        }
    }
}
