//! The OpenMetrics text format, which Prometheus reads.

use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit as WrittenUnit};

use super::{Kind, Metric, Reading, Unit, Value};

/// The type of the answer.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn text(readings: Vec<Reading>) -> String {
    let mut by_metric: BTreeMap<Metric, Vec<Reading>> = BTreeMap::new();
    for reading in readings {
        by_metric.entry(reading.metric).or_default().push(reading);
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Readings(by_metric)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("writing to a String cannot fail");
    text
}

#[derive(Debug)]
struct Readings(BTreeMap<Metric, Vec<Reading>>);

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (metric, readings) in &self.0 {
            let about = metric.about();
            let (kind, unit) = (written_kind(about.kind), written_unit(about.unit));
            // The encoder puts the unit last itself.
            let end = unit.as_ref().map(|unit| format!("_{}", unit.as_str())).unwrap_or_default();
            let name = about.name.strip_suffix(&*end).unwrap_or(about.name);
            let family = encoder.encode_descriptor(name, about.help, unit.as_ref(), kind)?;
            write(family, about.labels, readings)?;
        }
        Ok(())
    }
}

fn write(mut family: MetricEncoder<'_>, names: &[&str], readings: &[Reading]) -> Result<(), std::fmt::Error> {
    for reading in readings {
        let labels: Vec<_> = names.iter().copied().zip(reading.labels.iter().map(String::as_str)).collect();
        if labels.is_empty() {
            write_value(&mut family, &reading.value)?;
        } else {
            write_value(&mut family.encode_family(&labels)?, &reading.value)?;
        }
    }
    Ok(())
}

fn write_value(encoder: &mut MetricEncoder<'_>, value: &Value) -> Result<(), std::fmt::Error> {
    match value {
        Value::Count(count) => encoder.encode_counter::<NoLabelSet, u64, f64>(count, None),
        Value::Level(level) => encoder.encode_gauge(level),
        Value::Spread(spread) => {
            encoder.encode_histogram::<NoLabelSet>(spread.sum, spread.count, &spread.buckets, None)
        }
    }
}

fn written_kind(kind: Kind) -> MetricType {
    match kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    }
}

fn written_unit(unit: Unit) -> Option<WrittenUnit> {
    match unit {
        Unit::None => None,
        Unit::Seconds => Some(WrittenUnit::Seconds),
        Unit::Bytes => Some(WrittenUnit::Bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gateway::traffic::Tally;

    use super::*;

    fn reading(metric: Metric, labels: &[&str], value: Value) -> Reading {
        Reading { metric, labels: labels.iter().map(|label| (*label).to_owned()).collect(), value }
    }

    #[test]
    fn each_kind_is_written_as_it_should_be() {
        let mut took = Tally::default().took;
        took.note(Duration::from_millis(3));
        let readings = vec![
            reading(Metric::RetryBudgetLeft, &[], Value::Level(9.5)),
            reading(Metric::Retries, &["a \"quoted\" \\ name\n", "-", "objects"], Value::Count(7)),
            reading(Metric::HubspotSeconds, &["default", "objects"], Value::from(&took)),
            reading(Metric::ProcessMemory, &[], Value::Level(8e6)),
        ];
        let text = text(readings);
        let short: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("# HELP"))
            .filter(|line| {
                !line.contains("_bucket")
                    || line.contains("0.002")
                    || line.contains("0.004")
                    || line.contains("Inf")
            })
            .collect();
        insta::assert_snapshot!(short.join("\n"), @r#"
        # TYPE hubkeeper_retries counter
        hubkeeper_retries_total{connection="a \"quoted\" \\ name\n",caller="-",family="objects"} 7
        # TYPE hubkeeper_retry_budget_left gauge
        hubkeeper_retry_budget_left 9.5
        # TYPE hubkeeper_hubspot_seconds histogram
        # UNIT hubkeeper_hubspot_seconds seconds
        hubkeeper_hubspot_seconds_sum{connection="default",family="objects"} 0.003
        hubkeeper_hubspot_seconds_count{connection="default",family="objects"} 1
        hubkeeper_hubspot_seconds_bucket{le="0.002",connection="default",family="objects"} 0
        hubkeeper_hubspot_seconds_bucket{le="0.004",connection="default",family="objects"} 1
        hubkeeper_hubspot_seconds_bucket{le="+Inf",connection="default",family="objects"} 1
        # TYPE process_resident_memory_bytes gauge
        # UNIT process_resident_memory_bytes bytes
        process_resident_memory_bytes 8000000.0
        # EOF
        "#);
    }
}
