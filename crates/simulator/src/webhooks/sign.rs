//! Signatures of deliveries, written apart from those that check them: facts §6.6 [DOC validating-requests].

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use std::fmt::Write as _;

/// The headers of a delivery: both generations, as HubSpot sends them.
pub fn headers(secret: &str, url: &str, body: &[u8], now: Timestamp) -> HeaderMap {
    both(("v1", v1(secret, body)), secret, "POST", url, body, now)
}

/// The headers of a workflow's request, whose older generation is another.
pub fn workflow_headers(secret: &str, method: &str, url: &str, body: &[u8], now: Timestamp) -> HeaderMap {
    both(("v2", v2(secret, method, url, body)), secret, method, url, body, now)
}

fn both(
    older: (&'static str, String),
    secret: &str,
    method: &str,
    url: &str,
    body: &[u8],
    now: Timestamp,
) -> HeaderMap {
    let timestamp = now.as_millisecond().to_string();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::try_from(value).expect("hex, base64, digits"),
        );
    };
    let (version, signature) = older;
    put("x-hubspot-signature", signature);
    put("x-hubspot-signature-version", version.to_owned());
    put("x-hubspot-signature-v3", v3(secret, method, url, body, &timestamp));
    put("x-hubspot-request-timestamp", timestamp);
    headers
}

/// A plain hash of secret and body, in hex.
pub fn v1(secret: &str, body: &[u8]) -> String {
    hash(&[secret.as_bytes(), body])
}

/// The same of method and address, too.
pub fn v2(secret: &str, method: &str, url: &str, body: &[u8]) -> String {
    hash(&[secret.as_bytes(), method.as_bytes(), url.as_bytes(), body])
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| hash.update(part));
    hash.finish().as_ref().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

/// HMAC over method, address, body and time, in base64. Of the address twelve escapes are undone.
pub fn v3(secret: &str, method: &str, url: &str, body: &[u8], timestamp: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut mac = hmac::Context::with_key(&key);
    mac.update(method.as_bytes());
    mac.update(undone(url).as_bytes());
    mac.update(body);
    mac.update(timestamp.as_bytes());
    STANDARD.encode(mac.sign())
}

const UNDONE: &str = ":/?@!$'()*,;";

fn undone(url: &str) -> String {
    let mut parts = url.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).filter(|code| !code.chars().any(|digit| digit.is_ascii_lowercase()));
        let character = code.and_then(|code| u8::from_str_radix(code, 16).ok()).map(char::from);
        match character.filter(|character| UNDONE.contains(*character)) {
            Some(character) => {
                text.push(character);
                text.push_str(&part[2..]);
            }
            None => {
                text.push('%');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
    const URL: &str = "https://www.example.com/webhook_uri";

    /// HubSpot's own published vectors, facts §6.6.
    #[test]
    fn the_published_vectors() {
        let body = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
        assert_eq!(
            v1(SECRET, body.as_bytes()),
            "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
        );
        assert_eq!(
            v2(SECRET, "GET", URL, b""),
            "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
        );
        assert_eq!(
            v2(SECRET, "POST", URL, br#"{"example_field":"example_value"}"#),
            "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900"
        );
        let signed = v3(SECRET, "POST", URL, b"{'example_field':'example_value'}", "1693657560000");
        assert_eq!(signed, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=");
    }

    #[test]
    fn twelve_escapes_are_undone_and_no_others() {
        assert_eq!(
            undone("/c?u=https%3A%2F%2Fx%3Fy%40z&a=%20%26%3D%25%3a%"),
            "/c?u=https://x?y@z&a=%20%26%3D%25%3a%"
        );
    }
}
