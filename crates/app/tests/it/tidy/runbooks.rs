//! A runbook page is named after its diagnosis code, says the same code inside, and has what a tired person needs.

use super::{SourceFile, assert_none, tree};

/// What the front matter of every page holds.
const KEYS: [&str; 5] = ["title", "severity", "blame", "remedy", "escalation"];

fn complaints(file: &SourceFile) -> Vec<String> {
    let Some(name) = file.path.strip_prefix("runbooks/").and_then(|name| name.strip_suffix(".md")) else {
        return Vec::new();
    };
    let family_and_cause = |name: &str| {
        let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        name.split('.').count() <= 2 && name.split('.').all(word)
    };
    let mut complaints = Vec::new();
    if !family_and_cause(name) {
        complaints.push(format!("{}: is named after no code (`family.cause`)", file.path));
    }
    for key in KEYS.iter().filter(|key| front_matter(&file.text, key).is_none_or(str::is_empty)) {
        complaints.push(format!("{}: its front matter has no `{key}`", file.path));
    }
    complaints
}

/// A value between the opening and the closing fence of the page.
fn front_matter<'a>(page: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = page.lines();
    let fence = lines.next().filter(|line| matches!(*line, "---" | "+++"))?;
    let lines = lines.take_while(|line| *line != fence);
    let value =
        |line: &'a str| Some(line.strip_prefix(key)?.trim_start().trim_start_matches([':', '=']).trim());
    lines.filter_map(value).next()
}

#[test]
fn every_runbook_is_complete() {
    assert_none(&tree().iter().flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn control_incomplete_runbooks_are_seen() {
    let page = "---\ntitle: T\nseverity: P1\nblame: quota\nremedy: R\nescalation: E\n---\nText\n";
    let count = |path: &str, text: &str| complaints(&SourceFile::made_up(path, text)).len();
    assert_eq!(count("runbooks/auth.token_revoked.md", page), 0);
    assert_eq!(count("runbooks/auth.token_revoked.md", &page.replace("remedy: R", "remedy:")), 1);
    assert_eq!(count("runbooks/Auth.md", page), 1);
    assert_eq!(count("runbooks/auth.token_revoked.md", "Text\n"), KEYS.len());
}
