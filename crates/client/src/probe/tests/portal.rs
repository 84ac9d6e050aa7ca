//! What the calls find when the way is open.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::super::report::{Finding, LayerName, Route, Why};
use super::super::target::{Focus, HUBSPOT_CALLS_MAX, OAuthApp};
use super::server::{Asked, Reply, Server, html, json as answer};
use super::{TOKEN, run, target};

/// HubSpot on a good day, with limit headers that count the calls it saw.
fn healthy() -> impl Fn(&Asked) -> Reply + Send + Sync {
    let counted = AtomicU32::new(0);
    move |asked| {
        let path = asked.line.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/oauth/") {
            return answer(
                200,
                "",
                &json!({"userId": 1, "hubId": 4242, "appId": 77, "scopes": ["oauth", "tickets"]}),
            );
        }
        if path.starts_with("/_status/") {
            return answer(
                200,
                "",
                &json!({"status": {"indicator": "none"}, "incidents": [], "components": []}),
            );
        }
        if !asked.authenticated() {
            return answer(401, "", &error("INVALID_AUTHENTICATION", 0));
        }
        let spent = counted.fetch_add(1, Ordering::Relaxed) + 1;
        let limits = format!(
            "X-HubSpot-RateLimit-Max: 190\r\nX-HubSpot-RateLimit-Remaining: {}\r\n\
             X-HubSpot-RateLimit-Interval-Milliseconds: 10000\r\nX-HubSpot-RateLimit-Daily: 650000\r\n\
             X-HubSpot-RateLimit-Daily-Remaining: {}\r\n",
            190 - spent,
            600_000 - spent
        );
        match path {
            "/account-info/v3/details" => answer(200, &limits, &details()),
            path if path.contains("api-usage") => answer(200, &limits, &usage()),
            path if path.ends_with("/search") => answer(200, "", &json!({"total": 0, "results": []})),
            _ => answer(200, &limits, &json!({"results": []})),
        }
    }
}

fn details() -> serde_json::Value {
    json!({"portalId": 4242, "accountType": "STANDARD", "timeZone": "US/Eastern", "dataHostingLocation": "na1",
           "uiDomain": "app.hubspot.com"})
}

fn usage() -> serde_json::Value {
    json!({"results": [{"name": "private-apps-api-calls-daily", "usageLimit": 650_000, "currentUsage": 50_000,
           "collectedAt": "2026-11-20T11:59:00Z", "fetchStatus": "SUCCESS", "resetsAt": "2026-11-21T05:00:00Z"}]})
}

fn error(category: &str, id: u32) -> serde_json::Value {
    json!({"status": "error", "message": "refused", "category": category,
           "correlationId": format!("00000000-0000-0000-0000-{id:012}")})
}

#[tokio::test]
async fn a_healthy_portal_is_found_healthy_in_every_layer() {
    let server = Server::plain(healthy()).await;
    let mut target = target(&server.url());
    target.status_page =
        Some(format!("{}/_status/api/v2/summary.json", server.url()).parse().expect("an address"));
    let report = run(&target).await;

    let layers: Vec<_> = report.layers.iter().map(|layer| (layer.layer, layer.ok)).collect();
    assert_eq!(
        layers,
        [
            (LayerName::Dns, None),
            (LayerName::Tcp, Some(true)),
            (LayerName::Tls, None),
            (LayerName::Http, Some(true)),
            (LayerName::Auth, Some(true)),
            (LayerName::Limits, Some(true)),
            (LayerName::StatusPage, Some(true)),
            (LayerName::Clock, Some(true)),
            (LayerName::Proxy, None),
        ],
        "{:#?}",
        report.layers
    );
    let account = report.auth.answered().and_then(|found| found.account.clone()).expect("details");
    assert_eq!((account.portal_id, account.hosting.as_deref()), (4242, Some("na1")));
    let token =
        report.introspection.answered().and_then(|found| found.token.clone()).expect("a private app's token");
    assert_eq!((token.portal_id, token.scopes), (Some(4242), vec!["oauth".to_owned(), "tickets".to_owned()]));
    let daily = report.usage.answered().and_then(|found| found.daily.clone()).expect("usage");
    assert_eq!((daily.used, daily.limit), (50_000, 650_000));
    assert_eq!(report.limits.burst_outside, Some(0), "nobody else spent");
    assert_eq!(report.limits.daily_outside, Some(0));
    assert_eq!(report.correlation_ids, ["00000000-0000-0000-0000-000000000000"]);
    assert_eq!(report.route, Route::Direct);
    assert!(!report.upstream.official);
}

#[tokio::test]
async fn a_run_makes_eight_calls_and_only_reads() {
    let server = Server::plain(healthy()).await;
    let mut target = target(&server.url());
    target.focus = vec![
        Focus::Route("/crm/v3/objects/tickets/{id}".to_owned()),
        Focus::Route("/crm/v4/objects/{type}/{id}/associations/{to}".to_owned()),
        Focus::Properties("deals".to_owned()),
        Focus::RecordLimits,
        Focus::AssociationLimits,
    ];
    let report = run(&target).await;
    let asked = server.asked();
    assert_eq!(report.calls_made, HUBSPOT_CALLS_MAX);
    assert_eq!(asked.len(), 8, "{:#?}", asked.iter().map(|asked| &asked.line).collect::<Vec<_>>());
    let writes = asked.iter().filter(|asked| {
        !asked.line.starts_with("GET ")
            && !asked.line.contains("/search ")
            && !asked.line.contains("/oauth/v2/private-apps/get/")
    });
    assert_eq!(writes.count(), 0);
    let families: Vec<_> = report.families.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(
        families,
        [
            "/crm/v3/objects/tickets?limit=1",
            "/crm/v4/associations/contacts/companies/labels",
            "/crm/v3/properties/deals",
            "/crm/v3/limits/records",
        ]
    );
}

