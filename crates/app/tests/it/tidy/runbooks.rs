//! A runbook page is named after a diagnosis code, and every code has its page.

use incident::code::Code;
use incident::runbook;

use super::{SourceFile, assert_none, tree};

const DIRECTORY: &str = "runbooks/";

/// What is wrong with the pages: a name that is no code, a text that cannot be read, a code without a page.
fn complaints(files: &[SourceFile]) -> Vec<String> {
    let pages = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix(DIRECTORY)?.strip_suffix(".md")?;
        Some((name, file))
    });
    let strangers = pages.clone().filter(|(name, _)| Code::parse(name).is_none());
    let strangers = strangers.map(|(_, file)| format!("{}: no diagnosis has this code", file.path));
    let unreadable = pages.clone().filter_map(|(name, file)| runbook::parse(name, &file.text).err());
    let missing = Code::ALL.iter().filter(|code| !pages.clone().any(|(name, _)| name == code.id()));
    let missing = missing.map(|code| format!("{DIRECTORY}{}.md is missing", code.id()));
    strangers.chain(unreadable.map(|error| error.to_string())).chain(missing).collect()
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    assert_none(&complaints(&tree()));
}

const PAGE: &str = r#"+++
title = "T"
severity = "P2"
blame = "ours"
remedy = "R"
escalation = "E"
[messages]
internal = "i"
public = "p"
+++

Body
"#;

#[test]
fn control_stray_broken_and_missing_pages_are_seen() {
    let whole: Vec<SourceFile> = Code::ALL
        .iter()
        .map(|code| SourceFile::made_up(&format!("{DIRECTORY}{}.md", code.id()), PAGE))
        .collect();
    assert_eq!(complaints(&whole), Vec::<String>::new());
    assert_eq!(complaints(&whole[1..]), [format!("{DIRECTORY}{}.md is missing", Code::ALL[0].id())]);

    let mut more = whole;
    more.push(SourceFile::made_up("runbooks/weather.rain.md", PAGE));
    assert_eq!(complaints(&more), ["runbooks/weather.rain.md: no diagnosis has this code"]);
    more.last_mut().expect("one was added").text = "no front matter".to_owned();
    assert_eq!(complaints(&more).len(), 2);
}
