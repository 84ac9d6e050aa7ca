//! HubSpot's limits: what is left of each, and how long the day lasts.

use maud::{Markup, html};
use ops::quota::{Daily, Outlook, PortalQuota, QuotaReport, Rolling};

use super::words::{clock, grouped, percent};

pub(super) fn section(quota: &QuotaReport) -> Markup {
    html! {
        section {
            h2 { "Limits" }
            @if quota.portals.is_empty() {
                p { "Nothing has been counted yet." }
            }
            @for portal in &quota.portals { (of_portal(portal)) }
            @if let Some(saved) = quota.saved {
                p {
                    "Since the start " (grouped(saved.packed)) " calls travelled packed and " (grouped(saved.cached))
                    " were answered from memory."
                }
            }
        }
    }
}

fn of_portal(portal: &PortalQuota) -> Markup {
    html! {
        h3 {
            @match portal.portal_id {
                Some(id) => { "Portal " (id) }
                None => { "A portal that is not known yet" }
            }
        }
        table {
            thead { tr { th { "Limit" } th { "Used" } th.number { "Left" } th { "" } } }
            tbody {
                @for connection in &portal.connections {
                    @if let Some(burst) = &connection.burst { (rolling(&format!("burst, {}", connection.name), burst)) }
                }
                @if let Some(search) = &portal.search { (rolling("search", search)) }
                @if let Some(associations) = &portal.associations { (rolling("associations", associations)) }
                (daily(&portal.daily, portal.forecast.as_ref()))
            }
        }
        @if !portal.advice.is_empty() {
            p { "What would make it last is in " code { "hubkeeper quota" } "." }
        }
    }
}

fn rolling(name: &str, rolling: &Rolling) -> Markup {
    let used = rolling.limit.saturating_sub(rolling.left);
    html! {
        tr {
            th scope="row" { (name) }
            td { (meter(used.into(), rolling.limit.into())) }
            td.number { (grouped(rolling.left.into())) " of " (grouped(rolling.limit.into())) }
            td { "in " (rolling.window_ms / 1_000) " s" @if rolling.others > 0 { ", others use " (rolling.others) } }
        }
    }
}

fn daily(daily: &Daily, forecast: Option<&Outlook>) -> Markup {
    let Some(limit) = daily.limit else {
        return html! { tr { th scope="row" { "daily" } td {} td.number { "none" } td { "this app has no daily pool" } } };
    };
    html! {
        tr {
            th scope="row" { "daily" }
            td { (meter(daily.used, limit)) }
            td.number { (grouped(daily.left.unwrap_or_default())) " of " (grouped(limit)) }
            td {
                (percent(daily.used, limit)) " used, by others " (percent(daily.others, daily.used)) ". "
                @if daily.parked { strong { "Empty. " } }
                @if !daily.stopped.is_empty() { strong { (daily.stopped.join(" and ")) " stopped. " } }
                @match forecast.and_then(|forecast| Some((forecast, forecast.exhausted_at?))) {
                    Some((forecast, at)) => {
                        strong { "Runs out about " (clock(at)) } (between(forecast)) ". "
                    }
                    None => { @if forecast.is_some() { "Lasts until the reset. " } }
                }
                @if let Some(reset) = daily.resets_at { "New at " (clock(reset)) "." }
            }
        }
    }
}

fn between(forecast: &Outlook) -> Markup {
    html! {
        @if let Some(earliest) = forecast.earliest {
            " (" (clock(earliest)) " to " @match forecast.latest { Some(latest) => (clock(latest)), None => "never" } ")"
        }
    }
}

fn meter(used: u64, limit: u64) -> Markup {
    html! { meter min="0" max=(limit) value=(used) high=(limit / 10 * 9) { (percent(used, limit)) } }
}
