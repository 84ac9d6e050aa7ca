//! Trading, looking at and dropping tokens.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::bench::{Answer, Bench};

/// A form body.
pub(crate) fn form(pairs: &[(&str, &str)]) -> Value {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let fields: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    Value::String(fields.join("&"))
}

/// Refreshes the default OAuth install under a version of the endpoint.
pub(crate) async fn refresh(bench: &Bench, version: &str) -> Answer {
    let (id, secret, token) = bench.shell.with(|simulator| simulator.default_oauth());
    let body = form(&[
        ("grant_type", "refresh_token"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("refresh_token", &token),
    ]);
    bench.anonymous(&format!("POST /oauth/{version}/token"), &body).await
}

#[rstest]
#[case("v1")]
#[case("v3")]
#[case("2026-03")]
#[case("2026-09")]
#[tokio::test(start_paused = true)]
async fn a_refresh_token_buys_an_access_token_that_lives_half_an_hour(#[case] version: &str) {
    let bench = Bench::new();
    let bought = refresh(&bench, version).await;
    assert_eq!((bought.status, &bought.body["expires_in"]), (200, &json!(1800)));
    let token = bought.body["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(bench.get_as(&token, "/account-info/v3/details").await.status, 200);
    bench.pass(1_800).await;
    let refused = bench.get_as(&token, "/account-info/v3/details").await;
    assert_eq!((refused.status, refused.category()), (401, "EXPIRED_AUTHENTICATION"));
    assert!(refused.body["context"]["expire time"][0].is_string());
}

#[rstest]
#[case("v1", 200)]
#[case("v3", 200)]
#[case("2026-03", 200)]
#[case("2026-09", 400)]
#[tokio::test(start_paused = true)]
async fn an_app_by_itself_has_a_token_where_the_version_knows_it(#[case] version: &str, #[case] status: u16) {
    let bench = Bench::new();
    let (id, secret) = bench.shell.with(|simulator| (simulator.client_id(), simulator.client_secret()));
    let body = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", &secret),
        ("scope", "developer.webhooks_journal.read"),
    ]);
    let bought = bench.anonymous(&format!("POST /oauth/{version}/token"), &body).await;
    assert_eq!(bought.status, status);
    if status == 200 {
        assert_eq!(
            (&bought.body["token_use"], &bought.body["expires_in"]),
            (&json!("client_credentials"), &json!(1800))
        );
    }
    let wrong = form(&[("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", "wrong")]);
    assert_eq!(bench.anonymous(&format!("POST /oauth/{version}/token"), &wrong).await.status, 400);
}

#[rstest]
#[case(&[("refresh_token", "na1-wrong")], "BAD_REFRESH_TOKEN", "invalid_grant")]
#[case(&[("client_id", "wrong")], "BAD_CLIENT_ID", "invalid_client")]
#[case(&[("client_secret", "wrong")], "BAD_CLIENT_SECRET", "invalid_client")]
#[case(&[("refresh_token", "na1-wrong"), ("client_secret", "wrong")], "BAD_CLIENT_SECRET", "invalid_client")]
#[case(&[("refresh_token", "na1-wrong"), ("client_id", "wrong")], "BAD_CLIENT_ID", "invalid_client")]
#[case(&[("grant_type", "password")], "BAD_GRANT_TYPE", "unsupported_grant_type")]
#[case(&[("grant_type", "authorization_code")], "BAD_AUTH_CODE", "invalid_grant")]
#[tokio::test(start_paused = true)]
async fn a_bad_trade_says_why(#[case] wrong: &[(&str, &str)], #[case] status: &str, #[case] error: &str) {
    let bench = Bench::new();
    let (id, secret, token) = bench.shell.with(|simulator| simulator.default_oauth());
    let right = [
        ("grant_type", "refresh_token"),
        ("client_id", id.as_str()),
        ("client_secret", &secret),
        ("refresh_token", &token),
    ];
    let pairs: Vec<(&str, &str)> = right
        .map(|(name, value)| wrong.iter().copied().find(|(other, _)| *other == name).unwrap_or((name, value)))
        .to_vec();
    let refused = bench.anonymous("POST /oauth/v3/token", &form(&pairs)).await;
    assert_eq!(
        (refused.status, &refused.body["status"], &refused.body["error"]),
        (400, &json!(status), &json!(error))
    );
}

#[tokio::test(start_paused = true)]
async fn a_code_works_once() {
    let bench = Bench::new();
    let app = bench.register(&json!({"kind": "public-oauth", "app_id": 5, "portal_id": 6})).await;
    let text = |name: &str| app[name].as_str().expect("a text");
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("client_id", text("client_id")),
        ("client_secret", text("client_secret")),
        ("code", text("authorization_code")),
    ]);
    let bought = bench.anonymous("POST /oauth/2026-03/token", &body).await;
    assert_eq!((bought.status, &bought.body["hub_id"]), (200, &json!(6)));
    let again = bench.anonymous("POST /oauth/2026-03/token", &body).await;
    assert_eq!((again.status, &again.body["status"]), (400, &json!("BAD_AUTH_CODE")));
}

#[tokio::test(start_paused = true)]
async fn introspection_knows_the_living_from_the_dead() {
    let bench = Bench::new();
    let bought = refresh(&bench, "v3").await;
    let token = bought.body["access_token"].as_str().expect("a token").to_owned();
    for name in ["token", "access_token"] {
        let seen = bench.anonymous("POST /oauth/v3/token/introspect", &form(&[(name, &token)])).await;
        assert_eq!((&seen.body["active"], &seen.body["hub_id"]), (&json!(true), &json!(24_601_842)));
    }
    assert_eq!(bench.anonymous("POST /oauth/v3/token/revoke", &form(&[("token", &token)])).await.status, 204);
    let seen = bench.anonymous("POST /oauth/v3/token/introspect", &form(&[("token", &token)])).await;
    assert_eq!(seen.text, r#"{"active":false}"#);
}

#[tokio::test(start_paused = true)]
async fn a_private_app_token_can_be_looked_at() {
    let bench = Bench::new();
    let path = "POST /oauth/v2/private-apps/get/access-token-info";
    let seen = bench.anonymous(path, &json!({"tokenKey": bench.token})).await;
    assert_eq!(
        (seen.status, &seen.body["hubId"], &seen.body["appId"]),
        (200, &json!(24_601_842), &json!(1_042_217))
    );
    assert_eq!(bench.anonymous(path, &json!({"tokenKey": "pat-na1-none"})).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn oauth_v1_stops_on_its_day() {
    let bench = Bench::with(simulator::Config {
        base_time: "2027-02-16T00:00:00Z".parse().expect("a timestamp"),
        ..simulator::Config::default()
    });
    assert_eq!(refresh(&bench, "v1").await.status, 404);
    assert_eq!(refresh(&bench, "v3").await.status, 200);
}
