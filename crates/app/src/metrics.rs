//! Metrics, made when somebody asks for them: counting costs a request nothing extra.
//!
//! | module | is |
//! |---|---|
//! | [`Metric`] | the closed list, with everything a reader must know of each |
//! | `about` | what there is to know of one |
//! | [`gather`] | reads them all off the running parts |
//! | [`text`] | writes them for Prometheus |
//! | `page` | writes them for people: docs/TELEMETRY.md |
//! | `process` | what the kernel knows of us |

use gateway::traffic::Histogram;

mod about;
mod gather;
mod metric;
#[cfg(test)]
mod page;
pub(crate) mod process;
mod text;

pub(crate) use about::{Kind, Unit};
pub(crate) use gather::{Sources, gather};
pub(crate) use metric::Metric;
pub(crate) use text::{CONTENT_TYPE, text};

/// One series at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) metric: Metric,
    /// Values of the metric's labels, in its order.
    pub(crate) labels: Vec<String>,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Only grows.
    Count(u64),
    Level(f64),
    Spread(Box<Spread>),
}

/// A histogram.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spread {
    /// Upper ends, the last one open, and how many lie between each and the one before.
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) sum: f64,
    pub(crate) count: u64,
}

impl Spread {
    /// `ends` are the upper ends of all buckets but the last, which is open: readers refuse a histogram without it.
    pub(crate) fn new(
        ends: impl IntoIterator<Item = f64>,
        counts: impl IntoIterator<Item = u64>,
        sum: f64,
    ) -> Self {
        let buckets: Vec<_> = ends.into_iter().chain([f64::INFINITY]).zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Self { buckets, sum, count }
    }
}

impl From<&Histogram> for Value {
    fn from(histogram: &Histogram) -> Self {
        let sum = histogram.sum().as_secs_f64();
        Self::Spread(Box::new(Spread { buckets: histogram.shown().to_vec(), sum, count: histogram.count() }))
    }
}
