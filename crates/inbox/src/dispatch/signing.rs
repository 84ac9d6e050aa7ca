//! Signatures towards subscribers, as Standard Webhooks has them: `v1,` and the base64 of an HMAC-SHA-256 over
//! `id.timestamp.body`. Source: the Standard Webhooks specification, standardwebhooks.com.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hubspot::secret::Secret;
use jiff::Timestamp;

/// What the text of a key begins with.
const PREFIX: &str = "whsec_";

/// Shorter keys can be guessed, longer ones gain nothing: the specification's bounds, in bytes.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

#[derive(Clone)]
pub struct SigningKey(hmac::Key);

/// What is no key. It does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a signing secret is `whsec_` and the base64 of 24 to 64 random bytes: \
     echo \"whsec_$(head -c 32 /dev/urandom | base64)\""
)]
pub struct BadKey;

impl SigningKey {
    /// # Errors
    /// [`BadKey`].
    pub fn parse(secret: &Secret) -> Result<Self, BadKey> {
        let text = secret.expose().strip_prefix(PREFIX).ok_or(BadKey)?;
        let key = zeroize::Zeroizing::new(STANDARD.decode(text).map_err(|_| BadKey)?);
        if !KEY_BYTES.contains(&key.len()) {
            return Err(BadKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(id.as_bytes());
        context.update(b".");
        context.update(timestamp.to_string().as_bytes());
        context.update(b".");
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

/// The value of `webhook-signature`: one for each key.
pub fn signature(keys: &[SigningKey], id: &str, at: Timestamp, body: &[u8]) -> String {
    let signed: Vec<String> = keys.iter().map(|key| key.sign(id, at.as_second(), body)).collect();
    signed.join(" ")
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the specification's own libraries.
    #[test]
    fn the_published_vector() {
        let key = SigningKey::parse(&Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signed = signature(&[key], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn during_a_rotation_both_sign() {
        let key = |text: &str| SigningKey::parse(&Secret::new(text)).unwrap();
        let keys =
            [key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")];
        let signed = signature(&keys, "a", Timestamp::UNIX_EPOCH, b"");
        assert_eq!(signed.split(' ').filter(|one| one.starts_with("v1,")).count(), 2);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_!!!"] {
            let error = SigningKey::parse(&Secret::new(text)).unwrap_err().to_string();
            assert!(text.is_empty() || text == "whsec_" || !error.contains(text), "{error}");
        }
    }
}
