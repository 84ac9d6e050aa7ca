//! The layers' way to the simulator, with a network of our own that can break and connections that can idle; and the ears
//! of the traffic memory, which can go deaf.

use std::sync::Arc;
use std::time::Duration;

use client::body::Body;
use client::call::Effort;
use client::telemetry::{AttemptResult, CallResult, Label, Observer, Span};
use client::transport::{Sending, Transport, TransportError, TransportFault};
use gateway::traffic::Traffic;
use http::Request;
use http_body_util::BodyExt;
use parking_lot::Mutex;
use simulator::Shell;
use tokio::time::Instant;

use super::own::{Certificate, Names, ProxyMood, Reach, Shared};

/// Shorter, and a reset is the server's own.
const IDLE_MIN: Duration = Duration::from_secs(1);

pub(super) struct Line {
    pub(super) shell: Arc<Shell>,
    pub(super) own: Shared,
    /// One kept connection, as far as idling is concerned.
    pub(super) used: Mutex<Option<Instant>>,
}

impl Line {
    /// Why no request gets through.
    fn broken(&self) -> Option<(TransportFault, Duration)> {
        let ground = self.own.lock().ground;
        let (soon, late) = (Duration::from_millis(5), Duration::from_secs(3));
        let name = match ground.names {
            Names::Found => None,
            Names::Missing | Names::Failing => Some((TransportFault::Dns, soon)),
            Names::Silent => Some((TransportFault::Dns, late)),
        };
        let reach = match ground.upstream {
            Reach::Open => None,
            Reach::Refused | Reach::Absent => Some((TransportFault::Connect, soon)),
            Reach::Hanging => Some((TransportFault::Connect, late)),
        };
        let certificate = match ground.certificate {
            Certificate::Good => None,
            Certificate::Corporate
            | Certificate::Renewed
            | Certificate::Expired
            | Certificate::OfAnotherHost
            | Certificate::None => Some((TransportFault::Tls, soon)),
        };
        let proxy = match ground.proxy {
            ProxyMood::Refuses(_) => Some((TransportFault::Connect, soon)),
            ProxyMood::Absent => None,
        };
        proxy.or(name).or(reach).or(certificate)
    }
}

impl Transport for Line {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(async move {
            if let Some((fault, after)) = self.broken() {
                tokio::time::sleep(after).await;
                return Err(TransportError::new(fault, "the network of this case is broken"));
            }
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("bodies in tests are whole").to_bytes();
            let idle = self.used.lock().map(|at| at.elapsed());
            let answered = self.shell.exchange_on(Request::from_parts(parts, body), idle).await;
            *self.used.lock() = Some(Instant::now());
            let lag = Duration::from_millis(self.own.lock().process.lag_ms_max);
            tokio::time::sleep(lag).await;
            answered.map(|response| response.map(Body::from)).map_err(|fault| {
                let kind = match fault {
                    simulator::TransportFault::Truncated { .. } => TransportFault::Truncated,
                    simulator::TransportFault::Reset if idle.is_some_and(|idle| idle >= IDLE_MIN) => {
                        *self.used.lock() = None;
                        TransportFault::ResetAfterIdle
                    }
                    simulator::TransportFault::Reset => TransportFault::Reset,
                };
                TransportError::new(kind, fault)
            })
        })
    }
}

pub(super) struct Ears {
    pub(super) traffic: Arc<Traffic>,
    pub(super) own: Shared,
    pub(super) clock: client::clock::WallClock,
}

impl Ears {
    fn hears(&self) -> bool {
        let mut own = self.own.lock();
        if !own.deaf {
            own.last_signal_at = Some(self.clock.now());
        }
        !own.deaf
    }
}

impl Observer for Ears {
    fn attempt(&self, label: &Label<'_>, result: AttemptResult<'_>, span: Span) {
        if self.hears() {
            self.traffic.attempt(label, result, span);
        }
    }

    fn call(&self, label: &Label<'_>, result: CallResult<'_>, effort: Effort, span: Span) {
        if self.hears() {
            self.traffic.call(label, result, effort, span);
        }
    }
}
