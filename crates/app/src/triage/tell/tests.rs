//! Whole answers, as a person sees them.

use incident::facts::probes::Layer;
use incident::triage::{Diagnosis, Evidence, PathStep, SCHEMA, Suspicion, Verdict};

use super::*;

fn evidence(probe: &str, observed: &str, supports: bool) -> Evidence {
    Evidence { probe: probe.into(), observed: observed.into(), supports }
}

fn layer(layer: &str, ok: Option<bool>, ms: Option<u64>, detail: &str) -> Layer {
    Layer { layer: layer.into(), ok, ms, detail: detail.into() }
}

fn step(question: &str, answer: &str) -> PathStep {
    PathStep { question: question.into(), answer: answer.into() }
}

fn refused() -> Triage {
    Triage {
        schema: SCHEMA,
        started_at: "2026-11-02T03:00:00Z".parse().unwrap(),
        duration_ms: 412,
        verdict: Verdict::Down,
        diagnosis: Diagnosis {
            code: Code::TokenRevoked,
            title: "The access token was revoked, rotated or mistyped".into(),
            confidence: 0.76,
            severity: Severity::P1,
            blame: Blame::Credentials,
            evidence: vec![
                evidence("auth", "account details: 401 INVALID_AUTHENTICATION", true),
                evidence("status_page", "\"Delays in Marketing email\" is open on the status page, but does not explain this", false),
            ],
            remedy: "Stop the jobs that write with this token, and ask a super admin of the HubSpot account for a new one.".into(),
            escalation: "A super admin of the HubSpot account.".into(),
            runbook: "auth.token_revoked".into(),
        },
        also: vec![Suspicion { code: Code::AuthOutage, confidence: 0.12 }],
        layers: vec![
            layer("dns", Some(true), Some(3), "api.hubapi.com: 2 addresses"),
            layer("auth", Some(false), Some(81), "401 INVALID_AUTHENTICATION"),
            layer("status_page", None, None, "not configured"),
        ],
        path: vec![
            step("Is anything wrong at all?", "yes: auth.token_revoked"),
            step("Is our clock off?", "no: our clock is 0 s ahead of the Date of api.hubapi.com"),
            step("Does our resolver fail to give the upstream's address?", "could not tell: the upstream is an address"),
        ],
        correlation_ids: vec!["7b1f8c34-6c63-4d3a-9d0e-0f6f5e2f3a11".into()],
    }
}

#[test]
fn a_named_cause() {
    insta::assert_snapshot!(for_people(&refused()), @r#"
    DOWN: The access token was revoked, rotated or mistyped
    auth.token_revoked, probable (76 %), P1, our credentials

    Do this first
      Stop the jobs that write with this token, and ask a super admin of the HubSpot
      account for a new one.

    Whom to call
      A super admin of the HubSpot account.

    Why
      + auth          account details: 401 INVALID_AUTHENTICATION
      - status_page   "Delays in Marketing email" is open on the status page, but
                      does not explain this
      (+ speaks for it, - does not)

    Also possible
      hubspot.auth_outage        12 %

    Layers
      dns         ok        3 ms  api.hubapi.com: 2 addresses
      auth        FAILS    81 ms  401 INVALID_AUTHENTICATION
      status_page -               not configured

    The path taken
      yes Is anything wrong at all?
            auth.token_revoked
      no  to 2 more questions, 1 of them could not be told (--json lists them)

    Correlation ids, for HubSpot support
      7b1f8c34-6c63-4d3a-9d0e-0f6f5e2f3a11

    Runbook auth.token_revoked.md. Took 412 ms.
    "#);
}

#[test]
fn nothing_wrong() {
    let mut triage = refused();
    triage.verdict = Verdict::Healthy;
    triage.diagnosis.code = Code::Healthy;
    triage.diagnosis.title = "Nothing is wrong".into();
    triage.diagnosis.evidence = vec![evidence("auth", "account details: 200 for portal 24601842", true)];
    triage.diagnosis.runbook = "healthy".into();
    triage.also.clear();
    triage.path = vec![step("Is anything wrong at all?", "no: every layer and every call we asked is well")];
    insta::assert_snapshot!(for_people(&triage), @r#"
    HEALTHY: Nothing is wrong

    Why
      + auth          account details: 200 for portal 24601842

    Layers
      dns         ok        3 ms  api.hubapi.com: 2 addresses
      auth        FAILS    81 ms  401 INVALID_AUTHENTICATION
      status_page -               not configured

    The path taken
      no  Is anything wrong at all?

    Runbook healthy.md. Took 412 ms.
    "#);
}

#[test]
fn the_path_ends_at_the_last_yes_and_the_ids_at_five() {
    let mut triage = refused();
    triage
        .path
        .push(step("Does HubSpot refuse our token?", "yes: account details: 401 INVALID_AUTHENTICATION"));
    triage.path.push(step("Are searches refused?", "no: none"));
    triage.correlation_ids = (1..=7).map(|n| format!("id-{n}")).collect();
    let text = for_people(&triage);
    let (_, end) = text.split_once("The path taken\n").unwrap();
    insta::assert_snapshot!(end, @r#"
      yes Is anything wrong at all?
            auth.token_revoked
      no  Is our clock off?
      ?   Does our resolver fail to give the upstream's address?
            the upstream is an address
      yes Does HubSpot refuse our token?
            account details: 401 INVALID_AUTHENTICATION
      no  to 1 more questions (--json lists them)

    Correlation ids, for HubSpot support
      id-1
      id-2
      id-3
      id-4
      id-5
      and 2 more (--json lists them)

    Runbook auth.token_revoked.md. Took 412 ms.
    "#);
}

#[test]
fn no_line_is_longer_than_the_terminal() {
    let mut triage = refused();
    triage.diagnosis.evidence.push(evidence("families", &"word ".repeat(60), true));
    assert!(for_people(&triage).lines().all(|line| line.chars().count() <= WIDTH));
}
