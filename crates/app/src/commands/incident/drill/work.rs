//! The drill's own program: calls through the gateway while something is broken, so that a fault shows although nobody else
//! calls, and so that loss can be told from what the simulator has applied, not from what we count.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use incident::code::Code;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::failure::Failure;

mod asks;

use asks::{Ask, Records};

pub(super) use asks::wish;

/// Between two calls: well below any limit, and enough for every rule.
const PAUSE: Duration = Duration::from_millis(200);

/// Calls that wait for their answers at the same time.
const UNDER_WAY_MAX: usize = 20;

/// Records that were there before, and that it reads again and again.
const KNOWN_MAX: usize = 20;

/// Records of its own that it makes before anything is broken.
const OWN: usize = 3;

/// A call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// Writes that were accepted to be applied later have so long once all is well.
const SETTLES_MAX: Duration = Duration::from_secs(60);

const CONTACTS: &str = "/crm/v3/objects/contacts";

type Http = Client<HttpConnector, Full<Bytes>>;

/// What became of its calls.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Done {
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// Writes that were answered as done, or as accepted …
    pub(super) writes_accepted: u64,
    /// … and of those, by the simulator's own log, the ones that were never applied, and those applied more than once.
    pub(super) writes_lost: u64,
    pub(super) writes_twice: u64,
}

pub(super) struct Work {
    line: Line,
    sim: Uri,
    seen: Arc<Mutex<Seen>>,
    working: JoinHandle<()>,
}

#[derive(Clone)]
struct Line {
    http: Http,
    gateway: Uri,
    token: String,
}

#[derive(Default)]
struct Seen {
    done: Done,
    accepted: Vec<String>,
    records: Records,
}

impl Seen {
    fn note(&mut self, answer: Option<(u16, Value)>, written: Option<String>) {
        self.done.calls += 1;
        let whole = |(status, body): &(u16, Value)| {
            // Of a batch, some may have failed in an answer that looks fine.
            (200..400).contains(status) && body["numErrors"].as_u64().unwrap_or(0) == 0
        };
        let Some((status, body)) = answer.filter(whole) else {
            self.done.failed += 1;
            return;
        };
        if let Some(email) = written.filter(|_| status < 300) {
            self.done.writes_accepted += 1;
            self.accepted.push(email);
            let id = body["id"].as_str().filter(|_| self.records.own.len() < OWN).map(str::to_owned);
            self.records.known.extend(id.clone());
            self.records.own.extend(id);
        }
    }
}

impl Work {
    /// Calls until it is asked to end.
    ///
    /// # Errors
    /// Where the gateway does not lead to this simulator: one would be broken and the other watched.
    pub(super) async fn begin(
        gateway: Uri,
        sim: &Uri,
        token: String,
        seed: u64,
        fault: Code,
    ) -> Result<Self, Failure> {
        let http: Http = Client::builder(TokioExecutor::new()).build_http();
        let line = Line { http, gateway, token };
        if !line.leads_to(sim).await {
            let message = format!("the gateway at {} does not lead to the simulator at {sim}", line.gateway);
            return Err(Failure::usage(message).hint(
                "start it with --upstream and the simulator's URL, and name it with --gateway; HUBSPOT_ACCESS_TOKEN is the \
                 simulator's token",
            ));
        }
        let seen: Arc<Mutex<Seen>> = Arc::default();
        line.acquaint(&seen, seed).await;
        let working = tokio::spawn(work(line.clone(), seen.clone(), seed, fault));
        Ok(Self { line, sim: sim.clone(), seen, working })
    }