#[tokio::test]
async fn without_a_token_only_the_way_is_probed() {
    let server = Server::plain(healthy()).await;
    let mut target = target(&server.url());
    target.token = None;
    let report = run(&target).await;
    assert_eq!(report.calls_made, 1);
    assert_eq!(report.auth, Finding::not_asked(Why::NotConfigured));
    assert_eq!(report.layer(LayerName::Http).and_then(|layer| layer.ok), Some(true));
    assert_eq!(report.layer(LayerName::Auth).and_then(|layer| layer.ok), None);
}

#[tokio::test]
async fn a_refused_token_spares_the_family_calls() {
    let server = Server::plain(|_| answer(401, "", &error("INVALID_AUTHENTICATION", 7))).await;
    let report = run(&target(&server.url())).await;
    assert_eq!(report.layer(LayerName::Auth).and_then(|layer| layer.ok), Some(false));
    assert_eq!(report.calls_made, 3, "unauthenticated, authenticated, introspection");
    assert_eq!(report.usage, Finding::not_asked(Why::CredentialRefused));
    assert!(report.families.iter().all(|row| row.answer == Finding::not_asked(Why::CredentialRefused)));
    assert_eq!(report.correlation_ids.len(), 3);
}

#[tokio::test]
async fn one_failing_family_stands_alone() {
    let fine = healthy();
    let server = Server::plain(move |asked| {
        if asked.line.contains("/search") { answer(500, "", &error("INTERNAL", 9)) } else { fine(asked) }
    })
    .await;
    let report = run(&target(&server.url())).await;
    let failing: Vec<_> = report
        .families
        .iter()
        .filter(|row| row.answer.answered().is_some_and(|answer| answer.status >= 500))
        .map(|row| row.path.as_str())
        .collect();
    assert_eq!(failing, ["/crm/v3/objects/contacts/search"; 3], "what fails is asked twice more");
    assert_eq!((report.calls_made, &report.usage), (HUBSPOT_CALLS_MAX, &Finding::not_asked(Why::NotNeeded)));
}

#[tokio::test]
async fn spending_that_is_not_ours_shows() {
    let counted = AtomicU32::new(0);
    let server = Server::plain(move |asked| {
        let body = if asked.line.contains("details") { details() } else { json!({"results": []}) };
        // Ten calls of somebody else's between any two of ours.
        let spent = 11 * counted.fetch_add(1, Ordering::Relaxed);
        let limits =
            format!("X-HubSpot-RateLimit-Max: 190\r\nX-HubSpot-RateLimit-Remaining: {}\r\n", 190 - spent);
        answer(200, &limits, &body)
    })
    .await;
    let report = run(&target(&server.url())).await;
    assert!(report.limits.burst_outside >= Some(20), "{:?}", report.limits);
}

#[tokio::test]
async fn a_page_from_something_in_between_is_not_hubspot() {
    let server = Server::plain(|_| html(403, "Server: cloudflare\r\nVia: 1.1 gate\r\n")).await;
    let report = run(&target(&server.url())).await;
    let http = report.http.answered().expect("an answer");
    assert!(http.html && !http.hubspot_shaped);
    assert_eq!((http.server.as_deref(), http.via.as_deref()), (Some("cloudflare"), Some("1.1 gate")));
    assert_eq!(report.layer(LayerName::Http).and_then(|layer| layer.ok), Some(false));
    assert_eq!(
        report.layer(LayerName::Auth).and_then(|layer| layer.ok),
        None,
        "a page says nothing of the token"
    );
}

#[tokio::test]
async fn an_answer_that_repeats_our_secrets_does_not_reach_the_report() {
    let server = Server::plain(|asked| {
        let repeated = asked.whole.replace(['\r', '\n', '"', '\\'], " ");
        let body =
            json!({"correlationId": repeated, "category": repeated, "token": TOKEN, "scopes": [repeated]});
        answer(400, &format!("Server: {repeated}\r\nVia: {repeated}\r\n"), &body)
    })
    .await;
    let mut target = target(&server.url());
    target.proxy = Some("http://ann:hunter2-secret@127.0.0.1:1".parse().expect("an address"));
    let client_secret = hubspot::secret::Secret::new("client-secret-value");
    target.oauth_app = Some(OAuthApp { client_id: "client".to_owned(), client_secret });
    target.token = Some(hubspot::secret::Secret::new("oauth-access-token-value"));
    for token in [TOKEN, "oauth-access-token-value"] {
        target.token = Some(hubspot::secret::Secret::new(token));
        let report = run(&target).await;
        let written = serde_json::to_string(&report).expect("plain data");
        assert!(report.calls_made > 2 && written.contains("***"), "the server did repeat them");
        for text in [written, format!("{report:?}"), format!("{target:?}")] {
            for secret in [token, "client-secret-value", "hunter2"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_shows_in_the_dates() {
    let server = Server::plain(|_| {
        let Reply::Text(text) = answer(200, "", &details()) else { unreachable!("a text") };
        Reply::Text(text.replace("12:00:00 GMT", "11:50:00 GMT"))
    })
    .await;
    let report = run(&target(&server.url())).await;
    let clock = report.clock.answered().expect("a Date");
    assert!((598_000..=600_000).contains(&clock.offset_ms), "ten minutes ahead: {clock:?}");
    assert_eq!(report.layer(LayerName::Clock).and_then(|layer| layer.ok), Some(false));
}
