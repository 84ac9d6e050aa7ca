//! F01, F03, F04, F06–F12; F02 and F05 are told with the scenarios.

use serde_json::{Value, json};

use super::{CONTACTS, DETAILS};
use crate::bench::Bench;
use crate::oauth::{form, refresh};

#[tokio::test(start_paused = true)]
async fn f01_one_token_is_revoked_everywhere_and_another_works() {
    let bench = Bench::new();
    let other = bench.register(&json!({})).await;
    let fault = bench.break_by("F01").await;
    for path in [DETAILS, CONTACTS, "/crm/v3/owners"] {
        let refused = bench.get(path).await;
        assert_eq!((refused.status, refused.category()), (401, "INVALID_AUTHENTICATION"));
    }
    assert_eq!(bench.get_as(other["token"].as_str().expect("a token"), DETAILS).await.status, 200);
    let info = "POST /oauth/v2/private-apps/get/access-token-info";
    assert_eq!(bench.anonymous(info, &json!({"tokenKey": bench.token})).await.status, 401);
    bench.mend(fault).await;
    assert_eq!(bench.get(DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f03_an_old_token_is_expired_and_a_refreshed_one_works() {
    let bench = Bench::new();
    let bought = refresh(&bench, "v3").await;
    let old = bought.body["access_token"].as_str().expect("a token");
    bench.break_by("auth.token_expired").await;
    let refused = bench.get_as(old, DETAILS).await;
    assert_eq!((refused.status, refused.category()), (401, "EXPIRED_AUTHENTICATION"));
    assert_eq!(refused.body["context"]["expire time"], json!(["2026-10-01T11:59:59Z"]));
    let seen = bench.anonymous("POST /oauth/v3/token/introspect", &form(&[("token", old)])).await;
    assert_eq!(seen.body, json!({"active": false}));
    let fresh = refresh(&bench, "v3").await;
    let fresh = fresh.body["access_token"].as_str().expect("a token");
    assert_eq!(bench.get_as(fresh, DETAILS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f08_one_family_misses_its_scopes_and_introspection_shows_it() {
    let bench = Bench::new();
    bench.break_by("F08").await;
    let refused = bench.get("/crm/v3/objects/deals").await;
    assert_eq!((refused.status, refused.category()), (403, "MISSING_SCOPES"));
    assert!(refused.text.contains("crm.objects.deals.read"), "{}", refused.text);
    assert_eq!(bench.get(CONTACTS).await.status, 200);
    let info = "POST /oauth/v2/private-apps/get/access-token-info";
    let seen = bench.anonymous(info, &json!({"tokenKey": bench.token})).await;
    let scopes = seen.body["scopes"].to_string();
    assert!(!scopes.contains(".deals.") && scopes.contains("crm.objects.contacts.read"), "{scopes}");
}

#[tokio::test(start_paused = true)]
async fn f09_associations_are_forbidden_while_scopes_stay() {
    let bench = Bench::new();
    bench.break_by("auth.user_permissions").await;
    let refused =
        bench.send("POST /crm/v4/associations/contacts/companies/batch/read", &json!({"inputs": []})).await;
    assert_eq!((refused.status, refused.category()), (403, "USER_DOES_NOT_HAVE_PERMISSIONS"));
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f10_limits_drop_and_custom_objects_are_gone() {
    let bench = Bench::new();
    let level = |answer: &crate::bench::Answer| {
        (answer.number("x-hubspot-ratelimit-max"), answer.number("x-hubspot-ratelimit-daily"))
    };
    assert_eq!(level(&bench.get(DETAILS).await), (Some(190), Some(625_000)));
    bench.break_by("F10").await;
    assert_eq!(level(&bench.get(DETAILS).await), (Some(100), Some(250_000)));
    let refused = bench.get("/crm-object-schemas/v3/schemas").await;
    assert_eq!((refused.status, refused.category()), (403, ""));
    assert_eq!(bench.get("/crm/v3/objects/2-123").await.status, 403);
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f11_the_token_is_another_accounts() {
    let bench = Bench::new();
    let known = bench.contact_ids(1).await.remove(0);
    let fault = bench.break_by("F11").await;
    let details = bench.get(DETAILS).await;
    assert_eq!(details.status, 200);
    assert_ne!(details.body["portalId"], 24_601_842);
    assert_eq!(bench.get(CONTACTS).await.status, 200);
    assert_eq!(bench.get(&format!("{CONTACTS}/{known}")).await.status, 404);
    let info = "POST /oauth/v2/private-apps/get/access-token-info";
    let seen = bench.anonymous(info, &json!({"tokenKey": bench.token})).await;
    assert_eq!(seen.body["hubId"], details.body["portalId"]);
    bench.mend(fault).await;
    assert_eq!(bench.send(&format!("GET {CONTACTS}/{known}"), &Value::Null).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f04_f06_and_f07_stop_trades_and_leave_access_tokens_alone() {
    for (kind, status, error) in [
        ("F04", "BAD_REFRESH_TOKEN", "invalid_grant"),
        ("F06", "BAD_CLIENT_SECRET", "invalid_client"),
        ("F07", "BAD_CLIENT_ID", "invalid_client"),
    ] {
        let bench = Bench::new();
        let bought = refresh(&bench, "v3").await;
        let token = bought.body["access_token"].as_str().expect("a token");
        let fault = bench.break_by(kind).await;
        let refused = refresh(&bench, "v3").await;
        assert_eq!(
            (refused.status, &refused.body["status"], &refused.body["error"]),
            (400, &json!(status), &json!(error))
        );
        assert_eq!(bench.get_as(token, DETAILS).await.status, 200);
        bench.mend(fault).await;
        assert_eq!(refresh(&bench, "v3").await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn f04_concerns_one_account_alone() {
    let bench = Bench::new();
    let app = bench.register(&json!({"kind": "public-oauth", "portal_id": 900, "app_id": 5})).await;
    bench.break_by("F04").await;
    let text = |name: &str| app[name].as_str().expect("a text");
    let body = form(&[
        ("grant_type", "refresh_token"),
        ("client_id", text("client_id")),
        ("client_secret", text("client_secret")),
        ("refresh_token", text("refresh_token")),
    ]);
    assert_eq!(bench.anonymous("POST /oauth/v3/token", &body).await.status, 200);
    assert_eq!(refresh(&bench, "v3").await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn f12_nobody_is_known_and_nobody_can_ask() {
    let bench = Bench::new();
    let other = bench.register(&json!({"portal_id": 900, "app_id": 5})).await;
    bench.break_by("hubspot.auth_outage").await;
    for token in [bench.token.as_str(), other["token"].as_str().expect("a token")] {
        let refused = bench.get_as(token, DETAILS).await;
        assert_eq!((refused.status, refused.category()), (401, "INVALID_AUTHENTICATION"));
    }
    let info = "POST /oauth/v2/private-apps/get/access-token-info";
    assert_eq!(bench.anonymous(info, &json!({"tokenKey": bench.token})).await.status, 500);
}
