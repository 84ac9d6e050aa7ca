//! Who is calling: the bearer token, and the 401s HubSpot answers (facts §2.2, §5.3).

use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde_json::json;

use crate::refusal::Refusal;
use crate::registry::{Grant, Registry};

/// The credential a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    Absent,
    Bearer(&'a str),
}

pub fn credential(headers: &HeaderMap) -> Credential<'_> {
    let text = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Credential::Bearer(token.trim())
        }
        _ => Credential::Absent,
    }
}

/// Whose token this is, or the 401 it earns.
pub fn authenticate(
    credential: Credential<'_>,
    registry: &Registry,
    now: Timestamp,
) -> Result<Grant, Refusal> {
    let Credential::Bearer(token) = credential else { return Err(invalid()) };
    match registry.grant(token) {
        Some(grant) => match grant.expires_at {
            Some(expired_at) if now >= expired_at => Err(expired(expired_at, now)),
            _ => Ok(grant.clone()),
        },
        // A private-app token that is unknown was revoked, rotated or mistyped.
        None if token.starts_with("pat-") => Err(invalid()),
        // The trap of facts §2.2: what was never a token is called expired, since 1970.
        None => Err(expired(Timestamp::UNIX_EPOCH, now)),
    }
}

/// 401 INVALID_AUTHENTICATION.
pub fn invalid() -> Refusal {
    let message = "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find \
                   more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview";
    Refusal::new(StatusCode::UNAUTHORIZED, message).category("INVALID_AUTHENTICATION")
}

/// 401 EXPIRED_AUTHENTICATION with the instant in its context.
pub fn expired(at: Timestamp, now: Timestamp) -> Refusal {
    let seconds = now.duration_since(at).as_secs();
    let message = format!("The OAuth token used to make this call expired {seconds} second(s) ago.");
    Refusal::new(StatusCode::UNAUTHORIZED, message)
        .category("EXPIRED_AUTHENTICATION")
        .field("context", json!({"expire time": [at.to_string()]}))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::seed::Seed;

    fn verdict(token: Option<&str>, after_s: i64) -> String {
        let start: Timestamp = "2026-10-01T12:00:00Z".parse().expect("a timestamp");
        let registry = Registry::new(Seed::new(1), "na1", 7, start);
        let oauth =
            registry.grants().find(|grant| grant.kind.is_oauth()).expect("the default app").token.clone();
        let token = token.map(|token| if token == "oauth" { oauth.as_str() } else { token });
        let credential = token.map_or(Credential::Absent, Credential::Bearer);
        match authenticate(credential, &registry, start + jiff::SignedDuration::from_secs(after_s)) {
            Ok(grant) => format!("portal {}", grant.portal_id),
            Err(refusal) => String::from_utf8_lossy(&refusal.reply("c").body).into_owned(),
        }
    }

    #[rstest]
    #[case(Some("oauth"), 0, "portal 7")]
    #[case(Some("oauth"), 1_803, "expired 3 second(s) ago")]
    #[case(Some("oauth"), 1_803, r#""expire time":["2026-10-01T12:30:00Z"]"#)]
    #[case(None, 0, "INVALID_AUTHENTICATION")]
    #[case(Some("pat-na1-00000000-0000-4000-8000-000000000000"), 0, "INVALID_AUTHENTICATION")]
    #[case(Some("rubbish"), 0, r#""expire time":["1970-01-01T00:00:00Z"]"#)]
    #[case(Some("rubbish"), 0, "EXPIRED_AUTHENTICATION")]
    fn each_credential_earns_its_answer(
        #[case] token: Option<&str>,
        #[case] after_s: i64,
        #[case] expected: &str,
    ) {
        let verdict = verdict(token, after_s);
        assert!(verdict.contains(expected), "{verdict}");
    }

    #[rstest]
    #[case("Bearer abc", Credential::Bearer("abc"))]
    #[case("bearer  abc ", Credential::Bearer("abc"))]
    #[case("Basic abc", Credential::Absent)]
    #[case("Bearer ", Credential::Absent)]
    fn only_a_bearer_token_counts(#[case] header_text: &str, #[case] expected: Credential<'_>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, header_text.parse().expect("a header"));
        assert_eq!(credential(&headers), expected);
    }
}
