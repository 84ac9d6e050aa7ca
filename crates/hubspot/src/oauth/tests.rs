use http::{HeaderMap, StatusCode};
use rstest::rstest;

use super::*;

#[test]
fn the_form_and_the_address_are_encoded_and_hold_what_they_must() {
    let client = Client { id: "id".into(), secret: Secret::new("s&=%") };
    let refresh_token = Secret::new("na1-a b");
    let form = Exchange::Refresh { refresh_token: &refresh_token }.form(&client);
    assert_eq!(
        form.as_str(),
        "grant_type=refresh_token&refresh_token=na1-a%20b&client_id=id&client_secret=s%26%3D%25"
    );
    // The pair of RFC 7636, appendix B.
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let consent = Consent {
        authorize_url: AUTHORIZE_URL,
        client_id: "id",
        redirect_url: "http://localhost:8401/oauth/callback",
        scopes: &["oauth".into(), "tickets".into()],
        optional_scopes: &[],
        state: "st",
        verifier: &verifier,
    };
    assert_eq!(
        consent.url(),
        "https://app.hubspot.com/oauth/authorize?client_id=id\
         &redirect_uri=http%3A%2F%2Flocalhost%3A8401%2Foauth%2Fcallback&scope=oauth%20tickets&state=st\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
}

#[test]
fn a_reply_is_read_and_masks_itself() {
    let body = br#"{"token_type":"bearer","access_token":"Cabc","refresh_token":"na1-r","expires_in":1800,"hub_id":7,"scopes":["oauth"],"user_id":1}"#;
    let traded = Traded::read(body).unwrap();
    assert_eq!(traded.lives, Duration::from_secs(1800));
    assert_eq!((traded.portal_id, traded.scopes.as_slice()), (Some(7), &["oauth".to_owned()][..]));
    let shown = format!("{traded:?}");
    assert!(!shown.contains("Cabc") && !shown.contains("na1-r"), "{shown}");
    assert!(Traded::read(b"<html>").is_none());
}

#[rstest]
#[case(400, r#"{"error":"invalid_grant","status":"BAD_REFRESH_TOKEN","message":"refresh token is invalid, expired or revoked"}"#, Trouble::RefreshTokenDead)]
#[case(400, r#"{"status":"error","message":"missing or invalid refresh token"}"#, Trouble::RefreshTokenDead)]
#[case(
    400,
    r#"{"error":"access_denied","status":"BAD_HUB","message":"missing or unknown hub id"}"#,
    Trouble::AccountGone
)]
#[case(
    400,
    r#"{"error":"invalid_client","status":"BAD_CLIENT_ID","message":"missing or unknown client id"}"#,
    Trouble::ClientUnknown
)]
#[case(
    400,
    r#"{"error":"invalid_client","status":"BAD_CLIENT_SECRET","message":"missing or invalid client secret"}"#,
    Trouble::ClientUnknown
)]
#[case(429, r#"{"status":"error","message":"slow down"}"#, Trouble::Throttled { retry_after: None })]
#[case(500, "{}", Trouble::Unavailable)]
#[case(502, "<html>bad gateway</html>", Trouble::Unavailable)]
#[case(400, r#"{"error":"unsupported_grant_type","status":"BAD_GRANT_TYPE"}"#, Trouble::Refused)]
fn each_answer_is_whose_trouble_it_is(#[case] status: u16, #[case] body: &str, #[case] expected: Trouble) {
    let status = StatusCode::from_u16(status).unwrap();
    let error = ApiError::read(status, &HeaderMap::new(), body.as_bytes()).unwrap();
    assert_eq!(Trouble::of(&error), expected);
}
