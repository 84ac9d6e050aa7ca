//! `hubkeeper audit`: who did what, and proof that the log only grew.

use std::path::Path;

use serde_json::json;
use store::audit::log::{AuditLog, Verdict};
use store::audit::{Checkpoint, CheckpointKind, Entry};
use store::failure::StoreError;

use crate::cli::{AuditCommand, AuditPlace};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{audit, durable, process};

/// Read at once.
const PAGE: usize = 10_000;

pub(super) fn run(config: &Config, command: &AuditCommand) -> Result<Exit, Failure> {
    process::runtime()?.block_on(async {
        match command {
            AuditCommand::List { place, json, last } => list(&open(config, place).await?, *json, *last).await,
            AuditCommand::Verify { place, json, against, public_key } => {
                let log = open(config, place).await?;
                let public = public(config, place, public_key.as_deref())?;
                let elsewhere = against.as_deref().map(read_checkpoint).transpose()?;
                verify(&log, &public, elsewhere.as_slice(), *json).await
            }
            AuditCommand::Export { place } => export(&open(config, place).await?).await,
        }
    })
}

async fn open(config: &Config, place: &AuditPlace) -> Result<AuditLog, Failure> {
    let url = durable::url(config, place.data.as_deref())?.ok_or_else(|| {
        Failure::usage("no store is named, so there is no audit log")
            .hint("name the directory that `up` was given with --data, or set [store] url")
    })?;
    AuditLog::open_over(&url, durable::tls(config, &url)?).await.map_err(|error| {
        Failure::unsure(format!("the audit log cannot be opened: {error}"))
            .hint("--data names the directory that `up` was given; it is made at the first `up`")
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unreadable(error: StoreError) -> Failure {
    Failure::unsure(format!("the audit log cannot be read: {error}"))
}

async fn list(log: &AuditLog, json: bool, last: usize) -> Result<Exit, Failure> {
    let head = head(log).await?;
    let shown = i64::try_from(last).unwrap_or(i64::MAX);
    let after = head.as_ref().map_or(0, |head| head.seq).saturating_sub(shown).max(0);
    for entry in log.entries(after, last).await.map_err(unreadable)? {
        process::print_line(&if json { line(&entry)? } else { told(&entry) });
    }
    Ok(Exit::Fine)
}

async fn head(log: &AuditLog) -> Result<Option<Checkpoint>, Failure> {
    let checkpoints = log.checkpoints().await.map_err(unreadable)?;
    Ok(checkpoints.into_iter().find(|checkpoint| checkpoint.kind == CheckpointKind::Head))
}

fn line(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::work)
}

fn told(entry: &Entry) -> String {
    let Entry { seq, at, actor, act, subject, outcome, detail, .. } = entry;
    let text = format!("{seq:>6}  {at:.0}  {actor:<12} {act} {subject}: {outcome}. {detail}");
    // What people wrote is shown, not obeyed.
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim_end().to_owned()
}

async fn verify(log: &AuditLog, public: &str, elsewhere: &[Checkpoint], json: bool) -> Result<Exit, Failure> {
    let verdict = log.verify(public, elsewhere).await.map_err(unreadable)?;
    let (exit, value, text) = match verdict {
        Verdict::Whole(whole) => (
            Exit::Fine,
            json!({"whole": true, "entries": whole.entries, "signatures": whole.checkpoints}),
            format!("{} entries, each in its place; {} signatures fit", whole.entries, whole.checkpoints),
        ),
        Verdict::Broken(broken) => (
            Exit::Problem,
            json!({"whole": false, "entry": broken.seq, "fault": broken.fault.to_string()}),
            format!("the log is not as it was written: {broken}"),
        ),
    };
    process::print_line(&if json { value.to_string() } else { text });
    Ok(exit)
}

async fn export(log: &AuditLog) -> Result<Exit, Failure> {
    // The end first: what is written meanwhile belongs to the next export.
    let head = head(log).await?;
    let mut last = 0;
    let end = head.as_ref().map_or(0, |head| head.seq);
    while last < end {
        let page = log.entries(last, PAGE).await.map_err(unreadable)?;
        let Some(newest) = page.last() else { break };
        last = newest.seq;
        for entry in page.iter().filter(|entry| entry.seq <= end) {
            process::print_line(&line(entry)?);
        }
    }
    if let Some(head) = head {
        process::print_line(&line(&json!({ "checkpoint": head }))?);
    }
    Ok(Exit::Fine)
}

/// The last line of an export.
fn read_checkpoint(path: &Path) -> Result<Checkpoint, Failure> {
    let bad = |why: &str| {
        Failure::usage(format!("{} holds no checkpoint: {why}", path.display()))
            .hint("it is an earlier `hubkeeper audit export`, or its last line")
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error.to_string()))?;
    let last = text.lines().last().ok_or_else(|| bad("it is empty"))?;
    let mut value: serde_json::Value = serde_json::from_str(last).map_err(|error| bad(&error.to_string()))?;
    serde_json::from_value(value["checkpoint"].take()).map_err(|error| bad(&error.to_string()))
}

fn public(config: &Config, place: &AuditPlace, given: Option<&str>) -> Result<String, Failure> {
    if let Some(given) = given {
        return Ok(given.trim().to_lowercase());
    }
    let key = audit::read_key(config, place.data.as_deref())?;
    key.map(|key| key.public()).ok_or_else(|| {
        Failure::usage("the key that the audit log is signed with is not there")
            .hint("it is audit.key beside the store, or [audit] key; --public-key does for looking")
    })
}
