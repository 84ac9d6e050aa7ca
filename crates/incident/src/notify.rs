//! How each channel writes a message: pure builders of exactly what is sent. Sending is somebody else's.

pub mod email;
pub mod pagerduty;
pub mod slack;
pub mod statuspage;
pub mod webhook;

/// At most `max` characters, with a sign that something is missing.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}
