//! The sums that monitoring reads: they only grow for as long as the process lives, and their labels are bounded.
//!
//! Groups come and go, so they hold only what they counted lately and hand it over. A connection has a label of its own
//! once it is configured or HubSpot has answered it well: whoever tries one wrong token after another makes no series.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hubspot::endpoint::ApiFamily;
use hubspot::secret::Secret;
use hubspot::token::TokenShape;

use super::tally::Tally;

/// Connections with a label of their own; further ones share one.
pub const CONNECTIONS_MAX: usize = 64;

/// Callers likewise.
pub const CALLERS_MAX: usize = 64;

/// Connections of the process before that are told from strangers.
const REMEMBERED_MAX: usize = 2048;

/// Sums kept apart; past it, further ones go into one.
pub const SERIES_MAX: usize = 2048;

/// A longer name is cut.
const LABEL_CHARS_MAX: usize = 64;

/// The label of all that have none of their own.
pub const OTHER: &str = "other";

/// Whose calls, to which part of the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    pub connection: Arc<str>,
    pub caller: Arc<str>,
    pub family: ApiFamily,
}

pub(super) struct Ledger {
    series: BTreeMap<SeriesKey, Tally>,
    connections: Labels,
    /// Connections that had earned a label in the process before.
    earned_before: BTreeSet<String>,
    callers: Labels,
}

/// Names and what they are shown as.
struct Labels {
    own: BTreeMap<Arc<str>, Arc<str>>,
    max: usize,
    other: Arc<str>,
}

/// Has it earned a label?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Unproven,
}

impl Default for Ledger {
    fn default() -> Self {
        let labels = |max| Labels { own: BTreeMap::new(), max, other: Arc::from(OTHER) };
        Self {
            series: BTreeMap::new(),
            connections: labels(CONNECTIONS_MAX),
            earned_before: BTreeSet::new(),
            callers: labels(CALLERS_MAX),
        }
    }
}

impl Ledger {
    /// Takes over what a group counted, and leaves it empty.
    pub(super) fn take(
        &mut self,
        connection: &Arc<str>,
        caller: &Arc<str>,
        family: ApiFamily,
        standing: Standing,
        tally: &mut Tally,
    ) {
        let earned = standing == Standing::Good || self.earned_before.contains(&**connection);
        let standing = if earned { Standing::Good } else { Standing::Unproven };
        let connection = self.connections.label(connection, standing);
        let caller = self.callers.label(caller, Standing::Good);
        let mut key = SeriesKey { connection, caller, family };
        if self.series.len() >= SERIES_MAX && !self.series.contains_key(&key) {
            let other = || Arc::<str>::from(OTHER);
            key = SeriesKey { connection: other(), caller: other(), family: ApiFamily::Other };
        }
        self.series.entry(key).or_default().take(tally);
    }

    pub(super) fn series(&self) -> Vec<(SeriesKey, Tally)> {
        self.series.iter().map(|(key, tally)| (key.clone(), tally.clone())).collect()
    }

    /// Gives a configured connection its label.
    pub(super) fn introduce(&mut self, connection: &str) {
        self.connections.label(&Arc::from(connection), Standing::Good);
    }

    /// Whoever had a label before a restart has one from the first call on: it may be made while HubSpot answers nobody.
    pub(super) fn remember(&mut self, connections: Vec<String>) {
        self.earned_before.extend(connections.into_iter().take(REMEMBERED_MAX));
    }

    /// What a connection is shown as, where it has a label of its own.
    pub(super) fn label(&self, connection: &str) -> Option<Arc<str>> {
        self.connections.own.get(connection).cloned()
    }
}

impl Labels {
    fn label(&mut self, name: &Arc<str>, standing: Standing) -> Arc<str> {
        if let Some(own) = self.own.get(name) {
            return own.clone();
        }
        if standing == Standing::Unproven || self.own.len() >= self.max {
            return self.other.clone();
        }
        let label = self.new_label(name);
        self.own.insert(name.clone(), label.clone());
        label
    }

    /// The name, but for what does not belong where everyone may read. No two share one, and none is ours.
    fn new_label(&self, name: &str) -> Arc<str> {
        let token = TokenShape::of(&Secret::new(name)) != TokenShape::Unknown;
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' ');
        let shown = if token { "hidden" } else { name };
        let shown: String =
            shown.chars().take(LABEL_CHARS_MAX).map(|c| if fits(c) { c } else { '_' }).collect();
        let is_free = |label: &str| label != OTHER && !self.own.values().any(|used| &**used == label);
        let numbered = (2..).map(|number| format!("{shown} {number}"));
        let label = std::iter::once(shown.clone()).chain(numbered).find(|label| is_free(label));
        Arc::from(label.expect("there are more numbers than labels"))
    }
}

