//! What Prometheus reads: well-formed, complete, growing, bounded, and fit for everyone's eyes.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{Program, Start, Upstream, ask, json_answer};

const PAGE: &str = include_str!("../../../../../docs/TELEMETRY.md");

/// What only trouble brings forth, a day that has been watched for a while, or a collector.
const NOT_WHEN_WELL: [&str; 4] = [
    "hubkeeper_daily_exhausted_at_seconds",
    "hubkeeper_daily_forecast",
    "hubkeeper_in_flight_cap",
    "hubkeeper_telemetry_lost",
];

type Labels = Vec<(String, String)>;

/// One answer of `/metrics`.
struct Scrape {
    /// The kind of each metric.
    kinds: BTreeMap<String, String>,
    /// By name and labels.
    series: BTreeMap<(String, Labels), f64>,
}

impl Scrape {
    async fn of(up: &Program) -> Self {
        let answer = ask(up.admin(), "GET", "/metrics", &[], "").await;
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        Self::read(&answer.text())
    }

    /// Holds the text to the format's rules.
    fn read(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let (mut kinds, mut series) = (BTreeMap::new(), BTreeMap::new());
        for line in text.lines().take_while(|line| *line != "# EOF") {
            if let Some(told) = line.strip_prefix("# TYPE ") {
                let (name, kind) = told.split_once(' ').unwrap();
                assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is told twice");
            } else if !line.starts_with("# ") {
                let (name, labels, value) = sample(line);
                let ends = [("_total", "counter"), ("_bucket", "histogram"), ("_sum", "histogram")];
                let ends = ends.into_iter().chain([("_count", "histogram")]);
                let mut told = ends.filter_map(|(end, kind)| Some((name.strip_suffix(end)?, kind)));
                let (family, kind) = told.next().unwrap_or((&name, "gauge"));
                assert_eq!(kinds.get(family).map(String::as_str), Some(kind), "{line}");
                assert!(series.insert((name, labels), value).is_none(), "the same series twice: {line}");
            }
        }
        Self { kinds, series }
    }

    fn sum(&self, name: &str, label: &str, value: &str) -> f64 {
        let is = |labels: &Labels| labels.iter().any(|(key, is)| key == label && is == value);
        let of_it = self.series.iter().filter(|((found, labels), _)| found == name && is(labels));
        of_it.map(|(_, value)| value).sum()
    }

    fn values_of(&self, label: &str) -> BTreeSet<&str> {
        let labels = self.series.keys().flat_map(|(_, labels)| labels);
        labels.filter(|(key, _)| key == label).map(|(_, value)| value.as_str()).collect()
    }
}

/// `name{label="value",…} number`.
fn sample(line: &str) -> (String, Labels, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value in {line:?}"));
    let value = value.parse().unwrap_or_else(|_| panic!("no number in {line:?}"));
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("open labels in {line:?}"));
    let labels = labels.split_terminator("\",").map(|label| {
        let (key, value) = label.split_once("=\"").unwrap_or_else(|| panic!("no label in {line:?}"));
        (key.to_owned(), value.trim_end_matches('"').to_owned())
    });
    (name.to_owned(), labels.collect(), value)
}

#[tokio::test]
async fn metrics_are_openmetrics_and_count_what_happened() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    ask(up.url(), "GET", "/crm/v3/objects/contacts/404", &[&token], "").await;
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &["Authorization: Bearer wrong"], "").await;
    let scrape = Scrape::of(&up).await;
    let calls = |category: &str| scrape.sum("hubkeeper_calls_total", "category", category);
    assert_eq!((calls("ok"), calls("not_found"), calls("invalid_authentication")), (1.0, 1.0, 1.0));
    assert_eq!(scrape.sum("hubkeeper_calls_total", "connection", "other"), 1.0, "the wrong token");
    assert_eq!(scrape.sum("hubkeeper_answers_total", "source", "live"), 3.0);
    assert_eq!(scrape.sum("hubkeeper_wait_seconds_count", "lane", "interactive"), 3.0);
    assert_eq!(scrape.sum("hubkeeper_wait_seconds_bucket", "le", "+Inf"), 3.0);
    let burst = |name: &str| scrape.sum(name, "budget", "burst");
    let (limit, used) = (burst("hubkeeper_budget_limit"), burst("hubkeeper_budget_used"));
    assert!(used >= 2.0, "both calls are still counted by HubSpot: {used}");
    assert_eq!(burst("hubkeeper_budget_left"), limit - used);
    up.stop().await;
    sim.stop().await;
}

