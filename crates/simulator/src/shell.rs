//! The simulator in time: calls take their latency on the way in and on the way out, and are counted in between.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;
use tokio::sync::Notify;

use crate::arrival::CONNECTION_IDLE_MS;
use crate::call::{Call, Reply};
use crate::clock::Clock;
use crate::config::Latency;
use crate::form;
use crate::history::History;
use crate::outcome::{Outcome, Transport};
use crate::seed::{Purpose, Seed};
use crate::simulator::Simulator;
use crate::webhooks::workflow::{Action, Answer};
use crate::webhooks::{Outgoing, SignedWith, sign};

/// Why an in-process exchange brought no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportFault {
    #[error("the connection was reset before an answer")]
    Reset,
    #[error("the connection closed after {bytes} bytes of the body")]
    Truncated { bytes: usize },
}

/// A line that hangs is cut after this long, so that nothing waits for ever.
pub const HANG_MAX: Duration = Duration::from_secs(600);

/// One simulator, shared by everyone who calls it.
pub struct Shell {
    core: Mutex<Simulator>,
    clock: Clock,
    latency: Latency,
    seed: Seed,
    arrivals: AtomicU64,
    webhooks_changed: Notify,
    history: Mutex<Option<History>>,
}

impl Shell {
    /// Starts the clock at the configuration's base time.
    pub fn new(simulator: Simulator) -> Self {
        Self {
            clock: Clock::starting_at(simulator.config.base_time),
            latency: simulator.config.latency.clone(),
            seed: simulator.seed,
            core: Mutex::new(simulator),
            arrivals: AtomicU64::new(0),
            webhooks_changed: Notify::new(),
            history: Mutex::new(None),
        }
    }

    /// From now on what happens is written down.
    #[must_use]
    pub fn writing(self, history: History) -> Self {
        self.core.lock().webhooks.keep_news();
        *self.history.lock() = Some(history);
        self
    }

    /// `false` when it could not be: who believed the file would believe a lie, so nothing is answered then.
    fn write_down(&self, core: &mut Simulator) -> bool {
        let mut history = self.history.lock();
        let Some(Err(error)) = history.as_mut().map(|history| history.write(core)) else { return true };
        tracing::error!(%error, "what happened cannot be written down; calls are reset");
        false
    }

    /// The core, for looking at it and for control without HTTP.
    pub fn with<T>(&self, look: impl FnOnce(&mut Simulator) -> T) -> T {
        look(&mut self.core.lock())
    }

    /// How the DNS stub answers now.
    pub fn dns_behaviour(&self) -> crate::dns::Behaviour {
        let now = self.clock.now();
        self.core.lock().dns_behaviour(now)
    }

    /// Webhook deliveries that leave now, and how long until the next.
    pub fn webhooks_due(&self) -> (Vec<Outgoing>, Option<Duration>) {
        let mut core = self.core.lock();
        let now = self.clock.now() + core.advanced;
        core.settle(now);
        let outgoing = core.webhooks.due(now);
        let next = core.webhooks.next_due().into_iter().chain(core.webhooks.workflows.next_due()).min();
        let wait = next.map(|due| (due - now).try_into().unwrap_or_default());
        (outgoing, wait)
    }

    /// What workflows send now, and with which headers.
    pub fn workflows_due(&self) -> Vec<(Action, http::HeaderMap)> {
        let mut core = self.core.lock();
        let now = self.clock.now() + core.advanced;
        let due = core.webhooks.workflows.due(now);
        let signed = |action: Action| {
            let (_, secret) = core.registry.client(action.app_id);
            let Action { method, url, body, .. } = &action;
            let headers = sign::workflow_headers(&secret, method.as_str(), url, body, now);
            (action, headers)
        };
        due.into_iter().map(signed).collect()
    }

    pub fn workflow_ended(&self, action: Action, answer: Option<Answer>) {
        let mut core = self.core.lock();
        let now = self.clock.now() + core.advanced;
        core.webhooks.workflows.ended(action, answer, now);
        self.webhooks_changed.notify_one();
    }

    /// Something may be due sooner than it was.
    pub async fn webhooks_changed(&self) {
        self.webhooks_changed.notified().await;
    }

    pub fn webhook_ended(&self, number: u64, status: Option<u16>) {
        let mut core = self.core.lock();
        let now = self.clock.now() + core.advanced;
        core.webhooks.ended(number, status, now);
        self.write_down(&mut core);
        self.webhooks_changed.notify_one();
    }

