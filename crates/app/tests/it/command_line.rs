//! What a person types wrong: the binary says what, where, and what to do, ends with 2, and never repeats a secret.

use crate::house::{Ended, Start};

mod configuration;
mod scan;
mod usage;

/// A mistake: exit code 2, nothing on stdout, and on stderr a message that holds all of `told`, and one hint.
async fn mistake(start: Start, told: &[&str]) -> Ended {
    let ended = start.ended().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert_eq!(ended.stdout, "", "{ended:#?}");
    for part in told {
        assert!(ended.stderr.contains(part), "`{part}` is not in: {}", ended.stderr);
    }
    ended
}

/// A mistake that comes with a hint of ours.
async fn hinted(start: Start, told: &[&str]) -> Ended {
    // The log would stand before it.
    let ended = mistake(start.env("HUBKEEPER_LOG", "info"), told).await;
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("hint: ").count(), 1, "one hint: {}", ended.stderr);
    ended
}
