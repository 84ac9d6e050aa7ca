//! Prometheus metrics, made from the traffic report when they are asked for: counting costs a request nothing extra.

use gateway::traffic::{ConnectionReport, GroupReport, TrafficReport};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The report in the OpenMetrics text format.
pub(super) fn text(report: TrafficReport) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Report(report)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a String cannot fail");
    text
}

#[derive(Debug)]
struct Report(TrafficReport);

/// Counts of one kind of traffic: name, help, value.
type GroupCounter = (&'static str, &'static str, fn(&GroupReport) -> u64);

const GROUP_COUNTERS: [GroupCounter; 5] = [
    ("hubkeeper_calls", "Calls by programs", |group| group.totals.calls),
    ("hubkeeper_calls_ok", "Calls answered 2xx", |group| group.totals.ok),
    ("hubkeeper_attempts", "Requests sent to HubSpot", |group| group.totals.attempts),
    ("hubkeeper_retries", "Requests sent again", |group| group.totals.retries),
    ("hubkeeper_refused", "Calls refused before they were sent", |group| group.totals.refused_by_us),
];

/// What an account shows at the moment: name, help, value where known.
type ConnectionGauge = (&'static str, &'static str, fn(&ConnectionReport) -> Option<u64>);

const CONNECTION_GAUGES: [ConnectionGauge; 7] = [
    ("hubkeeper_burst_limit", "Calls allowed per rolling window", |c| c.burst_max.map(u64::from)),
    ("hubkeeper_burst_sent_peak", "Most of ours in one window, lately", |c| Some(c.burst_sent_peak.into())),
    ("hubkeeper_burst_outside_peak", "Most of others' in one window, lately", |c| {
        Some(c.burst_outside_peak.into())
    }),
    ("hubkeeper_daily_limit", "Calls allowed per day", |c| c.daily_max),
    ("hubkeeper_daily_used", "Calls spent today, by HubSpot's count", |c| c.daily_used),
    ("hubkeeper_daily_sent", "Calls of ours today", |c| Some(c.daily_sent)),
    ("hubkeeper_waiting", "Calls waiting for a slot", |c| Some(c.waiting as u64)),
];

impl Collector for Report {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, help, value) in GROUP_COUNTERS {
            let mut family = encoder.encode_descriptor(
                name,
                help,
                None,
                prometheus_client::metrics::MetricType::Counter,
            )?;
            for group in &self.0.groups {
                ConstCounter::new(value(group)).encode(family.encode_family(&labels(group))?)?;
            }
        }
        let help = "Answers that were errors, and broken connections";
        let mut family = encoder.encode_descriptor(
            "hubkeeper_errors",
            help,
            None,
            prometheus_client::metrics::MetricType::Counter,
        )?;
        for group in &self.0.groups {
            let answers =
                group.errors.iter().map(|error| (error.kind.name(), error.status.to_string(), error.total));
            let broken = group.transport.iter().map(|broken| (broken.kind, "none".to_owned(), broken.total));
            // Errors that differ only in route or code share a series.
            let mut series = std::collections::BTreeMap::new();
            for (kind, status, total) in answers.chain(broken) {
                *series.entry((kind, status)).or_insert(0) += total;
            }
            for ((kind, status), total) in series {
                let own = [("kind", kind), ("status", &*status)];
                let labels: Vec<_> = labels(group).into_iter().chain(own).collect();
                ConstCounter::new(total).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, value) in CONNECTION_GAUGES {
            let mut family =
                encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?;
            for connection in &self.0.connections {
                if let Some(value) = value(connection) {
                    let labels = [("connection", &*connection.name)];
                    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
                        .encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

fn labels(group: &GroupReport) -> Vec<(&'static str, &str)> {
    vec![
        ("connection", &*group.connection),
        ("caller", &*group.caller),
        ("family", group.family),
        ("method", group.method),
        ("version", group.version.as_deref().unwrap_or("none")),
    ]
}
