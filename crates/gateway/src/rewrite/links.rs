//! Finds the value of `paging.next.link` in JSON that passes by in pieces, and gives it our origin.
//!
//! A small tokenizer follows strings, nesting and the keys on the way down; it copies everything else through byte
//! for byte. A property that happens to be called `link` is not a paging link: the three keys must stand under each
//! other.
//!
//! Pure: pieces in, pieces out.

use std::borrow::Cow;

use memchr::memchr;

use super::Origins;

/// Deeper than any answer of HubSpot's; past it, bytes pass unchanged.
const DEPTH_MAX: usize = 64;

/// Longer links are passed on as they are.
const LINK_BYTES_MAX: usize = 16 * 1024;

pub(super) struct LinkRewriter {
    origins: Origins,
    ours: String,
    /// The key we are under, per open object or array.
    path: Vec<Key>,
    expects: Expects,
    text: Option<Text>,
    given_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Paging,
    Next,
    Link,
    Other,
    /// An array's place; it has no key.
    Item,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expects {
    Key,
    Value,
}

/// A string being read.
struct Text {
    role: Role,
    /// The key's, or the link's, bytes so far.
    bytes: Vec<u8>,
    escaped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Link,
    Plain,
}

impl LinkRewriter {
    pub(super) fn new(origins: Origins, ours: String) -> Self {
        Self { origins, ours, path: Vec::new(), expects: Expects::Value, text: None, given_up: false }
    }

    /// Takes the next piece and writes what may pass. A link not yet complete is held back until it is.
    pub(super) fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for byte in piece {
            if self.given_up {
                out.push(*byte);
            } else if self.text.is_some() {
                self.in_text(*byte, out);
            } else {
                out.push(*byte);
                self.between(*byte);
            }
        }
    }

    /// The body ends; what was held back passes as it is.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(text) = self.text.take().filter(|text| text.role == Role::Link) {
            out.extend_from_slice(&text.bytes);
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'{' => self.open(Key::Other, Expects::Key),
            b'[' => self.open(Key::Item, Expects::Value),
            b'}' | b']' => {
                self.path.pop();
            }
            b',' => {
                let in_object = self.path.last().is_some_and(|key| *key != Key::Item);
                self.expects = if in_object { Expects::Key } else { Expects::Value };
            }
            b':' => self.expects = Expects::Value,
            b'"' => {
                let role = match self.expects {
                    Expects::Key => Role::Key,
                    Expects::Value if self.path.ends_with(&[Key::Paging, Key::Next, Key::Link]) => Role::Link,
                    Expects::Value => Role::Plain,
                };
                self.text = Some(Text { role, bytes: Vec::new(), escaped: false });
            }
            _ => {}
        }
    }

    fn open(&mut self, key: Key, expects: Expects) {
        self.given_up = self.path.len() >= DEPTH_MAX;
        self.path.push(key);
        self.expects = expects;
    }

    fn in_text(&mut self, byte: u8, out: &mut Vec<u8>) {
        let Some(text) = &mut self.text else { return };
        let ends = byte == b'"' && !text.escaped;
        text.escaped = byte == b'\\' && !text.escaped;
        match (text.role, ends) {
            (Role::Plain, false) => out.push(byte),
            (Role::Key, false) => {
                out.push(byte);
                if text.bytes.len() <= "paging".len() {
                    text.bytes.push(byte);
                }
            }
            (Role::Link, false) => {
                text.bytes.push(byte);
                if text.bytes.len() > LINK_BYTES_MAX {
                    out.append(&mut text.bytes);
                    text.role = Role::Plain;
                }
            }
            (role, true) => {
                let bytes = std::mem::take(&mut text.bytes);
                self.text = None;
                match role {
                    Role::Plain => {}
                    Role::Key => {
                        if let Some(last) = self.path.last_mut() {
                            *last = Key::of(&bytes);
                        }
                    }
                    Role::Link => {
                        let link = with_plain_slashes(&bytes);
                        match self.origins.tail(&link) {
                            Some(tail) => {
                                out.extend_from_slice(self.ours.as_bytes());
                                out.extend_from_slice(tail);
                            }
                            None => out.extend_from_slice(&bytes),
                        }
                    }
                }
                out.push(byte);
            }
        }
    }
}