    /// The headers of a delivery that leaves now.
    pub fn webhook_headers(&self, delivery: &Outgoing) -> http::HeaderMap {
        let core = self.core.lock();
        let now = self.clock.now() + core.advanced;
        let (_, secret) = core.registry.client(delivery.app_id);
        let signed_at = now + crate::fault::network::skew(&core.faults, now);
        let (url, body) = (&delivery.signed_url, &delivery.body);
        match (delivery.forgery, delivery.secret) {
            (Some(forgery), _) => forgery.headers(&secret, url, body, signed_at),
            (None, SignedWith::Secret) => sign::headers(&secret, url, body, signed_at),
            (None, SignedWith::OtherSecret) => sign::headers(&format!("not-{secret}"), url, body, signed_at),
        }
    }

    /// One call and its answer, without sockets: the same as over a new connection.
    ///
    /// # Errors
    /// [`TransportFault`] where a fault breaks the line.
    pub async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportFault> {
        self.exchange_on(request, None).await
    }

    /// The same over a connection that had carried nothing for `idle`.
    ///
    /// # Errors
    /// [`TransportFault`] where a fault breaks the line.
    pub async fn exchange_on(
        &self,
        request: Request<Bytes>,
        idle: Option<Duration>,
    ) -> Result<Response<Bytes>, TransportFault> {
        let Outcome { reply, transport, .. } = self.perform(request, idle).await;
        match transport {
            Transport::Answer => {}
            Transport::SlowBody { over } => tokio::time::sleep(over).await,
            Transport::Reset => return Err(TransportFault::Reset),
            Transport::Hang => {
                tokio::time::sleep(HANG_MAX).await;
                return Err(TransportFault::Reset);
            }
            Transport::Truncate { bytes } if bytes >= reply.body.len() => {}
            Transport::Truncate { bytes } => return Err(TransportFault::Truncated { bytes }),
        }
        Ok(response(reply))
    }

    /// Takes the call in, waits out latency and injected delay, and tells what to send. `idle` is how long the
    /// connection had carried nothing; `None` for a new one.
    pub(crate) async fn perform(&self, request: Request<Bytes>, idle: Option<Duration>) -> Outcome {
        let call = call(request, idle);
        let (before, after) =
            if is_of_hubspot(&call.path) { self.draw_latency() } else { Default::default() };
        wait(before).await;
        let outcome = {
            let mut core = self.core.lock();
            // Read under the lock: calls are counted in the order of their instants.
            let outcome = core.handle(&call, self.clock.now());
            if self.write_down(&mut core) {
                outcome
            } else {
                Outcome { transport: Transport::Reset, ..outcome }
            }
        };
        self.webhooks_changed.notify_one();
        wait(after + outcome.delay).await;
        outcome
    }

    /// The latency of the next call, cut in two at a point that is drawn as well.
    fn draw_latency(&self) -> (Duration, Duration) {
        let (from, to) = (*self.latency.0.start(), *self.latency.0.end());
        if to == 0 {
            return (Duration::ZERO, Duration::ZERO);
        }
        let number = self.arrivals.fetch_add(1, Ordering::Relaxed);
        let spread_ms = f64::from(to - from) * self.seed.share(Purpose::Latency, number);
        let whole = Duration::from_secs_f64((f64::from(from) + spread_ms) / 1000.0);
        let before = whole.mul_f64(self.seed.share(Purpose::LatencySplit, number));
        (before, whole.saturating_sub(before))
    }
}

/// Control calls and the status page answer at once.
fn is_of_hubspot(path: &str) -> bool {
    !path.starts_with("/_sim") && !path.starts_with("/_status")
}

async fn wait(length: Duration) {
    if !length.is_zero() {
        tokio::time::sleep(length).await;
    }
}

fn call(request: Request<Bytes>, idle: Option<Duration>) -> Call {
    let (parts, body) = request.into_parts();
    let mut headers = parts.headers;
    headers.remove(CONNECTION_IDLE_MS);
    if let Some(idle) = idle {
        let ms = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        headers.insert(CONNECTION_IDLE_MS, HeaderValue::from(ms));
    }
    Call {
        method: parts.method,
        path: percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned(),
        query: parts.uri.query().map(form::pairs).unwrap_or_default(),
        headers,
        body,
    }
}

pub(crate) fn response(reply: Reply) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
