//! What a run comes to.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// One request.
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    /// How long after it was due it left, through our own fault.
    pub(crate) late: Duration,
}

pub(crate) enum Ending {
    Answered(Answer),
    /// The run was over before an answer came.
    Unanswered,
    Broken,
}

#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// When it was here, after the start.
    pub(crate) after: Duration,
    pub(crate) latency: Duration,
}

pub(crate) struct Summary {
    sent: usize,
    unanswered: usize,
    broken: usize,
    /// In the order in which they came.
    answers: Vec<Answer>,
    /// Both sorted.
    latencies: Vec<Duration>,
    lateness: Vec<Duration>,
}

impl Summary {
    pub(crate) fn new(outcomes: Vec<Outcome>) -> Self {
        let mut summary = Self {
            sent: outcomes.len(),
            unanswered: 0,
            broken: 0,
            answers: Vec::new(),
            latencies: Vec::new(),
            lateness: outcomes.iter().map(|outcome| outcome.late).collect(),
        };
        for outcome in outcomes {
            match outcome.ending {
                Ending::Answered(answer) => summary.answers.push(answer),
                Ending::Unanswered => summary.unanswered += 1,
                Ending::Broken => summary.broken += 1,
            }
        }
        summary.answers.sort_by_key(|answer| answer.after);
        summary.latencies = summary.answers.iter().map(|answer| answer.latency).collect();
        summary.latencies.sort();
        summary.lateness.sort();
        summary
    }

    /// Counts; latencies, our own lateness and when the last answer came, in µs.
    pub(crate) fn json(&self) -> String {
        let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
        for answer in &self.answers {
            *statuses.entry(answer.status).or_default() += 1;
        }
        let statuses: Vec<String> =
            statuses.iter().map(|(status, count)| format!("\"{status}\":{count}")).collect();
        format!(
            "{{\"sent\":{},\"statuses\":{{{}}},\"unanswered\":{},\"broken\":{},\"p50_us\":{},\"p99_us\":{},\"max_us\":{},\"late_p99_us\":{},\"took_us\":{}}}",
            self.sent,
            statuses.join(","),
            self.unanswered,
            self.broken,
            quantile(&self.latencies, 0.50).as_micros(),
            quantile(&self.latencies, 0.99).as_micros(),
            quantile(&self.latencies, 1.0).as_micros(),
            quantile(&self.lateness, 0.99).as_micros(),
            self.answers.last().map_or(0, |answer| answer.after.as_micros()),
        )
    }

    /// One line for each answer: µs after the start, status.
    pub(crate) fn answers_csv(&self) -> String {
        self.answers.iter().fold(String::new(), |mut csv, answer| {
            writeln!(csv, "{},{}", answer.after.as_micros(), answer.status)
                .expect("a string takes everything");
            csv
        })
    }
}

/// The smallest value that at least this share of all is not above; zero of none.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, after_ms: u64, latency_ms: u64) -> Outcome {
        let (after, latency) = (Duration::from_millis(after_ms), Duration::from_millis(latency_ms));
        Outcome {
            ending: Ending::Answered(Answer { status, after, latency }),
            late: Duration::from_micros(7),
        }
    }

    #[test]
    fn everything_sent_is_accounted_for() {
        let lost = |ending| Outcome { ending, late: Duration::ZERO };
        let outcomes =
            vec![answered(429, 30, 2), answered(200, 10, 9), lost(Ending::Broken), lost(Ending::Unanswered)];
        let summary = Summary::new(outcomes);
        assert_eq!(
            summary.json(),
            "{\"sent\":4,\"statuses\":{\"200\":1,\"429\":1},\"unanswered\":1,\"broken\":1,\
             \"p50_us\":2000,\"p99_us\":9000,\"max_us\":9000,\"late_p99_us\":7,\"took_us\":30000}"
        );
        assert_eq!(summary.answers_csv(), "10000,200\n30000,429\n");
    }

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 0.99), Duration::from_millis(198));
        assert_eq!(quantile(&values, 0.5), Duration::from_millis(100));
        assert_eq!(quantile(&values[..1], 0.5), Duration::from_millis(1));
        assert_eq!(quantile(&[], 0.99), Duration::ZERO);
    }
}
