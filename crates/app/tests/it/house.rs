//! The real binary, started as a person would start it: free ports, a directory and an environment of its own, and an
//! end that is checked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(crate) mod canary;
mod conversation;
mod ports;
mod upstream;

pub(crate) use conversation::{Answer, Conversation, ask};
pub(crate) use upstream::{Act, Heard, Upstream, json_answer};

/// Nothing here takes nearly as long, on a slow machine either; a test that waits longer has hung.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How `hubkeeper` is to be started.
pub(crate) struct Start {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directory: TempDir,
    /// Files that the test wrote there.
    written: Vec<PathBuf>,
}

/// A running `hubkeeper` that has told it is ready. It is killed when dropped.
pub(crate) struct Program {
    child: Child,
    /// The ready line.
    pub(crate) ready: Value,
    stdout: BufReader<tokio::process::ChildStdout>,
    stderr: JoinHandle<String>,
    left: Left,
}

/// Where a program may leave something.
struct Left {
    directory: TempDir,
    /// That of `--data`.
    data: Option<PathBuf>,
    /// Files that the test wrote.
    written: Vec<PathBuf>,
    /// The simulator is HubSpot's side: it may show its secrets.
    keeps_secrets: bool,
}

/// What a process left when it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Start {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            environment: Vec::new(),
            directory: TempDir::new().unwrap(),
            written: Vec::new(),
        }
    }

    /// The gateway in front of `upstream`, on free ports.
    pub(crate) fn up(upstream: &str) -> Self {
        let free = "127.0.0.1:0";
        // What it asks by itself when calls fail would stand between the calls that a test counts.
        Self::new(&["up", "--listen", free, "--admin-listen", free, "--upstream", upstream])
            .env("HUBKEEPER__INCIDENTS__ENABLED", "false")
            .env("HUBKEEPER__GATEWAY__CHECK_SCOPES", "false")
    }

    /// It asks what tokens may do, too.
    pub(crate) fn with_scopes(mut self) -> Self {
        self.environment.retain(|(name, _)| name != "HUBKEEPER__GATEWAY__CHECK_SCOPES");
        self
    }

    /// The incident room is open, too. That the machine which runs the tests lets a program wait is none of its incidents.
    pub(crate) fn with_incidents(mut self) -> Self {
        self.environment.retain(|(name, _)| name != "HUBKEEPER__INCIDENTS__ENABLED");
        self.with_disk_alarm_at("0").env("HUBKEEPER__INCIDENTS__THRESHOLDS__LAG_MS", "600000")
    }

    /// Less free disk than this is an incident. That of the machine which runs the tests is none, unless a test says so.
    pub(crate) fn with_disk_alarm_at(self, percent: &str) -> Self {
        self.env("HUBKEEPER__INCIDENTS__THRESHOLDS__DISK_FREE_PERCENT", percent)
    }

    /// The same with governor, retries, breaker and cache off.
    pub(crate) fn bare_up(upstream: &str) -> Self {
        let parts = ["GOVERNOR", "RETRIES", "BREAKER"];
        parts.iter().fold(Self::up(upstream).without_cache(), |up, part| {
            up.env(&format!("HUBKEEPER__GATEWAY__{part}"), "false")
        })
    }

    /// Identical requests at the same time go to HubSpot each by itself.
    pub(crate) fn without_cache(self) -> Self {
        self.env("HUBKEEPER__CACHE__ENABLED", "false")
    }

    /// A simulated HubSpot on a free port that answers at once.
    pub(crate) fn sim() -> Self {
        Self::new(&["sim", "--listen", "127.0.0.1:0", "--latency-ms", "0..0"])
    }

    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        if !name.starts_with("HUBKEEPER_") {
            canary::hand_out(value);
        }
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a key of `[gateway]`.
    pub(crate) fn gateway(self, key: &str, value: &str) -> Self {
        self.env(&format!("HUBKEEPER__GATEWAY__{}", key.to_uppercase()), value)
    }

    /// Writes a file into the directory that the program is started in.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.written.push(path);
        self
    }

    fn left(self) -> Left {
        let keeps_secrets = self.arguments.first().is_none_or(|command| command != "sim");
        let data = self.arguments.iter().position(|argument| argument == "--data");
        let data =
            data.and_then(|at| self.arguments.get(at + 1)).map(|data| self.directory.path().join(data));
        Left { directory: self.directory, data, written: self.written, keeps_secrets }
    }

    fn spawn(&self) -> Child {
        let sets_level = self.environment.iter().any(|(name, _)| name == "HUBKEEPER__LOG__LEVEL");
        Command::new(env!("CARGO_BIN_EXE_hubkeeper"))
            .args(&self.arguments)
            .env_clear()
            // All there is to tell, so that the canaries are looked for in it.
            .envs((!sets_level).then_some(("HUBKEEPER_LOG", "trace")))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Starts it and waits for its ready line.
    pub(crate) async fn ready(self) -> Program {
        let mut child = self.spawn();
        let stderr = tokio::spawn(read_all(child.stderr.take().unwrap()));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        timeout(PATIENCE, stdout.read_line(&mut line)).await.expect("it is ready in time").unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            panic!("no ready line but {line:?}; {}", stderr.await.unwrap());
        };
        assert_eq!(ready["event"], "ready");
        let left = self.left();
        if left.keeps_secrets {
            ready["admin"].as_str().into_iter().for_each(conversation::watch);
        } else {
            canary::hand_out_ready(&ready);
        }
        Program { child, ready, stdout, stderr, left }
    }

    /// Runs it to its own end.
    pub(crate) async fn ended(self) -> Ended {
        let child = self.spawn();
        self.end_of(child).await
    }

    /// Runs it until something has happened, and then asks it to stop.
    pub(crate) async fn stopped_after(self, something: impl Future<Output = ()>) -> Ended {
        let child = self.spawn();
        timeout(PATIENCE, something).await.expect("it happens in time");
        signal(child.id().expect("it has not been waited for"), "TERM");
        self.end_of(child).await
    }

    /// Runs it until it has printed so many lines, and then asks it to stop.
    pub(crate) async fn stopped_after_lines(self, count: usize) -> Ended {
        let mut child = self.spawn();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        for _ in 0..count {
            timeout(PATIENCE, stdout.read_line(&mut printed)).await.expect("it prints in time").unwrap();
        }
        signal(child.id().expect("it has not been waited for"), "TERM");
        stdout.read_to_string(&mut printed).await.unwrap();
        canary::assert_absent("stdout", printed.as_bytes());
        let ended = self.end_of(child).await;
        Ended { stdout: printed, ..ended }
    }

    async fn end_of(self, child: Child) -> Ended {
        let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is text");
        let ended =
            Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        assert!(!has_panicked(&ended.stderr), "{ended:#?}");
        self.left().assert_secret(&ended);
        ended
    }
}

