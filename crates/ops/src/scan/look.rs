//! One file's text against the rules. Pure: the text comes from the files or from git.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use regex::bytes::Captures;

use super::called;
use super::direction::{self, Association};
use super::ending;
use super::place::{Place, Text};
use super::report::Finding;
use super::rules::{Expression, Kind, Language, Level, Pattern, Rule, RuleSet};
use super::secret;

/// Which rules are asked: of the past only secrets matter, everything else can no longer be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    Secrets,
}

/// Findings of one rule in one file; more tell nothing new.
const FINDINGS_PER_RULE_MAX: usize = 100;

/// What the rules see in one file.
pub(super) fn look(rules: &RuleSet, path: &str, bytes: &[u8], scope: Scope, today: Date) -> Vec<Finding> {
    let concerned = rules.concerning(bytes);
    if concerned.is_empty() {
        return Vec::new();
    }
    let text = Text::new(path, bytes);
    if text.asks_to_be_left() {
        return Vec::new();
    }
    let language = Language::of(path);
    let mut findings = Vec::new();
    let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
    for rule in concerned {
        let asked = match scope {
            Scope::All => true,
            Scope::Secrets => rule.kind == Kind::Secret,
        };
        if asked {
            let mut seen = ask(rule, &text, language, today, &mut taken);
            seen.truncate(if rule.once { 1 } else { FINDINGS_PER_RULE_MAX });
            findings.extend(seen);
        }
    }
    number(&mut findings);
    findings
}

/// The places that one rule finds. A secret belongs to the first rule that sees it.
fn ask(
    rule: &Rule,
    text: &Text<'_>,
    language: Option<Language>,
    today: Date,
    taken: &mut Vec<std::ops::Range<usize>>,
) -> Vec<Finding> {
    let mut findings: Vec<(usize, Finding)> = Vec::new();
    for pattern in rule.patterns.iter().filter(|pattern| fits(pattern, text, language)) {
        let singles = pattern.called.as_ref().map(|called| called.names(text.bytes));
        if singles.as_ref().is_some_and(BTreeSet::is_empty) {
            continue;
        }
        for captures in pattern.find.get().captures_iter(text.bytes) {
            let begins = captures.get(0).map_or(0, |whole| whole.start());
            if singles.as_ref().is_some_and(|names| !called::is_called(text.bytes, begins, names)) {
                continue;
            }
            let Some(place) = place(rule, pattern, text, &captures) else { continue };
            let overlaps =
                |range: &std::ops::Range<usize>| range.start < place.end && place.start < range.end;
            if rule.kind == Kind::Secret && taken.iter().any(overlaps) {
                continue;
            }
            let Some(finding) = finding(rule, text, &captures, &place, today) else { continue };
            if rule.kind == Kind::Secret {
                taken.push(place.start..place.end);
            }
            if !findings.iter().any(|(start, _)| *start == place.start) {
                findings.push((place.start, finding));
            }
        }
    }
    findings.sort_by_key(|(start, _)| *start);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

fn fits(pattern: &Pattern, text: &Text<'_>, language: Option<Language>) -> bool {
    let here =
        pattern.languages.is_empty() || language.is_some_and(|known| pattern.languages.contains(&known));
    let named = pattern.file.as_deref().is_none_or(|name| text.file_name() == name);
    here && named
        && has(pattern.file_has.as_ref(), text.bytes)
        && lacks(pattern.file_lacks.as_ref(), text.bytes)
}

fn has(pattern: Option<&Expression>, bytes: &[u8]) -> bool {
    pattern.is_none_or(|pattern| pattern.get().is_match(bytes))
}

fn lacks(pattern: Option<&Expression>, bytes: &[u8]) -> bool {
    pattern.is_none_or(|pattern| !pattern.get().is_match(bytes))
}

/// Where it stands, unless what is around it speaks against it.
fn place(rule: &Rule, pattern: &Pattern, text: &Text<'_>, captures: &Captures<'_>) -> Option<Place> {
    let whole = captures.get(0)?;
    let group =
        ["secret", "id", "path", "version"].into_iter().find_map(|name| captures.name(name)).unwrap_or(whole);
    let place = text.place(group.start(), group.end());
    let near = text.around(&place, pattern.near_lines);
    let fits = lacks(pattern.match_lacks.as_ref(), whole.as_bytes())
        && has(pattern.near_has.as_ref(), near)
        && lacks(pattern.near_lacks.as_ref(), near);
    let comment = rule.kind != Kind::Secret && text.is_comment(&place);
    (fits && !comment && !text.is_left(&place, &rule.id)).then_some(place)
}

fn finding(
    rule: &Rule,
    text: &Text<'_>,
    captures: &Captures<'_>,
    place: &Place,
    today: Date,
) -> Option<Finding> {
    let group = |name: &str| captures.name(name).and_then(|found| std::str::from_utf8(found.as_bytes()).ok());
    let mut finding = text.finding(place, rule);
    match rule.kind {
        Kind::Secret => {
            let value = group("secret")?;
            if secret::is_placeholder(value) {
                return None;
            }
            text.tell_secret(place, value, &mut finding);
        }
        Kind::Ending(ends) => {
            let ending = ending::of(ends, group("path").or_else(|| group("version")), today)?;
            finding.level = ending.level;
            finding.ends = Some(ending.date);
            finding.what = format!("{}: {}", rule.title, ending.words);
        }
        Kind::Association(direction) => {
            let id = group("id")?.parse().ok()?;
            let read = Association { from: group("from"), to: group("to"), object: group("object"), id };
            finding.what = format!("{}: {}", rule.title, direction::wrong(direction, read)?);
        }
        Kind::Practice => {}
    }
    Some(finding)
}

/// The same thing found twice in a file is two findings.
fn number(findings: &mut [Finding]) {
    let mut times: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let times = times.entry(finding.fingerprint.clone()).or_default();
        *times += 1;
        if *times > 1 {
            finding.fingerprint = format!("{}-{times}", finding.fingerprint);
        }
    }
}

/// A file of settings with HubSpot's credentials in it that git does not ignore.
pub(super) fn unignored_environment(path: &str, bytes: &[u8]) -> Option<Finding> {
    let text = Text::new(path, bytes);
    let name = text.file_name();
    let example = ["example", "sample", "template", "dist", "defaults", "test", "schema"];
    let is_example = name.split('.').any(|part| example.contains(&part));
    let is_environment = name == ".env" || name.starts_with(".env.");
    let names_hubspot = |line: &[u8]| {
        let line = line.to_ascii_uppercase();
        line.starts_with(b"HUBSPOT") || line.starts_with(b"EXPORT HUBSPOT") || line.starts_with(b"HUBKEEPER")
    };
    if !is_environment || is_example || !bytes.split(|byte| *byte == b'\n').any(names_hubspot) {
        return None;
    }
    let place = text.place(0, 0);
    Some(Finding {
        rule: UNIGNORED.to_owned(),
        level: Level::Warning,
        what: format!("{name} with HubSpot's settings is not ignored by git"),
        why: "the next `git add .` puts its credentials into the history, for good".to_owned(),
        fix: format!(
            "put {name} into .gitignore (git rm --cached {name} if it is tracked), and keep a {name}.example"
        ),
        excerpt: String::new(),
        ..text.finding_of(&place, UNIGNORED, "")
    })
}

/// The one rule that is no pattern: it asks git, not the text.
pub(super) const UNIGNORED: &str = "secret.env_not_ignored";
