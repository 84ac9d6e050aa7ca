//! Puts the clocks of several hosts together.

use super::report::surroundings::{Clock, ClockSource};

/// The surest source of each host, and the surest of all as the answer. `None` without any.
pub(super) fn read(readings: Vec<ClockSource>) -> Option<Clock> {
    let mut sources: Vec<ClockSource> = Vec::new();
    for reading in readings {
        match sources.iter_mut().find(|source| source.host == reading.host) {
            Some(known) if known.uncertainty_ms <= reading.uncertainty_ms => {}
            Some(known) => *known = reading,
            None => sources.push(reading),
        }
    }
    let surest = sources.iter().min_by_key(|source| source.uncertainty_ms)?;
    Some(Clock { offset_ms: surest.offset_ms, uncertainty_ms: surest.uncertainty_ms, sources })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_reading_of_each_host_counts() {
        let source = |host: &str, offset_ms, uncertainty_ms| ClockSource {
            host: host.into(),
            offset_ms,
            uncertainty_ms,
        };
        let clock = read(vec![source("a", 900, 800), source("a", 300, 510), source("b", 250, 600)]);
        let sources = vec![source("a", 300, 510), source("b", 250, 600)];
        assert_eq!(clock, Some(Clock { offset_ms: 300, uncertainty_ms: 510, sources }));
        assert_eq!(read(Vec::new()), None);
    }
}
