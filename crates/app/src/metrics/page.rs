//! The part of docs/TELEMETRY.md that lists the metrics, made from the list itself.

use std::fmt::Write as _;

use super::{Kind, Metric};
use crate::metrics::about::About;

const PAGE: &str = include_str!("../../../../docs/TELEMETRY.md");
const ALERTS: &str = include_str!("../../../../docs/alerts.yml");
const BEGIN: &str = "<!-- metrics: made from crates/app/src/metrics/metric.rs; a test holds it -->\n";
const END: &str = "<!-- end of metrics -->";

fn made() -> String {
    let mut made = String::from("\n| metric | labels | tells |\n|---|---|---|\n");
    for metric in Metric::ALL {
        let about = metric.about();
        let labels: Vec<_> = about.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        let (name, kind) = (shown_name(&about), kind(about.kind));
        writeln!(made, "| `{name}` {kind} | {labels} | {} |", about.help)
            .expect("writing to a String does not fail");
    }
    made.push('\n');
    made
}

/// As Prometheus shows it.
fn shown_name(about: &About) -> String {
    let end = if about.kind == Kind::Counter { "_total" } else { "" };
    format!("{}{end}", about.name)
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

#[test]
fn the_page_lists_what_there_is() {
    let (_, rest) = PAGE.split_once(BEGIN).expect("the page has a place for the metrics");
    let (written, _) = rest.split_once(END).expect("which ends");
    assert!(
        written == made(),
        "docs/TELEMETRY.md lags behind; between its two marks must stand:\n{}",
        made()
    );
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Names of metrics and labels that a text speaks of and that are not there. Labels stand in braces, or after `by` and `on`.
fn unknown(text: &str) -> Vec<String> {
    let known: Vec<About> = Metric::ALL.iter().map(|metric| metric.about()).collect();
    let is_metric = |word: &str| {
        let is = |about: &About, name: &str| shown_name(about) == name;
        let part = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        let of_part =
            |about: &About| about.kind == Kind::Histogram && part.is_some_and(|name| is(about, name));
        known.iter().any(|about| is(about, word) || of_part(about))
    };
    let is_label = |word: &str| word == "le" || known.iter().any(|about| about.labels.contains(&word));
    let metrics = text.split(|c: char| !is_word(c));
    let metrics = metrics.filter(|word| word.starts_with("hubkeeper_") || word.starts_with("process_"));
    let lists = ["by (", "on ("].iter().flat_map(|open| text.split(open).skip(1));
    let grouped = lists.filter_map(|rest| rest.split_once(')')).flat_map(|(list, _)| list.split(','));
    let quotes = text.match_indices('"').map(|(at, _)| &text[..at]);
    let matched = quotes
        .filter(|before| before.ends_with(['=', '~']))
        .filter_map(|before| before.trim_end_matches(['=', '!', '~']).rsplit(|c: char| !is_word(c)).next());
    let labels = grouped.map(str::trim).chain(matched).filter(|label| !is_label(label));
    metrics.filter(|word| !is_metric(word)).chain(labels).map(str::to_owned).collect()
}

/// Whatever the prose, the questions and the alerts speak of is there.
#[test]
fn the_page_and_the_alerts_name_nothing_that_is_not_there() {
    let questions: Vec<&str> =
        PAGE.split("```promql").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(questions.len(), 5);
    for text in questions.into_iter().chain([ALERTS]) {
        assert_eq!(unknown(text), Vec::<String>::new());
    }
    let words = PAGE.split(|c: char| !is_word(c));
    for word in words.filter(|word| word.starts_with("hubkeeper_")) {
        assert_eq!(unknown(word), Vec::<String>::new());
    }
}

#[test]
fn control_what_is_not_there_is_seen() {
    assert_eq!(
        unknown("sum by (caller, route) (hubkeeper_calls_total{statuss=\"200\"})"),
        ["route", "statuss"]
    );
    assert_eq!(
        unknown("rate(hubkeeper_call_total) / hubkeeper_calls_total_bucket"),
        ["hubkeeper_call_total", "hubkeeper_calls_total_bucket"]
    );
    assert_eq!(unknown("hubkeeper_wait_seconds_bucket{lane=\"bulk\",le=\"+Inf\"}"), Vec::<String>::new());
}
