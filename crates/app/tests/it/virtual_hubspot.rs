//! The client's layers over the simulator, in one process and in virtual time: hours pass in seconds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{AccountSettings, Credential};
use client::body::Body;
use client::cache::CacheSettings;
use client::call::{Answer, Call, CallFailed};
use client::clock::WallClock;
use client::governor::{Ceilings, DailySettings, LaneSettings, QueueSettings};
use client::handling::Handling;
use client::lane::Lane;
use client::stack::{Feature, Stack, StackSettings};
use client::telemetry::Silence;
use client::transport::{Sending, Transport, TransportError, TransportFault};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use hubspot::limits::{AppKind, Plan};
use parking_lot::Mutex;
use serde_json::Value;
use simulator::{Config, Shell, Simulator};
use tokio::time::Instant;

/// A simulated HubSpot and the layers in front of it.
pub(crate) struct Virtual {
    pub(crate) shell: Arc<Shell>,
    pub(crate) stack: Arc<Stack>,
    pub(crate) door: Door,
    authorization: HeaderValue,
    clock: WallClock,
    settings: StackSettings,
}

/// Who calls, and how.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    pub(crate) caller: &'a str,
    pub(crate) handling: Handling,
    pub(crate) patience: Duration,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self { caller: "test", handling: Handling::default(), patience: Duration::from_secs(3600) }
    }
}

/// One request, as it stood at the simulator's door.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) at: Instant,
    pub(crate) target: String,
    /// When and with which status it was answered; 0 where the line broke, nothing where nobody waited for it.
    pub(crate) answered: Option<(Instant, u16)>,
}

/// Every request at the simulator's door, whatever the client believes it sent.
pub(crate) type Door = Arc<Mutex<Vec<Exchange>>>;

struct InProcess {
    shell: Arc<Shell>,
    door: Door,
}

impl InProcess {
    fn note(&self, request: &Request<Body>) -> usize {
        let mut door = self.door.lock();
        door.push(Exchange { at: Instant::now(), target: request.uri().to_string(), answered: None });
        door.len() - 1
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(async move {
            let number = self.note(&request);
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("bodies in tests are whole").to_bytes();
            let answered = self.shell.exchange(Request::from_parts(parts, body)).await;
            let status = answered.as_ref().map_or(0, |response| response.status().as_u16());
            self.door.lock()[number].answered = Some((Instant::now(), status));
            match answered {
                Ok(response) => Ok(response.map(Body::from)),
                Err(fault @ simulator::TransportFault::Reset) => {
                    Err(TransportError::new(TransportFault::Reset, fault))
                }
                Err(fault @ simulator::TransportFault::Truncated { .. }) => {
                    Err(TransportError::new(TransportFault::Truncated, fault))
                }
            }
        })
    }
}

impl Virtual {
    /// Without cache and packing: most laws are about what is sent.
    pub(crate) fn new(config: Config, governed: Feature) -> Self {
        Self::with(config, governed, |_| {})
    }

    pub(crate) fn with(config: Config, governed: Feature, adjust: impl FnOnce(&mut StackSettings)) -> Self {
        let clock = WallClock::from(config.base_time);
        let seed = config.seed;
        let simulator = Simulator::new(config);
        let authorization = HeaderValue::from_str(&format!("Bearer {}", simulator.default_token())).unwrap();
        let shell = Arc::new(Shell::new(simulator));
        let mut settings = StackSettings {
            accounts: AccountSettings {
                plan: Plan::Free,
                kind: AppKind::PrivateApp,
                packs: 0,
                ceilings: Ceilings::default(),
                queue: QueueSettings { waiting_max: 10_000, lanes: LaneSettings::default() },
                daily: DailySettings::default(),
                governed,
            },
            attempt_timeout: Duration::from_secs(60),
            whole_answer_bytes_max: 64 * 1024,
            retries: governed,
            retry_budget: Feature::On,
            breaker: governed,
            adaptive: governed,
            cache: CacheSettings::OFF,
            packing: Feature::Off,
            seed,
        };
        adjust(&mut settings);
        let door = Door::default();
        let transport = Arc::new(InProcess { shell: shell.clone(), door: door.clone() });
        let stack = Arc::new(Stack::new(transport, Arc::new(Silence), clock.clone(), settings));
        Self { shell, stack, door, authorization, clock, settings }
    }

    /// The same portal, called by a new process that has been left nothing yet.
    pub(crate) fn restarted(&self) -> Self {
        let transport = Arc::new(InProcess { shell: self.shell.clone(), door: self.door.clone() });
        let stack = Arc::new(Stack::new(transport, Arc::new(Silence), self.clock.clone(), self.settings));
        Self {
            shell: self.shell.clone(),
            stack,
            door: self.door.clone(),
            authorization: self.authorization.clone(),
            clock: self.clock.clone(),
            settings: self.settings,
        }
    }

    /// One read in a lane.
    pub(crate) async fn read_in(&self, lane: Lane) -> Result<Answer, CallFailed> {
        let handling = Handling { lane, ..Handling::default() };
        let manner = Manner { caller: lane.name(), handling, ..Manner::default() };
        self.call_as(manner, Method::GET, "/crm/v3/objects/contacts?limit=1", "").await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &str) -> Result<Answer, CallFailed> {
        self.call_as(Manner::default(), method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        manner: Manner<'_>,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, CallFailed> {
        let adjust = |call: &mut Call| {
            call.caller = Arc::from(manner.caller);
            call.deadline = Instant::now() + manner.patience;
            call.handling = manner.handling;
        };
        self.call_with(method, path, body, adjust).await
    }

    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: &str,
        adjust: impl FnOnce(&mut Call),
    ) -> Result<Answer, CallFailed> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let target: http::uri::PathAndQuery = path.parse().unwrap();
        let mut call = Call {
            endpoint: hubspot::endpoint::classify(&method, target.path()),
            method,
            target,
            headers,
            credential: Credential::Passthrough,
            caller: Arc::from("test"),
            calls_itself: None,
            deadline: Instant::now() + Duration::from_secs(3600),
            handling: Handling::default(),
        };
        adjust(&mut call);
        self.stack.call(call, Body::from(Bytes::copy_from_slice(body.as_bytes()))).await
    }

    /// The token that the simulator takes.
    pub(crate) fn token(&self) -> String {
        let bearer = self.authorization.to_str().unwrap();
        bearer.strip_prefix("Bearer ").unwrap().to_owned()
    }

    /// The simulator's control API.
    pub(crate) async fn control(&self, method: Method, path: &str, body: &str) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let response: Response<Bytes> =
            self.shell.exchange(request).await.expect("control calls always answer");
        serde_json::from_slice(response.body()).unwrap_or(Value::Null)
    }

    pub(crate) async fn stats(&self) -> Value {
        self.control(Method::GET, "/_sim/stats", "").await
    }
}
