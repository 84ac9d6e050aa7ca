//! Standard Webhooks: who gets our webhook can tell that it is ours.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderName, header};
use hubspot::secret::Secret;
use incident::notify::webhook;

/// A secret with this before it is base64; any other is taken as it stands.
const ENCODED: &str = "whsec_";

pub(super) fn headers(secret: &Secret, id: &str, timestamp_s: i64, body: &str) -> [(HeaderName, String); 4] {
    let secret = secret.expose();
    let decoded = secret.strip_prefix(ENCODED).and_then(|encoded| BASE64.decode(encoded).ok());
    let key = hmac::Key::new(hmac::HMAC_SHA256, decoded.as_deref().unwrap_or(secret.as_bytes()));
    let signed = hmac::sign(&key, webhook::signed(id, timestamp_s, body).as_bytes());
    [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (HeaderName::from_static("webhook-id"), id.to_owned()),
        (HeaderName::from_static("webhook-timestamp"), timestamp_s.to_string()),
        (HeaderName::from_static("webhook-signature"), format!("v1,{}", BASE64.encode(signed))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn it_signs_as_the_specification_does() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let [_, _, _, (_, signature)] =
            headers(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
