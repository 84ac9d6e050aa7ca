//! The simulator, the gateway and triage, as these tests speak of them, and programs that go on calling meanwhile.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::house::{PATIENCE, Program, Start, ask};

/// Nobody listens there.
pub(super) const NOBODY: &str = "http://127.0.0.1:9";

/// `hubkeeper sim` on a free port.
pub(super) struct Simulator {
    program: Program,
    pub(super) url: String,
    pub(super) token: String,
    /// Where it answers DNS questions; empty where it was not told to.
    pub(super) dns: String,
}

/// `hubkeeper up` before a simulator.
pub(super) struct Gateway {
    _program: Program,
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

impl Simulator {
    pub(super) async fn start(options: &[&str]) -> Self {
        let command = ["sim", "--listen", "127.0.0.1:0", "--latency-ms", "0..5"];
        let program = Start::new(&command).args(options).ready().await;
        let dns = program.ready["dns"].as_str().unwrap_or_default().to_owned();
        Self { url: program.url().to_owned(), token: program.token().to_owned(), dns, program }
    }

    pub(super) fn status_page(&self) -> String {
        format!("{}/_status/api/v2/summary.json", self.url)
    }

    pub(super) async fn fault(&self, fault: &Value) {
        self.control("/_sim/faults", fault).await;
    }

    pub(super) async fn advance(&self, seconds: u32) {
        self.control("/_sim/clock/advance", &json!({"seconds": seconds})).await;
    }

    pub(super) async fn reset(&self) {
        self.control("/_sim/reset", &json!({})).await;
    }

    /// Calls that were answered 429, by its own books.
    pub(super) async fn rejected(&self) -> u64 {
        let stats = ask(&self.url, "GET", "/_sim/stats", &[], "").await.json();
        stats["statuses"]["429"].as_u64().unwrap_or(0)
    }

    async fn control(&self, path: &str, body: &Value) {
        let answer = ask(self.program.url(), "POST", path, &[], &body.to_string()).await;
        assert!((200..300).contains(&answer.status), "{path} {body}: {answer:?}");
    }
}

impl Gateway {
    pub(super) async fn start(sim: &Simulator) -> Self {
        let up = Start::up(&sim.url).with_incidents().env("HUBSPOT_ACCESS_TOKEN", &sim.token);
        let program = up.ready().await;
        let (url, admin) = (program.url().to_owned(), program.admin().to_owned());
        Self { _program: program, url, admin, token: sim.token.clone(), addresses: Cell::new(0) }
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let bearer = format!("Authorization: Bearer {}", self.token);
        let body = body.map(ToString::to_string).unwrap_or_default();
        let answer = ask(&self.url, method, path, &[&bearer], &body).await;
        (answer.status, answer.text())
    }

    /// The traffic report, as the admin API tells it.
    pub(super) async fn traffic(&self) -> Value {
        ask(&self.admin, "GET", "/api/v1/traffic", &[], "").await.json()
    }

    /// Tells the gateway that something was changed.
    pub(super) async fn note(&self, change: &Value) {
        let answer = ask(&self.admin, "POST", "/api/v1/changes", &[], &change.to_string()).await;
        assert_eq!(answer.status, 201, "{change}: {answer:?}");
    }

    pub(super) async fn contact_ids(&self) -> Vec<String> {
        let (_, body) = self.call("GET", "/crm/v3/objects/contacts?limit=20", None).await;
        let page: Value = serde_json::from_str(&body).expect("a page of contacts");
        let results = page["results"].as_array().expect("results");
        results.iter().map(|contact| contact["id"].as_str().expect("an id").to_owned()).collect()
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
    pub(super) async fn run(&self) -> (Value, i32) {
        let ended = self.start(&["--json"]).ended().await;
        let diagnosis = serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", ended.stderr));
        (diagnosis, ended.code.expect("it ended by itself"))
    }

    /// Both outputs together.
    pub(super) async fn everything_said(&self, options: &[&str]) -> String {
        let ended = self.start(options).ended().await;
        ended.stdout + &ended.stderr
    }

    fn start(&self, options: &[&str]) -> Start {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut start = Start::new(&arguments).args(options);
        for name in ["--status-page", "--admin"] {
            if !arguments.contains(&name) {
                start = start.args(&[name, NOBODY]);
            }
        }
        match &self.token {
            Some(token) => start.env("HUBSPOT_ACCESS_TOKEN", token),
            None => start,
        }
    }
}

/// Programs that go on calling HubSpot while a test looks: reads, searches and creates. What becomes of their calls is not
/// their business. They end with it.
pub(super) struct Workload {
    begun: UnboundedReceiver<()>,
    _at_work: JoinSet<()>,
}

/// How a workload calls.
#[derive(Clone, Copy)]
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
    pub(super) fn through(base: &str, token: &str, pace: Pace) -> Self {
        let (tell, begun) = unbounded_channel();
        let mut at_work = JoinSet::new();
        for program in 0..pace.programs {
            at_work.spawn(work(program, base.to_owned(), token.to_owned(), pace, tell.clone()));
        }
        Self { _at_work: at_work, begun }
    }

    /// Waits for so many calls to begin: of whom nobody has to wait for the others.
    pub(super) async fn calls(&mut self, count: u32) {
        for _ in 0..count {
            timeout(PATIENCE, self.begun.recv()).await.expect("it goes on");
        }
    }

    /// Waits for so many more calls to begin, or until nobody gets anywhere.
    pub(super) async fn goes_on_for(&mut self, calls: u32) {
        const STUCK: Duration = Duration::from_secs(3);
        while self.begun.try_recv().is_ok() {}
        for _ in 0..calls {
            if timeout(STUCK, self.begun.recv()).await.is_err() {
                return;
            }
        }
    }
}

async fn work(program: u32, base: String, token: String, pace: Pace, begun: UnboundedSender<()>) {
    let mut headers = vec![format!("Authorization: Bearer {token}")];
    headers.extend(pace.deadline_ms.map(|ms| format!("X-Hubkeeper-Deadline-Ms: {ms}")));
    for turn in 0.. {
        let (method, path, body) = call(program, turn);
        let _test_ended = begun.send(());
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        ask(&base, method, path, &headers, &body).await;
        tokio::time::sleep(pace.pause).await;
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
