//! SARIF as GitHub takes it: docs.github.com, "SARIF support for code scanning", the properties it requires and reads.

use serde_json::Value;

use super::{Inventor, TODAY};
use crate::scan::look::{Scope, look};
use crate::scan::report::{History, LookedAt};
use crate::scan::rules::{Level, RuleSet};
use crate::scan::{report_of, sarif};

fn document() -> Value {
    let text = Inventor(5).fill("hubspot\nconst ä = 'pat-na1-{uuid}';\n");
    let mut findings = look(RuleSet::built_in(), "src/ü b.js", text.as_bytes(), Scope::All, TODAY);
    let mut past = findings[0].clone();
    past.commit = Some("1a2b3c4".into());
    findings.push(past);
    let report = report_of(findings, LookedAt::default(), History::Left, TODAY);
    sarif::sarif(&report, "0.1.0")
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    assert!(!found.is_empty(), "{pointer} is a text, in {value}");
    found
}

#[test]
fn it_has_what_a_code_host_requires() {
    let document = document();
    assert_eq!(text(&document, "/version"), "2.1.0");
    assert!(text(&document, "/$schema").ends_with("sarif-2.1.0.json"));
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let driver = &runs[0]["tool"]["driver"];
    assert_eq!(text(driver, "/name"), "hubkeeper scan");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        assert!(text(rule, "/id").len() <= 255);
        assert!(text(rule, "/shortDescription/text").len() <= 1024);
        assert!(text(rule, "/fullDescription/text").len() <= 1024);
        text(rule, "/help/text");
        text(rule, "/help/markdown");
        assert!(["error", "warning", "note"].contains(&text(rule, "/defaultConfiguration/level")));
        assert!(["very-high", "high", "medium", "low"].contains(&text(rule, "/properties/precision")));
        assert!(["error", "warning", "recommendation"].contains(&text(rule, "/properties/problem.severity")));
        assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
        if let Some(severity) = rule["properties"].get("security-severity") {
            let severity: f64 = severity.as_str().unwrap().parse().unwrap();
            assert!((0.0..=10.0).contains(&severity));
        }
    }
    let results = runs[0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(text(result, "/ruleId"), text(&rules[index], "/id"));
        text(result, "/message/text");
        let location = "/locations/0/physicalLocation";
        assert_eq!(text(result, &format!("{location}/artifactLocation/uri")), "src/%C3%BC%20b.js");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
        assert!(region["endColumn"].as_u64() > region["startColumn"].as_u64());
        assert_eq!(result["partialFingerprints"].as_object().unwrap().len(), 1);
    }
    assert!(text(&results[1], "/message/text").contains("commit 1a2b3c4"));
}

#[test]
fn no_form_of_the_report_holds_a_secret() {
    let secret = Inventor(5).uuid();
    assert!(!document().to_string().contains(&secret[..20]));
    let text = Inventor(5).fill("hubspot\nconst ä = 'pat-na1-{uuid}';\n");
    let findings = look(RuleSet::built_in(), "a.js", text.as_bytes(), Scope::All, TODAY);
    assert_eq!(findings.len(), 1);
    let json = serde_json::to_string(&findings).unwrap();
    assert!(!json.contains(&secret[..20]) && json.contains(&secret[secret.len() - 4..]), "{json}");
    assert_eq!((findings[0].level, findings[0].line), (Level::Error, 2));
}
