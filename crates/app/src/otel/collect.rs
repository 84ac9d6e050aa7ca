//! Gathers the spans of calls and attempts as they are traced. A call's attempts wait in it: only its end tells whether the
//! trace is worth exporting.

use std::fmt;
use std::sync::Arc;

use client::clock::WallClock;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context as LayerContext;
use tracing_subscriber::registry::LookupSpan;

use super::export::now_ns;
use super::queue::Queue;
use super::sampling::Context;
use super::traces::{Attribute, Finished, Kind};

/// Spans of one trace that are kept; three attempts are usual.
const INNER_SPANS_MAX: usize = 16;

/// A call's, when it has ended.
const ATTRIBUTES_USUAL: usize = 12;

/// Listens to the spans of calls.
pub(crate) struct SpanCollector {
    queue: Arc<Queue>,
    clock: WallClock,
    ids: Mutex<ChaCha8Rng>,
    ratio: f64,
}

/// A span under way, kept with it.
struct Open {
    span: Finished,
    context: Context,
    /// Those that ended in it.
    inner: Vec<Finished>,
}

impl SpanCollector {
    pub(super) fn new(queue: Arc<Queue>, clock: WallClock, seed: u64, ratio: f64) -> Self {
        Self { queue, clock, ids: Mutex::new(ChaCha8Rng::seed_from_u64(seed)), ratio }
    }

    /// Which spans it wants: of all that is traced only those of calls.
    pub(crate) fn filter() -> Targets {
        Targets::new().with_target("client::call", Level::DEBUG)
    }

    fn id<const N: usize>(&self) -> [u8; N] {
        let mut id = [0; N];
        self.ids.lock().fill_bytes(&mut id);
        id
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanCollector {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: LayerContext<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields { attributes: Vec::with_capacity(ATTRIBUTES_USUAL), traceparent: None };
        attributes.record(&mut fields);
        let outer = span.parent().and_then(|outer| {
            let extensions = outer.extensions();
            let open = extensions.get::<Open>()?;
            Some((open.context, open.span.id))
        });
        // What is sent for several calls at once, or for none, lies in no call.
        let kind = if span.name() == "attempt" { Kind::Attempt } else { Kind::Call };
        let (context, parent) = match outer {
            Some((context, outer)) => (context, Some(outer)),
            None => {
                let told = fields.traceparent.as_deref().and_then(Context::read);
                let context = told.unwrap_or_else(|| Context { trace: self.id(), parent: None });
                (context, context.parent.map(|parent| parent.span))
            }
        };
        let span_of_ours = Finished {
            trace: context.trace,
            id: self.id(),
            parent,
            kind,
            began_ns: now_ns(&self.clock),
            ended_ns: 0,
            attributes: fields.attributes,
        };
        span.extensions_mut().insert(Open { span: span_of_ours, context, inner: Vec::new() });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: LayerContext<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            let mut fields =
                Fields { attributes: std::mem::take(&mut open.span.attributes), traceparent: None };
            values.record(&mut fields);
            open.span.attributes = fields.attributes;
            // What is recorded last is how it ended. It may be closed later: a request goes on for others.
            open.span.ended_ns = now_ns(&self.clock);
        }
    }

    fn on_close(&self, id: Id, context: LayerContext<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut open) = span.extensions_mut().remove::<Open>() else { return };
        if open.span.ended_ns == 0 {
            open.span.ended_ns = now_ns(&self.clock);
        }
        let outer = span.parent();
        let mut outer = outer.as_ref().map(|outer| outer.extensions_mut());
        match outer.as_mut().and_then(|extensions| extensions.get_mut::<Open>()) {
            Some(outer) if outer.inner.len() < INNER_SPANS_MAX => outer.inner.push(open.span),
            Some(_) => self.queue.lose_spans(1),
            None if open.context.is_kept(self.ratio, open.span.has_failed()) => {
                let mut trace = open.inner;
                trace.push(open.span);
                self.queue.push(trace);
            }
            None => {}
        }
    }
}

/// Reads a span's fields.
#[derive(Default)]
struct Fields {
    attributes: Vec<(&'static str, Attribute)>,
    traceparent: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "traceparent" {
            self.traceparent = Some(value.to_owned());
        } else {
            self.attributes.push((field.name(), Attribute::Text(value.to_owned())));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.attributes.push((field.name(), Attribute::Number(i64::try_from(value).unwrap_or(i64::MAX))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.attributes.push((field.name(), Attribute::Text(format!("{value:?}"))));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use jiff::Timestamp;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Runs `act` with a collector whose clock is one second further each time it is read.
    fn collected(ratio: f64, act: impl FnOnce()) -> Vec<Finished> {
        let queue = Arc::new(Queue::default());
        let seconds = AtomicI64::new(0);
        let clock = WallClock::new(move || {
            Timestamp::from_second(seconds.fetch_add(1, Ordering::Relaxed)).expect("a time")
        });
        let collector = SpanCollector::new(queue.clone(), clock, 1, ratio);
        let subscriber = tracing_subscriber::registry().with(collector.with_filter(SpanCollector::filter()));
        tracing::subscriber::with_default(subscriber, act);
        queue.take()
    }

    fn call() -> tracing::Span {
        tracing::debug_span!(target: "client::call", "call", method = "GET", status = Empty, failed = Empty)
    }

    fn attempt() -> tracing::Span {
        tracing::debug_span!(target: "client::call", "attempt", method = "GET", status = Empty)
    }

    #[test]
    fn a_call_ends_when_it_was_told_so_even_if_its_request_goes_on() {
        let spans = collected(1.0, || {
            let call = call();
            let attempt = call.in_scope(attempt);
            call.record("status", 200_u16);
            drop(call);
            attempt.record("status", 200_u16);
        });
        let ends: Vec<_> = spans.iter().map(|span| (span.kind, span.ended_ns / 1_000_000_000)).collect();
        assert_eq!(ends, [(Kind::Attempt, 3), (Kind::Call, 2)]);
    }

    #[test]
    fn a_request_for_several_calls_or_none_is_a_request_all_the_same() {
        let spans = collected(1.0, || drop(attempt()));
        assert_eq!((spans.len(), spans[0].kind, spans[0].parent), (1, Kind::Attempt, None));
    }

    #[test]
    fn other_spans_are_not_listened_to() {
        let spans =
            collected(1.0, || drop(tracing::error_span!(target: "hyper", "connection", token = "c0ffee00")));
        assert!(spans.is_empty());
    }

    #[test]
    fn a_call_with_very_many_requests_is_bounded() {
        let spans = collected(1.0, || {
            let call = call();
            (0..100).for_each(|_| drop(call.in_scope(attempt)));
        });
        assert_eq!(spans.len(), INNER_SPANS_MAX + 1);
    }

    #[test]
    fn a_failure_is_kept_whatever_the_share() {
        let failed = || {
            let call = call();
            call.record("failed", "timeout");
        };
        assert_eq!(collected(0.0, failed).len(), 1);
        assert_eq!(collected(0.0, || drop(call())).len(), 0);
    }
}
