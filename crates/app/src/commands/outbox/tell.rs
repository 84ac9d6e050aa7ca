//! The outbox in words.

use std::fmt::Write as _;

use serde_json::Value;

/// How it stands, and a line for each operation.
pub(super) fn list(standing: &Value, list: &Value) -> String {
    let mut text = standing_line(standing);
    let operations = list.get("operations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for operation in operations {
        let word = |name: &str| word(operation, name);
        line(
            &mut text,
            &format!(
                "{}  {:<9}  {}  {:<6} {}  {}  {}",
                word("id"),
                word("state"),
                word("accepted_at"),
                word("method"),
                word("route"),
                attempts(operation),
                word("outcome"),
            ),
        );
    }
    if let Some(next) = list.get("next").and_then(Value::as_i64) {
        line(&mut text, &format!("There are more: --after {next}"));
    }
    for damaged in list.get("damaged").and_then(Value::as_array).into_iter().flatten() {
        line(&mut text, &format!("Damaged: {}", damaged.as_str().unwrap_or_default()));
    }
    text
}

/// One operation, with its request, its attempts and how it ended.
pub(super) fn one(shown: &Value) -> String {
    let mut text = String::new();
    for name in [
        "id",
        "state",
        "reason",
        "accepted_at",
        "settled_at",
        "due_at",
        "connection",
        "caller",
        "lane",
        "method",
        "target",
        "record",
        "stamp",
    ] {
        if shown.get(name).is_some_and(|value| !value.is_null()) {
            line(&mut text, &format!("{name:<12} {}", word(shown, name)));
        }
    }
    line(&mut text, &format!("{:<12} {}", "body", shown.get("body").unwrap_or(&Value::Null)));
    for attempt in shown.get("attempts").and_then(Value::as_array).into_iter().flatten() {
        let doubt = if attempt.get("doubtful").is_some() { ", may have been applied" } else { "" };
        let more = attempt.get("more_not_kept").and_then(Value::as_u64);
        let more = more.map_or_else(String::new, |more| format!(", and {more} more"));
        let (at, status) = (word(attempt, "at"), word(attempt, "status"));
        let (outcome, id) = (word(attempt, "outcome"), word(attempt, "correlation_id"));
        line(
            &mut text,
            &format!("attempt      {at}  status {status}  {outcome}{doubt}{more}  correlation id {id}"),
        );
    }
    if let Some(result) = shown.get("result") {
        line(&mut text, &format!("{:<12} {result}", "result"));
    }
    text
}

/// What was done.
pub(super) fn done(told: &Value) -> String {
    let one = |told: &Value| {
        let counts = ["replayed", "cancelled", "edited", "dropped"];
        let done = counts.iter().filter_map(|name| Some(format!("{} {name}", told.get(*name)?)));
        let left = told.get("left").and_then(Value::as_u64).filter(|left| *left > 0);
        let left = left.map(|left| format!("{left} left as they are: their state does not allow it"));
        let more = told.get("more").and_then(Value::as_bool).unwrap_or(false);
        let more = more.then(|| "there are more: say it again".to_owned());
        done.chain(left).chain(more).collect::<Vec<_>>().join(", ")
    };
    match told {
        Value::Array(each) => each.iter().map(one).collect::<Vec<_>>().join("\n"),
        other => one(other),
    }
}

fn standing_line(standing: &Value) -> String {
    let count =
        |state: &str| standing.pointer(&format!("/operations/{state}")).and_then(Value::as_u64).unwrap_or(0);
    let mut text = format!(
        "{} waiting, {} being sent, {} applied, {} dead, {} unknown, {} cancelled",
        count("pending"),
        count("sending"),
        count("applied"),
        count("dead"),
        count("unknown"),
        count("cancelled")
    );
    let seconds = standing.pointer("/catch_up/seconds").and_then(Value::as_f64);
    let state = standing.pointer("/catch_up/state").and_then(Value::as_str).unwrap_or_default();
    let told = match (state, seconds) {
        ("catching_up", Some(seconds)) => format!("; caught up in about {seconds:.0} s"),
        ("stopped", Some(seconds)) => {
            format!("; HubSpot lets nothing through; about {seconds:.0} s from its return")
        }
        ("stopped", None) => "; HubSpot lets nothing through".to_owned(),
        ("falling_behind", _) => "; more is accepted than applied".to_owned(),
        _ => String::new(),
    };
    text.push_str(&told);
    text.push('\n');
    text
}

fn attempts(operation: &Value) -> String {
    match operation.get("attempts").and_then(Value::as_u64) {
        Some(1) => "1 attempt".to_owned(),
        count => format!("{} attempts", count.unwrap_or(0)),
    }
}

fn word(value: &Value, name: &str) -> String {
    match value.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a String does not fail");
}
