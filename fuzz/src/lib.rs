//! What strangers can send us, read by the code that reads it. Whatever the bytes are, nothing panics, and what is
//! said of them holds. `scripts/fuzz` looks for bytes for which it does not; `make test` reads the seeds.
//!
//! The configuration has its target in `app`, where it is read.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hubspot::error::ApiError;
use hubspot::rate_headers::RateHeaders;
use hubspot::secret::Secret;
use hubspot::signature::{Rules, SignedRequest, sign_v3, verify};
use inbox::event;
use jiff::Timestamp;

pub type Target = fn(&[u8]);

/// By name.
pub const TARGETS: [(&str, Target); 4] =
    [("signature", signature), ("answer", answer), ("webhook", webhook), ("requests", requests)];

const SECRETS: [&str; 2] = ["8f2d4c1e-the-new-one", "0c9b1a77-the-old-one"];

/// A webhook as `METHOD uri`, header lines, an empty line, a body. A stranger's never verifies; HubSpot's always does.
///
/// # Panics
/// When that is not so.
pub fn signature(bytes: &[u8]) {
    let (line, headers, body) = message(bytes);
    let line = String::from_utf8_lossy(line);
    let (method, uri) = line.split_once(' ').unwrap_or((&line, ""));
    let secrets = SECRETS.map(Secret::new);
    let (now, rules) = (Timestamp::UNIX_EPOCH, Rules::default());
    let claimed = verify(&SignedRequest { method, uri, headers: &headers, body }, &secrets, now, &rules);
    assert!(claimed.is_err(), "nobody signed it");
    for secret in &secrets {
        let mut headers = HeaderMap::new();
        let signed = sign_v3(secret, method, uri, body, "0");
        headers.insert("x-hubspot-request-timestamp", HeaderValue::from_static("0"));
        headers.insert("x-hubspot-signature-v3", signed.parse().expect("base64 is a header value"));
        let genuine = verify(&SignedRequest { method, uri, headers: &headers, body }, &secrets, now, &rules);
        assert!(genuine.is_ok(), "HubSpot signed it: {genuine:?}");
    }
}

/// An answer of HubSpot's: a status, header lines, an empty line, a body.
///
/// # Panics
/// When what is read of it contradicts its status.
pub fn answer(bytes: &[u8]) {
    let (line, headers, body) = message(bytes);
    let limits = RateHeaders::read(&headers);
    assert_eq!(limits, RateHeaders::read(&headers), "the same headers tell the same");
    let status = String::from_utf8_lossy(line).trim().parse::<u16>().ok();
    let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) else { return };
    let error = ApiError::read(status, &headers, body);
    assert_eq!(error, ApiError::read(status, &headers, body), "the same answer tells the same");
    match error {
        Some(error) => assert_eq!(error.status, status),
        None => assert!(!status.is_client_error() && !status.is_server_error(), "{status} is an error"),
    }
}

/// A delivery's body.
///
/// # Panics
/// When what is taken as a delivery cannot be taken apart into its events.
pub fn webhook(bytes: &[u8]) {
    let Ok(events) = event::read(bytes) else { return };
    assert!((1..=event::EVENTS_MAX).contains(&events.len()));
    let raw = event::read_raw(bytes).expect("what was read whole is read one by one");
    assert_eq!(raw.len(), events.len());
    for (whole, (text, part)) in events.iter().zip(&raw) {
        let alone = event::read_one(text.as_bytes()).expect("an event by itself");
        assert_eq!((whole.key(), whole.subject()), (part.key(), part.subject()));
        assert_eq!((whole.key(), whole.object()), (alone.key(), alone.object()));
    }
}

/// What a client sends on one connection.
pub fn requests(bytes: &[u8]) {
    gateway::fuzz::requests(bytes);
}

/// Reads files once more, without a fuzzer: those that the command line names.
///
/// # Panics
/// As the target does, and when a file cannot be read.
pub fn replay(target: impl Fn(&[u8])) {
    for file in std::env::args_os().skip(1) {
        target(&std::fs::read(&file).expect("the file can be read"));
    }
}

/// First line, headers, body. Lines that are no headers are left out.
fn message(bytes: &[u8]) -> (&[u8], HeaderMap, &[u8]) {
    let (head, body) = match bytes.windows(2).position(|two| two == b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &[][..]),
    };
    let mut lines = head.split(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), value) {
            headers.append(name, value);
        }
    }
    (first, headers, body)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_seeds_hold() {
        for (name, target) in TARGETS {
            let seeds =
                std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name)).unwrap();
            let seeds: Vec<_> = seeds.map(|seed| seed.unwrap().path()).collect();
            assert!(seeds.len() >= 3, "{name} has too few seeds");
            for seed in seeds {
                target(&std::fs::read(&seed).unwrap());
            }
        }
    }

    #[test]
    #[should_panic(expected = "nobody signed it")]
    fn control_a_signature_that_fits_is_seen() {
        let signed = sign_v3(&Secret::new(SECRETS[1]), "POST", "https://a.example/x", b"[]", "0");
        signature(
            format!("POST https://a.example/x\nX-HubSpot-Request-Timestamp: 0\nX-HubSpot-Signature-V3: {signed}\n\n[]")
                .as_bytes(),
        );
    }
}
