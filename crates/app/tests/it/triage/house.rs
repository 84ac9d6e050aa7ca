//! The programs under test, started for one test and ended with it, and a caller that speaks plain HTTP.

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};

const HUBKEEPER: &str = env!("CARGO_BIN_EXE_hubkeeper");

/// Nothing here takes long; a test that hangs says so.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody listens there.
pub(super) const NOBODY: &str = "http://127.0.0.1:9";

/// `hubkeeper sim` on a free port.
pub(super) struct Simulator {
    _running: Running,
    pub(super) url: String,
    pub(super) token: String,
    /// Where it answers DNS questions; empty where it was not told to.
    pub(super) dns: String,
}

/// `hubkeeper up` before a simulator.
pub(super) struct Gateway {
    _running: Running,
    pub(super) url: String,
    pub(super) admin: String,
    token: String,
    addresses: Cell<u32>,
}

/// One way to call `hubkeeper triage`.
pub(super) struct Triage {
    arguments: Vec<String>,
    token: Option<String>,
}

/// A child process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Simulator {
    pub(super) fn start(options: &[&str]) -> Self {
        let command = ["sim", "--listen", "127.0.0.1:0", "--latency-ms", "0..5"];
        let (running, ready) = start(&[&command, options].concat(), None);
        let dns = ready["dns"].as_str().unwrap_or_default().to_owned();
        Self { _running: running, url: text(&ready["sim"]), token: text(&ready["token"]), dns }
    }

    pub(super) fn status_page(&self) -> String {
        format!("{}/_status/api/v2/summary.json", self.url)
    }

    pub(super) fn fault(&self, fault: &Value) {
        let (status, body) = exchange(&self.url, "POST", "/_sim/faults", None, Some(fault));
        assert!((200..300).contains(&status), "{fault}: {status} {body}");
    }

    pub(super) fn advance(&self, seconds: u32) {
        let (status, body) =
            exchange(&self.url, "POST", "/_sim/clock/advance", None, Some(&json!({"seconds": seconds})));
        assert!((200..300).contains(&status), "advance: {status} {body}");
    }

    pub(super) fn reset(&self) {
        let (status, body) = exchange(&self.url, "POST", "/_sim/reset", None, Some(&json!({})));
        assert!((200..300).contains(&status), "reset: {status} {body}");
    }
}

impl Gateway {
    pub(super) fn start(sim: &Simulator) -> Self {
        let command = [
            "up",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "127.0.0.1:0",
            "--upstream",
            sim.url.as_str(),
        ];
        let (running, ready) = start(&command, Some(&sim.token));
        Self {
            _running: running,
            url: text(&ready["gateway"]),
            admin: text(&ready["admin"]),
            token: sim.token.clone(),
            addresses: Cell::new(0),
        }
    }

    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        exchange(&self.url, method, path, Some(&self.token), body)
    }

    /// The traffic report, as the admin API tells it.
    pub(super) fn traffic(&self) -> Value {
        let (status, body) = exchange(&self.admin, "GET", "/api/v1/traffic", None, None);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("a report")
    }

    /// Tells the gateway that something was changed.
    pub(super) fn note(&self, change: &Value) {
        let (status, body) = exchange(&self.admin, "POST", "/api/v1/changes", None, Some(change));
        assert!((200..300).contains(&status), "{change}: {status} {body}");
    }

    pub(super) fn contact_ids(&self) -> Vec<String> {
        let (_, body) = self.call("GET", "/crm/v3/objects/contacts?limit=20", None);
        let page: Value = serde_json::from_str(&body).expect("a page of contacts");
        page["results"].as_array().expect("results").iter().map(|contact| text(&contact["id"])).collect()
    }

    /// An e-mail address nobody has.
    pub(super) fn fresh_address(&self) -> String {
        self.addresses.set(self.addresses.get() + 1);
        format!("fresh-{}@triage.example", self.addresses.get())
    }
}

impl Triage {
    pub(super) fn of(upstream: &str) -> Self {
        let arguments = ["triage", "--upstream", upstream].map(String::from).to_vec();
        Self { arguments, token: None }
    }

    pub(super) fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(super) fn status_page(self, url: &str) -> Self {
        self.option("--status-page", url)
    }

    pub(super) fn option(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name, value].map(String::from));
        self
    }

    pub(super) fn flag(mut self, name: &str) -> Self {
        self.arguments.push(name.to_owned());
        self
    }

    /// The diagnosis, and the exit code.
    pub(super) fn run(&self) -> (Value, i32) {
        let output = self.output(&["--json"]);
        let diagnosis = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("not JSON ({error}): {}", String::from_utf8_lossy(&output.stderr))
        });
        (diagnosis, output.status.code().expect("it ended by itself"))
    }

    /// Both outputs together.
    pub(super) fn everything_said(&self, options: &[&str]) -> String {
        let output = self.output(options);
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
    }

    fn output(&self, options: &[&str]) -> Output {
        let mut command = program();
        command.args(&self.arguments).args(options);
        for (name, value) in [("--status-page", NOBODY), ("--admin", NOBODY)] {
            if !self.arguments.iter().any(|argument| argument == name) {
                command.args([name, value]);
            }
        }
        if let Some(token) = &self.token {
            command.env("HUBSPOT_ACCESS_TOKEN", token);
        }
        command.output().expect("hubkeeper can be started")
    }
}

