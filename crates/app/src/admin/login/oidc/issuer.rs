//! What the issuer says of itself, and the keys it signs with. Both are asked for when somebody logs in, so that we start
//! without it, and kept for an hour.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Uri};
use hubspot::secret::Secret;
use jsonwebtoken::jwk::JwkSet;
use parking_lot::Mutex;
use rustls::ClientConfig;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::NotLetIn;
use super::ask::{self, Unanswered};
use super::token::{self, Claims};

const KEPT_FOR: Duration = Duration::from_secs(3600);

/// A token may name a key that is new; one that names nonsense must not make us ask each time.
const KEYS_AGAIN_AFTER: Duration = Duration::from_secs(30);

const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";

pub(super) struct Issuer {
    url: String,
    host: String,
    tls: ClientConfig,
    metadata: Mutex<Option<(Metadata, Instant)>>,
    keys: Mutex<Option<(JwkSet, Instant)>>,
    /// When a token last named a key that we did not have.
    missed_at: Mutex<Option<Instant>>,
}

/// Of its discovery document, what we need.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

impl Metadata {
    /// What nobody says anything of is the default of OpenID Connect.
    pub(super) fn takes_basic(&self) -> bool {
        self.token_endpoint_auth_methods_supported
            .as_ref()
            .is_none_or(|methods| methods.iter().any(|method| method == BASIC))
    }

    /// Which of the two a client may use is often set for each by itself.
    pub(super) fn takes_post(&self) -> bool {
        self.token_endpoint_auth_methods_supported
            .as_ref()
            .is_some_and(|methods| methods.iter().any(|method| method == POST))
    }
}

impl Issuer {
    pub(super) fn new(url: &str, tls: ClientConfig) -> Self {
        let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
        Self {
            url: url.to_owned(),
            host: host.unwrap_or_else(|| url.to_owned()),
            tls,
            metadata: Mutex::default(),
            keys: Mutex::default(),
            missed_at: Mutex::default(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) async fn ask(
        &self,
        url: &str,
        form: Option<&str>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Bytes, Unanswered> {
        ask::ask(&self.tls, url, form, authorization).await
    }

    pub(super) async fn metadata(&self, now: Instant) -> Result<Metadata, NotLetIn> {
        if let Some((known, at)) = &*self.metadata.lock()
            && now - *at < KEPT_FOR
        {
            return Ok(known.clone());
        }
        let url = format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/'));
        let told = self.ask(&url, None, None).await.and_then(|body| ask::json::<Metadata>(&body));
        let told = told?;
        if told.issuer != self.url {
            let message = "it calls itself otherwise than [admin.oidc] issuer, which has to be the same letter by letter";
            return Err(NotLetIn::Issuer(message.to_owned()));
        }
        let needed = [&told.authorization_endpoint, &told.token_endpoint, &told.jwks_uri];
        for endpoint in needed.into_iter().chain(&told.userinfo_endpoint) {
            if !self.is_as_safe(endpoint) {
                return Err(NotLetIn::Issuer("an endpoint of it is not https".to_owned()));
            }
        }
        *self.metadata.lock() = Some((told.clone(), now));
        Ok(told)
    }

    /// The keys, with that of this token if there is one.
    pub(super) async fn keys_for(&self, id_token: &str, now: Instant) -> Result<JwkSet, NotLetIn> {
        let known = self.keys.lock().clone();
        if let Some((keys, at)) = known {
            let is_new_enough = now - at < KEPT_FOR;
            if is_new_enough && (token::names_key_of(id_token, &keys) || !self.may_ask_again(now)) {
                return Ok(keys);
            }
        }
        let metadata = self.metadata(now).await?;
        let told = self.ask(&metadata.jwks_uri, None, None).await.and_then(|body| ask::json(&body));
        let keys = usable(told?);
        *self.keys.lock() = Some((keys.clone(), now));
        Ok(keys)
    }

    /// What the issuer tells of whoever this access token is of. `None`: it tells nothing in this way.
    pub(super) async fn userinfo(&self, token: &Secret, now: Instant) -> Result<Option<Claims>, NotLetIn> {
        let Some(endpoint) = self.metadata(now).await?.userinfo_endpoint else { return Ok(None) };
        let bearer = ask::bearer(token)?;
        let told = self.ask(&endpoint, None, Some(&bearer)).await.and_then(|body| ask::json(&body));
        Ok(Some(told?))
    }

    /// Keys change a moment after they were fetched as well as any other: only what was missed lately counts.
    fn may_ask_again(&self, now: Instant) -> bool {
        let mut missed_at = self.missed_at.lock();
        let may = missed_at.is_none_or(|at| now - at >= KEYS_AGAIN_AFTER);
        if may {
            *missed_at = Some(now);
        }
        may
    }

    /// https, unless the issuer itself is configured to be on this machine without.
    fn is_as_safe(&self, endpoint: &str) -> bool {
        endpoint.starts_with("https://")
            || (self.url.starts_with("http://") && endpoint.starts_with("http://"))
    }
}

/// As it publishes them.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// Those of a kind that we know; issuers publish others beside them, and those are not for us (RFC 7517, 5).
fn usable(published: Published) -> JwkSet {
    JwkSet { keys: published.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_of_a_kind_that_we_do_not_know_does_not_hide_the_others() {
        let strange = [
            json!({"kty": "OKP", "crv": "X25519", "x": "aa", "kid": "curve"}),
            json!({"kty": "EC", "crv": "secp256k1", "x": "aa", "y": "aa", "kid": "coin"}),
            json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "aa", "kid": "quantum"}),
            json!({"kty": 7}),
            json!("nonsense"),
        ];
        let ours = json!({"kty": "EC", "crv": "P-256", "x": "aa", "y": "aa", "kid": "ours", "use": "sig"});
        let keys = usable(Published { keys: strange.into_iter().chain([ours]).collect() });
        assert!(keys.find("ours").is_some());
    }
}
