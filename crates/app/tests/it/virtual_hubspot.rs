//! The client's layers over the simulator, in one process and in virtual time: hours pass in seconds.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{AccountSettings, Credential};
use client::body::Body;
use client::cache::CacheSettings;
use client::call::{Answer, Call, CallFailed};
use client::clock::WallClock;
use client::governor::{Ceilings, DailySettings, QueueSettings};
use client::handling::Handling;
use client::lane::Lane;
use client::stack::{Feature, Stack, StackSettings};
use client::telemetry::Silence;
use client::transport::{Sending, Transport, TransportError, TransportFault};
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt;
use hubspot::limits::{AppKind, Plan};
use serde_json::Value;
use simulator::{Config, Shell, Simulator};
use tokio::time::Instant;

/// A simulated HubSpot and the layers in front of it.
pub(crate) struct Virtual {
    pub(crate) shell: Arc<Shell>,
    pub(crate) stack: Arc<Stack>,
    authorization: HeaderValue,
}

struct InProcess(Arc<Shell>);

impl Transport for InProcess {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("bodies in tests are whole").to_bytes();
            match self.0.exchange(Request::from_parts(parts, body)).await {
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
    /// Without a cache: most laws are about what is sent.
    pub(crate) fn new(config: Config, governed: Feature) -> Self {
        Self::with_cache(config, governed, CacheSettings::OFF)
    }

    pub(crate) fn with_cache(config: Config, governed: Feature, cache: CacheSettings) -> Self {
        let clock = WallClock::from(config.base_time);
        let seed = config.seed;
        let simulator = Simulator::new(config);
        let authorization = HeaderValue::from_str(&format!("Bearer {}", simulator.default_token())).unwrap();
        let shell = Arc::new(Shell::new(simulator));
        let settings = StackSettings {
            accounts: AccountSettings {
                plan: Plan::Free,
                kind: AppKind::PrivateApp,
                packs: 0,
                ceilings: Ceilings::default(),
                queue: QueueSettings { waiting_max: 10_000 },
                daily: DailySettings::default(),
                governed,
            },
            attempt_timeout: Duration::from_secs(60),
            whole_answer_bytes_max: 64 * 1024,
            retries: governed,
            breaker: governed,
            adaptive: governed,
            cache,
            seed,
        };
        let stack =
            Arc::new(Stack::new(Arc::new(InProcess(shell.clone())), Arc::new(Silence), clock, settings));
        Self { shell, stack, authorization }
    }

    /// One read in a lane.
    pub(crate) async fn read_in(&self, lane: Lane) -> Result<Answer, CallFailed> {
        let handling = Handling { lane, ..Handling::default() };
        self.call_as(lane.name(), handling, Method::GET, "/crm/v3/objects/contacts?limit=1", "").await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: &str) -> Result<Answer, CallFailed> {
        self.call_as("test", Handling::default(), method, path, body).await
    }

    async fn call_as(
        &self,
        caller: &str,
        handling: Handling,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, CallFailed> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, self.authorization.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let target: http::uri::PathAndQuery = path.parse().unwrap();
        let call = Call {
            endpoint: hubspot::endpoint::classify(&method, target.path()),
            method,
            target,
            headers,
            credential: Credential::Passthrough,
            caller: Arc::from(caller),
            deadline: Instant::now() + Duration::from_secs(3600),
            handling,
        };
        self.stack.call(call, Body::from(Bytes::copy_from_slice(body.as_bytes()))).await
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
