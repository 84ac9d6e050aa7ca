//! A new key that nobody sees: it goes straight into the program that wraps it with a key of a key service, and what that prints is
//! what is kept.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use hubspot::secret::Secret;

use crate::failure::Failure;

/// What is wrapped is a line, and so is what comes of it.
const WRAPPED_BYTES_MAX: u64 = 64 * 1024;

/// What the command makes of the key, which it gets on its stdin and nowhere else.
pub(super) fn wrapped(key: &Secret, command: &str) -> Result<String, Failure> {
    let failed = |why: String| {
        Failure::work(format!("the command that wraps the key failed: {why}"))
            .hint("it gets the key on its stdin, and prints the wrapped key as text")
    };
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read it says by its end why.
        let _it_may_be_gone = stdin.write_all(key.expose().as_bytes());
    }
    let mut text = String::new();
    let read = child.stdout.take().map(|out| out.take(WRAPPED_BYTES_MAX).read_to_string(&mut text));
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    read.transpose().map_err(|_| failed("it printed something that is not text".into()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(failed("it printed nothing".into()));
    }
    if text.contains(key.expose()) {
        return Err(failed("what it printed holds the key as it is".into()));
    }
    Ok(text.to_owned())
}
