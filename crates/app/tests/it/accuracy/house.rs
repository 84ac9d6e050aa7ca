//! One case: a simulated HubSpot, the gateway's layers and memory in front of it, programs, installs whose tokens are
//! refreshed, a webhook receiver, and our own parts. All in one process and in virtual time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{AccountSettings, Credential};
use client::body::Body;
use client::cache::CacheSettings;
use client::call::Call;
use client::clock::WallClock;
use client::governor::{Ceilings, DailySettings, LaneSettings, QueueSettings};
use client::handling::Handling;
use client::lane::Lane;
use client::stack::{Feature, Stack, StackSettings};
use gateway::traffic::Traffic;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use hubspot::limits::{AppKind, Plan as HubspotPlan};
use incident::facts::grants::Refusal;
use jiff::SignedDuration;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use simulator::config::{Latency, LimitOverrides, Plan as SimPlan};
use simulator::registry::{OAUTH_APP_ID, PRIVATE_APP_ID};
use simulator::{Config, Shell, Simulator};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::own::{Own, PUBLIC_URL, SecretsMood, Shared};
use super::plan::{Plan, Random};
use super::receiver::{Receiving, commit};
use super::wire::{Ears, Line};
use super::work::{Ask, Mix};

/// Every so often something of ours beats, commits, and looks things up.
const BEAT: Duration = Duration::from_secs(10);

pub(super) struct House {
    pub(super) shell: Arc<Shell>,
    pub(super) stack: Arc<Stack>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) clock: WallClock,
    pub(super) own: Shared,
    pub(super) plan: Plan,
    pub(super) portal: u64,
    /// Of the default account.
    pub(super) token: Arc<Mutex<String>>,
    pub(super) installs: Vec<Arc<Install>>,
    pub(super) mix: Arc<Mutex<Mix>>,
    pub(super) ids: Arc<[String]>,
    pub(super) random: Random,
    seed: u64,
    running: JoinSet<()>,
}

/// One customer of our OAuth app.
pub(super) struct Install {
    pub(super) name: String,
    pub(super) portal: u64,
    pub(super) token: Mutex<String>,
    /// Of an app that has nothing to do with us: people who work there change records as well.
    people: String,
    refresh_token: String,
    client: Mutex<(String, String)>,
}

impl House {
    pub(super) async fn build(seed: u64, plan: Plan) -> Self {
        let config = Config {
            seed,
            contacts: 30,
            plan: SimPlan::Professional,
            latency: Latency(20..=90),
            limits: LimitOverrides { daily: plan.daily, ..LimitOverrides::default() },
            ..Config::default()
        };
        let portal = config.portal_id;
        let clock = WallClock::from(config.base_time);
        let simulator = Simulator::new(config);
        let token = simulator.default_token();
        let own: Shared = Arc::new(Mutex::new(Own::new(simulator.client_secret(), clock.now())));
        let shell = Arc::new(Shell::new(simulator));
        let traffic = Arc::new(Traffic::new(clock.clone()));
        let line = Line { shell: shell.clone(), own: own.clone(), used: Mutex::new(None) };
        let ears = Ears { traffic: traffic.clone(), own: own.clone(), clock: clock.clone() };
        let stack =
            Arc::new(Stack::new(Arc::new(line), Arc::new(ears), clock.clone(), settings(&plan, seed)));
        let mut house = Self {
            shell,
            stack,
            traffic,
            clock,
            own,
            portal,
            token: Arc::new(Mutex::new(token)),
            installs: Vec::new(),
            mix: Arc::new(Mutex::new(plan.mix.clone())),
            ids: Vec::new().into(),
            random: Random::seed_from_u64(seed ^ 0x5eed),
            seed,
            running: JoinSet::new(),
            plan,
        };
        house.move_in().await;
        house
    }

    async fn move_in(&mut self) {
        let page = self.ask(Method::GET, "/crm/v3/objects/contacts?limit=30", "").await;
        let results = page["results"].as_array().expect("contacts were seeded");
        self.ids = results.iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect();
        for number in 0..self.plan.installs {
            let region = self.plan.regions[number % self.plan.regions.len()];
            let install = self.register(number, region).await;
            self.installs.push(Arc::new(install));
        }
        if self.plan.webhooks {
            let events =
                ["contact.creation", "contact.propertyChange:phone", "contact.propertyChange:firstname"];
            let target = json!({"url": PUBLIC_URL, "app_id": PRIVATE_APP_ID, "events": events});
            self.control(Method::POST, "/_sim/webhooks/target", &target).await;
        }
        self.set_out();
    }

