//! What came from HubSpot, and what went on to subscribers.

use inbox::books::DELAY_SECONDS;

use super::super::Spread;
use super::{Metric, Readings, Value};
use crate::webhooks::Running;

impl Readings {
    pub(super) fn webhooks(&mut self, webhooks: &Running) {
        let books = &webhooks.receiver.books;
        let counts = books.counts();
        for (result, count) in &counts.deliveries {
            self.count(Metric::WebhookDeliveries, &[result], *count);
        }
        let results = [
            ("new", counts.new),
            ("duplicate", counts.duplicates),
            ("retried", counts.retried),
            ("out_of_order", counts.out_of_order),
        ];
        for (result, count) in results {
            self.count(Metric::WebhookEvents, &[result], count);
        }
        self.push(Metric::WebhookAck, &[], Value::from(&*webhooks.acknowledged.lock()));
        let spread = Spread::new(DELAY_SECONDS, counts.delays, counts.delay_sum_seconds);
        self.push(Metric::WebhookDelay, &[], Value::Spread(Box::new(spread)));
        self.count(Metric::WebhookSuspectsLost, &[], counts.suspects_lost);
        let now = webhooks.clock.now();
        for (connection, verdict) in books.silence(now) {
            self.level(Metric::WebhookQuiet, &[&connection], verdict.quiet_for.as_secs_f64().max(0.0));
            self.level(Metric::WebhookSilent, &[&connection], f64::from(u8::from(verdict.silent)));
        }
        self.journals(webhooks);
        self.forwarded(webhooks);
    }

    fn journals(&mut self, webhooks: &Running) {
        let now = webhooks.clock.now();
        for reading in &webhooks.journals {
            let (name, status) = (reading.connection.as_str(), reading.status.lock().clone());
            self.count(Metric::JournalFilled, &[name], status.filled);
            if let Some(until) = status.read_until.filter(|_| !status.elsewhere) {
                let behind = now.duration_since(until).as_secs_f64().max(0.0);
                self.level(Metric::JournalBehind, &[name], behind);
            }
            self.level(Metric::JournalFailing, &[name], f64::from(u8::from(status.error.is_some())));
        }
    }

    fn forwarded(&mut self, webhooks: &Running) {
        let now = webhooks.clock.now();
        for served in webhooks.dispatch.served() {
            let (name, status) = (served.subscriber.name.as_str(), served.status);
            let results = [
                ("delivered", status.counts.delivered),
                ("parked", status.counts.parked),
                ("dead", status.counts.dead),
                ("superseded", status.counts.superseded),
            ];
            for (result, count) in results {
                self.count(Metric::Forwarded, &[name, result], count);
            }
            self.count(Metric::ForwardFailures, &[name], status.counts.failed);
            let backlog = status.backlog;
            let age = backlog.since.map_or(0.0, |since| now.duration_since(since).as_secs_f64());
            self.level(Metric::ForwardBacklog, &[name], backlog.deliveries as f64);
            self.level(Metric::ForwardBacklogAge, &[name], age.max(0.0));
            self.level(Metric::ForwardLetters, &[name, "waiting"], backlog.waiting as f64);
            self.level(Metric::ForwardLetters, &[name, "dead"], backlog.dead as f64);
            let alone = status.left_alone || !served.is_working;
            self.level(Metric::ForwardLeftAlone, &[name], f64::from(u8::from(alone)));
        }
    }
}