/// Without what the surroundings would say.
fn program() -> Command {
    let mut command = Command::new(HUBKEEPER);
    command.env_clear().current_dir(std::env::temp_dir());
    command
}

fn start(arguments: &[&str], token: Option<&str>) -> (Running, Value) {
    let mut command = program();
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(token) = token {
        command.env("HUBSPOT_ACCESS_TOKEN", token);
    }
    let mut child = command.spawn().expect("hubkeeper can be started");
    let stdout = child.stdout.take().expect("stdout is piped");
    let running = Running(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a ready line");
    (running, serde_json::from_str(&line).expect("the ready line is JSON"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// One call on a connection of its own.
fn exchange(
    base: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, String) {
    Request { method, path, body, headers: "" }.send(base, token).expect("a whole exchange")
}

struct Request<'a> {
    method: &'a str,
    path: &'a str,
    body: Option<&'a Value>,
    /// Further lines of the head.
    headers: &'a str,
}

impl Request<'_> {
    fn send(&self, base: &str, token: Option<&str>) -> std::io::Result<(u16, String)> {
        let address = base.strip_prefix("http://").expect("plain HTTP");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let Self { method, path, headers, .. } = self;
        let body = self.body.map(ToString::to_string).unwrap_or_default();
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{authorization}{headers}\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Ok((status, unchunked(head, body)))
    }
}

/// Programs that go on calling HubSpot while a test looks: reads, searches and creates. What becomes of their calls is not
/// their business.
pub(super) struct Workload {
    begun: Receiver<()>,
    /// Hanging up ends their pauses, and them.
    _at_work: Vec<Sender<()>>,
}

/// How a workload calls.
pub(super) struct Pace {
    pub(super) programs: u32,
    /// Of each program between two calls.
    pub(super) pause: Duration,
    /// `X-Hubkeeper-Deadline-Ms` of every call.
    pub(super) deadline_ms: Option<u32>,
}

impl Pace {
    /// Some ten calls in a second: half of what a window holds.
    pub(super) const MODEST: Self =
        Self { programs: 3, pause: Duration::from_millis(300), deadline_ms: None };
    /// As fast as it goes, for as long as it takes.
    pub(super) const IMPORT: Self = Self { programs: 40, pause: Duration::ZERO, deadline_ms: None };
}

impl Workload {
    /// `base` is a gateway's address, or HubSpot's own.
    pub(super) fn through(base: &str, token: &str, pace: &Pace) -> Self {
        let (tell, begun) = channel();
        let at_work = (0..pace.programs).map(|program| {
            let (base, token, tell) = (base.to_owned(), token.to_owned(), tell.clone());
            let (stay, home_time) = channel::<()>();
            let (pause, deadline_ms) = (pace.pause, pace.deadline_ms);
            std::thread::spawn(move || {
                for turn in 0.. {
                    let (method, path, body) = Self::call(program, turn);
                    let _test_ended = tell.send(());
                    let deadline = deadline_ms.map(|ms| format!("x-hubkeeper-deadline-ms: {ms}\r\n"));
                    let request =
                        Request { method, path, body: body.as_ref(), headers: &deadline.unwrap_or_default() };
                    let _whatever = request.send(&base, Some(&token));
                    if home_time.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                        return;
                    }
                }
            });
            stay
        });
        Self { _at_work: at_work.collect(), begun }
    }

    /// Waits for so many more calls to begin, or until nobody gets anywhere.
    pub(super) fn goes_on_for(&self, calls: u32) {
        const STUCK: Duration = Duration::from_secs(3);
        let _caught_up = self.begun.try_iter().count();
        for _ in 0..calls {
            if self.begun.recv_timeout(STUCK).is_err() {
                return;
            }
        }
    }

    fn call(program: u32, turn: u32) -> (&'static str, &'static str, Option<Value>) {
        let properties = json!({"email": format!("work-{program}-{turn}@triage.example")});
        match turn % 4 {
            0 => ("POST", "/crm/v3/objects/contacts/search", Some(json!({"limit": 1}))),
            1 => ("POST", "/crm/v3/objects/contacts", Some(json!({"properties": properties}))),
            _ => ("GET", "/crm/v3/objects/contacts?limit=2", None),
        }
    }
}

/// Enough of chunked coding for answers of our own server.
fn unchunked(head: &str, body: &str) -> String {
    if !head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        return body.to_owned();
    }
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        whole.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}