    /// Ends it, and holds what was accepted against what the simulator has applied.
    pub(super) async fn end(self) -> Done {
        self.working.abort();
        let Seen { mut done, accepted, .. } = std::mem::take(&mut *self.seen.lock());
        let end = Instant::now() + SETTLES_MAX;
        loop {
            let applied = self.line.applied(&self.sim).await;
            let times = |email: &String| applied.iter().filter(|it| *it == email).count();
            done.writes_lost = accepted.iter().filter(|email| times(email) == 0).count() as u64;
            done.writes_twice = accepted.iter().filter(|email| times(email) > 1).count() as u64;
            if done.writes_lost == 0 || Instant::now() >= end {
                return done;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn work(line: Line, seen: Arc<Mutex<Seen>>, seed: u64, fault: Code) {
    let mut under_way = JoinSet::new();
    for number in 0_u64.. {
        let (line, seen) = (line.clone(), seen.clone());
        under_way.spawn(async move { line.one(Ask::at(number, fault), number, seed, &seen).await });
        // Where answers are long in coming, others go on asking, as the programs of a company do.
        while under_way.try_join_next().is_some() {}
        if under_way.len() >= UNDER_WAY_MAX {
            under_way.join_next().await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Line {
    /// What was there before anything is broken: records that are read, so that they are missed, and some of its own.
    async fn acquaint(&self, seen: &Mutex<Seen>, seed: u64) {
        let path = format!("{CONTACTS}?limit={KNOWN_MAX}");
        let (_, list) = self.call(&self.gateway, Method::GET, &path, &Value::Null).await.unwrap_or_default();
        let there = list["results"].as_array().into_iter().flatten();
        let there = there.filter_map(|record| record["id"].as_str().map(str::to_owned));
        seen.lock().records.known.extend(there);
        for number in 0..OWN as u64 {
            self.one(Ask::Create, u64::MAX - number, seed, seen).await;
        }
        let known = seen.lock().records.known.len() as u64;
        for number in 0..known {
            self.one(Ask::Read, number, seed, seen).await;
        }
    }

    /// One call through the gateway.
    async fn one(&self, ask: Ask, number: u64, seed: u64, seen: &Mutex<Seen>) {
        let email = format!("drill-{seed:x}-{number}@drill.example");
        let (method, path, body) = ask.call(number, &email, &seen.lock().records);
        let answer = self.call(&self.gateway, method, &path, &body).await;
        seen.lock().note(answer, ask.creates().then_some(email));
    }

    /// The same account with the same records: whoever answers there is this simulator.
    async fn leads_to(&self, sim: &Uri) -> bool {
        for path in ["/account-info/v3/details", "/crm/v3/objects/contacts?limit=5"] {
            let there = self.call(sim, Method::GET, path, &Value::Null).await;
            let here = self.call(&self.gateway, Method::GET, path, &Value::Null).await;
            let told = |answer: Option<(u16, Value)>| {
                let (status, body) = answer.filter(|(status, _)| *status == 200)?;
                let records = body["results"].as_array().into_iter().flatten();
                let records: Vec<Value> = records.map(|it| json!([it["id"], it["createdAt"]])).collect();
                Some((status, body["portalId"].clone(), records))
            };
            let (there, here) = (told(there), told(here));
            if there.is_none() || there != here {
                return false;
            }
        }
        true
    }

    /// The addresses of the contacts that were created, once for each time.
    async fn applied(&self, sim: &Uri) -> Vec<String> {
        let log = self.call(sim, Method::GET, "/_sim/log", &Value::Null).await;
        let log = log.map(|(_, body)| body).unwrap_or_default();
        let all = log["applied"].as_array().into_iter().flatten();
        let created = all.filter(|it| matches!(it["action"].as_str(), Some("create" | "upsert")));
        created.filter_map(|it| it["properties"]["email"].as_str().map(str::to_owned)).collect()
    }

    async fn call(&self, to: &Uri, method: Method, path: &str, body: &Value) -> Option<(u16, Value)> {
        let uri = format!("{}{path}", to.to_string().trim_end_matches('/'));
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CACHE_CONTROL, "no-store")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(text))
            .ok()?;
        let exchange = async {
            let answer = self.http.request(request).await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.ok()?.to_bytes();
            Some((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::time::timeout(PATIENCE, exchange).await.ok().flatten()
    }
}
