//! Every example of every rule; the corpus of credentials beside the patterns of well-known scanners; whole trees.

use std::fmt::Write;

use jiff::civil::{Date, date};

use super::look::{Scope, look};
use super::rules::{Rule, RuleSet};

mod corpus;
mod redaction;
mod shape;
mod trees;

const TODAY: Date = date(2026, 11, 29);

/// Makes up values that look real, so that the tree holds none.
struct Inventor(u64);

impl Inventor {
    fn number(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn uuid(&mut self) -> String {
        let hex = format!("{:016x}{:016x}", self.number(), self.number());
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    fn base64(&mut self, length: usize) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        (0..length).map(|_| char::from(letters[(self.number() % 64) as usize])).collect()
    }

    fn fill(&mut self, text: &str) -> String {
        let mut filled = text.to_owned();
        while filled.contains("{uuid}") {
            filled = filled.replacen("{uuid}", &self.uuid(), 1);
        }
        let access = format!("CL{}", self.base64(96));
        let hex: String = (0..4).map(|_| format!("{:016x}", self.number())).collect();
        let base64 = self.base64(40);
        filled.replace("{access}", &access).replace("{hex64}", &hex).replace("{base64}", &base64)
    }
}

fn sees(rule: &Rule, path: &str, text: &str) -> bool {
    let rules = RuleSet::built_in();
    look(rules, path, text.as_bytes(), Scope::All, TODAY).iter().any(|finding| finding.rule == rule.id)
}

#[test]
fn every_example_matches_or_does_not() {
    let mut inventor = Inventor(1);
    let (mut wrong, mut hits, mut misses) = (String::new(), 0, 0);
    for rule in RuleSet::built_in().rules() {
        assert!(!rule.hits.is_empty() && !rule.misses.is_empty(), "{} has examples of both kinds", rule.id);
        for (examples, expected) in [(&rule.hits, true), (&rule.misses, false)] {
            for example in examples {
                let text = inventor.fill(&example.1);
                if sees(rule, &example.0, &text) != expected {
                    let verb = if expected { "misses" } else { "complains about" };
                    let _infallible = writeln!(wrong, "{} {verb} {}: {}", rule.id, example.0, example.1);
                }
            }
        }
        hits += rule.hits.len();
        misses += rule.misses.len();
    }
    assert!(wrong.is_empty(), "{wrong}");
    eprintln!(
        "{} rules, {hits} examples that must match, {misses} that must not",
        RuleSet::built_in().rules().len()
    );
    assert!(hits + misses >= 200);
}

#[test]
fn each_rule_explains_itself_and_has_words() {
    let mut ids = std::collections::BTreeSet::new();
    for rule in RuleSet::built_in().rules() {
        assert!(ids.insert(&rule.id), "{} is there twice", rule.id);
        assert!(!rule.why.is_empty() && !rule.fix.is_empty() && !rule.title.is_empty(), "{}", rule.id);
        assert!(!rule.keywords.is_empty(), "{} would be asked of every file", rule.id);
    }
}

#[test]
fn practices_are_seen_in_all_seven_languages() {
    use super::rules::Language;
    let languages = [
        Language::Javascript,
        Language::Python,
        Language::Php,
        Language::Ruby,
        Language::Go,
        Language::Java,
        Language::Csharp,
    ];
    let everywhere = RuleSet::built_in().rules().iter().filter(|rule| rule.id.starts_with("practice."));
    let everywhere = everywhere.filter(|rule| {
        let seen = |language| rule.hits.iter().any(|hit| Language::of(&hit.0) == Some(language));
        languages.into_iter().all(seen)
    });
    assert!(everywhere.count() >= 10);
}