#[cfg(test)]
mod tests {
    use client::call::{Effort, Source};
    use client::lane::Lane;
    use client::telemetry::CallResult;
    use http::StatusCode;

    use super::*;

    fn count(ledger: &mut Ledger, connection: &str, standing: Standing) {
        let mut tally = Tally::default();
        let result = CallResult::Answered(StatusCode::OK, None, Source::Live);
        tally.call(Lane::Interactive, result, Effort::default());
        ledger.take(&Arc::from(connection), &Arc::from("-"), ApiFamily::Objects, standing, &mut tally);
        assert_eq!(tally.calls.iter().count(), 0, "nothing is counted twice");
    }

    fn calls(ledger: &Ledger, connection: &str) -> u64 {
        let of_it = |key: &SeriesKey| &*key.connection == connection;
        let series = ledger.series.iter().filter(|(key, _)| of_it(key));
        series.flat_map(|(_, tally)| tally.calls.iter()).map(|(_, count)| count).sum()
    }

    #[test]
    fn the_ages_of_answers_from_what_was_kept_add_up() {
        let (mut ledger, mut tally) = (Ledger::default(), Tally::default());
        for age in [60, 90] {
            let source = Source::Stale { age: std::time::Duration::from_secs(age) };
            let result = CallResult::Answered(StatusCode::OK, None, source);
            tally.call(Lane::Interactive, result, Effort::default());
            let names = (Arc::from("real"), Arc::from("-"));
            ledger.take(&names.0, &names.1, ApiFamily::Objects, Standing::Good, &mut tally);
        }
        let (_, sum) = &ledger.series()[0];
        assert_eq!((sum.sources[3], sum.stale_age.as_secs(), tally.stale_age.as_secs()), (2, 150, 0));
    }

    #[test]
    fn a_flood_of_wrong_tokens_makes_one_series() {
        let mut ledger = Ledger::default();
        for number in 0..10_000 {
            count(&mut ledger, &format!("wrong-{number}"), Standing::Unproven);
        }
        count(&mut ledger, "real", Standing::Good);
        assert_eq!((ledger.series.len(), calls(&ledger, OTHER), calls(&ledger, "real")), (2, 10_000, 1));
    }

    #[test]
    fn a_connection_that_proves_itself_counts_under_its_name_from_then_on() {
        let mut ledger = Ledger::default();
        count(&mut ledger, "real", Standing::Unproven);
        count(&mut ledger, "real", Standing::Good);
        count(&mut ledger, "real", Standing::Unproven);
        assert_eq!((calls(&ledger, OTHER), calls(&ledger, "real")), (1, 2), "and no count ever falls");
    }

    #[test]
    fn who_had_a_label_before_a_restart_has_it_though_nobody_is_answered() {
        let mut ledger = Ledger::default();
        ledger.remember(vec!["real".into()]);
        count(&mut ledger, "real", Standing::Unproven);
        count(&mut ledger, "wrong", Standing::Unproven);
        assert_eq!((calls(&ledger, OTHER), calls(&ledger, "real")), (1, 1));
    }

    #[test]
    fn hostile_names_make_harmless_labels() {
        let mut labels = Ledger::default().callers;
        let mut shown = |name: &str| labels.label(&Arc::from(name), Standing::Good).to_string();
        assert_eq!(shown("billing"), "billing");
        assert_eq!(shown("jane.doe@example.com"), "jane.doe_example.com");
        assert_eq!(shown("pat-na1-c0ffee00-1111-2222-3333-444455556666"), "hidden");
        assert_eq!(shown("pat-na1-c0ffee01-1111-2222-3333-444455556666"), "hidden 2");
        assert_eq!(shown("x\"} 1\nhubkeeper_calls_total{a=\"b"), "x__ 1_hubkeeper_calls_total_a__b");
        assert_eq!(shown(OTHER), "other 2");
        assert_eq!(shown(&"a long name ".repeat(100)).len(), LABEL_CHARS_MAX);
    }

    #[test]
    fn there_are_only_so_many_labels_and_series() {
        let mut ledger = Ledger::default();
        for number in 0..CONNECTIONS_MAX * 2 {
            count(&mut ledger, &format!("good-{number}"), Standing::Good);
        }
        assert_eq!(ledger.series.len(), CONNECTIONS_MAX + 1);
        assert_eq!(calls(&ledger, OTHER), CONNECTIONS_MAX as u64);
        for number in 0..CALLERS_MAX {
            for family in ApiFamily::ALL {
                for connection in 0..CONNECTIONS_MAX {
                    let names =
                        (Arc::from(format!("good-{connection}")), Arc::from(format!("caller-{number}")));
                    ledger.take(&names.0, &names.1, family, Standing::Good, &mut Tally::default());
                }
            }
        }
        assert_eq!(ledger.series.len(), SERIES_MAX + 1, "and the one for all others");
    }
}
