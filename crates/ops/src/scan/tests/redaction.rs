//! What leaves the house holds no secret.

use proptest::prelude::*;

use super::Inventor;
use crate::scan::redact::Redactor;
use crate::scan::rules::RuleSet;

#[test]
fn every_example_of_redaction_matches_or_does_not() {
    let mut inventor = Inventor(3);
    let redactor = Redactor::built_in();
    for rule in RuleSet::redaction().rules().iter().filter(|rule| rule.id.starts_with("redact.")) {
        for example in &rule.hits {
            let text = inventor.fill(&example.1);
            assert_ne!(redactor.redact(&text), text, "{}: {text}", rule.id);
        }
        for example in &rule.misses {
            let text = inventor.fill(&example.1);
            assert_eq!(redactor.redact(&text), text, "{}: {text}", rule.id);
        }
    }
}

#[test]
fn secrets_in_any_surroundings_are_masked() {
    let mut inventor = Inventor(4);
    let redactor = Redactor::built_in();
    for value in ["pat-na1-{uuid}", "eu1-{uuid}", "whsec_{base64}", "hubkeeper_{hex64}"] {
        for around in
            ["{}", "\"{}\"", "x={}&y=1", "\\n{}\\n", "Bearer {}", "https://a.example/?t={}#x", "ä{}ö"]
        {
            let secret = inventor.fill(value);
            let text = around.replace("{}", &secret);
            let masked = redactor.redact(&text);
            assert!(!masked.contains(&secret[..secret.len() - 4]), "{masked}");
            assert_eq!(redactor.redact(&masked), masked, "masked once is masked");
        }
    }
}

#[test]
fn a_report_is_masked_where_it_must_be_and_nowhere_else() {
    let text = "2026-11-29T10:00:00Z POST /crm/v3/objects/contacts 409 Contact already exists: ada@example.com\n\
                authorization: Bearer abcdefghijkl0123456789abcdefghijkl0123456789\n\
                store = \"postgres://keeper:hunter2@db.example.com/hk\", token = \"env:HUBSPOT_ACCESS_TOKEN\"";
    insta::assert_snapshot!(Redactor::built_in().redact(text), @r#"
    2026-11-29T10:00:00Z POST /crm/v3/objects/contacts 409 Contact already exists: ****
    authorization: Bearer ****6789
    store = "postgres://keeper:****/hk", token = "env:HUBSPOT_ACCESS_TOKEN"
    "#);
}

proptest! {
    #[test]
    fn anything_can_be_redacted(text in ".{0,200}") {
        let redactor = Redactor::built_in();
        let masked = redactor.redact(&text).into_owned();
        prop_assert_eq!(&*redactor.redact(&masked), &*masked);
    }
}
