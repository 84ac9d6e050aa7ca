//! Sends what there is to the collector, over our own runtime. Nothing waits for it: what does not arrive is lost, and the
//! log says once that it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::clock::WallClock;
use client::transport::{HttpTransport, Transport};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Limited};

use super::metrics::{self, Span};
use super::queue::Queue;
use super::traces;
use crate::metrics::{Sources, gather};

/// Spans in one request.
const SPANS_AT_ONCE: usize = 512;

/// A collector is near; one that takes longer is in trouble.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much longer the process may live for the last spans.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(2);

/// What a collector says is read as far as this, so that its connection can be used again.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(crate) struct Exporter {
    pub(super) queue: Arc<Queue>,
    pub(super) clock: WallClock,
    pub(super) collector: Collector,
    /// Who tells, encoded.
    pub(super) resource: Vec<u8>,
    pub(super) interval: Duration,
    pub(super) began_ns: u64,
    /// The last request did not arrive.
    pub(super) failing: bool,
}

/// Where it goes.
pub(super) struct Collector {
    pub(super) transport: HttpTransport,
    pub(super) traces: PathAndQuery,
    pub(super) metrics: PathAndQuery,
    pub(super) headers: HeaderMap,
}

impl Exporter {
    pub(crate) fn queue(&self) -> Arc<Queue> {
        self.queue.clone()
    }

    /// Exports for as long as it is polled.
    pub(crate) async fn run(&mut self, sources: &Sources) {
        let mut due = tokio::time::interval(self.interval);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first is due at once, when there is nothing to tell.
        due.tick().await;
        loop {
            tokio::select! {
                _ = due.tick() => {
                    self.export_metrics(sources).await;
                    self.export_spans().await;
                }
                () = self.queue.hurries() => self.export_spans().await,
            }
        }
    }

    /// What is still there when the process goes down.
    pub(crate) async fn finish(&mut self, sources: &Sources) {
        let all = async {
            self.export_spans().await;
            self.export_metrics(sources).await;
        };
        let _late = tokio::time::timeout(PATIENCE_AT_THE_END, all).await;
    }

    async fn export_spans(&mut self) {
        let spans = self.queue.take();
        for some in spans.chunks(SPANS_AT_ONCE) {
            let body = traces::request(&self.resource, some);
            if !self.post(self.collector.traces.clone(), body).await {
                self.queue.lose_spans(some.len());
            }
        }
    }

    async fn export_metrics(&mut self, sources: &Sources) {
        let span = Span { began_ns: self.began_ns, now_ns: now_ns(&self.clock) };
        let body = metrics::request(&self.resource, &gather(sources), span);
        if !self.post(self.collector.metrics.clone(), body).await {
            self.queue.lose_metrics();
        }
    }

    /// Tells whether it arrived.
    async fn post(&mut self, path: PathAndQuery, body: Vec<u8>) -> bool {
        let arrived = match tokio::time::timeout(PATIENCE, self.collector.post(path, body)).await {
            Ok(arrived) => arrived,
            Err(_late) => Err(format!("no answer within {PATIENCE:?}")),
        };
        match &arrived {
            Ok(()) if self.failing => tracing::info!("the collector takes our telemetry again"),
            Err(why) if !self.failing => {
                tracing::warn!(
                    "the collector does not take our telemetry, which is lost until it does: {why}"
                );
            }
            Ok(()) | Err(_) => {}
        }
        self.failing = arrived.is_err();
        arrived.is_ok()
    }
}

impl Collector {
    async fn post(&self, path: PathAndQuery, body: Vec<u8>) -> Result<(), String> {
        let mut request = Request::new(Body::from(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().clone_from(&self.headers);
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        request.headers_mut().insert(header::CONTENT_TYPE, protobuf);
        let response = self.transport.send(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        let _unread = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}

/// Nanoseconds since 1970, as OTLP counts.
pub(super) fn now_ns(clock: &WallClock) -> u64 {
    u64::try_from(clock.now().as_nanosecond()).unwrap_or_default()
}
