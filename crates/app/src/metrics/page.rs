//! The part of docs/TELEMETRY.md that lists the metrics, made from the list itself.

use std::fmt::Write as _;

use super::{Kind, Metric};
use crate::metrics::metric::About;

const PAGE: &str = include_str!("../../../../docs/TELEMETRY.md");
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

/// Whatever the prose speaks of is there.
#[test]
fn the_page_names_nothing_that_is_not_there() {
    let names: Vec<String> = Metric::ALL.iter().map(|metric| shown_name(&metric.about())).collect();
    let words = PAGE.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for word in words.filter(|word| word.starts_with("hubkeeper_") || word.starts_with("process_")) {
        let plain =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
        assert!(names.iter().any(|name| name == plain), "docs/TELEMETRY.md speaks of {word}");
    }
}
