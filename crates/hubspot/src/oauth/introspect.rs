//! Asking HubSpot what a token may do. Tokens of private apps and those of OAuth apps are asked about at different doors:
//! facts §5.2, §5.3 [DOC legacy private-apps page; SPEC Oauth/279897/2026-03].

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Client, encode};
use crate::secret::Secret;

/// A question about an access token.
#[derive(Debug, Clone, Copy)]
pub enum Question<'a> {
    /// Of a private app, or a service key.
    PrivateApp { token: &'a Secret },
    /// Of an OAuth app: it is the app that may ask.
    Oauth { token: &'a Secret, client: &'a Client },
}

/// What HubSpot says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub scopes: Vec<String>,
    pub portal_id: Option<u64>,
}

/// As many scopes as HubSpot has, and room for those to come; a longer list is something else.
const SCOPES_MAX: usize = 2_000;

impl Question<'_> {
    pub const fn path(&self) -> &'static str {
        match self {
            Self::PrivateApp { .. } => "/oauth/v2/private-apps/get/access-token-info",
            Self::Oauth { .. } => "/oauth/2026-03/token/introspect",
        }
    }

    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::PrivateApp { .. } => "application/json",
            Self::Oauth { .. } => "application/x-www-form-urlencoded;charset=utf-8",
        }
    }

    /// It is wiped when it is dropped; the copy that goes on the wire is not ours to wipe.
    pub fn body(&self) -> Zeroizing<String> {
        let mut body = Zeroizing::new(String::with_capacity(1024));
        match self {
            Self::PrivateApp { token } => {
                // A token is plain visible text, and quotes are not in it.
                body.push_str("{\"tokenKey\":\"");
                token
                    .expose()
                    .chars()
                    .filter(|char| !matches!(char, '"' | '\\'))
                    .for_each(|char| body.push(char));
                body.push_str("\"}");
            }
            Self::Oauth { token, client } => {
                let pairs = [
                    ("token", token.expose()),
                    ("token_type_hint", "access_token"),
                    ("client_id", client.id.as_str()),
                    ("client_secret", client.secret.expose()),
                ];
                for (name, value) in pairs {
                    if !body.is_empty() {
                        body.push('&');
                    }
                    body.push_str(name);
                    body.push('=');
                    encode(value, &mut body);
                }
            }
        }
        body
    }
}

impl Told {
    /// `None` where the answer tells no scopes: that is no answer, and not a token without any.
    pub fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            active: Option<bool>,
            #[serde(default)]
            scopes: Vec<String>,
            #[serde(alias = "hub_id")]
            hub_id: Option<u64>,
        }
        let Reply { active, scopes, hub_id } = serde_json::from_slice(body).ok()?;
        let is_telling = active != Some(false) && !scopes.is_empty() && scopes.len() <= SCOPES_MAX;
        is_telling.then_some(Self { scopes, portal_id: hub_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_asked_about_at_its_door() {
        let (token, secret) = (Secret::new("pat-na1-1"), Secret::new("s&t"));
        let private = Question::PrivateApp { token: &token };
        assert_eq!(private.body().as_str(), r#"{"tokenKey":"pat-na1-1"}"#);
        let client = Client { id: "c".into(), secret };
        let oauth = Question::Oauth { token: &token, client: &client };
        assert_eq!(
            oauth.body().as_str(),
            "token=pat-na1-1&token_type_hint=access_token&client_id=c&client_secret=s%26t"
        );
        assert_ne!(private.path(), oauth.path());
    }

    #[test]
    fn only_an_answer_that_tells_scopes_is_one() {
        let scopes = |body: &str| Told::read(body.as_bytes()).map(|told| (told.scopes.len(), told.portal_id));
        assert_eq!(
            scopes(r#"{"userId":1,"hubId":2,"appId":3,"scopes":["oauth","tickets"]}"#),
            Some((2, Some(2)))
        );
        assert_eq!(scopes(r#"{"active":true,"hub_id":2,"scopes":["oauth"]}"#), Some((1, Some(2))));
        for none in [
            r#"{"active":false}"#,
            r#"{"active":false,"scopes":["oauth"]}"#,
            r#"{"scopes":[]}"#,
            "{}",
            "<html>",
        ] {
            assert_eq!(scopes(none), None, "{none}");
        }
    }
}
