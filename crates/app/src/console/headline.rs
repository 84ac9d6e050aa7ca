//! The first line of the console: is it well, and if not, what first. A pure function of what traffic shows.

use gateway::traffic::TrafficReport;

/// One sentence, and how it is to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Headline {
    pub(super) mood: Mood,
    pub(super) sentence: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Quiet,
    Well,
    Watch,
    Bad,
}

/// Of the calls of the last two minutes; fewer is everyday noise (a 404, a conflict).
const FAILING_PERCENT_MIN: u64 = 5;

impl Mood {
    /// Said in words as well as in colour.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "Quiet",
            Self::Well => "Well",
            Self::Watch => "Watch",
            Self::Bad => "Trouble",
        }
    }

    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Well => "well",
            Self::Watch => "watch",
            Self::Bad => "bad",
        }
    }
}

/// The worst comes first. `switches` is how many degraded-mode switches are on.
pub(super) fn headline(traffic: &TrafficReport, switches: usize) -> Headline {
    let open: Vec<&str> =
        traffic.connections.iter().flat_map(|connection| connection.breakers_open.iter().copied()).collect();
    let (mut calls, mut ok, mut refused) = (0, 0, 0);
    for group in &traffic.groups {
        calls += group.calls_recent;
        ok += group.ok_recent;
        refused += group.refused.iter().map(|refused| refused.recent).sum::<u64>();
    }
    let failing = calls.saturating_sub(ok);
    let headline = |mood, sentence| Headline { mood, sentence };
    if !open.is_empty() {
        let families = open.join(", ");
        headline(
            Mood::Bad,
            format!("HubSpot fails for: {families}. It is asked now and then whether it is back."),
        )
    } else if switches > 0 {
        headline(
            Mood::Watch,
            format!("Degraded mode is switched on ({switches}); HubSpot is not asked there."),
        )
    } else if failing * 100 >= calls * FAILING_PERCENT_MIN && failing > 0 {
        headline(Mood::Bad, format!("{failing} of the last {calls} calls failed. See “Errors” below."))
    } else if refused > 0 {
        headline(
            Mood::Watch,
            format!("{refused} calls were refused for lack of a slot in the last two minutes."),
        )
    } else if calls == 0 {
        headline(Mood::Quiet, "No call in the last two minutes.".to_owned())
    } else {
        headline(Mood::Well, format!("{ok} of the last {calls} calls were answered well."))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gateway::traffic::{ConnectionReport, GroupReport, RefusedReport};
    use jiff::Timestamp;

    use super::*;

    fn group(calls: u64, ok: u64) -> GroupReport {
        GroupReport {
            connection: Arc::from("default"),
            caller: Arc::from("-"),
            family: "objects",
            method: "GET",
            version: None,
            calls,
            ok,
            attempts: calls,
            retries: 0,
            cancelled: 0,
            first_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
            last_ok_at: None,
            calls_recent: calls,
            ok_recent: ok,
            retries_recent: 0,
            sent_recent_per_s: 0.0,
            p50_ms: 0,
            p99_ms: 0,
            errors: Vec::new(),
            transport: Vec::new(),
            refused: Vec::new(),
            failed_items: 0,
        }
    }

    fn connection(breakers_open: Vec<&'static str>) -> ConnectionReport {
        ConnectionReport {
            name: Arc::from("default"),
            portal_id: None,
            portal_id_before: None,
            configured_portal_id: None,
            hosting: None,
            burst_max: None,
            burst_max_before: None,
            daily_max: None,
            daily_max_before: None,
            limits_changed_at: None,
            burst_sent_peak: 0,
            burst_outside_peak: 0,
            burst_outside_recent: 0,
            daily_sent: 0,
            daily_used: None,
            refused_by_us: 0,
            waiting: 0,
            breakers_open,
        }
    }

    fn report(groups: Vec<GroupReport>, open: Vec<&'static str>) -> TrafficReport {
        TrafficReport {
            schema: 1,
            since: Timestamp::UNIX_EPOCH,
            now: Timestamp::UNIX_EPOCH,
            governed: true,
            connections: vec![connection(open)],
            groups,
            changes: Vec::new(),
            known_ids_gone: 0,
        }
    }

    #[test]
    fn the_worst_is_said_first() {
        let starved = GroupReport {
            refused: vec![RefusedReport { budget: "daily", count: 3, recent: 3 }],
            ..group(10, 10)
        };
        let moods = [
            headline(&report(vec![], vec![]), 0),
            headline(&report(vec![group(1_000, 960)], vec![]), 0),
            headline(&report(vec![group(1_000, 940)], vec![]), 0),
            headline(&report(vec![group(1, 0)], vec![]), 0),
            headline(&report(vec![starved], vec![]), 0),
            headline(&report(vec![group(10, 10)], vec![]), 2),
            headline(&report(vec![group(10, 10)], vec!["search"]), 2),
        ]
        .map(|headline| headline.mood);
        use Mood::{Bad, Quiet, Watch, Well};
        assert_eq!(moods, [Quiet, Well, Bad, Bad, Watch, Watch, Bad]);
    }
}
