//! OpenTelemetry: traces of calls and all metrics, to a collector that speaks OTLP over HTTP.
//!
//! ```text
//! tracing spans ─▶ collect ─▶ sampling ─▶ queue ─▶ export ─▶ collector /v1/traces
//!                                    metrics::gather ─▶ export ─▶ collector /v1/metrics
//! ```
//! Ours, because opentelemetry's own exporter brings twenty packages and a thread, and this process has one. Everything is
//! bounded, and a call never waits for any of it.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use client::transport::{HttpTransport, TransportSettings};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use rustls::ClientConfig;

use crate::config::OtelSection;
use crate::failure::Failure;

mod collect;
mod export;
mod metrics;
mod protobuf;
mod queue;
mod sampling;
mod traces;

pub(crate) use collect::SpanCollector;
pub(crate) use export::Exporter;
pub(crate) use queue::Queue;

use export::{Collector, now_ns};
use protobuf::Message;
use traces::{Attribute, attribute};

/// What listens and what exports; nothing where no endpoint is configured. Where no share of traces is wanted nothing listens:
/// calls are not traced at all, and cost what they cost without a collector.
///
/// # Errors
/// A usage failure when the endpoint cannot be called or a header cannot be sent.
pub(crate) fn open(
    section: &OtelSection,
    tls: ClientConfig,
    clock: &WallClock,
    seed: u64,
) -> Result<Option<(Option<SpanCollector>, Exporter)>, Failure> {
    let Some(endpoint) = &section.endpoint else { return Ok(None) };
    let endpoint: Uri = endpoint.parse().map_err(Failure::usage)?;
    let settings = TransportSettings { idle_connections_max: 1, ..TransportSettings::default() };
    let transport = HttpTransport::new(&endpoint, tls, settings).map_err(Failure::usage)?;
    let queue = Arc::new(Queue::default());
    let exporter = Exporter {
        queue: queue.clone(),
        clock: clock.clone(),
        collector: Collector {
            transport,
            traces: path(&endpoint, "v1/traces")?,
            metrics: path(&endpoint, "v1/metrics")?,
            headers: headers(section)?,
        },
        resource: resource(&section.service_name, seed),
        interval: Duration::from_millis(section.interval_ms),
        began_ns: now_ns(clock),
        failing: false,
    };
    let ratio = section.sample_ratio;
    let collector = (ratio > 0.0).then(|| SpanCollector::new(queue, clock.clone(), seed, ratio));
    Ok(Some((collector, exporter)))
}

fn path(endpoint: &Uri, end: &str) -> Result<PathAndQuery, Failure> {
    format!("{}/{end}", endpoint.path().trim_end_matches('/')).parse().map_err(Failure::usage)
}

fn headers(section: &OtelSection) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let agent = concat!("hubkeeper/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (name, reference) in &section.headers {
        let refused =
            || Failure::usage(format!("otel.headers names `{name}`, which cannot be sent as a header"));
        let name: HeaderName = name.parse().map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(reference.resolve_text()?.expose()).map_err(|_| refused())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Who tells: the service, and which of its instances.
fn resource(service_name: &str, seed: u64) -> Vec<u8> {
    let mut resource = Message::default();
    let instance = format!("{seed:016x}");
    for (name, value) in [
        ("service.name", service_name),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", &*instance),
    ] {
        resource.message(1, |pair| attribute(pair, name, &Attribute::Text(value.to_owned())));
    }
    resource.into_bytes()
}
