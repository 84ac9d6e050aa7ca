//! Which version of ours ran here before this one, and how it did: what got worse with an upgrade is the upgrade's doing.
//!
//! A small file in the data directory, in which each version leaves its figures. It holds counts and nothing of anybody's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gateway::traffic::Traffic;
use incident::facts::inside::Version;
use incident::facts::traffic::Traffic as Passed;
use incident::tree::regression::{GATEWAY, mistakes};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

const NAME: &str = "version.json";

const OURS: &str = env!("CARGO_PKG_VERSION");

/// So long a version is new, and held against the one before.
const NEW: SignedDuration = SignedDuration::from_hours(24);

/// How much of its figures a crash may forget.
const EVERY: SignedDuration = SignedDuration::from_secs(60);

/// Fewer calls tell nothing of how a version does.
const CALLS_MIN: u64 = 10;

/// How this version does, beside the one before.
pub(crate) struct OwnVersion {
    path: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    kept: Kept,
    written_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    ours: Figures,
    before: Option<Figures>,
}

/// A quarter of an hour of one version, the latest that says something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Figures {
    version: String,
    /// When it ran here first.
    since: Timestamp,
    calls: u64,
    failed: u64,
    /// How late every other of our timers fired, at least.
    lag_ms: u64,
}

impl OwnVersion {
    /// Goes on from what was left in the directory, and notes the change where another version left it.
    pub(crate) fn open(data: Option<&Path>, traffic: &Traffic, now: Timestamp) -> Self {
        let path = data.map(|directory| directory.join(NAME));
        let left = path.as_deref().and_then(read);
        let kept = followed_by(left, OURS, now);
        if let Some(before) = kept.before.as_ref().filter(|_| kept.ours.since == now) {
            let what = format!("hubkeeper {OURS} in place of {}", before.version);
            tracing::info!("{what}");
            traffic.note_change("version", &what, None);
        }
        Self { path, state: Mutex::new(State { kept, written_at: None }) }
    }

    /// Takes down how we do, and tells it beside the version before, while ours is new.
    pub(crate) fn look(&self, passed: Option<&Passed>, lag_ms: u64, now: Timestamp) -> Vec<Version> {
        let (calls, failed) = passed.map(mistakes).unwrap_or_default();
        let mut state = self.state.lock();
        let figures = Figures { calls, failed, lag_ms, ..state.kept.ours.clone() };
        let before = state.kept.before.clone().filter(|_| now.duration_since(figures.since) < NEW);
        let told = before.map(|before| vec![version(&figures), version(&before)]).unwrap_or_default();
        if calls >= CALLS_MIN {
            state.kept.ours = figures;
        }
        if state.written_at.is_none_or(|at| now.duration_since(at) >= EVERY) {
            state.written_at = Some(now);
            self.write(state.kept.clone());
        }
        told
    }

    /// Away from the thread that serves.
    fn write(&self, kept: Kept) {
        let Some(path) = self.path.clone() else { return };
        tokio::task::spawn_blocking(move || {
            let new = path.with_extension("json-new");
            let text = serde_json::to_vec(&kept).unwrap_or_default();
            if let Err(error) = fs::write(&new, text).and_then(|()| fs::rename(&new, &path)) {
                tracing::debug!(%error, "how this version does is not kept");
            }
        });
    }
}

/// What cannot be read is left out, and said: an upgrade is then held against nothing.
fn read(path: &Path) -> Option<Kept> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "how the version before this one did cannot be read");
            return None;
        }
    };
    let read = serde_json::from_slice(&bytes);
    read.inspect_err(|error| {
        tracing::warn!(path = %path.display(), %error, "how the version before this one did is damaged, and begun anew");
    })
    .ok()
}

/// The same version goes on; another one begins, and what it follows stays beside it.
fn followed_by(left: Option<Kept>, version: &str, now: Timestamp) -> Kept {
    let new = Figures { version: version.to_owned(), since: now, calls: 0, failed: 0, lag_ms: 0 };
    match left {
        Some(left) if left.ours.version == version => left,
        // One that hardly ran is no measure; the one before it may be.
        Some(left) if left.ours.calls < CALLS_MIN => {
            Kept { ours: new, before: left.before.or(Some(left.ours)) }
        }
        Some(left) => Kept { ours: new, before: Some(left.ours) },
        None => Kept { ours: new, before: None },
    }
}

fn version(figures: &Figures) -> Version {
    Version {
        caller: GATEWAY.to_owned(),
        version: figures.version.clone(),
        since: Some(figures.since),
        calls: figures.calls,
        failed: figures.failed,
        p50_ms: figures.lag_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        let start: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        start + SignedDuration::from_mins(minute)
    }

    fn figures(version: &str, minute: i64, calls: u64) -> Figures {
        Figures { version: version.into(), since: at(minute), calls, failed: 0, lag_ms: 1 }
    }

    #[test]
    fn a_restart_goes_on_and_an_upgrade_begins() {
        let first = followed_by(None, "1.0.0", at(0));
        assert_eq!((first.ours.since, &first.before), (at(0), &None));
        let ran = Kept { ours: figures("1.0.0", 0, 500), before: None };
        assert_eq!(followed_by(Some(ran.clone()), "1.0.0", at(9)), ran);
        let upgraded = followed_by(Some(ran.clone()), "1.1.0", at(9));
        assert_eq!((upgraded.ours.since, upgraded.before), (at(9), Some(ran.ours.clone())));
        let hardly = Kept { ours: figures("1.1.0", 9, 3), before: Some(ran.ours.clone()) };
        assert_eq!(followed_by(Some(hardly), "1.1.1", at(10)).before, Some(ran.ours));
    }

    #[test]
    fn it_is_new_for_a_day() {
        let kept = Kept { ours: figures("1.1.0", 0, 0), before: Some(figures("1.0.0", -90, 500)) };
        let own = OwnVersion { path: None, state: Mutex::new(State { kept, written_at: None }) };
        let told = own.look(None, 3, at(5));
        assert_eq!(told.iter().map(|it| it.version.as_str()).collect::<Vec<_>>(), ["1.1.0", "1.0.0"]);
        assert!(told[0].since > told[1].since && told[0].caller == GATEWAY);
        assert_eq!(own.look(None, 3, at(25 * 60)), []);
    }
}
