//! The same for people: one line each, the most telling first.

use serde_json::Value;

pub(super) fn event(event: &Value) -> String {
    let text = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
    format!("{}  {:<24} {:<24} {}", text("received_at"), text("kind"), text("object"), text("id"))
}

pub(super) fn events(page: &Value) -> String {
    rows(page, "events", "no such events are kept", event)
}

pub(super) fn letters(page: &Value) -> String {
    rows(page, "letters", "no such letters", |letter| {
        let text = |name: &str| letter[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{:>6}  {:<10} {:<20} {:<24} {} tries  {}  {}",
            letter["letter"],
            text("state"),
            text("subscriber"),
            text("kind"),
            letter["attempts"],
            text("reason"),
            text("id")
        )
    })
}

pub(super) fn quarantine(page: &Value) -> String {
    rows(page, "quarantine", "nothing is in quarantine", |one| {
        let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let (received_at, connection, refusal) = (text("received_at"), text("connection"), text("refusal"));
        format!("{:>6}  {received_at}  {connection}  {} times  {refusal}", one["id"], one["times"])
    })
}

pub(super) fn replays(page: &Value) -> String {
    rows(page, "replays", "nothing was asked to be sent once more", |replay| {
        let text = |name: &str| replay[name].as_str().unwrap_or("-").to_owned();
        let state = if replay["ended_at"].is_null() {
            format!("{} deliveries left", replay["left"])
        } else {
            "ended".into()
        };
        format!(
            "{:>6}  {}  {}  {} sent  {state}  {}",
            replay["id"],
            text("asked_at"),
            text("subscriber"),
            replay["sent"],
            text("reason")
        )
    })
}

pub(super) fn subscribers(page: &Value) -> String {
    rows(page, "subscribers", "there are no subscribers", |one| {
        let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let state = if let Some(why) = one["disabled"].as_str() {
            format!("off: {why}")
        } else if one["left_alone"] == true {
            "takes nothing at the moment".into()
        } else if one["served"] == true {
            "served".into()
        } else {
            "not served".into()
        };
        let backlog = &one["backlog"];
        format!(
            "{:<24} {:<32} {state}; {} behind, {} waiting, {} dead",
            text("name"),
            text("to"),
            backlog["deliveries"],
            backlog["waiting"],
            backlog["dead"]
        )
    })
}

pub(super) fn purges(page: &Value) -> String {
    rows(page, "purges", "no contact was deleted for privacy", |one| {
        let text = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let gone = &one["purged"];
        format!(
            "{}  portal {} contact {}: {} deliveries, {} letters, {} in quarantine, {} writes, {} kept answers, {} lines of incidents",
            text("purged_at"),
            text("portal_id"),
            text("contact_id"),
            gone["deliveries"],
            gone["letters"],
            gone["quarantine"],
            gone["operations"],
            gone["answers"],
            gone["incidents"]
        )
    })
}

pub(super) fn journal(page: &Value) -> String {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let read = rows(page, "journals", "no journal is read; set journal = true in [[connections]]", |one| {
        let state = match one["error"].as_str() {
            Some(error) => format!("cannot be read: {error}"),
            None if one["read_by_another"] == true => "read by another hubkeeper".into(),
            None => format!("read until {}", text(one, "read_until")),
        };
        format!(
            "{:<24} {state}; {} events filled since the start",
            text(one, "connection"),
            one["events_filled"]
        )
    });
    let gaps = rows(page, "gaps", "no gaps in the last 30 days", |gap| {
        let what = match gap["events"].as_u64() {
            Some(1) => "1 event filled".to_owned(),
            Some(events) => format!("{events} events filled"),
            None => "lost: HubSpot keeps its journal for three days".to_owned(),
        };
        let [found, begins, ends] = ["found_at", "begins", "ends"].map(|name| text(gap, name));
        format!("gap found {found}  {}  from {begins} to {ends}  {what}", text(gap, "connection"))
    });
    format!("{read}\n{gaps}")
}

pub(super) fn replayed(said: &Value) -> String {
    match (said["letters"].as_u64(), said["replay"].as_i64()) {
        (Some(count), _) => format!("{count} letters go again"),
        (None, number) => format!(
            "replay {} has begun; `hubkeeper webhooks list --replays` shows it",
            number.unwrap_or_default()
        ),
    }
}

pub(super) fn test(said: &Value) -> String {
    let text = |name: &str| said[name].as_str().unwrap_or("-").to_owned();
    format!("{}: {} ({})", text("subscriber"), text("said"), text("id"))
}

pub(super) fn explanation(explanation: &Value) -> String {
    let text = |name: &str| explanation[name].as_str().unwrap_or("-").to_owned();
    let expected: Vec<&str> = explanation["expected_addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let head = if explanation["verifies"] == true {
        "it verifies".to_owned()
    } else {
        format!("it does not verify: {}", text("cause"))
    };
    format!(
        "{head}\n  found: {}\n  first: {}\n  expected: {}",
        text("detail"),
        text("remedy"),
        expected.join(" or ")
    )
}

pub(super) fn reverified(said: &Value) -> String {
    let found = &said["reverified"];
    format!(
        "{} deliveries taken ({} new events), {} still do not verify",
        found["taken"], found["new"], found["still"]
    )
}

fn rows(page: &Value, name: &str, none: &str, row: impl Fn(&Value) -> String) -> String {
    let rows: Vec<String> = page[name].as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() { none.to_owned() } else { rows.join("\n") }
}
