//! The table of crates in `docs/ARCHITECTURE.md` is the law: who may depend on whom, and what a crate must never know.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, assert_none, tree};

/// Crate → the crates of the house that it depends on.
type House = BTreeMap<String, BTreeSet<String>>;

const PAGE: &str = "docs/ARCHITECTURE.md";
const HEADING: &str = "## The house";

/// Modules of `hubspot` that the simulator writes apart, so that one mistake cannot hide in both.
const APART: [&str; 6] = ["limits", "signature", "error", "rate_headers", "association", "scope"];

/// What would give `hubspot` a clock, a socket, a file or an environment of its own.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant::now",
    "std::process",
    "tokio",
    "async fn",
    "Timestamp::now",
];

/// Reads the table: the first column names a crate, the third what it depends on (crates, `–` or `all`).
fn table(page: &str) -> House {
    let rows: Vec<Vec<&str>> = page
        .lines()
        .skip_while(|line| *line != HEADING)
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let names: BTreeSet<String> = rows.iter().map(|row| bare(row[0]).to_owned()).collect();
    rows.iter()
        .map(|row| {
            let name = bare(row[0]).to_owned();
            let cell = row.get(2).expect("a row of the table has a column `depends on`");
            let words: BTreeSet<String> =
                cell.split([' ', ',', ';', ':', '(', ')']).map(|word| bare(word).to_owned()).collect();
            let mut allowed = if words.contains("all") { names.clone() } else { &words & &names };
            allowed.remove(&name);
            (name, allowed)
        })
        .collect()
}

fn bare(word: &str) -> &str {
    word.trim_matches(['`', ' '])
}

/// Reads the manifests of `crates/*`, dependencies of every kind together.
fn manifests(files: &[SourceFile]) -> House {
    let found: BTreeMap<String, toml::Table> = files
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            Some((name.to_owned(), file.text.parse().expect("a manifest is TOML")))
        })
        .collect();
    let names: BTreeSet<String> = found.keys().cloned().collect();
    found
        .iter()
        .map(|(name, manifest)| {
            let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
            let tables = kinds.iter().filter_map(|kind| manifest.get(*kind)?.as_table());
            let used: BTreeSet<String> = tables.flat_map(|table| table.keys().cloned()).collect();
            (name.clone(), &used & &names)
        })
        .collect()
}

/// Every difference between the table and the manifests, both ways. Crates of the table that are still to come are fine.
fn differences(table: &House, manifests: &House) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, used) in manifests {
        let Some(allowed) = table.get(name) else {
            complaints.push(format!("crates/{name} is missing from the table in {PAGE}"));
            continue;
        };
        for dependency in used.difference(allowed) {
            complaints.push(format!("crates/{name} must not depend on {dependency} ({PAGE})"));
        }
        for dependency in allowed.difference(used).filter(|allowed| manifests.contains_key(*allowed)) {
            complaints
                .push(format!("{PAGE} says that {name} depends on {dependency}; its manifest does not"));
        }
    }
    complaints
}

/// Paths into `hubspot` that the simulator must write for itself, `use hubspot::{…}` included.
fn shared_knowledge(file: &SourceFile) -> Vec<String> {
    let named =
        |path: &str| APART.contains(&path.split([':', ' ', ';', ',', ')', '<']).next().unwrap_or_default());
    let mut complaints = Vec::new();
    for (_, rest) in
        file.text.match_indices("hubspot::").map(|(at, found)| file.text[at..].split_at(found.len()))
    {
        let used: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').map(str::trim).collect(),
            None => vec![rest],
        };
        for path in used.into_iter().filter(|path| named(path)) {
            let module = path.split(':').next().unwrap_or_default();
            complaints.push(format!("{}: the simulator writes `{module}` apart from hubspot's", file.path));
        }
    }
    complaints
}

fn impurities(file: &SourceFile) -> Vec<String> {
    let code = file.text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let found = code.flat_map(|line| IMPURE.iter().filter(move |impure| line.contains(**impure)));
    found
        .map(|impure| format!("{}: hubspot is data and pure functions, without `{impure}`", file.path))
        .collect()
}

#[test]
fn manifests_keep_to_the_table() {
    let files = tree();
    let page = files.iter().find(|file| file.path == PAGE).expect("the house has a map");
    let table = table(&page.text);
    assert!(!table.is_empty(), "{PAGE} has a table under `{HEADING}`");
    assert_none(&differences(&table, &manifests(&files)));
}

#[test]
fn the_simulator_shares_no_rules_with_the_client() {
    let files = tree();
    let simulator = files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/simulator/"));
    assert_none(&simulator.flat_map(shared_knowledge).collect::<Vec<_>>());
}

#[test]
fn hubspot_is_pure() {
    let files = tree();
    let hubspot = files.iter().filter(|file| file.is_rust() && file.path.starts_with("crates/hubspot/src/"));
    assert_none(&hubspot.flat_map(impurities).collect::<Vec<_>>());
}

const MADE_UP_PAGE: &str = "\
## The house

| crate | is | depends on | must never know |
|---|---|---|---|
| `rules` | facts | – | I/O |
| `wire` | calls | rules | store |
| `double` | a test double | rules ids only (never its limits) | wire |
| `later` | not built yet | rules | – |
| `app` | everything | all | – |

| `wire` | of another table | app | – |
";

fn made_up_manifest(name: &str, dependencies: &str) -> SourceFile {
    let text = format!("[package]\nname = \"{name}\"\n[dependencies]\nserde = \"1\"\n{dependencies}");
    SourceFile::made_up(&format!("crates/{name}/Cargo.toml"), &text)
}

#[test]
fn control_the_table_bites() {
    let good = [
        made_up_manifest("rules", ""),
        made_up_manifest("wire", "rules = { path = \"x\" }"),
        made_up_manifest("double", "rules.workspace = true"),
        made_up_manifest("app", "rules = \"1\"\nwire = \"1\"\ndouble = \"1\""),
    ];
    assert_eq!(differences(&table(MADE_UP_PAGE), &manifests(&good)), Vec::<String>::new());

    let bad = [
        made_up_manifest("rules", "[dev-dependencies]\nwire = \"1\""),
        made_up_manifest("wire", ""),
        made_up_manifest("shed", ""),
    ];
    assert_eq!(
        differences(&table(MADE_UP_PAGE), &manifests(&bad)),
        [
            "crates/rules must not depend on wire (docs/ARCHITECTURE.md)",
            "crates/shed is missing from the table in docs/ARCHITECTURE.md",
            "docs/ARCHITECTURE.md says that wire depends on rules; its manifest does not",
        ]
    );
}

#[test]
fn control_shared_knowledge_is_seen() {
    let complaints = |text: &str| shared_knowledge(&SourceFile::made_up("x.rs", text)).len();
    assert_eq!(complaints("use hubspot::object_type::ObjectType;"), 0);
    assert_eq!(complaints("use hubspot::{object_type::ObjectType, version::Version};"), 0);
    assert_eq!(complaints("use hubspot::limits::Plan;"), 1);
    assert_eq!(complaints("let x = hubspot::signature::verify(y);"), 1);
    assert_eq!(complaints("use hubspot::{\n    error::Kind,\n    scope,\n};"), 2);
}

#[test]
fn control_impurity_is_seen() {
    let complaints = |text: &str| impurities(&SourceFile::made_up("x.rs", text)).len();
    assert_eq!(complaints("//! No std::net here, nor tokio.\nuse std::fmt;"), 0);
    assert_eq!(complaints("use std::net::IpAddr;\nlet now = Timestamp::now();"), 2);
}
