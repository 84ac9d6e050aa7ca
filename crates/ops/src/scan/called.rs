//! Loops that call a function of the same file which itself makes one call for one record. Pure.
//!
//! What belongs to a loop or a function is told by its indentation, in every language alike: all that stands deeper than the
//! line that opens it. A file that is not indented tells nothing.

use std::collections::BTreeSet;
use std::ops::Range;

use super::rules::Expression;

/// How such a function begins (the group `name`), and what in it is the one call.
#[derive(Debug)]
pub struct Called {
    pub begins: Expression,
    pub has: Expression,
}

/// A longer one does more than one thing.
const LINES_MAX: usize = 40;

impl Called {
    /// The functions of a file that make a call for one record.
    pub(super) fn names<'a>(&self, bytes: &'a [u8]) -> BTreeSet<&'a [u8]> {
        let begun = self.begins.get().captures_iter(bytes).filter_map(|captures| {
            let (whole, name) = (captures.get(0)?, captures.name("name")?);
            // White space before it belongs to the line before.
            let blank = whole.as_bytes().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            Some((whole.start() + blank, name.as_bytes()))
        });
        let single = begun.filter(|(start, _)| self.has.get().is_match(&bytes[body(bytes, *start)]));
        single.map(|(_, name)| name).collect()
    }
}

/// Whether one of the functions is named in what begins there.
pub(super) fn is_called(bytes: &[u8], start: usize, names: &BTreeSet<&[u8]>) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'$';
    let mut words = bytes[body(bytes, start)].split(|byte| !is_word(byte));
    words.any(|word| names.contains(word))
}

/// From `start` to the end of its line, and the deeper lines after it.
fn body(bytes: &[u8], start: usize) -> Range<usize> {
    let line_start = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let depth = indentation(&bytes[line_start..]);
    let mut end = end_of_line(bytes, start);
    for number in 0..LINES_MAX {
        let next = end_of_line(bytes, end);
        let line = &bytes[end..next];
        let text = line.trim_ascii();
        // In C# the bracket that opens it often has a line of its own.
        let opens = number == 0 && text == b"{";
        if next == end || !(text.is_empty() || opens || indentation(line) > depth) {
            break;
        }
        end = next;
    }
    start..end
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at + 1)
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let called = Called {
            begins: Expression::new(r"\bfunction\s+(?P<name>\w+)"),
            has: Expression::new("getById"),
        };
        let names = called.names(text.as_bytes());
        names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn only_the_function_that_makes_the_call_counts() {
        let text = "function all() {\n  return [];\n}\nfunction one(id)\n{\n  return api.getById(id);\n}\napi.getById(1);\n";
        assert_eq!(names(text), ["one"]);
        assert_eq!(names("function one(id) { return api.getById(id); }"), ["one"]);
        assert_eq!(names("function far() {\n}\n\napi.getById(1)"), [""; 0]);
    }

    #[test]
    fn what_stands_after_a_loop_is_not_in_it() {
        let called = |text: &str| is_called(text.as_bytes(), 0, &BTreeSet::from([&b"one"[..]]));
        assert!(called("for (id of ids) {\n\n  one(id);\n}"));
        assert!(called("for (id of ids)\n{\n  one(id);\n}"));
        assert!(called("for (id of ids) one(id);"));
        assert!(!called("for (id of ids) {\n  two(id);\n}\none(1);"));
        assert!(!called("for (id of ids) {\n  someone(id); one_by_one();\n}"));
    }
}
