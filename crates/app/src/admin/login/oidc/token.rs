//! Whether an id token is one: signed by the issuer, for us, for this journey, and good now (OpenID Connect Core 3.1.3.7).

use jiff::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Two clocks that differ by more are wrong.
const CLOCKS_DIFFER_S: i64 = 60;

/// It was made for this journey, minutes ago.
const AGE_S_MAX: i64 = 15 * 60;

/// Algorithms with a key of the issuer's that everybody may know. `none` and the secret ones are none of them.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::RS256, Algorithm::ES256];

/// A token is a page at most.
const BYTES_MAX: usize = 64 * 1024;

/// Who it is, at the issuer.
const SUBJECT: &str = "sub";

/// What this token has to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// Why it is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbelievable {
    #[error("it is not written as one")]
    Malformed,
    #[error("it is not signed with RS256 or ES256")]
    Algorithm,
    #[error("no key of the issuer fits it")]
    Key,
    #[error("its signature is not that of the issuer's key")]
    Signature,
    #[error("it is of another issuer")]
    Issuer,
    #[error("it is for another application")]
    Audience,
    #[error("it was made for another journey")]
    Nonce,
    #[error("it has expired, is not good yet, or is too old; the clocks may differ")]
    Time,
    #[error("it says nobody's name")]
    Subject,
    #[error("what the issuer tells with it is of somebody else")]
    Somebody,
}

/// Everything that it says.
pub(super) type Claims = Map<String, Value>;

#[derive(Deserialize)]
struct Standard {
    iss: String,
    sub: String,
    aud: OneOrMore,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// What the issuer told of the same person elsewhere (5.3.2), beneath what the id token says.
///
/// # Errors
/// [`Unbelievable::Somebody`].
pub(super) fn with(claims: Claims, told: Claims) -> Result<Claims, Unbelievable> {
    if told.get(SUBJECT) != claims.get(SUBJECT) {
        return Err(Unbelievable::Somebody);
    }
    Ok(told.into_iter().chain(claims).collect())
}

/// Is its key among these?
pub(super) fn names_key_of(id_token: &str, keys: &JwkSet) -> bool {
    let named = decode_header(id_token).ok().and_then(|header| header.kid);
    named.is_none_or(|name| keys.find(&name).is_some())
}

/// # Errors
/// [`Unbelievable`].
pub(super) fn verify(id_token: &str, keys: &JwkSet, expected: Expected<'_>) -> Result<Claims, Unbelievable> {
    if id_token.len() > BYTES_MAX {
        return Err(Unbelievable::Malformed);
    }
    // A header with an algorithm that nobody knows, `none` among them, cannot be read at all.
    let header = decode_header(id_token).map_err(|_| Unbelievable::Algorithm)?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Unbelievable::Algorithm);
    }
    let key = key_of(header.kid.as_deref(), header.alg, keys).ok_or(Unbelievable::Key)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| Unbelievable::Key)?;
    let mut validation = Validation::new(header.alg);
    // Times are judged below, by the clock that we are given.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    validation.validate_aud = false;
    let token = decode::<Claims>(id_token, &key, &validation).map_err(|_| Unbelievable::Signature)?;
    let claims = token.claims;
    let standard: Standard =
        serde_json::from_value(Value::Object(claims.clone())).map_err(|_| Unbelievable::Malformed)?;
    standard.check(expected)?;
    Ok(claims)
}

/// The key with its name; without a name, the only one that could be it.
fn key_of<'a>(name: Option<&str>, algorithm: Algorithm, keys: &'a JwkSet) -> Option<&'a Jwk> {
    let fits = |key: &&Jwk| {
        let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
        let own = key.common.key_algorithm.map(|own| own.to_string());
        let kind = match &key.algorithm {
            AlgorithmParameters::RSA(_) => algorithm == Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(_) => algorithm == Algorithm::ES256,
            _ => false,
        };
        kind && signs && own.is_none_or(|own| own == format!("{algorithm:?}"))
    };
    let named = |key: &&Jwk| name.is_none_or(|name| key.common.key_id.as_deref() == Some(name));
    let mut fitting = keys.keys.iter().filter(fits).filter(named);
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

impl Standard {
    fn check(&self, expected: Expected<'_>) -> Result<(), Unbelievable> {
        if self.iss != expected.issuer {
            return Err(Unbelievable::Issuer);
        }
        let (is_for_us, is_for_others) = match &self.aud {
            OneOrMore::One(aud) => (aud == expected.client_id, false),
            OneOrMore::More(all) => (all.iter().any(|aud| aud == expected.client_id), all.len() > 1),
        };
        let by_us = self.azp.as_deref().map_or(!is_for_others, |azp| azp == expected.client_id);
        if !is_for_us || !by_us {
            return Err(Unbelievable::Audience);
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(Unbelievable::Nonce);
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
        let (now, apart) = (expected.now.as_second() as f64, CLOCKS_DIFFER_S as f64);
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        let age_max = AGE_S_MAX as f64;
        let is_good = self.exp > now - apart
            && self.iat < now + apart
            && self.iat > now - age_max - apart
            && self.nbf.is_none_or(|nbf| nbf < now + apart);
        if !is_good {
            return Err(Unbelievable::Time);
        }
        if self.sub.is_empty() { Err(Unbelievable::Subject) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
