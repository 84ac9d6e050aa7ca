//! The quota report for a person: 80 columns, the answer first.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ops::quota::{Outlook, PortalQuota, QuotaReport, Rolling, Spender};

const WIDTH: usize = 80;

/// `--json` has them all.
const SPENDERS_SHOWN: usize = 12;

/// The whole text, ending in a line break.
pub(super) fn for_people(report: &QuotaReport) -> String {
    let mut text = String::new();
    if report.portals.is_empty() {
        let why = if report.governed {
            "Nothing has been called yet."
        } else {
            "Nothing is counted yet: no call with a token has come, or the governor is off."
        };
        return format!("{why}\n");
    }
    for portal in &report.portals {
        if !text.is_empty() {
            text.push('\n');
        }
        tell_portal(portal, report.now, &mut text);
    }
    if let Some(saved) = report.saved.filter(|saved| saved.packed + saved.cached > 0) {
        section("Saved since the gateway started", &mut text);
        line(&format!("  answered out of a batch with others {:>12}", grouped(saved.packed)), &mut text);
        line(&format!("  answered from what was kept         {:>12}", grouped(saved.cached)), &mut text);
    }
    text
}

fn tell_portal(portal: &PortalQuota, now: Timestamp, text: &mut String) {
    let clock = Clock::of(portal);
    let name =
        portal.portal_id.map_or_else(|| "Portal not known yet".to_owned(), |id| format!("Portal {id}"));
    line(&format!("{name}, {}", clock.show(now)), text);
    line(&headline(portal, &clock), text);
    section("Now", text);
    line(&format!("  {:<24}{:>10}{:>10}{:>10}{:>10}  resets", "", "limit", "ours", "others", "left"), text);
    for connection in &portal.connections {
        rolling(&format!("burst, {}", connection.name), connection.burst, text);
    }
    rolling("search", portal.search, text);
    rolling("associations", portal.associations, text);
    daily(portal, &clock, text);
    forecast(portal, &clock, text);
    spenders(portal, text);
    others(portal, text);
    if !portal.advice.is_empty() {
        section("What would make it last longer", text);
        for advice in &portal.advice {
            paragraph(&advice.text, text);
        }
    }
}

fn headline(portal: &PortalQuota, clock: &Clock) -> String {
    let daily = &portal.daily;
    let resets = daily.resets_at.map_or_else(|| "its reset".to_owned(), |at| clock.show(at));
    if daily.parked {
        return format!("The daily pool is EMPTY; nothing is sent until {resets}.");
    }
    if !daily.stopped.is_empty() {
        return format!("The daily pool runs low: {} must wait.", daily.stopped.join(" and "));
    }
    match portal.forecast.as_ref().map(|outlook| outlook.exhausted_at) {
        Some(Some(at)) if is_first_day(portal) => {
            format!("If today goes on like this, the daily pool will be empty about {}.", clock.show(at))
        }
        Some(Some(at)) => format!("The daily pool will be empty about {}, before {resets}.", clock.show(at)),
        Some(None) => format!("The daily pool lasts until {resets}."),
        None if daily.limit.is_none() => "This app has no daily pool.".to_owned(),
        None => "Too little is known of today for a forecast; look again in half an hour.".to_owned(),
    }
}

/// No day before tells what is usual.
fn is_first_day(portal: &PortalQuota) -> bool {
    portal.forecast.as_ref().is_some_and(|outlook| outlook.days_before == 0)
}

fn rolling(name: &str, level: Option<Rolling>, text: &mut String) {
    let Some(level) = level else { return };
    let window = format!("every {} s", level.window_ms / 1000);
    line(
        &format!(
            "  {:<24}{:>10}{:>10}{:>10}{:>10}  {window}",
            shortened(name, 24),
            level.limit,
            level.used,
            level.others,
            level.left
        ),
        text,
    );
}

fn daily(portal: &PortalQuota, clock: &Clock, text: &mut String) {
    let daily = &portal.daily;
    let Some(limit) = daily.limit else { return };
    let resets = daily.resets_at.map_or_else(|| "not known yet".to_owned(), |at| clock.show(at));
    let guess = if daily.told { "" } else { " (a guess)" };
    line(
        &format!(
            "  {:<24}{:>10}{:>10}{:>10}{:>10}  {resets}",
            format!("daily{guess}"),
            limit,
            daily.ours,
            daily.others,
            daily.left.unwrap_or(0)
        ),
        text,
    );
    if daily.before_us > 0 {
        let calls = grouped(daily.before_us);
        line(
            &format!("  {calls} more were spent today before this gateway looked for the first time."),
            text,
        );
    }
    let kept = daily.kept_from;
    if kept.bulk > 0 {
        line(
            &format!(
                "  Kept from bulk: {}. From sync: {}. From interactive: {}.",
                grouped(kept.bulk),
                grouped(kept.sync),
                grouped(kept.interactive)
            ),
            text,
        );
    }
}

