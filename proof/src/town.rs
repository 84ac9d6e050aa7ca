//! A simulated HubSpot, a subscriber, and the hubkeeper between them, each a process or a thread with a history of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Rig;
use crate::check::{Verdict, check};
use crate::histories::{Histories, Pen, Receipt};
use crate::http::{Client, Message, serve};
use crate::load::{Hook, Settings};
use crate::process::{Program, Start};
use crate::scratch::Places;

/// Contacts that writes are about.
const RECORDS: usize = 40;

/// Long enough for everything that was accepted to arrive.
const DRAIN_MAX: Duration = Duration::from_secs(1_200);
/// Nothing new for this long: no more will come.
const QUIET: Duration = Duration::from_secs(4);
/// Writes that hubkeeper is asked about while their number still falls.
const ASKED_MAX: usize = 300;
/// That many times in a row without getting on: it never will.
const QUIET_TIMES: u32 = 5;

const SUBSCRIBER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PUBLIC: &str = "https://hooks.example.com";
const TARGET: &str = "/webhooks/hubspot";

pub(crate) struct Town {
    pub(crate) sim: Program,
    /// Where histories are kept: another file system than hubkeeper's.
    pub(crate) histories: PathBuf,
    pub(crate) gateway: SocketAddr,
    up: Start,
    pub(crate) load: Settings,
}

/// What a town is made of.
pub(crate) struct Plan<'a> {
    /// The real binary.
    pub(crate) binary: &'a Path,
    pub(crate) seed: u64,
    /// hubkeeper's own directory.
    pub(crate) data: &'a Path,
    pub(crate) histories: &'a Path,
    /// More of hubkeeper's configuration.
    pub(crate) configuration: &'a str,
    /// More of the subscriber's.
    pub(crate) subscriber: &'a str,
    pub(crate) public_url: &'a str,
    pub(crate) writes_per_s: u64,
    /// So many of them are answered when they have been made, and not kept for later.
    pub(crate) at_once: f64,
    pub(crate) events_per_s: u64,
    pub(crate) events_of_delivery_max: u64,
}

impl<'a> Plan<'a> {
    /// Nothing happens by itself.
    pub(crate) fn quiet(rig: &Rig, binary: &'a Path, places: &'a Places) -> Self {
        Self {
            binary,
            seed: rig.seed,
            data: &places.data,
            histories: &places.histories,
            configuration: "",
            subscriber: "",
            public_url: PUBLIC,
            writes_per_s: 0,
            at_once: 0.0,
            events_per_s: 0,
            events_of_delivery_max: 1,
        }
    }
}

impl Town {
    pub(crate) fn found(plan: &Plan<'_>) -> io::Result<Self> {
        std::fs::create_dir_all(plan.data)?;
        std::fs::create_dir_all(plan.histories)?;
        let histories = plan.histories.to_owned();
        let seed = plan.seed.to_string();
        let history = histories.join("hubspot.jsonl");
        let sim = Start::new(
            plan.binary,
            &histories.join("sim.log"),
            &[
                "sim",
                "--listen",
                "127.0.0.1:0",
                "--latency-ms",
                "1..8",
                "--seed",
                &seed,
                "--burst",
                "1000000",
                "--daily",
                "1000000000",
                "--history",
                &history.display().to_string(),
            ],
        )
        .ready()?;
        let heard = Arc::new(Pen::new(&histories.join("heard.jsonl"))?);
        let subscriber = serve(move |request| hear(&heard, request))?;
        let gateway = free_address()?;
        let up = up(plan, &sim, gateway, subscriber)?;
        let records = contacts(&sim)?;
        let hook = Hook {
            secret: sim.text("client_secret").to_owned(),
            signed_url: format!("{}{TARGET}", plan.public_url),
            target: TARGET.to_owned(),
            portal_id: 24_601_842,
        };
        let load = Settings {
            seed: plan.seed,
            gateway,
            token: sim.text("token").to_owned(),
            hook,
            records,
            writes_per_s: plan.writes_per_s,
            at_once: plan.at_once,
            events_per_s: plan.events_per_s,
            events_of_delivery_max: plan.events_of_delivery_max,
            receipts: Arc::new(Pen::new(&histories.join("receipts.jsonl"))?),
        };
        Ok(Self { sim, histories, gateway, up, load })
    }

    /// How hubkeeper is started here.
    pub(crate) fn up(&self) -> Start {
        self.up.clone()
    }

    /// A control call to the simulator.
    pub(crate) fn control(&self, method: &str, target: &str, body: &Value) -> io::Result<Message> {
        Client::new(self.sim.address("sim")).ask(method, target, &[], body.to_string().as_bytes())
    }

    /// Waits until nothing more comes, asks hubkeeper about whatever looks wrong, and judges.
    pub(crate) fn judge(&self) -> io::Result<Verdict> {
        self.judge_asking(|_| None)
    }

    /// The same, and hubkeeper is asked about every create as well: what took effect once may still be given up.
    pub(crate) fn judge_creates(&self) -> io::Result<Verdict> {
        self.judge_asking(|receipt| match receipt {
            Receipt::Write { key, record: None, .. } => Some(key),
            Receipt::Write { record: Some(_), .. } | Receipt::Event { .. } | Receipt::Declared { .. } => None,
        })
    }

