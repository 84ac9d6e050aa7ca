//! What there is to know of a metric.

/// What a reader must know of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    /// As Prometheus shows it, but for the `_total` of a counter.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: Unit,
    pub(crate) labels: &'static [&'static str],
    /// A sentence that a tired person understands.
    pub(crate) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows, from 0 at each start.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A counter for each range of values.
    Histogram,
}

/// The end of a metric's name says it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    None,
    Seconds,
    Bytes,
}

pub(super) const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> About {
    About { name, kind: Kind::Counter, unit: Unit::None, labels, help }
}

pub(super) const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> About {
    About { name, kind: Kind::Gauge, unit: Unit::None, labels, help }
}

pub(super) const fn seconds(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> About {
    About { name, kind: Kind::Histogram, unit: Unit::Seconds, labels, help }
}

impl Unit {
    #[cfg(test)]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}