fn forecast(portal: &PortalQuota, clock: &Clock, text: &mut String) {
    let Some(outlook) = &portal.forecast else { return };
    section("Forecast", text);
    let Outlook { exhausted_at, earliest, latest, to_come: [low, expected, high], .. } = outlook;
    let day_end = || "after the reset".to_owned();
    let show = |at: &Option<Timestamp>| at.map_or_else(day_end, |at| clock.show(at));
    line(&format!("  empty           {}", show(exhausted_at)), text);
    line(&format!("  between         {} and {}", show(earliest), show(latest)), text);
    line(
        &format!(
            "  still to come   {} calls ({} to {}), {} of them not ours",
            grouped(*expected),
            grouped(*low),
            grouped(*high),
            grouped(outlook.to_come_from_others)
        ),
        text,
    );
    let from = match outlook.days_before {
        0 => "today alone: what comes later on a first day cannot be foretold".to_owned(),
        1 => "today and the day before".to_owned(),
        days => format!("today and {days} days before"),
    };
    line(&format!("  drawn from      {from}"), text);
}

fn spenders(portal: &PortalQuota, text: &mut String) {
    if portal.spenders.is_empty() {
        return;
    }
    section("Who spends it, today", text);
    line(&format!("  {:>9} {:>5} {:>9}  caller and route", "calls", "share", "this hour"), text);
    for Spender { caller, method, route, calls, share, this_hour, .. } in
        portal.spenders.iter().take(SPENDERS_SHOWN)
    {
        let share = format!("{:.0} %", share * 100.0);
        line(
            &format!(
                "  {:>9} {share:>5} {:>9}  {caller}  {method} {route}",
                grouped(*calls),
                grouped(*this_hour)
            ),
            text,
        );
    }
    let rest: u64 = portal.spenders.iter().skip(SPENDERS_SHOWN).map(|spender| spender.calls).sum();
    if rest > 0 {
        line(&format!("  {:>9}                  all others; --json shows more", grouped(rest)), text);
    }
}

/// The hours in which others spent most.
fn others(portal: &PortalQuota, text: &mut String) {
    let mut hours: Vec<_> = portal.hours.iter().filter(|hour| hour.others > 0).collect();
    if hours.is_empty() {
        return;
    }
    hours.sort_by_key(|hour| std::cmp::Reverse(hour.others));
    let clock = Clock::of(portal);
    let most =
        hours.iter().take(3).map(|hour| format!("{} at {}", grouped(hour.others), clock.show(hour.starts)));
    section("Who else does", text);
    let all: u64 = portal.daily.others;
    paragraph(
        &format!(
            "Other apps of the account: {} calls today, by HubSpot's count less ours. Most by hour: {}.",
            grouped(all),
            most.collect::<Vec<_>>().join(", ")
        ),
        text,
    );
}

/// The portal's own clock on the wall.
struct Clock(TimeZone);

impl Clock {
    fn of(portal: &PortalQuota) -> Self {
        let zone = portal.daily.time_zone.as_deref().and_then(|zone| TimeZone::get(zone).ok());
        Self(zone.unwrap_or(TimeZone::UTC))
    }

    fn show(&self, at: Timestamp) -> String {
        at.to_zoned(self.0.clone()).strftime("%a %H:%M %Z").to_string()
    }
}

/// `1234567` as `1 234 567`: it is read faster, in any country.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn shortened(name: &str, width: usize) -> String {
    name.chars().take(width - 1).collect()
}

fn section(title: &str, text: &mut String) {
    text.push('\n');
    line(title, text);
}

fn line(words: &str, text: &mut String) {
    writeln!(text, "{}", words.trim_end()).expect("writing to a String does not fail");
}

fn paragraph(words: &str, text: &mut String) {
    let mut column = 0;
    for word in words.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            text.push('\n');
            column = 0;
        }
        let before = if column == 0 { "  " } else { " " };
        text.push_str(before);
        text.push_str(word);
        column += before.len() + width;
    }
    text.push('\n');
}
