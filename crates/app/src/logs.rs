//! Log lines: to stderr, as text for a person or as one JSON object each.
//!
//! stderr is talk; stdout stays clean for data.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogFormat, LogSection};
use crate::failure::Failure;
use crate::otel::SpanCollector;

/// Logs each certificate that it does not believe as an error, which whoever connects tells in its place.
const VERIFIER: &str = "rustls_platform_verifier";

/// Starts the log. `asked` is what the command line says, which goes before the configuration; `spans` listens too.
///
/// # Errors
/// A usage failure when the filter is none.
pub(crate) fn start(
    section: &LogSection,
    asked: Option<&str>,
    spans: Option<SpanCollector>,
) -> Result<(), Failure> {
    let filter = filter(asked.unwrap_or(&section.level))?.with_target(VERIFIER, LevelFilter::OFF);
    let person = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let format = section.format.unwrap_or(if person { LogFormat::Text } else { LogFormat::Json });
    // A call's span is told when it ends, with all that became known of it.
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_span_events(FmtSpan::CLOSE);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(person).with_target(false).compact().with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    let spans = spans.map(|spans| spans.with_filter(SpanCollector::filter()));
    tracing_subscriber::registry().with(lines).with(spans).init();
    if format == LogFormat::Json {
        // The default hook writes several lines of text.
        std::panic::set_hook(Box::new(|panic| tracing::error!("panicked: {panic}")));
    }
    Ok(())
}

/// Reads a filter.
///
/// # Errors
/// A usage failure when it is none.
pub(crate) fn filter(text: &str) -> Result<Targets, Failure> {
    text.parse().map_err(|error| {
        Failure::usage(format!("`{text}` is no log filter: {error}"))
            .hint("write a level (error, warn, info, debug, trace), or targets such as `client=debug,warn`")
    })
}
