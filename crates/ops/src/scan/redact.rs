//! Masks what the rules call secret, in whatever leaves the house: reports, bundles, notes.
//!
//! It errs on the side of masking: the same patterns as the scan, but in any file, placeholders included, and beyond them
//! credentials of requests, values named as secrets, passwords in addresses, and addresses of people.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::rules::RuleSet;
use super::secret::{self, MASK};

/// See the module. Cheap to ask for: there is one.
#[derive(Debug)]
pub struct Redactor {
    rules: &'static RuleSet,
}

impl Redactor {
    pub fn built_in() -> &'static Self {
        static REDACTOR: OnceLock<Redactor> = OnceLock::new();
        REDACTOR.get_or_init(|| Self { rules: RuleSet::redaction() })
    }

    /// The text, each secret replaced by its mask. What is masked stays as it is when it is masked again.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        for rule in self.rules.concerning(text.as_bytes()) {
            for pattern in &rule.patterns {
                for captures in pattern.find.get().captures_iter(text.as_bytes()) {
                    let left = pattern.match_lacks.as_ref().is_some_and(|lacks| {
                        captures.get(0).is_some_and(|whole| lacks.get().is_match(whole.as_bytes()))
                    });
                    let Some(found) = captures.name("secret").filter(|_| !left) else { continue };
                    ranges.push((found.start(), found.end()));
                }
            }
        }
        if ranges.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(replaced(text, merged(ranges)))
    }
}

/// In order, overlapping ones together.
fn merged(mut ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match merged.last_mut() {
            Some((_, last)) if start < *last => *last = end.max(*last),
            Some(_) | None => merged.push((start, end)),
        }
    }
    merged
}

fn replaced(text: &str, ranges: Vec<(usize, usize)>) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end) in ranges {
        // Patterns are of bytes; a range never ends inside a character, but if one did the character would go too.
        let (start, end) = (text.floor_char_boundary(start), text.ceil_char_boundary(end));
        masked.push_str(&text[at..start]);
        let value = &text[start..end];
        let is_masked = value.contains(MASK) || text[end..].starts_with(MASK);
        masked.push_str(&if is_masked { value.to_owned() } else { secret::masked(value) });
        at = end;
    }
    masked.push_str(&text[at..]);
    masked
}
