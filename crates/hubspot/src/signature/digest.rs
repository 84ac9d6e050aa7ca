//! Computes a signature: facts §6.6 [DOC faq/v1-request-validation, faq/v2-request-validation, request-validation].

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::secret::Secret;

use super::uri;

/// SHA-256 over secret and body, in lowercase hex. A plain hash, not an HMAC.
pub fn sign_v1(secret: &Secret, body: &[u8]) -> String {
    sha256_hex(&[secret.expose().as_bytes(), body])
}

/// SHA-256 over secret, method, URI as it stands, and body, in lowercase hex.
pub fn sign_v2(secret: &Secret, method: &str, uri: &str, body: &[u8]) -> String {
    sha256_hex(&[secret.expose().as_bytes(), method.as_bytes(), uri.as_bytes(), body])
}

/// HMAC-SHA-256 keyed with the secret over method, URI with twelve escapes undone, body, and the timestamp's text
/// (milliseconds), in base64.
pub fn sign_v3(secret: &Secret, method: &str, uri: &str, body: &[u8], timestamp_ms: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [method.as_bytes(), uri::decoded(uri).as_bytes(), body, timestamp_ms.as_bytes()] {
        context.update(part);
    }
    BASE64.encode(context.sign())
}

fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
