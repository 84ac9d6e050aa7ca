//! E-mail: subject and plain text.

use std::fmt::Write as _;

use crate::message::{Message, Moment};

/// A line of it.
pub fn subject(message: &Message) -> String {
    let line = format!("[hubkeeper] {}", message.headline());
    line.replace(['\r', '\n'], " ")
}

pub fn text(message: &Message) -> String {
    let mut text = format!("{}\n\n{}\n\n", message.headline(), message.inside);
    let mut line = |name: &str, value: &str| {
        let _infallible = writeln!(text, "{name:<12} {value}");
    };
    line("Status", message.stage.name());
    line("Since", &format!("{:.0}", message.began_at));
    line("Impact", &message.impact);
    line("Reach", &message.reach);
    line("Cause", message.code.map_or("-", crate::code::Code::id));
    if let Some(next) = message.next_update_at {
        line("Next update", &format!("{next:.0}"));
    }
    if message.moment != Moment::Resolved {
        line("First", &message.remedy);
        line("Escalate to", &message.escalation);
    }
    for evidence in &message.evidence {
        line("Evidence", evidence);
    }
    for id in &message.correlation_ids {
        line("Correlation", id);
    }
    line("Incident", &message.incident);
    text
}

/// The same for all messages about an incident, so that mail programs show them together.
pub fn thread(message: &Message) -> String {
    format!("<{}@hubkeeper>", message.incident)
}