    async fn register(&self, number: usize, region: &str) -> Install {
        let portal = 50_000 + number as u64;
        let asked = json!({
            "app_id": OAUTH_APP_ID, "portal_id": portal, "kind": "public-oauth", "hosting": region,
            "expires_in": self.plan.token_s, "plan": "professional",
        });
        let made = self.control(Method::POST, "/_sim/tokens", &asked).await;
        let people = json!({"app_id": 77, "portal_id": portal});
        let people = self.control(Method::POST, "/_sim/tokens", &people).await;
        self.control(Method::POST, "/_sim/seed", &json!({"contacts": 5, "portal": portal})).await;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let name = format!("customer-{number}");
        let expires = self.clock.now() + SignedDuration::from_secs(i64::from(self.plan.token_s));
        let mut own = self.own.lock();
        own.grants.refreshed(&name, Some(portal), expires, self.clock.now());
        own.inbox.introduce(&name, Some(portal));
        Install {
            name,
            portal,
            token: Mutex::new(text("token")),
            people: people["token"].as_str().unwrap_or_default().to_owned(),
            refresh_token: text("refresh_token"),
            client: Mutex::new((text("client_id"), text("client_secret"))),
        }
    }

    /// Everything that goes on by itself.
    fn set_out(&mut self) {
        let callers = ["crm-sync", "lead-form", "reports"];
        for (number, caller) in callers.into_iter().enumerate() {
            let token = self.token.clone();
            let rate = self.plan.per_second / callers.len() as f64;
            self.program(caller, rate, self.mix.clone(), move || token.lock().clone(), number as u64);
        }
        for (number, install) in self.installs.clone().into_iter().enumerate() {
            let holder = install.clone();
            let mix = Arc::new(Mutex::new(Mix(vec![(3, Ask::List), (1, Ask::Create), (1, Ask::Owners)])));
            self.program("app", 0.4, mix, move || holder.token.lock().clone(), 10 + number as u64);
            let (shell, people, seed) =
                (self.shell.clone(), install.people.clone(), self.seed + number as u64);
            self.running.spawn(work_there(shell, people, seed));
            let refresher = Refresher { install, ..self.refresher() };
            self.running.spawn(refresher.run());
        }
        if self.plan.webhooks {
            let mut portals = vec![(self.portal, "default".to_owned())];
            portals.extend(self.installs.iter().map(|it| (it.portal, it.name.clone())));
            let receiving = Receiving {
                shell: self.shell.clone(),
                own: self.own.clone(),
                clock: self.clock.clone(),
                portals: Arc::new(portals),
                seen: Arc::default(),
            };
            self.running.spawn(receiving.run());
        }
        let (own, clock, shell) = (self.own.clone(), self.clock.clone(), self.shell.clone());
        self.running.spawn(beat(own, clock, shell));
    }

    /// A program that calls at its own pace, give or take a half.
    pub(super) fn program(
        &mut self,
        caller: &'static str,
        per_second: f64,
        mix: Arc<Mutex<Mix>>,
        token: impl Fn() -> String + Send + 'static,
        number: u64,
    ) {
        let (stack, ids, patience) = (self.stack.clone(), self.ids.clone(), self.plan.patience);
        let mut random = Random::seed_from_u64(self.seed * 1_000 + number);
        let noise = self.plan.noise;
        self.running.spawn(async move {
            let mut calls = JoinSet::new();
            let mut made = number * 1_000_000;
            loop {
                let wait = random.random_range(0.5..1.5) / per_second;
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
                made += 1;
                let drawn = mix.lock().draw(&mut random);
                let ask = if random.random_bool(noise) { Ask::Missing } else { drawn };
                let request = ask.request(made, &ids, &mut random);
                calls.spawn(call(stack.clone(), caller, token(), request, patience));
                while calls.try_join_next().is_some() {}
            }
        });
    }

    pub(super) async fn passes(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    /// A fault of the simulator; its id.
    pub(super) async fn fault(&self, fault: Value) -> u64 {
        let made = self.control(Method::POST, "/_sim/faults", &fault).await;
        made["id"].as_u64().unwrap_or_else(|| panic!("{fault}: {made}"))
    }

    pub(super) async fn control(&self, method: Method, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        exchange(&self.shell, method, path, None, &body).await
    }

    /// A call of the default account past the gateway.
    pub(super) async fn ask(&self, method: Method, path: &str, body: &str) -> Value {
        let token = self.token.lock().clone();
        exchange(&self.shell, method, path, Some(&token), body).await
    }

    fn refresher(&self) -> Refresher {
        Refresher {
            shell: self.shell.clone(),
            own: self.own.clone(),
            clock: self.clock.clone(),
            lives: Duration::from_secs(u64::from(self.plan.token_s)),
            install: Arc::new(Install {
                name: String::new(),
                portal: 0,
                token: Mutex::default(),
                people: String::new(),
                refresh_token: String::new(),
                client: Mutex::default(),
            }),
        }
    }
}

impl Install {
    /// A mistyped secret.
    pub(super) fn spoil_secret(&self) {
        self.client.lock().1 = "11111111-1111-4111-8111-111111111111".into();
    }

    /// Another app's id, beside this one's secret.
    pub(super) fn spoil_id(&self) {
        self.client.lock().0 = "00000000-0000-4000-8000-000000000000".into();
    }
}

/// Refreshes one install's token ahead of its end, and again soon where that fails.
struct Refresher {
    shell: Arc<Shell>,
    own: Shared,
    clock: WallClock,
    lives: Duration,
    install: Arc<Install>,
}

impl Refresher {
    async fn run(self) {
        let mut wait = self.lives.mul_f64(0.7);
        loop {
            tokio::time::sleep(wait).await;
            let refreshed = self.refresh().await;
            wait = if refreshed { self.lives.mul_f64(0.7) } else { Duration::from_secs(15) };
        }
    }

