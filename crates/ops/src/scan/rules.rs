//! The rules: what to look for, why it matters, what to do, and examples that must and must not match.
//!
//! They are written in `data/scan/*.toml`, but for the paths of HubSpot's sunset calendar, which make a rule each. A test
//! runs every example.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use hubspot::sunset::Sunset;
use hubspot::version::ApiVersion;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::called::Called;

mod expression;
mod language;
mod written;

pub use expression::Expression;
pub use language::Language;

/// How much a finding matters. An error or a warning makes the scan fail; a note does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
    Note,
}

/// What a rule knows beyond its patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Secret,
    Ending(Ends),
    Association(Direction),
    Practice,
}

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    Call(&'static Sunset),
    Version(ApiVersion),
    /// The version that the path names.
    VersionInPath,
    Day(Date),
}

/// What is wrong with an association's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Reversed,
    Primary,
}

/// In which files a rule is asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Context {
    #[default]
    Anywhere,
    /// Only in files that speak of HubSpot.
    Hubspot,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    pub id: String,
    pub title: String,
    pub level: Level,
    pub kind: Kind,
    pub context: Context,
    /// The first place in a file stands for all.
    pub once: bool,
    pub why: String,
    pub fix: String,
    /// A file with none of these has nothing for the rule.
    pub keywords: Vec<String>,
    pub patterns: Vec<Pattern>,
    pub hits: Vec<Example>,
    pub misses: Vec<Example>,
}

/// One form in which a rule's matter appears. All conditions must hold.
#[derive(Debug)]
pub struct Pattern {
    /// None: in every file.
    pub languages: Vec<Language>,
    /// The name of the only file it is looked for in.
    pub file: Option<String>,
    pub find: Expression,
    pub file_has: Option<Expression>,
    pub file_lacks: Option<Expression>,
    pub near_has: Option<Expression>,
    pub near_lacks: Option<Expression>,
    pub near_lines: usize,
    pub match_lacks: Option<Expression>,
    /// It counts where a function of the file that does this is called in it.
    pub called: Option<Called>,
}

/// A file's name and text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Example(pub String, pub String);

/// All rules, and what tells quickly which of them a file concerns.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    words: AhoCorasick,
    /// For each word, the rules it may concern; one without speaks of HubSpot.
    concerned: Vec<Vec<usize>>,
}

/// A file that holds one of these speaks of HubSpot.
const HUBSPOT_WORDS: [&str; 2] = ["hubspot", "hubapi"];

impl RuleSet {
    /// What `hubkeeper scan` looks for.
    pub fn built_in() -> &'static Self {
        static RULES: OnceLock<RuleSet> = OnceLock::new();
        RULES.get_or_init(|| Self::of(written::built_in()))
    }

    /// What is masked in what leaves the house: every credential, named values, and addresses of people.
    pub(crate) fn redaction() -> &'static Self {
        static RULES: OnceLock<RuleSet> = OnceLock::new();
        RULES.get_or_init(|| Self::of(written::redaction()))
    }

    fn of(rules: Vec<Rule>) -> Self {
        let mut words: Vec<String> = HUBSPOT_WORDS.map(str::to_owned).to_vec();
        let mut concerned = vec![Vec::new(); words.len()];
        for (index, rule) in rules.iter().enumerate() {
            for keyword in &rule.keywords {
                let known = words.iter().position(|word| word == keyword);
                let at = known.unwrap_or_else(|| {
                    words.push(keyword.clone());
                    concerned.push(Vec::new());
                    words.len() - 1
                });
                concerned[at].push(index);
            }
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&words)
            .expect("a few hundred short words");
        Self { rules, words, concerned }
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The rules whose words are in the text, in their order.
    pub(crate) fn concerning(&self, text: &[u8]) -> Vec<&Rule> {
        let mut met = vec![false; self.concerned.len()];
        let mut left = met.len();
        for found in self.words.find_overlapping_iter(text) {
            let word = &mut met[found.pattern().as_usize()];
            left -= usize::from(!*word);
            *word = true;
            if left == 0 {
                break;
            }
        }
        let speaks_of_hubspot = met[..HUBSPOT_WORDS.len()].contains(&true);
        let mut concerned = vec![false; self.rules.len()];
        for index in self.concerned.iter().zip(&met).filter(|(_, met)| **met).flat_map(|(rules, _)| rules) {
            concerned[*index] = match self.rules[*index].context {
                Context::Anywhere => true,
                Context::Hubspot => speaks_of_hubspot,
            };
        }
        self.rules.iter().zip(concerned).filter(|(_, concerned)| *concerned).map(|(rule, _)| rule).collect()
    }
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}
