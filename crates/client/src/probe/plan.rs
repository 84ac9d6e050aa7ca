//! Chooses the questions to put to HubSpot: at most eight, reads only.

use hubspot::secret::Secret;

use super::exchange::Question;
use super::family;
use super::target::{HUBSPOT_CALLS_MAX, Target};

/// The cheapest read there is (facts §1.8).
pub(super) const ACCOUNT_DETAILS: &str = "/account-info/v3/details";

/// HubSpot's own count of the day (facts §1.8).
const DAILY_USAGE: &str = "/account-info/v3/api-usage/daily/private-apps";

/// facts §5.3: in no spec.
const PRIVATE_APP_INTROSPECTION: &str = "/oauth/v2/private-apps/get/access-token-info";

/// facts §5.2 [SPEC Oauth/279897/v3].
const OAUTH_INTROSPECTION: &str = "/oauth/v3/token/introspect";

/// What a legacy private app's token begins with (facts §5.3).
const PRIVATE_APP_TOKEN_PREFIX: &str = "pat-";

/// Everything one run asks HubSpot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) unauthenticated: Question,
    /// `None` without a token; so are all below.
    pub(super) authenticated: Option<Question>,
    pub(super) introspection: Option<Question>,
    pub(super) usage: Option<Question>,
    pub(super) families: Vec<Question>,
}

/// How many calls the way itself costs: the unauthenticated one, once more through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ways {
    DirectOnly,
    DirectAndProxied,
}

pub(super) fn plan(target: &Target, ways: Ways) -> Plan {
    let unauthenticated = Question::get(ACCOUNT_DETAILS);
    let Some(token) = &target.token else {
        let families = Vec::new();
        return Plan { unauthenticated, authenticated: None, introspection: None, usage: None, families };
    };
    let introspection = introspection(target, token);
    let spent = 3 + u32::from(introspection.is_some()) + u32::from(ways == Ways::DirectAndProxied);
    let left = usize::try_from(HUBSPOT_CALLS_MAX - spent).expect("a handful");
    Plan {
        unauthenticated,
        authenticated: Some(Question::get(ACCOUNT_DETAILS).with(token)),
        introspection,
        usage: Some(Question::get(DAILY_USAGE).with(token)),
        families: family::reads(&target.focus, left)
            .into_iter()
            .map(|question| question.with(token))
            .collect(),
    }
}

fn introspection(target: &Target, token: &Secret) -> Option<Question> {
    if token.expose().starts_with(PRIVATE_APP_TOKEN_PREFIX) {
        let body = serde_json::json!({ "tokenKey": token.expose() });
        return Some(Question::post(PRIVATE_APP_INTROSPECTION, "application/json", body.to_string()));
    }
    let app = target.oauth_app.as_ref()?;
    let form = [
        ("client_id", app.client_id.as_str()),
        ("client_secret", app.client_secret.expose()),
        ("token", token.expose()),
        ("token_type_hint", "access_token"),
    ];
    let form: Vec<_> = form.iter().map(|(key, value)| format!("{key}={}", form_encoded(value))).collect();
    Some(Question::post(OAUTH_INTROSPECTION, "application/x-www-form-urlencoded", form.join("&")))
}

/// application/x-www-form-urlencoded, everything but letters, digits, `-`, `_`, `.`, `*` escaped.
fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::super::target::OAuthApp;
    use super::*;

    fn target(token: &str) -> Target {
        let mut target = Target::new(Uri::from_static("https://api.hubapi.com"));
        target.token = Some(Secret::new(token));
        target
    }

    fn calls(plan: &Plan) -> usize {
        let single = [&plan.authenticated, &plan.introspection, &plan.usage];
        1 + single.into_iter().flatten().count() + plan.families.len()
    }

    #[rstest::rstest]
    #[case("pat-na1-0", Ways::DirectOnly, 8, 4)]
    #[case("pat-na1-0", Ways::DirectAndProxied, 7, 3)]
    #[case("oauth-token", Ways::DirectOnly, 8, 5)]
    #[case("oauth-token", Ways::DirectAndProxied, 7, 4)]
    fn the_calls_add_up(
        #[case] token: &str,
        #[case] ways: Ways,
        #[case] expected: usize,
        #[case] families: usize,
    ) {
        let plan = plan(&target(token), ways);
        assert_eq!((calls(&plan), plan.families.len()), (expected, families));
    }

    #[test]
    fn only_the_introspection_of_an_oauth_token_needs_the_app() {
        let mut target = target("oauth token&");
        let secret = Secret::new("s=cret");
        target.oauth_app = Some(OAuthApp { client_id: "id".to_owned(), client_secret: secret });
        let question = plan(&target, Ways::DirectOnly).introspection.expect("the app is known");
        assert_eq!(question.path, "/oauth/v3/token/introspect");
        assert_eq!(
            question.body.expect("a form").text.expose(),
            "client_id=id&client_secret=s%3Dcret&token=oauth%20token%26&token_type_hint=access_token"
        );
    }

    #[test]
    fn a_private_apps_token_is_looked_at_by_its_own_endpoint() {
        let question = plan(&target("pat-na1-0"), Ways::DirectOnly).introspection.expect("no app is needed");
        assert_eq!(question.path, "/oauth/v2/private-apps/get/access-token-info");
        assert_eq!(question.body.expect("JSON").text.expose(), r#"{"tokenKey":"pat-na1-0"}"#);
        assert_eq!(question.credential, None);
    }
}