/// JSON may write `/` as `\/`. Other escapes stay as they are.
fn with_plain_slashes(link: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', link).is_none() {
        return Cow::Borrowed(link);
    }
    let mut plain = Vec::with_capacity(link.len());
    let mut rest = link;
    loop {
        rest = match rest {
            [] => return Cow::Owned(plain),
            [b'\\', b'/', rest @ ..] => {
                plain.push(b'/');
                rest
            }
            // Taken together, so that the second of two backslashes begins nothing.
            [b'\\', next, rest @ ..] => {
                plain.extend_from_slice(&[b'\\', *next]);
                rest
            }
            [byte, rest @ ..] => {
                plain.push(*byte);
                rest
            }
        };
    }
}

impl Key {
    fn of(text: &[u8]) -> Self {
        match text {
            b"paging" => Self::Paging,
            b"next" => Self::Next,
            b"link" => Self::Link,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn rewrite(pieces: &[&[u8]]) -> String {
        let origins = Origins::new("http://127.0.0.1:8410", None);
        let mut rewriter = LinkRewriter::new(origins, "http://gw:8400".into());
        let mut out = Vec::new();
        for piece in pieces {
            rewriter.push(piece, &mut out);
        }
        rewriter.finish(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case::list(
        r#"{"results":[],"paging":{"next":{"after":"2","link":"https://api.hubapi.com/crm/v3/objects/contacts?after=2"}}}"#,
        r#"{"results":[],"paging":{"next":{"after":"2","link":"http://gw:8400/crm/v3/objects/contacts?after=2"}}}"#
    )]
    #[case::configured_upstream(
        r#"{"paging":{"next":{"link":"http://127.0.0.1:8410/x"}}}"#,
        r#"{"paging":{"next":{"link":"http://gw:8400/x"}}}"#
    )]
    #[case::escaped_slashes(
        r#"{"paging":{"next":{"link":"https:\/\/api.hubapi.com\/crm\/v3?a=\u0026\\/b"}}}"#,
        r#"{"paging":{"next":{"link":"http://gw:8400/crm/v3?a=\u0026\\/b"}}}"#
    )]
    #[case::escaped_slashes_of_another(
        r#"{"paging":{"next":{"link":"https:\/\/api.hubapi.com.evil.example\/x"}}}"#,
        r#"{"paging":{"next":{"link":"https:\/\/api.hubapi.com.evil.example\/x"}}}"#
    )]
    #[case::inside_associations(
        r#"{"associations":{"companies":{"results":[{"id":"1"}],"paging":{"next":{"link":"https://api.hubapi.com/a"}}}}}"#,
        r#"{"associations":{"companies":{"results":[{"id":"1"}],"paging":{"next":{"link":"http://gw:8400/a"}}}}}"#
    )]
    #[case::a_property_called_link(
        r#"{"properties":{"link":"https://api.hubapi.com/x"}}"#,
        r#"{"properties":{"link":"https://api.hubapi.com/x"}}"#
    )]
    #[case::in_a_text(
        r#"{"properties":{"note":"\"paging\":{\"next\":{\"link\":\"https://api.hubapi.com/x\"}}"}}"#,
        r#"{"properties":{"note":"\"paging\":{\"next\":{\"link\":\"https://api.hubapi.com/x\"}}"}}"#
    )]
    #[case::another_host(
        r#"{"paging":{"next":{"link":"https://api.hubapi.com.evil.example/x"}}}"#,
        r#"{"paging":{"next":{"link":"https://api.hubapi.com.evil.example/x"}}}"#
    )]
    #[case::cut_off(
        r#"{"paging":{"next":{"link":"https://api.hub"#,
        r#"{"paging":{"next":{"link":"https://api.hub"#
    )]
    fn only_paging_links_change(#[case] given: &str, #[case] expected: &str) {
        assert_eq!(rewrite(&[given.as_bytes()]), expected);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(cuts in prop::collection::vec(1usize..9, 1..60)) {
            let given = r#"{"results":[{"id":"\\\"1"}], "paging" : {"next":{"after":"2","link":"https://api.hubapi.com/y?a=1"}}}"#;
            let (mut rest, mut pieces) = (given.as_bytes(), Vec::new());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, more) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = more;
            }
            prop_assert_eq!(rewrite(&pieces), given.replace("https://api.hubapi.com", "http://gw:8400"));
        }

        /// Whatever passes by that holds no link of ours passes unchanged.
        #[test]
        fn everything_else_is_left_alone(bytes in "[ -~]{0,200}") {
            prop_assert_eq!(rewrite(&[bytes.as_bytes()]), bytes);
        }
    }
}
