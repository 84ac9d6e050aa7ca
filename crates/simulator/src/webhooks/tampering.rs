//! An app's settings changed behind its owner's back, and a flood of old events.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::Webhooks;
use super::subscription::Subscription;
use crate::fault::hook::Tampering;
use crate::seed::Purpose;

/// Every app's settings as they were.
#[derive(Debug)]
pub struct Settings(Vec<(u64, Option<String>, Vec<Subscription>)>);

impl Webhooks {
    pub(crate) fn settings_now(&self) -> Settings {
        let apps = self.apps.iter();
        Settings(apps.map(|(id, app)| (*id, app.target_url.clone(), app.subscriptions.clone())).collect())
    }

    pub(crate) fn restore(&mut self, settings: Settings) {
        for (id, target_url, subscriptions) in settings.0 {
            let app = self.apps.entry(id).or_default();
            app.target_url = target_url;
            app.subscriptions = subscriptions;
        }
    }

    pub(crate) fn tamper(&mut self, tampering: Tampering) {
        for app in self.apps.values_mut() {
            match tampering {
                Tampering::Paused => app.subscriptions.iter_mut().for_each(|one| one.active = false),
                Tampering::Deleted => app.subscriptions.clear(),
                // The discard port: nobody is there.
                Tampering::TargetChanged => app.target_url = Some("http://127.0.0.1:9/former".to_owned()),
            }
        }
    }

    /// Events spread over the time before now, for every app that has an address.
    pub(crate) fn flood(&mut self, portal_id: u64, count: u64, now: Timestamp, back: SignedDuration) {
        let ids: Vec<u64> =
            self.apps.iter().filter(|(_, app)| app.target_url.is_some()).map(|(id, _)| *id).collect();
        for app_id in ids {
            for number in 0..count {
                let share = 1.0 - number as f64 / count as f64;
                let occurred_at = now - SignedDuration::from_secs_f64(back.as_secs_f64() * share);
                let event_id = self.seed.below(Purpose::EventId, self.events + 1, 4_000_000_000);
                let event = json!({
                    "eventId": event_id, "subscriptionId": 1, "portalId": portal_id, "appId": app_id,
                    "occurredAt": occurred_at.as_millisecond(), "subscriptionType": "contact.propertyChange",
                    "attemptNumber": 0, "objectId": 20_000_000_001 + number, "changeSource": "CRM",
                    "propertyName": "lifecyclestage", "propertyValue": "lead", "isSensitive": false,
                });
                self.enqueue(app_id, &event, now);
            }
        }
    }
}
