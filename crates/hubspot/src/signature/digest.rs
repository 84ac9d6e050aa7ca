//! Computes a signature: facts §6.6 [DOC faq/v1-request-validation, faq/v2-request-validation, request-validation].

use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::secret::Secret;

use super::uri;

/// What signs: a client secret, or one that is ready.
pub trait Signs {
    fn secret(&self) -> &Secret;
    fn hmac(&self) -> hmac::Context;
}

/// A client secret of which the HMAC's key is made once, and not for each signature. Cheap to clone.
#[derive(Clone)]
pub struct ReadySecret(Arc<(Secret, hmac::Key)>);

impl From<Secret> for ReadySecret {
    fn from(secret: Secret) -> Self {
        let key = key(&secret);
        Self(Arc::new((secret, key)))
    }
}

impl Signs for ReadySecret {
    fn secret(&self) -> &Secret {
        &self.0.0
    }

    fn hmac(&self) -> hmac::Context {
        hmac::Context::with_key(&self.0.1)
    }
}

impl Signs for Secret {
    fn secret(&self) -> &Secret {
        self
    }

    fn hmac(&self) -> hmac::Context {
        hmac::Context::with_key(&key(self))
    }
}

/// SHA-256 over secret and body, in lowercase hex. A plain hash, not an HMAC.
pub fn sign_v1(secret: &impl Signs, body: &[u8]) -> String {
    sha256_hex(&[secret.secret().expose().as_bytes(), body])
}

/// SHA-256 over secret, method, URI as it stands, and body, in lowercase hex.
pub fn sign_v2(secret: &impl Signs, method: &str, uri: &str, body: &[u8]) -> String {
    sha256_hex(&[secret.secret().expose().as_bytes(), method.as_bytes(), uri.as_bytes(), body])
}

/// HMAC-SHA-256 keyed with the secret over method, URI with twelve escapes undone, body, and the timestamp's text
/// (milliseconds), in base64.
pub fn sign_v3(secret: &impl Signs, method: &str, uri: &str, body: &[u8], timestamp_ms: &str) -> String {
    let mut context = secret.hmac();
    for part in [method.as_bytes(), uri::decoded(uri).as_bytes(), body, timestamp_ms.as_bytes()] {
        context.update(part);
    }
    BASE64.encode(context.sign())
}

fn key(secret: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes())
}

fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
