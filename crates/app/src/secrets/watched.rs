//! One secret, its source, and what to do with a new one.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use client::accounts::Connection;
use hubspot::secret::Secret;
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::RngExt;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::secret_reference::SecretReference;

/// A mounted secret is there within this time.
const FILE_EVERY: Duration = Duration::from_secs(5);
/// A command may ask somebody far away.
const COMMAND_EVERY: Duration = Duration::from_secs(600);
/// A refused token may be replaced any minute.
const REFUSED_EVERY: Duration = Duration::from_secs(60);
/// Each is a process; more wait their turn.
const COMMANDS_MAX: usize = 8;
/// Up to this part earlier, so that many of us do not ask together.
const SPREAD: f64 = 0.2;

type Use = Box<dyn Fn(&Secret) + Send + Sync>;

pub(crate) struct Watched {
    owner: Owner,
    reference: SecretReference,
    uses: Mutex<Vec<Use>>,
    state: Mutex<State>,
}

/// Whose it is, and what for.
#[derive(Clone)]
pub(crate) enum Owner {
    /// What calls are made with; they tell when it is refused.
    Token(Arc<Connection>),
    /// What webhooks are signed with, and what an OAuth app shows.
    ClientSecret(String),
    CallerKey(String),
    /// By its name; `None` for that of `[admin] key`.
    AdminKey(Option<Arc<str>>),
}

struct State {
    now: Secret,
    /// Since when we have had it: it may be older.
    since: Instant,
    next: Instant,
    is_failing: bool,
}

/// What looking again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Looked {
    /// There is another, and it is in use.
    New,
    Same,
    /// The source gave none; the last one stays.
    Failed,
}

/// One secret, for people.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) secret: String,
    pub(crate) source: String,
    pub(crate) looked: Looked,
    /// For how long it has been the same, as far as this process knows.
    pub(crate) age_seconds: u64,
}

/// How a secret stands.
pub(crate) struct Stands {
    pub(crate) name: String,
    pub(crate) may_change: bool,
    pub(crate) is_failing: bool,
    /// For how long it has been the same, as far as this process knows.
    pub(crate) age: Duration,
    /// Tells one value from the next.
    pub(crate) digest: [u8; 8],
    /// When the file it lies in was last written.
    pub(crate) written_at: Option<Timestamp>,
}

impl Owner {
    /// `token of default`.
    fn name(&self) -> String {
        match self {
            Self::Token(connection) => format!("token of {}", connection.name),
            Self::ClientSecret(connection) => format!("client secret of {connection}"),
            Self::CallerKey(caller) => format!("key of the caller {caller}"),
            Self::AdminKey(None) => "key of the admin listener".into(),
            Self::AdminKey(Some(name)) => format!("admin key of {name}"),
        }
    }

    fn connection(&self) -> Option<&str> {
        match self {
            Self::Token(connection) => Some(&connection.name),
            Self::ClientSecret(connection) => Some(connection),
            Self::CallerKey(_) | Self::AdminKey(_) => None,
        }
    }
}

impl Watched {
    pub(crate) fn new(
        owner: Owner,
        reference: SecretReference,
        now: Secret,
        put_to_use: impl Fn(&Secret) + Send + Sync + 'static,
    ) -> Self {
        let since = Instant::now();
        let state = State { now, since, next: since + every(&reference), is_failing: false };
        let uses = Mutex::new(vec![Box::new(put_to_use) as Use]);
        Self { owner, reference, uses, state: Mutex::new(state) }
    }

    pub(super) fn name(&self) -> String {
        self.owner.name()
    }

    pub(super) const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// It is a secret of this connection.
    pub(super) fn is_of(&self, connection: &str) -> bool {
        self.owner.connection() == Some(connection)
    }

    pub(super) const fn may_change(&self) -> bool {
        self.reference.may_change()
    }

