//! Rules as they are written in `data/scan`, and how they become rules that can be asked.

use hubspot::sunset::{self, Sunset};
use hubspot::version::ApiVersion;
use jiff::civil::Date;
use serde::Deserialize;

use super::super::called::Called;
use super::{Context, Direction, Ends, Example, Expression, Kind, Language, Level, Pattern, Rule};

const SECRETS: &str = include_str!("../../../data/scan/secrets.toml");
const ENDINGS: &str = include_str!("../../../data/scan/endings.toml");
const ASSOCIATIONS: &str = include_str!("../../../data/scan/associations.toml");
const PRACTICES: &str = include_str!("../../../data/scan/practices.toml");
const REDACTION: &str = include_str!("../../../data/scan/redaction.toml");

pub(super) fn built_in() -> Vec<Rule> {
    let written = [SECRETS, ENDINGS, ASSOCIATIONS, PRACTICES].into_iter().flat_map(read);
    written.chain(sunset::calendar().iter().map(call_that_ends)).collect()
}

pub(super) fn redaction() -> Vec<Rule> {
    let anywhere = |mut rule: Rule| {
        rule.context = Context::Anywhere;
        rule
    };
    read(SECRETS).chain(read(REDACTION)).map(anywhere).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    rule: Vec<Written>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    title: String,
    level: Level,
    #[serde(default)]
    context: Context,
    #[serde(default)]
    once: bool,
    keywords: Vec<String>,
    /// A path of the calendar, a version, `version` for that of the path, or a day.
    ends: Option<String>,
    association: Option<Direction>,
    why: String,
    fix: String,
    hits: Vec<Example>,
    misses: Vec<Example>,
    pattern: Vec<WrittenPattern>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPattern {
    #[serde(default)]
    languages: Vec<Language>,
    files: Option<String>,
    find: String,
    file_has: Option<String>,
    file_lacks: Option<String>,
    near_has: Option<String>,
    near_lacks: Option<String>,
    #[serde(default)]
    near_lines: usize,
    match_lacks: Option<String>,
    called: Option<WrittenCalled>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCalled {
    begins: String,
    has: String,
}

fn read(text: &str) -> impl Iterator<Item = Rule> + use<> {
    let file: File = toml::from_str(text).expect("the built-in rules can be read: a test does");
    file.rule.into_iter().map(rule)
}

fn rule(written: Written) -> Rule {
    let kind = match (&written.ends, written.association) {
        (Some(ends), _) => Kind::Ending(what_ends(ends)),
        (None, Some(direction)) => Kind::Association(direction),
        (None, None) if written.id.starts_with("practice.") => Kind::Practice,
        (None, None) => Kind::Secret,
    };
    Rule {
        id: written.id,
        title: written.title,
        level: written.level,
        kind,
        context: written.context,
        once: written.once,
        why: written.why,
        fix: written.fix,
        keywords: written.keywords,
        patterns: written.pattern.into_iter().map(pattern).collect(),
        hits: written.hits,
        misses: written.misses,
    }
}

fn what_ends(text: &str) -> Ends {
    if text == "version" {
        return Ends::VersionInPath;
    }
    let version = ApiVersion::parse(text).map(Ends::Version);
    let call = || sunset::sunset_of(text).map(Ends::Call);
    let day = || text.parse::<Date>().ok().map(Ends::Day);
    version.or_else(call).or_else(day).expect("the built-in rules name what ends: a test reads them")
}

fn pattern(written: WrittenPattern) -> Pattern {
    let maybe = |text: Option<String>| text.map(|text| Expression::new(&text));
    Pattern {
        languages: written.languages,
        file: written.files,
        find: Expression::new(&written.find),
        file_has: maybe(written.file_has),
        file_lacks: maybe(written.file_lacks),
        near_has: maybe(written.near_has),
        near_lacks: maybe(written.near_lacks),
        near_lines: written.near_lines,
        match_lacks: maybe(written.match_lacks),
        called: written.called.map(|called| Called {
            begins: Expression::new(&called.begins),
            has: Expression::new(&called.has),
        }),
    }
}

/// A rule for one path of HubSpot's calendar.
fn call_that_ends(sunset: &'static Sunset) -> Rule {
    let path = sunset.path_prefix;
    let source = format!("(?P<path>{}(?:[/?][^\\s\"'`<>]*)?)(?:[\\s\"'`<>]|$)", regex::escape(path));
    let hits = ["a.js", "a.py", "a.php", "a.rb", "a.go", "a.java", "a.cs", "a.sh"];
    let example = |file: &str, path: &str| {
        Example(file.to_owned(), format!("get(\"https://api.hubapi.com{path}/7?a=b\")"))
    };
    Rule {
        id: format!("api.{}", sunset.what.replace([' ', '-'], "_").to_lowercase()),
        title: format!("call of an API that ends: {}", sunset.what),
        level: Level::Warning,
        kind: Kind::Ending(Ends::Call(sunset)),
        context: Context::Hubspot,
        once: false,
        why: format!("HubSpot announced its end (developers.hubspot.com/{})", sunset.source),
        fix: sunset.replaced_by.map_or_else(
            || "HubSpot names nothing in its place: leave it".to_owned(),
            |instead| format!("use {instead}"),
        ),
        keywords: vec![path.to_owned()],
        patterns: vec![Pattern {
            languages: vec![
                Language::Javascript,
                Language::Python,
                Language::Php,
                Language::Ruby,
                Language::Go,
                Language::Java,
                Language::Csharp,
                Language::Config,
            ],
            file: None,
            find: Expression::new(&source),
            file_has: None,
            file_lacks: None,
            near_has: None,
            near_lacks: None,
            near_lines: 0,
            match_lacks: None,
            called: None,
        }],
        hits: hits.map(|file| example(file, path)).to_vec(),
        misses: vec![example("a.js", &format!("{path}0")), example("a.md", path)],
    }
}