impl Left {
    /// Nothing that it left shows a secret.
    fn assert_secret(&self, ended: &Ended) {
        if self.keeps_secrets {
            canary::assert_absent("stdout", ended.stdout.as_bytes());
            canary::assert_absent("stderr", ended.stderr.as_bytes());
            canary::assert_absent_in(self.directory.path(), &self.written);
            self.data.iter().for_each(|data| canary::assert_absent_in(data, &self.written));
        }
    }
}

/// By a bug: in the proof's builds a request may ask for it (`store::fall`).
fn has_panicked(stderr: &str) -> bool {
    stderr.lines().any(|line| line.contains("panicked") && !line.contains("fell over at"))
}

impl Program {
    /// Where programs call the gateway, or the simulator.
    pub(crate) fn url(&self) -> &str {
        self.ready["gateway"]
            .as_str()
            .or_else(|| self.ready["sim"].as_str())
            .expect("a ready line names a URL")
    }

    pub(crate) fn admin(&self) -> &str {
        self.ready["admin"].as_str().expect("the gateway's ready line names the admin API")
    }

    /// The simulator's token.
    pub(crate) fn token(&self) -> &str {
        self.ready["token"].as_str().expect("the simulator's ready line names its token")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it has not been waited for")
    }

    /// One of the kernel's figures about the process, in KiB, such as `VmRSS` or `VmHWM`.
    pub(crate) fn memory_kib(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Asks it to stop, and does not wait.
    pub(crate) fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    /// Ends it as a power cut would, without a chance to say good-bye.
    pub(crate) async fn kill(self) {
        signal(self.pid(), "KILL");
        assert_eq!(self.ended().await.code, None);
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ended {
        self.end().await
    }

    /// Asks it to stop; it ends well and leaves nothing: no listener, no file, no second line on stdout.
    pub(crate) async fn stop(mut self) -> Ended {
        let before = files(self.left.directory.path());
        let urls = ["gateway", "admin", "sim"].iter().filter_map(|name| self.ready[name].as_str());
        let ports: Vec<u16> = urls.map(ports::port).collect();
        let listened = |port: &u16| (*port, ports::listeners(*port));
        let listened: Vec<_> = ports.iter().map(listened).collect();
        self.terminate();
        let ended = self.end().await;
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.stdout, "", "stdout is data: {ended:#?}");
        assert_eq!(files(self.left.directory.path()), before, "it leaves no files");
        for (port, before) in listened {
            // Nobody is to answer there for the rest of the test; where somebody else already does, it must not be what it left.
            if ports::hold(port).is_err() {
                let left: Vec<_> = ports::listeners(port).intersection(&before).cloned().collect();
                assert!(left.is_empty(), "something still listens at port {port}");
            }
        }
        ended
    }

    async fn end(&mut self) -> Ended {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).await.unwrap();
        let stderr = (&mut self.stderr).await.unwrap();
        let ended = Ended { code: status.code(), stdout, stderr };
        assert!(!has_panicked(&ended.stderr), "{ended:#?}");
        self.left.assert_secret(&ended);
        ended
    }
}

/// Every shell knows `kill`; as a program it is missing on a bare Debian.
fn signal(pid: u32, name: &str) {
    let kill = format!("kill -s {name} {pid}");
    let told = std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(told.success());
}

fn files(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

async fn read_all(mut stderr: ChildStderr) -> String {
    let mut text = String::new();
    stderr.read_to_string(&mut text).await.unwrap();
    text
}

/// The harness itself: a program that ends badly is noticed.
#[tokio::test]
async fn control_a_bad_end_is_seen() {
    let sim = Start::sim().ready().await;
    signal(sim.pid(), "KILL");
    assert_eq!(sim.ended().await.code, None);
}

/// And so is a secret in what it leaves.
#[tokio::test]
#[should_panic(expected = "stands in stderr, as it is")]
async fn control_a_secret_in_the_log_is_seen() {
    let (sim, named) = (Start::sim().ready().await, "/crm/v3/objects/contacts/1");
    let up = Start::up(sim.url()).ready().await;
    let answer = ask(up.url(), "GET", named, &["Authorization: Bearer of-nobody-at-all"], "").await;
    // An id that the log tells.
    canary::hand_out(answer.json()["correlationId"].as_str().unwrap());
    up.stop().await;
}

#[tokio::test]
async fn both_servers_start_and_end_well() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).ready().await;
    up.stop().await;
    sim.stop().await;
}
