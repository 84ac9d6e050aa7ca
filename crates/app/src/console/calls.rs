//! What passes through: by caller and API family, and which errors came back.

use gateway::traffic::{ErrorReport, GroupReport, TrafficReport};
use maud::{Markup, html};

use super::words::{ago, clock, grouped, percent};

/// The rest is in the JSON.
const ROWS_MAX: usize = 50;

pub(super) fn section(traffic: &TrafficReport) -> Markup {
    let mut groups: Vec<&GroupReport> = traffic.groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.calls));
    html! {
        section {
            h2 { "Calls of the last 15 minutes" }
            @if groups.is_empty() {
                p { "Nobody has called yet. Point a program at the gateway: its base path is all that changes." }
            } @else {
                table {
                    thead { tr {
                        th { "Caller" } th { "Connection" } th { "Family" } th.number { "Calls" } th.number { "Not well" }
                        th.number { "p50" } th.number { "p99" } th.number { "Resent" } th.number { "Refused" }
                    } }
                    tbody { @for group in groups.iter().take(ROWS_MAX) { (row(group)) } }
                }
            }
        }
        (errors(traffic))
        (changes(traffic))
    }
}

fn row(group: &GroupReport) -> Markup {
    let refused: u64 = group.refused.iter().map(|refused| refused.count).sum();
    html! {
        tr {
            td { (group.caller) }
            td { (group.connection) }
            td { (group.method) " " (group.family) }
            td.number { (grouped(group.calls)) }
            td.number { (percent(group.calls.saturating_sub(group.ok), group.calls)) }
            td.number { (group.p50_ms) " ms" }
            td.number { (group.p99_ms) " ms" }
            td.number { (grouped(group.retries)) }
            td.number { (grouped(refused)) }
        }
    }
}

fn errors(traffic: &TrafficReport) -> Markup {
    let of_group = |group: &'_ GroupReport| {
        group.errors.iter().map(|error| (group.caller.clone(), error.clone())).collect::<Vec<_>>()
    };
    let mut errors: Vec<_> = traffic.groups.iter().flat_map(of_group).collect();
    errors.sort_by_key(|(_, error)| std::cmp::Reverse((error.recent, error.count)));
    html! {
        @if !errors.is_empty() {
            section {
                h2 { "Errors" }
                table {
                    thead { tr {
                        th { "Answer" } th { "Route" } th { "Caller" } th.number { "Count" } th { "Last" }
                        th { "Correlation id" }
                    } }
                    tbody {
                        @for (caller, error) in errors.iter().take(ROWS_MAX) {
                            tr {
                                td { (error.status) " " (name(error)) }
                                td { code { (error.route) } }
                                td { (caller) }
                                td.number { (grouped(error.count)) }
                                td { (ago(error.last_at, traffic.now)) }
                                td { code { (error.correlation_ids.last().map_or("–", String::as_str)) } }
                            }
                        }
                    }
                }
                p { "Name the cause with " code { "hubkeeper triage" } "." }
            }
        }
    }
}

fn name(error: &ErrorReport) -> &str {
    let names = [&error.policy_name, &error.code, &error.sub_category, &error.category];
    names.into_iter().flatten().next().map_or(if error.html { "an HTML page" } else { "" }, String::as_str)
}

fn changes(traffic: &TrafficReport) -> Markup {
    html! {
        @if !traffic.changes.is_empty() {
            section {
                h2 { "Changes we were told of" }
                ul {
                    @for change in traffic.changes.iter().rev() {
                        li { time { (clock(change.at)) } " " (change.kind) ": " (change.what) }
                    }
                }
            }
        }
    }
}
