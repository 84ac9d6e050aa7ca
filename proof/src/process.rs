//! `hubkeeper` as a person would start it, and its end by SIGKILL.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(60);

/// How to start one.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    binary: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    log: PathBuf,
}

/// One that runs. Dropping it kills it.
pub(crate) struct Program {
    child: Child,
    pub(crate) ready: Value,
    /// From the start to the ready line.
    pub(crate) took: Duration,
}

impl Start {
    /// What it says on stderr goes to the end of `log`.
    pub(crate) fn new(binary: &Path, log: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { binary: binary.to_owned(), arguments, environment: Vec::new(), log: log.to_owned() }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it, and waits until it says that it is ready.
    ///
    /// # Errors
    /// With the words it left on stderr, when it ends before.
    pub(crate) fn ready(&self) -> io::Result<Program> {
        let began = Instant::now();
        let stderr = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(&self.binary)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let took = began.elapsed();
        let ready = serde_json::from_str(&line).ok().filter(|_| took < START_MAX);
        match ready {
            Some(ready) => Ok(Program { child, ready, took }),
            None => {
                let _already_gone = child.kill();
                let status = child.wait()?;
                Err(io::Error::other(format!("no ready line, {status}; see {}", self.log.display())))
            }
        }
    }
}

impl Program {
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        let url = self.ready[name].as_str().unwrap_or_default();
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        address.parse().expect("a ready line names http://address:port")
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_default()
    }

    /// SIGKILL: no good-bye, no flush.
    pub(crate) fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Sends SIGKILL and does not wait: its threads may hang in the kernel.
    pub(crate) fn kill_soon(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    pub(crate) fn wait(&mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }

    /// Whether it ended by itself before `patience` was over.
    pub(crate) fn ends_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}
