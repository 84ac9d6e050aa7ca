//! Slack: the body of an incoming webhook, in blocks.
//!
//! Limits of Block Kit (docs.slack.dev/reference/block-kit/blocks): 50 blocks in a message, 150 characters in a header,
//! 3,000 in a section's text, 2,000 in each of at most 10 fields.

use serde_json::{Value, json};

use super::cut;
use crate::message::{Message, Moment};

const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const FIELD_MAX: usize = 2_000;

/// The JSON that is posted.
pub fn body(message: &Message) -> Value {
    let mut blocks = vec![
        json!({"type": "header", "text": {"type": "plain_text", "text": cut(&message.headline(), HEADER_MAX)}}),
        section(&message.inside),
        json!({"type": "section", "fields": fields(message)}),
    ];
    if message.moment != Moment::Resolved {
        if !message.evidence.is_empty() {
            let lines: Vec<String> =
                message.evidence.iter().map(|line| format!("• {}", escaped(line))).collect();
            blocks.push(mrkdwn(&lines.join("\n")));
        }
        blocks.push(mrkdwn(&format!("*First:* {}", escaped(&message.remedy))));
    }
    let code = message.code.map_or("unknown", crate::code::Code::id);
    let foot = format!("{} · {code} · hubkeeper incident show {}", message.incident, message.incident);
    blocks.push(json!({"type": "context", "elements": [{"type": "mrkdwn", "text": cut(&foot, FIELD_MAX)}]}));
    json!({"text": cut(&message.headline(), SECTION_MAX), "blocks": blocks})
}

fn fields(message: &Message) -> Vec<Value> {
    let next = message.next_update_at.map_or_else(|| "-".into(), |at| format!("{at:.0}"));
    let confidence = message.confidence.map(|confidence| format!(" ({confidence})")).unwrap_or_default();
    let cause =
        message.code.map_or_else(|| "not known yet".into(), |code| format!("{}{confidence}", code.id()));
    [
        ("Status", message.stage.name().to_owned()),
        ("Since", format!("{:.0}", message.began_at)),
        ("Impact", message.impact.clone()),
        ("Reach", message.reach.clone()),
        ("Cause", cause),
        ("Next update", next),
    ]
    .into_iter()
    .map(|(name, value)| json!({"type": "mrkdwn", "text": cut(&format!("*{name}*\n{}", escaped(&value)), FIELD_MAX)}))
    .collect()
}

fn section(text: &str) -> Value {
    mrkdwn(&escaped(text))
}

fn mrkdwn(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_MAX)}})
}

/// The three characters that Slack gives a meaning (docs.slack.dev/messaging/formatting-message-text).
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
