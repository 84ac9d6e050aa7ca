//! Every secret that a test hands out is looked for in all that a program leaves: its output and log, the admin API's
//! answers, its files. Whatever a test is about, it fails where one is found.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use serde_json::Value;

/// A shorter one may stand anywhere by chance.
const SHORTEST: usize = 12;

static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// From now on, nothing may show it.
pub(crate) fn hand_out(secret: &str) {
    if secret.len() >= SHORTEST {
        SECRETS.lock().insert(secret.to_owned());
    }
}

/// The credentials in header lines that a test sends.
pub(super) fn hand_out_sent(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("authorization")
        {
            hand_out(value.strip_prefix("Bearer ").unwrap_or(value));
        }
    }
}

/// What the simulator tells of itself when it is ready.
pub(super) fn hand_out_ready(ready: &Value) {
    let secrets = ["token", "client_secret", "developer_key"];
    secrets.iter().filter_map(|name| ready[name].as_str()).for_each(hand_out);
}

/// # Panics
/// When a secret stands in it, in any spelling.
pub(crate) fn assert_absent(place: &str, text: &[u8]) {
    for secret in &*SECRETS.lock() {
        if let Some((spelling, at)) = found(secret, text).first() {
            let around = String::from_utf8_lossy(&text[at.saturating_sub(200)..*at]).into_owned();
            panic!("a secret ({}…) stands in {place}, {spelling}, after: {around}", &secret[..4]);
        }
    }
}

/// The same for every file in a directory but those that a test put there.
pub(super) fn assert_absent_in(directory: &Path, but: &[PathBuf]) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| !but.contains(path)) {
        if path.is_dir() {
            assert_absent_in(&path, but);
        } else if let Some(bytes) = read(&path) {
            assert_absent(&path.display().to_string(), &bytes);
        }
    }
}

/// A file, unless it is none, or whoever still works there has just taken it away.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    match path.is_file().then(|| std::fs::read(path))? {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        read => Some(read.unwrap()),
    }
}

/// Where a secret stands in a text, and how it is spelled there.
fn found(secret: &str, text: &[u8]) -> Vec<(&'static str, usize)> {
    let spellings = spellings(secret);
    let mut by_start: HashMap<[u8; 2], Vec<&(&str, Vec<u8>)>> = HashMap::new();
    for spelling in &spellings {
        by_start.entry([spelling.1[0], spelling.1[1]]).or_default().push(spelling);
    }
    let mut starts = vec![false; 1 << 16];
    by_start.keys().for_each(|start| starts[usize::from(u16::from_le_bytes(*start))] = true);
    let mut found = Vec::new();
    for at in 0..text.len().saturating_sub(1) {
        let start = [text[at], text[at + 1]];
        if starts[usize::from(u16::from_le_bytes(start))] {
            let here = by_start[&start].iter().filter(|(_, bytes)| text[at..].starts_with(bytes));
            found.extend(here.map(|(name, _)| (*name, at)));
        }
    }
    found
}

/// Eight ways to write a text, some of them with more than one outcome.
fn spellings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let each = |write: fn(u8) -> String| secret.bytes().map(write).collect::<String>().into_bytes();
    let list: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
    let mut spellings = vec![
        ("as it is", secret.as_bytes().to_vec()),
        ("as it is", secret.to_lowercase().into_bytes()),
        ("as it is", secret.to_uppercase().into_bytes()),
        ("in hexadecimal", each(|byte| format!("{byte:02x}"))),
        ("in hexadecimal", each(|byte| format!("{byte:02X}"))),
        ("percent-encoded", each(|byte| format!("%{byte:02X}"))),
        ("percent-encoded", each(|byte| format!("%{byte:02x}"))),
        ("in JSON's escapes", each(|byte| format!("\\u{byte:04x}"))),
        ("in UTF-16", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("as a list of bytes", list.join(", ").into_bytes()),
        ("as a list of bytes", list.join(",").into_bytes()),
    ];
    for before in 0..3 {
        spellings.push(("in base64", inside(&STANDARD_NO_PAD.encode(shifted(secret, before)), before)));
        spellings.push(("in base64url", inside(&URL_SAFE_NO_PAD.encode(shifted(secret, before)), before)));
    }
    spellings
}

/// Base64 of a text depends on what stands before it.
fn shifted(secret: &str, before: usize) -> Vec<u8> {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(secret.as_bytes());
    bytes
}

/// The digits that are of the text alone.
fn inside(encoded: &str, before: usize) -> Vec<u8> {
    let first = (before * 8).div_ceil(6);
    encoded.as_bytes()[first..encoded.len() - 1].to_vec()
}

#[test]
fn control_every_spelling_is_found() {
    let secret = "pat-na1-0f3b+/?~8";
    assert_eq!(found(secret, b"pat-na1-0f3b+/?~9 and nothing else"), []);
    let names: BTreeSet<_> = spellings(secret).iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), 8);
    for (name, bytes) in spellings(secret) {
        let text = [b"before ", &bytes[..], b" after"].concat();
        assert!(found(secret, &text).iter().any(|(found, at)| *found == name && *at == 7), "{name}");
    }
    for before in ["x", "xy", "xyz", "user:"] {
        let encoded = STANDARD_NO_PAD.encode(format!("{before}{secret}, and more"));
        assert!(!found(secret, encoded.as_bytes()).is_empty(), "{encoded}");
    }
}
