//! Acts of people and of ourselves, told to the audit log; and its key, which lies beside the store.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use gateway::rights::Witness;
use parking_lot::Mutex;
use store::Store;
use store::audit::key::AuditKey;
use store::audit::log::AuditLog;
use store::audit::{Act, NewEntry, Outcome, Subject};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::config::{Config, StoreAddress};
use crate::durable;
use crate::failure::Failure;

mod denials;

use denials::Denials;

/// The key's file, beside an embedded store or in the data directory.
const KEY_FILE: &str = "audit.key";

/// Where acts are told. Without a store nothing is kept, and telling is nothing.
#[derive(Clone, Default)]
pub(crate) struct Audit(Option<Arc<Kept>>);

struct Kept {
    store: Store,
    key: AuditKey,
    clock: WallClock,
    /// Writes what the gateway denied.
    denials: Mutex<Option<JoinHandle<()>>>,
}

/// How long the last denials may take to be written at the end.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl Audit {
    /// Reads the key, or makes it where the log has none yet.
    ///
    /// # Errors
    /// A key that cannot be used, or another one than the log is signed with.
    pub(crate) async fn open(
        config: &Config,
        data: Option<&Path>,
        store: Option<&Store>,
        clock: &WallClock,
    ) -> Result<Self, Failure> {
        let (Some(store), Some(url)) = (store, durable::url(config, data)?) else { return Ok(Self(None)) };
        let signed_by = signed_by(&url, durable::tls(config, &url)?).await?;
        let key = match (read_key(config, data)?, key_file(config, data)) {
            (Some(key), _) => key,
            (None, Some(path)) if signed_by.is_none() => make_key(&path)?,
            (None, Some(path)) => {
                return Err(Failure::usage(format!(
                    "the audit log is signed, and its key {} is not there",
                    path.display()
                ))
                .hint(
                    "put the key back, or name it in [audit] key; all hubkeepers on one store have one key",
                ));
            }
            (None, None) => {
                tracing::warn!(
                    "acts are not audited: [audit] key names no key, and there is no --data directory"
                );
                return Ok(Self(None));
            }
        };
        if signed_by.as_ref().is_some_and(|public| *public != key.public()) {
            return Err(Failure::usage(
                "the audit log is signed with another key than the one that was given",
            )
            .hint("all hubkeepers on one store have one key: name it in [audit] key"));
        }
        let begun = store.begin_audit(&key, clock.now()).await;
        let begun =
            begun.map_err(|error| Failure::usage(format!("the audit log cannot be begun: {error}")))?;
        if !begun && signed_by.is_none() {
            tracing::error!("the audit log was emptied; `hubkeeper audit verify` will go on saying so");
        }
        Ok(Self(Some(Arc::new(Kept {
            store: store.clone(),
            key,
            clock: clock.clone(),
            denials: Mutex::default(),
        }))))
    }

    /// Tells of an act. One that cannot be kept is told in the log instead, and does not stop what was done: it may be what
    /// ends an incident.
    pub(crate) async fn tell(&self, actor: &str, act: Act, subject: Subject, outcome: Outcome, detail: &str) {
        self.tell_request(actor, act, subject, outcome, (detail, None)).await;
    }

    /// The same, with the id that whoever asked was told.
    async fn tell_request(
        &self,
        actor: &str,
        act: Act,
        subject: Subject,
        outcome: Outcome,
        (detail, request_id): (&str, Option<Uuid>),
    ) {
        let Some(kept) = &self.0 else { return };
        let entry = NewEntry {
            at: kept.clock.now(),
            actor: actor.to_owned(),
            act,
            subject,
            outcome,
            request_id: request_id.map(|id| id.to_string()),
            detail: detail.to_owned(),
        };
        if let Err(error) = kept.store.audit(&kept.key, entry).await {
            tracing::error!(%error, actor, act = act.name(), "an act could not be audited");
        }
    }
}

impl Audit {
    /// As what the log knows somebody.
    pub(crate) fn name_of(&self, person: &str) -> Option<String> {
        self.0.as_ref().map(|kept| kept.key.name_of(person))
    }

    /// Hears of denied calls, for the gateway.
    pub(crate) fn witness(&self) -> Option<Arc<dyn Witness>> {
        self.0.as_ref()?;
        let (denials, writing) = Denials::start(self.clone());
        *self.0.as_ref()?.denials.lock() = Some(writing);
        Some(Arc::new(denials))
    }

    /// Once the gateway is gone, what was gathered of its denials is written.
    pub(crate) async fn finish(&self) {
        let writing = self.0.as_ref().and_then(|kept| kept.denials.lock().take());
        if let Some(writing) = writing {
            let _too_slow = tokio::time::timeout(LAST_WORDS, writing).await;
        }
    }
}

/// Whose signature the log's end bears.
async fn signed_by(url: &str, tls: Option<rustls::ClientConfig>) -> Result<Option<String>, Failure> {
    let unreadable = |why: String| Failure::usage(format!("the audit log cannot be read: {why}"));
    let log = AuditLog::open_over(url, tls).await.map_err(|error| unreadable(error.to_string()))?;
    let checkpoints = log.checkpoints().await.map_err(|error| unreadable(error.to_string()))?;
    Ok(checkpoints.into_iter().next().map(|checkpoint| checkpoint.public_key))
}

/// The configured key, or the one in the file beside the store if it is there.
pub(crate) fn read_key(config: &Config, data: Option<&Path>) -> Result<Option<AuditKey>, Failure> {
    let (text, place) = if let Some(reference) = &config.audit.key {
        (reference.resolve()?.expose().to_owned(), reference.to_string())
    } else {
        let Some(path) = key_file(config, data).filter(|path| path.exists()) else { return Ok(None) };
        let place = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::usage(format!("the audit key {place} cannot be read: {error}")))?;
        warn_if_others_read(&path);
        (text, place)
    };
    let key = AuditKey::of_text(&text);
    key.map(Some).ok_or_else(|| {
        Failure::usage(format!("the audit key at {place} is no key"))
            .hint("it holds 64 hexadecimal digits; hubkeeper makes one where the log has none yet")
    })
}

fn warn_if_others_read(path: &Path) {
    if std::fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "the audit key can be read by others than its owner: chmod 600");
    }
}

/// Beside an embedded store; with a store elsewhere, in the data directory.
fn key_file(config: &Config, data: Option<&Path>) -> Option<PathBuf> {
    let embedded = config.store.url.as_ref().and_then(StoreAddress::file);
    let embedded = embedded.map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)));
    let beside = embedded.and_then(Path::parent).map(|directory| directory.join(KEY_FILE));
    beside.or_else(|| data.map(|directory| directory.join(KEY_FILE)))
}

/// On the disk before anything is signed with it, and readable to nobody else.
fn make_key(path: &Path) -> Result<AuditKey, Failure> {
    let failed =
        |why: String| Failure::usage(format!("the audit key {} cannot be made: {why}", path.display()));
    let text = AuditKey::make().ok_or_else(|| failed("the system has no randomness".into()))?;
    let made = File::options().write(true).create_new(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| failed(error.to_string()))?;
    AuditKey::of_text(&text).ok_or_else(|| failed("it is no key".into()))
}
