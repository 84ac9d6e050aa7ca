//! Lines, excerpts and fingerprints of findings.

use hubspot::secret::Secret;
use hubspot::token;

use super::redact::Redactor;
use super::report::Finding;
use super::rules::{Level, Rule};
use super::secret;

/// Longer lines are nobody's writing; of them only the finding itself is shown.
const LINE_BYTES_MAX: usize = 400;
const EXCERPT_CHARACTERS_MAX: usize = 120;

/// In a comment on the line or on the one above, alone or with the rules that are to be silent.
const LEAVE: &str = "hubkeeper:ignore";
/// At the top of a file, for fixtures.
const LEAVE_FILE: &[u8] = b"hubkeeper:ignore-file";
const TOP_BYTES: usize = 1_000;

/// A file's text and the starts of its lines.
pub(super) struct Text<'a> {
    path: &'a str,
    pub(super) bytes: &'a [u8],
    starts: Vec<usize>,
}

/// A stretch of a text, and the line it begins in, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    line: usize,
}

impl<'a> Text<'a> {
    pub(super) fn new(path: &'a str, bytes: &'a [u8]) -> Self {
        let breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        Self { path, bytes, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(super) fn file_name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    pub(super) fn asks_to_be_left(&self) -> bool {
        let top = &self.bytes[..self.bytes.len().min(TOP_BYTES)];
        top.windows(LEAVE_FILE.len()).any(|part| part == LEAVE_FILE)
    }

    /// White space before what was found belongs to the line before.
    pub(super) fn place(&self, start: usize, end: usize) -> Place {
        let blank = self.bytes[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = start + blank;
        Place { start, end, line: self.starts.partition_point(|line| *line <= start) - 1 }
    }

    fn line(&self, number: usize) -> &'a [u8] {
        let Some(start) = self.starts.get(number) else { return &[] };
        let end = self.starts.get(number + 1).copied().unwrap_or(self.bytes.len());
        self.bytes[*start..end].trim_ascii_end()
    }

    /// The line of the place, and `lines` before and after it.
    pub(super) fn around(&self, place: &Place, lines: usize) -> &'a [u8] {
        let first = self.starts[place.line.saturating_sub(lines)];
        let last = self.starts.get(place.line + lines + 1).copied().unwrap_or(self.bytes.len());
        &self.bytes[first..last.max(place.end)]
    }

    pub(super) fn is_comment(&self, place: &Place) -> bool {
        let line = self.line(place.line).trim_ascii_start();
        let opens: [&[u8]; 5] = [b"//", b"/*", b"*", b"<!--", b"#"];
        // Attributes of PHP and Rust are no comments.
        opens.iter().any(|open| line.starts_with(open)) && !line.starts_with(b"#[")
    }

    /// Somebody looked at it and wrote so.
    pub(super) fn is_left(&self, place: &Place, rule: &str) -> bool {
        let lines = [place.line.checked_sub(1), Some(place.line)];
        lines.into_iter().flatten().any(|line| {
            let line = String::from_utf8_lossy(self.line(line));
            line.split_once(LEAVE).is_some_and(|(_, rest)| {
                let mut named = rest.split([' ', ',', '\t']).filter(|word| word.contains('.')).peekable();
                named.peek().is_none() || named.any(|word| word == rule)
            })
        })
    }

    pub(super) fn finding(&self, place: &Place, rule: &Rule) -> Finding {
        let found = String::from_utf8_lossy(&self.bytes[place.start..place.end]);
        let found: Vec<&str> = found.split_whitespace().collect();
        Finding {
            level: rule.level,
            what: rule.title.clone(),
            why: rule.why.clone(),
            fix: rule.fix.clone(),
            excerpt: self.excerpt(place, None),
            ..self.finding_of(place, &rule.id, &found.join(" "))
        }
    }

    /// The bare place, without words.
    pub(super) fn finding_of(&self, place: &Place, rule: &str, found: &str) -> Finding {
        let start = self.starts[place.line];
        let end_of_line = start + self.line(place.line).len();
        let column = place.start - start + 1;
        Finding {
            rule: rule.to_owned(),
            level: Level::Error,
            path: self.path.to_owned(),
            line: place.line + 1,
            column,
            column_end: place.end.min(end_of_line).saturating_sub(start).max(column) + 1,
            what: String::new(),
            why: String::new(),
            fix: String::new(),
            excerpt: String::new(),
            fingerprint: fingerprint(&[rule, self.path, found]),
            commit: None,
            ends: None,
            secret: None,
        }
    }

    /// Nothing of the secret but its mask goes into the finding.
    pub(super) fn tell_secret(&self, place: &Place, value: &str, finding: &mut Finding) {
        finding.secret = Some(fingerprint(&[value]));
        finding.what = format!("{} {}", finding.what, secret::masked(value));
        finding.excerpt = self.excerpt(place, Some(value));
    }

    /// The line, shortened. Of a long one only the masked secret is shown: a cut could go through another one.
    fn excerpt(&self, place: &Place, value: Option<&str>) -> String {
        let line = self.line(place.line);
        if line.len() > LINE_BYTES_MAX {
            return value.map(secret::masked).unwrap_or_default();
        }
        let mut line = String::from_utf8_lossy(line.trim_ascii()).into_owned();
        if let Some(value) = value {
            line = line.replace(value, &secret::masked(value));
        }
        let line = Redactor::built_in().redact(&line).into_owned();
        match line.char_indices().nth(EXCERPT_CHARACTERS_MAX) {
            Some((at, _)) => format!("{}…", &line[..at]),
            None => line,
        }
    }
}

fn fingerprint(parts: &[&str]) -> String {
    token::fingerprint(&Secret::new(parts.join("\0")))
}
