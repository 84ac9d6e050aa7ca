//! Every metric there is. docs/TELEMETRY.md is made from this list, and a test holds it to it.

use super::about::{About, Kind, Unit, counter, gauge, seconds};

/// The list: the names in the code, and what there is to know.
macro_rules! metrics {
    ($($metric:ident: $about:expr,)*) => {
        /// A metric. The order is that of the page and of the answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Metric {
            $($metric),*
        }

        impl Metric {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$metric),*];

            pub(crate) const fn about(self) -> About {
                const ABOUT: &[About] = &[$($about),*];
                ABOUT[self as usize]
            }
        }
    };
}

metrics! {
    Calls: counter(
        "hubkeeper_calls",
        &["connection", "caller", "family", "status", "category"],
        "Calls by programs, by how they ended: HubSpot's status and what it means, or status `none` and why \
         there was no answer.",
    ),
    Answers: counter(
        "hubkeeper_answers",
        &["connection", "caller", "source"],
        "Answered calls, by where the answer came from: `live` from HubSpot, `packed` in a batch with others, \
         `cache`, or `stale` because HubSpot did not answer.",
    ),
    Refused: counter(
        "hubkeeper_refused",
        &["connection", "caller", "family", "reason"],
        "Calls that hubkeeper refused without sending anything, and why. They are in hubkeeper_calls_total too.",
    ),
    TurnedAway: counter(
        "hubkeeper_turned_away",
        &["reason"],
        "Requests that never became calls: a wrong gateway key, a malformed or oversized request, a web page. They are in no \
         other metric.",
    ),
    WaitSeconds: seconds(
        "hubkeeper_wait_seconds",
        &["caller", "lane"],
        "How long calls waited for their turn before they were sent. Most should be under 2 ms; when they are \
         not, the limit is what holds you up.",
    ),
    PackedCalls: About {
        kind: Kind::Histogram,
        ..gauge(
            "hubkeeper_packed_calls",
            &["connection"],
            "How many calls travelled together, for each batch that hubkeeper made of them. The sum counts the calls, the count \
             the batches.",
        )
    },
    PackedAlone: counter(
        "hubkeeper_packed_alone",
        &["connection"],
        "Calls of such batches that had to go by themselves after all, because the batch failed or could not answer them.",
    ),
    Saved: counter(
        "hubkeeper_calls_saved",
        &["by"],
        "Requests that HubSpot did not have to be sent: by `packing`, by answering from `cache`, and because several \
         callers `shared` the answer to one.",
    ),
    Retries: counter(
        "hubkeeper_retries",
        &["connection", "caller", "family"],
        "Requests that hubkeeper sent again after a failure.",
    ),
    RetryBudgetLeft: gauge(
        "hubkeeper_retry_budget_left",
        &[],
        "Retries that may follow at once. It fills by nine for each hundred calls; at 0 failures go back to the \
         programs unrepeated.",
    ),
    CallersRetries: counter(
        "hubkeeper_callers_retries",
        &["result"],
        "Requests that programs sent again by themselves after a failure: all that were recognised (`seen`), and of those the \
         ones `refused` because the budget for retries was spent.",
    ),
    Attempts: counter(
        "hubkeeper_attempts",
        &["connection", "family", "status", "category"],
        "Requests sent to HubSpot, retries included, by what came back; status `none` where no answer did.",
    ),
    HubspotSeconds: seconds(
        "hubkeeper_hubspot_seconds",
        &["connection", "family"],
        "How long HubSpot took to answer a request, waiting for its turn not included.",
    ),
    FailedItems: counter(
        "hubkeeper_failed_items",
        &["connection", "family"],
        "Records that failed inside batch answers which were a success as a whole (207).",
    ),
    BudgetLimit: gauge(
        "hubkeeper_budget_limit",
        &["connection", "budget"],
        "Calls that HubSpot allows, or you do if you set less: per 10 s (`burst`, `associations`), per second \
         (`search`), per day (`daily`).",
    ),
    BudgetUsed: gauge(
        "hubkeeper_budget_used",
        &["connection", "budget"],
        "How much of the budget is taken now, by you and by others as far as it shows. `daily` is HubSpot's own \
         count.",
    ),
    BudgetLeft: gauge(
        "hubkeeper_budget_left",
        &["connection", "budget"],
        "How many calls could be sent this moment. At 0 they wait.",
    ),
    Slots: gauge(
        "hubkeeper_slots",
        &["connection", "budget", "state"],
        "What the slots of a budget are doing: `in_flight` on the way, `cooling` answered but still counted by \
         HubSpot, `outside` spent by others.",
    ),
    Waiting: gauge("hubkeeper_waiting", &["connection", "lane"], "Calls that wait for their turn now."),
    OutsidePeak: gauge(
        "hubkeeper_burst_outside_peak",
        &["connection"],
        "The most that somebody else spent of the burst budget in one window of the last minutes. Above 0 \
         another program uses this app's token without hubkeeper.",
    ),
    OwnPeak: gauge(
        "hubkeeper_burst_sent_peak",
        &["connection"],
        "The most that hubkeeper sent in one burst window of the last minutes.",
    ),
    DailySent: gauge(
        "hubkeeper_daily_sent",
        &["connection"],
        "Calls that hubkeeper sent today, a day ending at midnight where the portal is.",
    ),
    DailyOutside: gauge(
        "hubkeeper_daily_outside",
        &["connection"],
        "Calls of today that HubSpot counts and hubkeeper did not send: other programs.",
    ),
    DailyForecast: gauge(
        "hubkeeper_daily_forecast",
        &["connection", "bound"],
        "Calls still to come today, everybody's together: likely (`middle`), if little comes (`low`) and if much does \
         (`high`). Missing until enough of a day has been seen.",
    ),
    DailyExhausted: About {
        unit: Unit::Seconds,
        ..gauge(
            "hubkeeper_daily_exhausted_at_seconds",
            &["connection"],
            "When the day's calls will likely be used up, in seconds since 1970. Missing where they are expected to last.",
        )
    },
    DailyStopped: gauge(
        "hubkeeper_daily_stopped",
        &["connection", "lane"],
        "1 while a lane's calls are refused so that something of the day is left for those above it, else 0.",
    ),
    CacheLookups: counter(
        "hubkeeper_cache_lookups",
        &["result"],
        "Reads that the cache could have answered, by what it did: `hit` answered from memory, `miss` asked HubSpot, \
         `shared` joined another caller's request, `stale` gave an older answer because HubSpot gave none.",
    ),
    CacheDropped: counter(
        "hubkeeper_cache_dropped",
        &[],
        "Kept answers found to be untrue after a write, and dropped.",
    ),
    CacheLost: counter(
        "hubkeeper_cache_lost",
        &[],
        "Lookups that missed because the answer had made room for others before its time was up: the budget is too small.",
    ),
    CacheBytes: About {
        unit: Unit::Bytes,
        ..gauge("hubkeeper_cache_bytes", &[], "What kept answers weigh; they never outgrow the budget for them.")
    },
    CacheEntries: gauge("hubkeeper_cache_entries", &[], "Answers that are kept."),
    BreakerOpen: gauge(
        "hubkeeper_breaker_open",
        &["connection", "family"],
        "1 while a part of HubSpot's API fails so much that it is left alone, else 0.",
    ),
    Degraded: gauge(
        "hubkeeper_degraded",
        &["by"],
        "What is not asked of HubSpot at the moment: switches that people have on (`switch`), and parts of its API that fail (`breaker`).",
    ),
    OutboxOperations: gauge(
        "hubkeeper_outbox_operations",
        &["state"],
        "Writes accepted to be applied later, by where they stand. `dead` and `unknown` ones wait for a person: hubkeeper outbox list.",
    ),
    OutboxAccepted: counter(
        "hubkeeper_outbox_accepted",
        &[],
        "Writes that were put into the outbox.",
    ),
    OutboxSettled: counter(
        "hubkeeper_outbox_settled",
        &["state"],
        "Writes of the outbox that came to an end: `applied`, `dead` because HubSpot refused them, or `unknown` because an answer was lost and nothing tells.",
    ),
    OutboxAgain: counter(
        "hubkeeper_outbox_again",
        &[],
        "Tries of the outbox after which a write was put back to be tried again.",
    ),
    OutboxOldest: About {
        unit: Unit::Seconds,
        ..gauge(
        "hubkeeper_outbox_oldest_seconds",
        &[],
        "How long the oldest write that waits in the outbox has been waiting.",
    )
    },
    OutboxCatchUp: About {
        unit: Unit::Seconds,
        ..gauge(
        "hubkeeper_outbox_catch_up_seconds",
        &[],
        "When the outbox will be empty at the rate it is going, or after HubSpot's return at the rate it went. Missing where that cannot be told, or more is accepted than applied.",
    )
    },
    StoreRefusing: gauge(
        "hubkeeper_store_refusing",
        &[],
        "1 while the store takes nothing new, because its disk is full or failed, else 0.",
    ),
    InFlight: gauge(
        "hubkeeper_in_flight",
        &["connection", "family"],
        "Requests that are on their way to HubSpot now.",
    ),
    InFlightCap: gauge(
        "hubkeeper_in_flight_cap",
        &["connection", "family"],
        "How many requests may be on their way at once. Only there while HubSpot is overloaded and hubkeeper holds back; it \
         grows again by itself.",
    ),
    WaitingForRoom: gauge(
        "hubkeeper_waiting_for_room",
        &["connection", "family"],
        "Calls held back because that many requests are on their way already.",
    ),
    WebhookDeliveries: counter(
        "hubkeeper_webhook_deliveries",
        &["result"],
        "Requests to the webhook address: `kept` and acknowledged, `forged`, `doubtful` (for a known app, and not verifying: \
         quarantined), `no_delivery`, `unknown_connection`, `not_kept` because the store failed.",
    ),
    WebhookEvents: counter(
        "hubkeeper_webhook_events",
        &["result"],
        "Events in deliveries that were kept: `new`, or `duplicate` of one that had come before. `retried` are those that HubSpot \
         had tried to deliver before, `out_of_order` those that came after a later one of their object. What a workflow sends is \
         one event, `new` or `duplicate`.",
    ),
    WebhookAck: seconds(
        "hubkeeper_webhook_ack_seconds",
        &[],
        "How long it took to acknowledge a delivery, its commit to the disk included. HubSpot gives up after 5 s.",
    ),
    WebhookDelay: seconds(
        "hubkeeper_webhook_delay_seconds",
        &[],
        "From what happened in HubSpot to the arrival of its event.",
    ),
    WebhookQuiet: About {
        unit: Unit::Seconds,
        ..gauge("hubkeeper_webhook_quiet_seconds", &["connection"], "How long no event has come.")
    },
    WebhookSilent: gauge(
        "hubkeeper_webhook_silent",
        &["connection"],
        "1 while far fewer events come than usual, so that HubSpot or the way from it has most likely failed, else 0.",
    ),
    JournalFilled: counter(
        "hubkeeper_journal_filled",
        &["connection"],
        "Events that no webhook had brought and that were taken from HubSpot's webhooks journal.",
    ),
    JournalBehind: About {
        unit: Unit::Seconds,
        ..gauge(
            "hubkeeper_journal_behind_seconds",
            &["connection"],
            "How far the reader of HubSpot's webhooks journal is behind. It holds back what is younger than \
             webhooks.journal_hold_seconds; HubSpot forgets after three days.",
        )
    },
    JournalFailing: gauge(
        "hubkeeper_journal_failing",
        &["connection"],
        "1 while the webhooks journal cannot be read, else 0. `hubkeeper webhooks journal` tells why.",
    ),
    WebhookSuspectsLost: counter(
        "hubkeeper_webhook_suspects_lost",
        &[],
        "Doubtful deliveries that the quarantine had no room for. HubSpot sends them again for a day.",
    ),
    Forwarded: counter(
        "hubkeeper_forwarded_events",
        &["subscriber", "result"],
        "Events for a subscriber, by what became of them: `delivered`, `parked` to be tried later by themselves, `dead` after 72 \
         hours, `superseded` by a later one of their subject.",
    ),
    ForwardFailures: counter("hubkeeper_forward_failures", &["subscriber"], "Requests to a subscriber that it did not take."),
    ForwardBacklog: gauge("hubkeeper_forward_backlog", &["subscriber"], "Deliveries that a subscriber is not done with."),
    ForwardBacklogAge: About {
        unit: Unit::Seconds,
        ..gauge(
            "hubkeeper_forward_backlog_age_seconds",
            &["subscriber"],
            "How long ago the first delivery came that a subscriber is not done with; 0 where there is none.",
        )
    },
    ForwardLetters: gauge(
        "hubkeeper_forward_letters",
        &["subscriber", "state"],
        "Events taken out of a subscriber's line: `waiting` for their next try, or `dead` until a person acts.",
    ),
    ForwardLeftAlone: gauge(
        "hubkeeper_forward_left_alone",
        &["subscriber"],
        "1 while a subscriber takes nothing and is only asked every 15 s at most, or is switched off, else 0.",
    ),
    Credentials: gauge(
        "hubkeeper_credentials",
        &[],
        "Tokens in use. Those that HubSpot never answered well share the connection `other`.",
    ),
    IncidentsOpen: gauge(
        "hubkeeper_incidents_open",
        &["severity"],
        "Incidents that go on. P1: customers notice now, or data is at risk.",
    ),
    IncidentsOpened: counter(
        "hubkeeper_incidents_opened",
        &["code"],
        "Incidents that were opened, by the cause they had then; `none` where it had no name.",
    ),
    MeasuresOn: gauge(
        "hubkeeper_measures_on",
        &["mitigation"],
        "What is done in an incident at present, such as `serve_stale`: in how many incidents it is on.",
    ),
    Diagnoses: counter(
        "hubkeeper_diagnoses",
        &[],
        "How often a cause was looked for; each time costs HubSpot up to eight calls.",
    ),
    Notices: counter(
        "hubkeeper_notices",
        &["channel", "result"],
        "Tries to tell people of an incident: `told`, to be tried `again`, or `refused` for good.",
    ),
    BuildInfo: gauge("hubkeeper_build_info", &["version"], "Always 1; tells the version."),
    TelemetryLost: counter(
        "hubkeeper_telemetry_lost",
        &["signal"],
        "What did not reach the OpenTelemetry collector: spans of `traces`, exports of `metrics`. Only there where one is \
         configured.",
    ),
    ProcessMemory: About {
        unit: Unit::Bytes,
        ..gauge("process_resident_memory_bytes", &[], "Memory that hubkeeper occupies.")
    },
    ProcessDescriptors: gauge("process_open_fds", &[], "Files and connections that hubkeeper has open."),
    ProcessDescriptorsMax: gauge("process_max_fds", &[], "How many it may have open; near it, new connections wait."),
    ProcessUptime: About {
        unit: Unit::Seconds,
        ..gauge(
            "process_uptime_seconds",
            &[],
            "Time since the start. Small values that recur are restarts.",
        )
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Label names that stand for closed or bounded lists. No id, no route, no address can get in by another name.
    const LABELS: [&str; 20] = [
        "by",
        "bound",
        "budget",
        "caller",
        "category",
        "channel",
        "code",
        "connection",
        "family",
        "lane",
        "mitigation",
        "reason",
        "result",
        "severity",
        "signal",
        "source",
        "state",
        "status",
        "subscriber",
        "version",
    ];

    #[test]
    fn names_keep_to_the_rules() {
        let mut names = BTreeSet::new();
        for metric in Metric::ALL {
            let about = metric.about();
            assert!(names.insert(about.name), "{} is there twice", about.name);
            assert!(about.name.starts_with("hubkeeper_") || about.name.starts_with("process_"), "{about:?}");
            assert!(about.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{about:?}");
            assert!(!about.name.ends_with("_total"), "the end `_total` is added: {about:?}");
            assert!(about.name.ends_with(about.unit.name()), "the unit stands last: {about:?}");
            assert!(about.help.ends_with('.') && about.help.len() > 20, "a sentence: {about:?}");
            let labels: BTreeSet<_> = about.labels.iter().collect();
            assert_eq!(labels.len(), about.labels.len());
            assert!(about.labels.iter().all(|label| LABELS.contains(label)), "{about:?}");
        }
    }
}
