//! One idea per file: a file that has outgrown the limit holds two.

use super::{SourceFile, assert_none, tree};

/// Lines of code that ships, in one file. The aim is about 120.
const PRODUCTION_LINES_MAX: usize = 400;

/// Lines before the tests. A test module starts at the margin; one declared there (`mod tests;`) does not end the file.
fn production_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let starts_tests =
        |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    lines.windows(2).position(starts_tests).unwrap_or(lines.len())
}

fn is_production(file: &SourceFile) -> bool {
    file.is_rust() && !file.path.contains("/tests/") && !file.path.ends_with("/tests.rs")
}

fn complaint(file: &SourceFile) -> Option<String> {
    let lines = production_lines(&file.text);
    (is_production(file) && lines > PRODUCTION_LINES_MAX).then(|| {
        format!("{}: {lines} lines of production code; {PRODUCTION_LINES_MAX} is the limit", file.path)
    })
}

#[test]
fn no_file_is_too_long() {
    assert_none(&tree().iter().filter_map(complaint).collect::<Vec<_>>());
}

#[test]
fn control_long_files_are_seen() {
    let refused = |path: &str, text: &str| complaint(&SourceFile::made_up(path, text)).is_some();
    let long = "let x = 1;\n".repeat(PRODUCTION_LINES_MAX + 1);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{long}}}\n");
    assert!(refused("crates/x/src/a.rs", &long));
    assert!(refused("crates/x/src/a.rs", &format!("#[cfg(test)]\nmod tests;\n{long}")));
    assert!(!refused("crates/x/src/a.rs", &tests));
    assert!(!refused("crates/x/tests/it/a.rs", &long));
    assert!(!refused("docs/a.md", &long));
}
