//! Spellings of the same JSON.

use serde::Serialize;
use serde_json::Value;

pub(super) const AS_IT_CAME: &str = "as it came";

/// The body as it came first.
pub(super) fn variants(body: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let mut all = vec![(body.to_owned(), AS_IT_CAME)];
    let trimmed = body.trim_ascii();
    if trimmed.len() < body.len() {
        all.push((trimmed.to_owned(), "without white space around it"));
    }
    all.push(([body, b"\n"].concat(), "with a line feed at its end"));
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return all };
    all.push((value.to_string().into_bytes(), "without spaces between its parts"));
    all.push((spaced(&value), "with a space after each comma and colon"));
    if let Ok(pretty) = serde_json::to_vec_pretty(&value) {
        all.push((pretty, "indented"));
    }
    all.push((ascii(&value.to_string()).into_bytes(), "with letters beyond ASCII escaped"));
    all.push((value.to_string().replace('/', "\\/").into_bytes(), "with slashes escaped"));
    all.dedup_by(|one, other| one.0 == other.0);
    all
}

/// As Python writes it by default, but for letters beyond ASCII.
fn spaced(value: &Value) -> Vec<u8> {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_array_value<W: ?Sized + std::io::Write>(
            &mut self,
            out: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            if first { Ok(()) } else { out.write_all(b", ") }
        }
        fn begin_object_key<W: ?Sized + std::io::Write>(
            &mut self,
            out: &mut W,
            first: bool,
        ) -> std::io::Result<()> {
            if first { Ok(()) } else { out.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
            out.write_all(b": ")
        }
    }
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Spaced);
    let _writing_to_memory_does_not_fail = value.serialize(&mut serializer);
    out
}

fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}