    async fn refresh(&self) -> bool {
        let (name, portal) = (self.install.name.as_str(), Some(self.install.portal));
        if self.own.lock().secrets == SecretsMood::Unreachable {
            self.own.lock().refused(name, portal, Refusal::NoSecret, self.clock.now());
            return false;
        }
        let (id, secret) = self.install.client.lock().clone();
        let refresh_token = &self.install.refresh_token;
        let body = format!(
            "grant_type=refresh_token&client_id={id}&client_secret={secret}&refresh_token={refresh_token}"
        );
        let answer = exchange(&self.shell, Method::POST, "/oauth/v3/token", None, &body).await;
        let (now, mut own) = (self.clock.now(), self.own.lock());
        if let Some(token) = answer["access_token"].as_str() {
            *self.install.token.lock() = token.to_owned();
            let expires = now + SignedDuration::try_from(self.lives).expect("minutes");
            own.grants.refreshed(name, portal, expires, now);
            return true;
        }
        let refusal = match answer["status"].as_str() {
            Some("BAD_REFRESH_TOKEN") => Refusal::RefreshToken,
            Some("BAD_CLIENT_ID" | "BAD_CLIENT_SECRET") => Refusal::Client,
            _ => Refusal::NotServed,
        };
        own.refused(name, portal, refusal, now);
        false
    }
}

/// A customer's own people, who create records without us.
async fn work_there(shell: Arc<Shell>, token: String, seed: u64) {
    let mut random = Random::seed_from_u64(seed);
    for number in 0.. {
        tokio::time::sleep(Duration::from_secs_f64(random.random_range(3.0..9.0))).await;
        let body = format!(r#"{{"properties":{{"email":"p{number}@customer.example"}}}}"#);
        exchange(&shell, Method::POST, "/crm/v3/objects/contacts", Some(&token), &body).await;
    }
}

/// Our own parts at work: the beat, a commit, look-ups, a look at the secrets.
async fn beat(own: Shared, clock: WallClock, _shell: Arc<Shell>) {
    loop {
        tokio::time::sleep(BEAT).await;
        let committing = (own.clone(), clock.clone());
        tokio::spawn(async move { commit(&committing.0, &committing.1).await });
        let (now, mut own) = (clock.now(), own.lock());
        if !own.deaf {
            own.last_beat_at = Some(now);
            own.last_signal_at = Some(now);
        }
        for look_up in 0..10 {
            match (own.cache_lost, look_up % 4) {
                (true, _) => own.look_ups.unreachable(now),
                (false, 0) => own.look_ups.missed(now),
                (false, _) => own.look_ups.hit(now),
            }
        }
        match own.secrets {
            SecretsMood::Well => own.reads.read(false, now),
            SecretsMood::Newer => own.reads.read(true, now),
            SecretsMood::Unreachable => own.reads.failed(now),
        }
    }
}

async fn call(
    stack: Arc<Stack>,
    caller: &'static str,
    token: String,
    (method, path, body): super::work::Request,
    patience: Duration,
) {
    let mut headers = HeaderMap::new();
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token");
    headers.insert(header::AUTHORIZATION, bearer);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let target: http::uri::PathAndQuery = path.parse().expect("a path");
    let call = Call {
        endpoint: hubspot::endpoint::classify(&method, target.path()),
        method,
        target,
        headers,
        credential: Credential::Passthrough,
        caller: Arc::from(caller),
        calls_itself: None,
        deadline: Instant::now() + patience,
        handling: Handling { lane: Lane::Sync, packing: Feature::Off, ..Handling::default() },
    };
    let _whatever_comes = stack.call(call, Body::from(Bytes::from(body))).await;
}

pub(super) async fn exchange(
    shell: &Shell,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Value {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Bytes::copy_from_slice(body.as_bytes())).expect("a request");
    match shell.exchange(request).await {
        Ok(response) => serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        Err(_broken) => Value::Null,
    }
}

fn settings(plan: &Plan, seed: u64) -> StackSettings {
    let governed = if plan.governed { Feature::On } else { Feature::Off };
    StackSettings {
        accounts: AccountSettings {
            plan: HubspotPlan::Professional,
            kind: AppKind::PrivateApp,
            packs: 0,
            ceilings: Ceilings::default(),
            queue: QueueSettings { waiting_max: 10_000, lanes: LaneSettings::default() },
            daily: DailySettings::default(),
            governed,
        },
        attempt_timeout: Duration::from_secs(10),
        whole_answer_bytes_max: 64 * 1024,
        retries: Feature::On,
        retry_budget: if plan.retry_budget { Feature::On } else { Feature::Off },
        breaker: governed,
        adaptive: governed,
        cache: CacheSettings::OFF,
        packing: Feature::Off,
        seed,
    }
}