    /// What another does with the same secret is done as well.
    pub(super) fn is_used_as(&self, other: Self) {
        self.uses.lock().extend(other.uses.into_inner());
    }

    /// What lies there now, read away from the thread that serves.
    pub(super) async fn read(&self) -> Result<Secret, String> {
        static COMMANDS: Semaphore = Semaphore::const_new(COMMANDS_MAX);
        // Nobody closes it.
        let _turn = if self.reference.is_at_hand() { None } else { COMMANDS.acquire().await.ok() };
        let reference = self.reference.clone();
        let read = tokio::task::spawn_blocking(move || reference.resolve()).await;
        read.map_err(|error| error.to_string())?.map_err(|failure| failure.to_string())
    }

    pub(super) async fn look(&self) -> Looked {
        let read = self.read().await;
        let mut state = self.state.lock();
        state.next = Instant::now() + self.every();
        let looked = match read {
            Ok(secret) if secret == state.now => Looked::Same,
            Ok(secret) => {
                (state.now, state.since) = (secret.clone(), Instant::now());
                tracing::info!(secret = self.name(), source = %self.reference, "a new secret is in use");
                self.uses.lock().iter().for_each(|put_to_use| put_to_use(&secret));
                Looked::New
            }
            Err(why) => {
                if !state.is_failing {
                    tracing::warn!(
                        secret = self.name(), source = %self.reference, why,
                        "a secret's source gives none; the last one stays in use"
                    );
                }
                Looked::Failed
            }
        };
        state.is_failing = looked == Looked::Failed;
        drop(state);
        if let Some(connection) = self.refused() {
            connection.stays();
        }
        looked
    }

    fn every(&self) -> Duration {
        match &self.owner {
            Owner::Token(connection) if connection.is_turned_down() => {
                every(&self.reference).min(REFUSED_EVERY)
            }
            Owner::Token(_) | Owner::ClientSecret(_) | Owner::CallerKey(_) | Owner::AdminKey(_) => {
                every(&self.reference)
            }
        }
    }

    /// Another lies there than is in use.
    pub(super) async fn is_outdated(&self) -> bool {
        self.read().await.is_ok_and(|secret| secret != self.state.lock().now)
    }

    fn refused(&self) -> Option<&Connection> {
        match &self.owner {
            Owner::Token(connection) => {
                Some(connection).filter(|connection| connection.is_refused()).map(|it| &**it)
            }
            Owner::ClientSecret(_) | Owner::CallerKey(_) | Owner::AdminKey(_) => None,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.may_change() && (self.refused().is_some() || self.state.lock().next <= now)
    }

    /// When it is due, if ever.
    pub(super) fn next(&self) -> Option<Instant> {
        self.may_change().then(|| self.state.lock().next)
    }

    pub(super) fn told(&self, looked: Looked) -> Told {
        let age_seconds = self.state.lock().since.elapsed().as_secs();
        Told { secret: self.name(), source: self.reference.to_string(), looked, age_seconds }
    }

    pub(super) fn stands(&self) -> Stands {
        let state = self.state.lock();
        let name = self.name();
        Stands {
            may_change: self.may_change(),
            is_failing: state.is_failing,
            age: state.since.elapsed(),
            digest: digest_of(&name, &state.now),
            written_at: self.reference.written_at(),
            name,
        }
    }
}

/// Kept for months: no secret can be found again from so few bytes.
fn digest_of(name: &str, secret: &Secret) -> [u8; 8] {
    let text = zeroize::Zeroizing::new(format!("{name}\n{}", secret.expose()));
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

fn every(reference: &SecretReference) -> Duration {
    match reference {
        SecretReference::Env(_) | SecretReference::File(_) | SecretReference::Credential(_) => FILE_EVERY,
        SecretReference::Exec(_) | SecretReference::Vendor(_) => {
            COMMAND_EVERY.mul_f64(1.0 - SPREAD * rand::rng().random_range(0.0..1.0))
        }
    }
}