/// The page and the answer are the same list: the process's figures are there from the start, all the rest once somebody
/// has called.
#[tokio::test]
async fn every_metric_of_the_page_is_there() {
    let sim = Start::sim().ready().await;
    let data = tempfile::tempdir().unwrap();
    let up = Start::up(sim.url()).args(&["--data", data.path().to_str().unwrap()]).ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token, "X-Hubkeeper-Deadline-Ms: 0"], "").await;
    let scrape = Scrape::of(&up).await;
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let on_page: BTreeSet<&str> = rows.map(|(name, _)| name.trim_end_matches("_total")).collect();
    let on_page: BTreeSet<&str> = &on_page - &BTreeSet::from(NOT_WHEN_WELL);
    // Those of webhooks are there where webhooks are.
    let begins = ["hubkeeper_webhook_", "hubkeeper_forward", "hubkeeper_journal_"];
    let of_webhooks = |name: &&str| begins.iter().any(|begin| name.starts_with(begin));
    // Those of incidents are there where the room is open.
    let of_the_room = |name: &&str| {
        ["incidents_", "measures_on", "diagnoses", "notices"]
            .iter()
            .any(|what| name.strip_prefix("hubkeeper_").is_some_and(|name| name.starts_with(what)))
    };
    let on_page: BTreeSet<&str> =
        on_page.into_iter().filter(|name| !of_webhooks(name) && !of_the_room(name)).collect();
    let answered: BTreeSet<&str> = scrape.kinds.keys().map(String::as_str).collect();
    assert_eq!(on_page, answered);
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn counters_only_grow_and_wrong_tokens_make_no_series() {
    let sim = Start::sim().ready().await;
    let up = Start::up(sim.url()).gateway("breaker", "false").ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
    let mut before = Scrape::of(&up).await;
    for number in 0..60 {
        let wrong = format!("Authorization: Bearer wrong-{number}");
        ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&wrong], "").await;
        if number % 20 == 19 {
            ask(up.url(), "GET", "/crm/v3/objects/contacts", &[&token], "").await;
            let after = Scrape::of(&up).await;
            for ((name, labels), count) in &before.series {
                if ["_total", "_bucket", "_sum", "_count"].iter().any(|end| name.ends_with(end)) {
                    let now = after.series.get(&(name.clone(), labels.clone()));
                    assert!(now.is_some_and(|now| now >= count), "{name} {labels:?}: {count}, then {now:?}");
                }
            }
            before = after;
        }
    }
    assert_eq!(
        before.values_of("connection").len(),
        2,
        "the good one, and `other` for sixty: {:?}",
        before.values_of("connection")
    );
    assert_eq!(before.sum("hubkeeper_calls_total", "connection", "other"), 60.0);
    up.stop().await;
    sim.stop().await;
}

/// Whatever stands in paths, queries, headers and answers, labels come from lists.
#[tokio::test]
async fn hostile_callers_and_routes_do_not_reach_a_label() {
    const PERSON: &str = "jane.doe@example.com";
    let body = format!(
        r#"{{"category":"{PERSON}","subCategory":"c0ffee00","message":"{PERSON}","correlationId":"{PERSON}"}}"#
    );
    let upstream = Upstream::start(move |_| vec![json_answer("400 Bad Request", &body)]).await;
    let up = Start::up(&upstream.url).ready().await;
    let hostile = [
        "Authorization: Bearer pat-na1-c0ffee00-1111-2222-3333-444455556666",
        "User-Agent: jane.doe@example.com",
        "X-Hubkeeper-Caller: jane.doe@example.com",
    ];
    for target in [
        "/crm/v3/objects/jane.doe@example.com/1",
        "/crm/v3/objects/contacts/jane.doe%40example.com?email=jane.doe@example.com",
        "/jane.doe@example.com/c0ffee00%22%7D%0Ahubkeeper_calls_total%7B",
        "/oauth/v1/access-tokens/pat-na1-c0ffee00-1111-2222-3333-444455556666",
    ] {
        ask(up.url(), "GET", target, &hostile, "").await;
        ask(up.url(), "JANE", target, &hostile, "").await;
    }
    let text = ask(up.admin(), "GET", "/metrics", &[], "").await.text();
    for forbidden in ["jane", "example.com", "c0ffee00", "JANE"] {
        assert!(!text.contains(forbidden), "metrics tell `{forbidden}`:\n{text}");
    }
    let scrape = Scrape::read(&text);
    assert_eq!(scrape.values_of("connection"), BTreeSet::from(["other"]));
    assert_eq!(scrape.values_of("caller"), BTreeSet::from(["-"]));
    up.stop().await;
}

/// A name that must not be shown is refused before anything starts.
#[tokio::test]
async fn names_that_must_not_be_shown_are_refused() {
    let config =
        "[gateway]\nmode = \"managed\"\n[[callers]]\nname = \"jane.doe@example.com\"\nkey = \"env:KEY\"\n";
    let ended = Start::new(&["config", "check"]).file("hubkeeper.toml", config).env("KEY", "k").ended().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("[[callers]]"), "{ended:#?}");
}
