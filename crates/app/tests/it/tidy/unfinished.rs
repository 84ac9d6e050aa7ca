//! Work is done or written down as an issue; a note in the code has no owner. A switched-off test proves nothing.

use super::{SourceFile, assert_none, tree};

/// Notes to oneself, in comments. Spelled in halves, or this file would complain about itself.
const NOTES: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Code that is not there, and tests that do not run.
const HOLES: [&str; 3] = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("#[ig", "nore")];

const CODE: [&str; 6] = [".rs", ".mjs", ".py", ".sh", ".toml", "Makefile"];

fn complaints(file: &SourceFile) -> Vec<String> {
    if !CODE.iter().any(|end| file.path.ends_with(end)) && !file.path.starts_with("scripts/") {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| marker(line).map(|marker| (index + 1, marker)));
    found.map(|(number, marker)| format!("{}:{number}: {marker}", file.path)).collect()
}

fn marker(line: &str) -> Option<&'static str> {
    let comment =
        ["//", "# "].iter().filter_map(|open| line.split_once(open)).map(|(_, comment)| comment).next();
    let words =
        |text: &str, word: &str| text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word);
    let note = NOTES.into_iter().find(|note| comment.is_some_and(|comment| words(comment, note)));
    note.or_else(|| HOLES.into_iter().find(|hole| line.contains(hole)))
}

#[test]
fn nothing_is_left_unfinished() {
    assert_none(&tree().iter().flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn control_unfinished_work_is_seen() {
    for marker in NOTES {
        assert_eq!(
            complaints(&SourceFile::made_up("a.rs", &format!("let x = 1; // {marker}: later"))).len(),
            1
        );
        assert_eq!(complaints(&SourceFile::made_up("a.py", &format!("x = 1 # {marker} later"))).len(), 1);
    }
    for hole in HOLES {
        assert_eq!(complaints(&SourceFile::made_up("a.rs", &format!("fn f() {{ {hole}) }}"))).len(), 1);
    }
    let value = format!("(\"hs_task_type\", \"{}\")", NOTES[0]);
    assert_eq!(complaints(&SourceFile::made_up("a.rs", &value)), Vec::<String>::new());
}
