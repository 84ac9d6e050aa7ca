//! A HubSpot, the layers, and programs that keep calling through them at their own pace, whatever comes back.

use std::sync::Arc;
use std::time::Duration;

use client::call::{Answer, CallFailed, Failure, Source};
use client::degraded::Turned;
use client::handling::Handling;
use client::lane::Lane;
use client::stack::{Feature, StackSettings};
use http::Method;
use jiff::Timestamp;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::virtual_hubspot::{Manner, Virtual};

/// A good day's latency.
pub(crate) const LATENCY_MS: u32 = 40;

/// How long a program waits for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a program got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Got {
    Live(u16),
    /// Not from HubSpot, and it says so.
    Kept,
    BreakerOpen,
    /// Another refusal of ours.
    Refused,
    NoAnswer,
}

/// One call of a program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) kind: Kind,
    pub(crate) asked_at: Instant,
    pub(crate) took: Duration,
    pub(crate) got: Got,
}

/// What a program asks; each kind is an API family of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Contact,
    Owners,
    /// One contact by its id, which packs can carry; of the same family as [`Self::Contact`].
    Record,
}

/// One program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    pub(crate) per_second: f64,
    pub(crate) lane: Lane,
}

pub(crate) struct Town {
    pub(crate) hubspot: Arc<Virtual>,
    pub(crate) told: Arc<Mutex<Vec<Told>>>,
    pub(crate) began: Instant,
    base_time: Timestamp,
    seed: u64,
    /// The contacts there are, once somebody has asked.
    ids: Arc<Vec<u64>>,
    running: JoinSet<()>,
}

impl Kind {
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Contact => "/crm/v3/objects/contacts?",
            Self::Owners => "/crm/v3/owners?",
            Self::Record => "/crm/v3/objects/contacts/",
        }
    }

    /// A target that no other call has, so that first tries can be told from retries at the door.
    fn target(self, number: u64, ids: &[u64]) -> String {
        match self {
            Self::Contact | Self::Owners => format!("{}limit=1&n={number}", self.path()),
            Self::Record => format!("{}{}", self.path(), ids[number as usize % ids.len()]),
        }
    }

    /// Packed, many first tries would share one request, and nothing could be counted at the door.
    fn packing(self) -> Feature {
        match self {
            Self::Contact | Self::Owners => Feature::Off,
            Self::Record => Feature::On,
        }
    }
}

impl Program {
    pub(crate) const fn new(kind: Kind, per_second: f64) -> Self {
        Self { kind, per_second, lane: Lane::Interactive }
    }
}

impl Town {
    pub(crate) fn new(seed: u64, adjust: impl FnOnce(&mut StackSettings)) -> Self {
        Self::with(seed, Config::default(), adjust)
    }

    pub(crate) fn with(seed: u64, config: Config, adjust: impl FnOnce(&mut StackSettings)) -> Self {
        let config = Config {
            seed,
            contacts: 100,
            latency: Latency(LATENCY_MS / 2..=LATENCY_MS * 3 / 2),
            limits: LimitOverrides { burst: Some(190), ..config.limits },
            ..config
        };
        Self {
            base_time: config.base_time,
            hubspot: Arc::new(Virtual::with(config, Feature::On, adjust)),
            told: Arc::default(),
            began: Instant::now(),
            seed,
            ids: Arc::default(),
            running: JoinSet::new(),
        }
    }

    /// Asks for the contacts there are.
    pub(crate) async fn learn_ids(&mut self) {
        let answer = self.hubspot.call(Method::GET, "/crm/v3/objects/contacts?limit=100", "").await.unwrap();
        let page: Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap();
        let id = |record: &Value| record["id"].as_str().unwrap().parse().unwrap();
        self.ids = Arc::new(page["results"].as_array().unwrap().iter().map(id).collect());
    }

    /// Programs that call for as long as `lasts`, each at its own rate, give or take a half.
    pub(crate) fn programs(&mut self, programs: &[Program], lasts: Duration) {
        for (number, program) in programs.iter().copied().enumerate() {
            let (hubspot, told, ids) = (self.hubspot.clone(), self.told.clone(), self.ids.clone());
            let mut random = ChaCha8Rng::seed_from_u64(self.seed * 100 + number as u64);
            let ends = Instant::now() + lasts;
            self.running.spawn(async move {
                let mut calls = JoinSet::new();
                let mut made = 1_000_000 * number as u64;
                while Instant::now() < ends {
                    let wait = random.random_range(0.5..1.5) / program.per_second;
                    tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                    made += 1;
                    let target = program.kind.target(made, &ids);
                    calls.spawn(call(hubspot.clone(), told.clone(), program, target));
                    while calls.try_join_next().is_some() {}
                }
                calls.join_all().await;
            });
        }
    }

    /// From now on, and for `lasts`.
    pub(crate) async fn fault(&self, mut fault: Value, lasts: Duration) {
        fault["for_seconds"] = json!(lasts.as_secs_f64());
        let made = self.hubspot.control(Method::POST, "/_sim/faults", &fault.to_string()).await;
        assert!(made["id"].is_u64(), "{made}");
    }

    pub(crate) async fn passes(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    /// Waits until every program has its last answer, and closes the books.
    pub(crate) async fn end(mut self) -> super::books::Books {
        while let Some(ended) = self.running.join_next().await {
            ended.unwrap();
        }
        let stats = self.hubspot.stats().await;
        let exchanges = self.hubspot.door.lock().clone();
        let seen = stats["calls"].as_u64().unwrap();
        // A request that nobody waited for may have ended at the door.
        assert!(seen <= exchanges.len() as u64, "the simulator counts {seen} of {} calls", exchanges.len());
        let told = self.told.lock().clone();
        let changes = self.hubspot.stack.degraded().changes().into_iter();
        let opened = changes
            .filter(|change| change.turned == Turned::On)
            .map(|change| self.began + Duration::try_from(change.at.duration_since(self.base_time)).unwrap());
        let opened = opened.collect();
        super::books::Books { seed: self.seed, exchanges, told, opened, stats }
    }
}

async fn call(hubspot: Arc<Virtual>, told: Arc<Mutex<Vec<Told>>>, program: Program, target: String) {
    let asked_at = Instant::now();
    let handling = Handling { lane: program.lane, packing: program.kind.packing(), ..Handling::default() };
    let manner = Manner { handling, patience: PATIENCE, ..Manner::default() };
    let outcome = hubspot.call_as(manner, Method::GET, &target, "").await;
    let told_now = Told { kind: program.kind, asked_at, took: asked_at.elapsed(), got: got(outcome) };
    told.lock().push(told_now);
}

fn got(outcome: Result<Answer, CallFailed>) -> Got {
    match outcome {
        Ok(answer) => match answer.source {
            Source::Live | Source::Packed => Got::Live(answer.response.status().as_u16()),
            Source::Cache { .. } | Source::Stale { .. } => Got::Kept,
        },
        Err(CallFailed { why: Failure::BreakerOpen { .. }, .. }) => Got::BreakerOpen,
        Err(CallFailed { why, .. }) if why.may_have_been_applied() => Got::NoAnswer,
        Err(_) => Got::Refused,
    }
}
