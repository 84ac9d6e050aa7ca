//! The process's surroundings: environment, signals, limits, the ready line. Nothing else reads or writes these.

use std::io::Write;

use crate::failure::Failure;

/// One environment variable; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the front door of the environment")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Every variable whose name begins with `prefix`, in order, the prefix cut off.
#[expect(clippy::disallowed_methods, reason = "the front door of the environment")]
pub(crate) fn environment_with(prefix: &str) -> Vec<(String, String)> {
    let mut all: Vec<_> = std::env::vars()
        .filter_map(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value)))
        .collect();
    all.sort();
    all
}

/// Writes one line of data to stdout. A closed pipe is the reader's choice, not an error.
pub(crate) fn print_line(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let _reader_gone = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Writes data to stdout, whole or with an error.
pub(crate) fn print_bytes(bytes: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Listens to SIGTERM and SIGINT from this call on, so before the ready line; the future resolves at the first.
pub(crate) fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be listened to");
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT can be listened to");
    async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Raises the limit on open files as far as this user may, and says where it is now; `None` where there is none.
pub(crate) fn open_files_max() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit on open files stays as it is");
            limit.current
        }
    }
}

/// What we hold must not end up in a file when we crash. `PR_SET_DUMPABLE` would hide our own /proc files from us, too, and
/// systemd-coredump heeds this limit.
pub(crate) fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
}

/// One thread is plenty: HubSpot's limits are a few dozen requests a second, and a core does tens of thousands.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work(format!("the runtime cannot start: {error}")))
}

/// Lets the proof's builds die at a step, or be weaker than promised.
#[cfg(feature = "proof")]
pub(crate) fn arm() -> Result<(), Failure> {
    let (dies_at, weakness) = (environment("HUBKEEPER_PROOF_STEP"), environment("HUBKEEPER_PROOF_WEAKNESS"));
    store::step::arm(dies_at.as_deref(), weakness.as_deref()).map_err(Failure::usage)
}
