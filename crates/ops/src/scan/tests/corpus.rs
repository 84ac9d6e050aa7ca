//! Credentials as people write them, beside what well-known scanners would see of them.

use regex::bytes::RegexBuilder;

use super::{Inventor, TODAY};
use crate::scan::look::{Scope, look};
use crate::scan::rules::RuleSet;

/// How a value stands in a file: its name, and a text with `NAME` and `VALUE` in it.
const FORMS: [(&str, &str); 12] = [
    ("a.env", "HUBSPOT_NAME=VALUE\n"),
    ("a.sh", "# hubspot\nexport NAME='VALUE'\n"),
    ("a.js", "const hubspot = require('@hubspot/api-client');\nconst c = { NAME: 'VALUE' };\n"),
    ("a.ts", "import { Client } from '@hubspot/api-client';\nconst NAME: string = \"VALUE\";\n"),
    ("a.py", "from hubspot import HubSpot\nNAME = \"VALUE\"\n"),
    ("a.php", "use HubSpot\\Factory;\n$config = ['NAME' => 'VALUE'];\n"),
    ("a.rb", "require 'hubspot-api-client'\nNAME = 'VALUE'\n"),
    ("a.go", "// hubspot\nconfig.NAME = \"VALUE\"\n"),
    ("A.java", "// com.hubspot\nString NAME = \"VALUE\";\n"),
    ("a.cs", "// HubSpot\nconst string NAME = \"VALUE\";\n"),
    ("a.json", "{\"hubspot\": {\"NAME\": \"VALUE\"}}\n"),
    ("a.yml", "hubspot:\n  NAME: VALUE\n"),
];

/// Names, and the values they hold.
const CREDENTIALS: [(&str, &str); 10] = [
    ("access_token", "pat-na1-{uuid}"),
    ("token", "pat-eu1-{uuid}"),
    ("API_TOKEN", "pat-ap1-{uuid}"),
    ("bearer", "pat-na2-{uuid}"),
    ("refresh_token", "na1-{uuid}"),
    ("refreshToken", "eu1-{uuid}"),
    ("client_secret", "{uuid}"),
    ("hapikey", "{uuid}"),
    ("webhook_secret", "{uuid}"),
    ("access_token", "{access}"),
];

/// Values that open nothing, under names that come near.
const HARMLESS: [(&str, &str); 9] = [
    ("client_id", "{uuid}"),
    ("form_id", "{uuid}"),
    ("portal_id", "12345678"),
    ("access_token", "pat-na1-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
    ("client_secret", "00000000-0000-0000-0000-000000000000"),
    ("refresh_token", "your-refresh-token"),
    ("correlation_id", "{uuid}"),
    ("request_id", "{uuid}"),
    ("access_token", "process.env.HUBSPOT_ACCESS_TOKEN"),
];

/// The published patterns: gitleaks `hubspot-api-key` and trufflehog `hubspot_apikey` v1 and v2.
const GITLEAKS: &str = r#"(?i)[\w.-]{0,50}?(?:hubspot)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}([0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12})(?:[\x60'"\s;]|\\[nr]|$)"#;
const TRUFFLEHOG_1: &str = r"(?is)(?:hubapi|hapikey|hapi_key|hubspot).{0,40}?\b([a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12})\b";
const TRUFFLEHOG_2: &str =
    r"\b(pat-(?:eu|na)1-[A-Za-z0-9]{8}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{4}-[A-Za-z0-9]{12})\b";

#[derive(Default)]
struct Score {
    found: usize,
    missed: usize,
    false_alarms: usize,
}

impl Score {
    fn add(&mut self, is_secret: bool, seen: bool) {
        match (is_secret, seen) {
            (true, true) => self.found += 1,
            (true, false) => self.missed += 1,
            (false, true) => self.false_alarms += 1,
            (false, false) => {}
        }
    }

    fn recall(&self) -> f64 {
        self.found as f64 / (self.found + self.missed) as f64
    }

    fn precision(&self) -> f64 {
        self.found as f64 / (self.found + self.false_alarms).max(1) as f64
    }
}

#[test]
fn credentials_are_found_and_harmless_values_are_not() {
    let mut inventor = Inventor(2);
    let compiled = |pattern: &str| {
        RegexBuilder::new(pattern).unicode(false).size_limit(1 << 26).build().expect("a published pattern")
    };
    let others = [
        ("gitleaks", vec![compiled(GITLEAKS)]),
        ("trufflehog", vec![compiled(TRUFFLEHOG_1), compiled(TRUFFLEHOG_2)]),
    ];
    let (mut ours, mut theirs) = (Score::default(), [Score::default(), Score::default()]);
    let mut wrong = Vec::new();
    let samples = CREDENTIALS.iter().map(|it| (it, true)).chain(HARMLESS.iter().map(|it| (it, false)));
    for ((name, value), is_secret) in samples {
        for (file, form) in FORMS {
            let text = form.replace("NAME", name).replace("VALUE", &inventor.fill(value));
            let findings = look(RuleSet::built_in(), file, text.as_bytes(), Scope::Secrets, TODAY);
            ours.add(is_secret, !findings.is_empty());
            if findings.is_empty() == is_secret {
                wrong.push(format!("{file}: {}", form.replace("NAME", name).replace("VALUE", value)));
            }
            for ((_, patterns), score) in others.iter().zip(&mut theirs) {
                score.add(is_secret, patterns.iter().any(|pattern| pattern.is_match(text.as_bytes())));
            }
        }
    }
    let told = |name: &str, score: &Score| {
        eprintln!("{name:<10} recall {:.3} precision {:.3}", score.recall(), score.precision());
    };
    eprintln!("{} samples", (CREDENTIALS.len() + HARMLESS.len()) * FORMS.len());
    told("hubkeeper", &ours);
    others.iter().zip(&theirs).for_each(|((name, _), score)| told(name, score));
    assert!(ours.recall() >= 0.98 && ours.precision() >= 0.98, "{}", wrong.join("\n"));
}