    fn judge_asking(&self, also: impl Fn(&Receipt) -> Option<&String>) -> io::Result<Verdict> {
        let until = Instant::now() + DRAIN_MAX;
        let (mut last, mut unchanged) = (usize::MAX, 0);
        loop {
            self.wait_for_quiet(until);
            let mut histories = self.read()?;
            let found = check(&histories);
            let suspicious: Vec<&String> = found.lost_writes.iter().chain(&found.twice_undeclared).collect();
            // With so many on their way, asking would only keep hubkeeper from its work.
            if suspicious.len() > ASKED_MAX && suspicious.len() != last && Instant::now() < until {
                last = suspicious.len();
                continue;
            }
            let others = histories.receipts.iter().filter_map(&also);
            let asked: BTreeSet<&String> = suspicious.into_iter().chain(others).collect();
            let (declared, unsettled) = self.declarations(&asked)?;
            histories.receipts.extend(declared);
            let found = check(&histories);
            let open = found.lost() + unsettled;
            unchanged = if open == last { unchanged + 1 } else { 0 };
            last = open;
            if open == 0 || unchanged == QUIET_TIMES || Instant::now() >= until {
                return Ok(found);
            }
        }
    }

    pub(crate) fn read(&self) -> io::Result<Histories> {
        let file = |name: &str| self.histories.join(name);
        Histories::read(&file("receipts.jsonl"), &file("hubspot.jsonl"), &file("heard.jsonl"))
    }

    fn wait_for_quiet(&self, until: Instant) {
        let size = |name: &str| std::fs::metadata(self.histories.join(name)).map_or(0, |found| found.len());
        let sizes = || (size("hubspot.jsonl"), size("heard.jsonl"));
        let (mut last, mut since) = (sizes(), Instant::now());
        while since.elapsed() < QUIET && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(100));
            let now = sizes();
            if now != last {
                (last, since) = (now, Instant::now());
            }
        }
    }

    /// What hubkeeper says of these writes, and how many it is not done with.
    fn declarations(&self, keys: &BTreeSet<&String>) -> io::Result<(Vec<Receipt>, usize)> {
        if keys.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let text = std::fs::read_to_string(self.histories.join("receipts.jsonl"))?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let places: BTreeMap<String, String> = lines
            .filter_map(|line| {
                Some((line["key"].as_str()?.to_owned(), line["operation"].as_str()?.to_owned()))
            })
            .collect();
        let authorization = format!("Bearer {}", self.load.token);
        let mut client = Client::new(self.gateway);
        let (mut declared, mut unsettled) = (Vec::new(), 0);
        for key in keys {
            let Some(place) = places.get(*key) else { continue };
            let place = place.find("/operations/").map_or(place.as_str(), |at| &place[at..]);
            let answer = client.ask("GET", place, &[("authorization", &authorization)], b"")?.json();
            let state = answer["state"].as_str().unwrap_or("missing").to_owned();
            unsettled += usize::from(matches!(state.as_str(), "pending" | "sending"));
            let requests = |attempt: &Value| attempt["requests"].as_u64().unwrap_or(1);
            let attempts = answer["attempts"].as_array().map_or(0, |all| all.iter().map(requests).sum());
            let key = (*key).clone();
            declared.push(Receipt::Declared { key, state, attempts });
        }
        Ok((declared, unsettled))
    }
}

fn hear(heard: &Pen, request: &Message) -> u16 {
    let events = request.json();
    let lines: Vec<Value> = events
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| json!({"id": event["eventId"], "object": event["objectId"]}))
        .collect();
    heard.write(&lines);
    200
}

fn up(plan: &Plan<'_>, sim: &Program, gateway: SocketAddr, subscriber: SocketAddr) -> io::Result<Start> {
    let file = plan.histories.join("hubkeeper.toml");
    let text = format!(
        "{}\n[webhooks]\npublic_url = \"{}\"\n\n[[webhooks.subscribers]]\nname = \"proof\"\n\
         url = \"http://{subscriber}/hook\"\nsecret = \"env:PROOF_SUBSCRIBER_SECRET\"\nbatch = 100\nconcurrency = 8\n\
         allow_private = true\n{}",
        plan.configuration, plan.public_url, plan.subscriber
    );
    std::fs::write(&file, text)?;
    let arguments = [
        "up",
        "--config",
        &file.display().to_string(),
        "--listen",
        &gateway.to_string(),
        "--admin-listen",
        "127.0.0.1:0",
        "--upstream",
        sim.text("sim"),
        "--status-page",
        &format!("{}/_status/api/v2/summary.json", sim.text("sim")),
        "--data",
        &plan.data.display().to_string(),
    ];
    let start = Start::new(plan.binary, &plan.histories.join("up.log"), &arguments);
    Ok(start
        .env("HUBSPOT_ACCESS_TOKEN", sim.text("token"))
        .env("HUBSPOT_CLIENT_SECRET", sim.text("client_secret"))
        .env("PROOF_SUBSCRIBER_SECRET", SUBSCRIBER_SECRET)
        .env("HUBKEEPER_LOG", "warn"))
}

/// One that is free now; hubkeeper has to come back to it after each end.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

fn contacts(sim: &Program) -> io::Result<Vec<String>> {
    let authorization = format!("Bearer {}", sim.text("token"));
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let inputs: Vec<Value> =
        (0..RECORDS).map(|number| json!({"properties": {"firstname": number.to_string()}})).collect();
    let body = json!({"inputs": inputs}).to_string();
    let mut client = Client::new(sim.address("sim"));
    let made = client.ask("POST", "/crm/v3/objects/contacts/batch/create", &headers, body.as_bytes())?.json();
    let ids = made["results"].as_array().into_iter().flatten();
    let ids: Vec<String> = ids.filter_map(|record| record["id"].as_str().map(str::to_owned)).collect();
    if ids.len() == RECORDS { Ok(ids) } else { Err(io::Error::other("the simulator made no contacts")) }
}
