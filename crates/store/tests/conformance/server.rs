//! A real PostgreSQL server of Debian's packages, on a socket in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Started, and stopped when dropped.
pub(crate) struct Server {
    process: Child,
    directory: TempDir,
}

impl Server {
    /// # Panics
    /// When PostgreSQL is not installed: `scripts/setup test` sees to that.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        own(directory.path());
        let made = as_nobody_special(&program("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=hubkeeper", "--pgdata"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let process = as_nobody_special(&program("postgres"))
            // What it shares lies with its data, and not on the machine when its end is a sudden one.
            .args(["-c", "dynamic_shared_memory_type=mmap"])
            // Nobody has a transaction but who is told to.
            .args(["-c", "autovacuum=off"])
            .args(["-c", "listen_addresses=", "-c", "max_connections=100", "-D"])
            .arg(&data)
            .arg("-k")
            .arg(directory.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, directory }
    }

    /// The address of a new, empty database.
    pub(crate) async fn database(&self, name: &str) -> String {
        let url = |name: &str| {
            let socket = self.directory.path().display().to_string().replace('/', "%2F");
            format!("postgres://hubkeeper@{socket}/{name}")
        };
        let (client, connection) = loop {
            match tokio_postgres::connect(&url("postgres"), NoTls).await {
                Ok(connected) => break connected,
                // It is starting; there is nothing to wait on but its answer.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let talking = tokio::spawn(connection);
        let short: String = name.chars().take(60).collect();
        client.batch_execute(&format!("CREATE DATABASE {short}")).await.unwrap();
        drop(client);
        talking.await.unwrap().unwrap();
        url(&short)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, but clearing up after itself, as a killed one could not.
        let _already_gone = kill_process(Pid::from_child(&self.process), Signal::QUIT);
        let _ended = self.process.wait();
    }
}

/// Debian keeps the server's programs off the path.
fn program(name: &str) -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("Debian's package `postgresql` is installed");
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.unwrap().path().join("bin").join(name)).collect();
    found.sort();
    found.pop().expect("a version of PostgreSQL")
}

/// The server refuses to run as root; the package brings a user for it.
fn as_nobody_special(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=QUIT"]).arg(program);
    command.current_dir("/");
    command
}

fn own(directory: &Path) {
    if is_root() {
        let owned = Command::new("chown").arg("postgres").arg(directory).status().unwrap();
        assert!(owned.success(), "chown failed");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
