//! Readings as OTLP has them: `ExportMetricsServiceRequest` of opentelemetry-proto 1.x. Sums are cumulative, so that a lost
//! export costs nothing but its moment.

use std::collections::BTreeMap;

use super::protobuf::Message;
use super::traces::{Attribute, attribute, scope};
use crate::metrics::{Kind, Metric, Reading, Unit, Value};

/// AGGREGATION_TEMPORALITY_CUMULATIVE.
const CUMULATIVE: u64 = 2;

/// When counting began, and when it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) began_ns: u64,
    pub(super) now_ns: u64,
}

/// The body of a request to `/v1/metrics`; `resource` is who tells.
pub(super) fn request(resource: &[u8], readings: &[Reading], span: Span) -> Vec<u8> {
    let mut by_metric: BTreeMap<Metric, Vec<&Reading>> = BTreeMap::new();
    for reading in readings {
        by_metric.entry(reading.metric).or_default().push(reading);
    }
    let mut request = Message::default();
    request.message(1, |of_resource| {
        of_resource.bytes(1, resource);
        of_resource.message(2, |of_scope| {
            of_scope.message(1, scope);
            for (metric, readings) in &by_metric {
                of_scope.message(2, |message| whole_metric(message, *metric, readings, span));
            }
        });
    });
    request.into_bytes()
}

fn whole_metric(message: &mut Message, metric: Metric, readings: &[&Reading], span: Span) {
    let about = metric.about();
    message.text(1, about.name);
    message.text(2, about.help);
    message.text(3, unit(about.unit));
    let points = |data: &mut Message| {
        for reading in readings {
            data.message(1, |point| data_point(point, reading, span));
        }
    };
    match about.kind {
        Kind::Gauge => message.message(5, points),
        Kind::Counter => message.message(7, |sum| {
            points(sum);
            sum.varint(2, CUMULATIVE);
            // It only grows.
            sum.varint(3, 1);
        }),
        Kind::Histogram => message.message(9, |histogram| {
            points(histogram);
            histogram.varint(2, CUMULATIVE);
        }),
    }
}

fn data_point(point: &mut Message, reading: &Reading, span: Span) {
    let labels_at = match &reading.value {
        Value::Count(_) | Value::Level(_) => 7,
        Value::Spread(_) => 9,
    };
    for (name, value) in reading.metric.about().labels.iter().zip(&reading.labels) {
        point.message(labels_at, |pair| attribute(pair, name, &Attribute::Text(value.clone())));
    }
    point.fixed64(2, span.began_ns);
    point.fixed64(3, span.now_ns);
    match &reading.value {
        Value::Count(count) => point.fixed64(6, *count),
        Value::Level(level) => point.double(4, *level),
        Value::Spread(spread) => {
            point.fixed64(4, spread.count);
            point.double(5, spread.sum);
            point.packed(6, spread.buckets.iter().map(|(_, count)| *count));
            // The last one is open and has no end to tell.
            let ends = spread.buckets.iter().map(|(end, _)| *end).filter(|end| end.is_finite());
            point.packed(7, ends.map(f64::to_bits));
        }
    }
}

/// As UCUM writes it.
fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::None => "1",
        Unit::Seconds => "s",
        Unit::Bytes => "By",
    }
}
