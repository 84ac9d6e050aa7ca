//! Why a delivery does not verify, and what would make it. Pure: it signs what might have been signed, and says which fits.
//!
//! Tried are other addresses (scheme, host, port, path, a slash at the end, escapes), other spellings of the same JSON (a
//! proxy or framework that reads the body and writes it anew), and other versions. What fits tells the mistake.

use http::{HeaderMap, HeaderName};
use hubspot::secret::Secret;
use hubspot::signature::{
    Refusal, Rules, SIGNATURE_HEADER, SIGNATURE_V3_HEADER, SIGNATURE_VERSION_HEADER, SignatureVersion,
    SignedRequest, TIMESTAMP_HEADER, sign_v1, sign_v2, sign_v3, verify,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::address::PublicAddress;

mod addresses;
mod bodies;

/// As seconds it lies beyond the year 2200, as milliseconds before April of 1970.
const SECONDS_MAX: i64 = 8_000_000_000;

/// A delivery, and what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub method: &'a str,
    /// Path and query as they arrived.
    pub target: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    pub public: &'a PublicAddress,
    pub secrets: &'a [Secret],
    /// When it came.
    pub now: Timestamp,
}

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub verifies: bool,
    /// `genuine`, `uri`, `body`, `clock`, `version`, `unsigned`, `secret_or_forged`.
    pub cause: &'static str,
    pub detail: String,
    pub remedy: String,
    /// The address it was signed for, where that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_address: Option<String>,
    /// Those that we would have accepted.
    pub expected_addresses: Vec<String>,
    /// Which of the secrets fits, the first being 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<usize>,
    pub tried: usize,
}

/// One way in which it may have been signed.
struct Attempt {
    version: SignatureVersion,
    address: String,
    body: Vec<u8>,
    body_as: &'static str,
}

pub fn explain(case: &Case<'_>) -> Explanation {
    let expected = case.public.called(case.target);
    let mut refused = Refusal::NoSecret;
    for uri in &expected {
        let request = SignedRequest { method: case.method, uri, headers: case.headers, body: case.body };
        match verify(&request, case.secrets, case.now, &Rules::default()) {
            // By the clock of a capture that is what it says of itself, and so always in time.
            Ok(_) if is_in_seconds(case.headers) => return in_seconds(expected),
            Ok(verified) => {
                let mut fine = finding(
                    "genuine",
                    "the signature fits",
                    "nothing is wrong with it; `hubkeeper webhooks verify` takes what waits in quarantine",
                    expected.clone(),
                );
                fine.verifies = true;
                fine.signed_address = Some(uri.clone());
                fine.secret = Some(verified.secret_index() + 1);
                return fine;
            }
            Err(refusal) => refused = refusal,
        }
    }
    match refused {
        Refusal::Stale { .. } if is_in_seconds(case.headers) => in_seconds(expected),
        Refusal::Stale { .. } | Refusal::FromTheFuture { .. } => finding(
            "clock",
            &format!("the signature fits, but it was {refused}"),
            "set this machine's clock (NTP); if the clock is right, somebody sent an old delivery again",
            expected,
        ),
        Refusal::Unsigned | Refusal::Ambiguous | Refusal::UnknownVersion | Refusal::NoTimestamp => finding(
            "unsigned",
            &refused.to_string(),
            "HubSpot always signs: look whether a proxy takes headers away (X-HubSpot-Signature-v3, X-HubSpot-Request-Timestamp, \
             X-HubSpot-Signature, X-HubSpot-Signature-Version)",
            expected,
        ),
        Refusal::NoSecret => finding(
            "secret_or_forged",
            "no client secret is configured to compare it with",
            "set HUBSPOT_CLIENT_SECRET, or client_secret in [[connections]]",
            expected,
        ),
        Refusal::Mismatch(_) | Refusal::TooOldVersion(_) => search(case, expected),
    }
}

/// Milliseconds that would lie in the first months of 1970.
fn is_in_seconds(headers: &HeaderMap) -> bool {
    let written = headers.get(TIMESTAMP_HEADER).and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
    written.is_some_and(|written| (0..SECONDS_MAX).contains(&written))
}

fn in_seconds(expected: Vec<String>) -> Explanation {
    finding(
        "clock",
        "the signature fits, but X-HubSpot-Request-Timestamp is in seconds",
        "HubSpot writes milliseconds: whoever signs this has to as well",
        expected,
    )
}

fn search(case: &Case<'_>, expected: Vec<String>) -> Explanation {
    let attempts = attempts(case);
    let tried = attempts.len();
    for attempt in attempts {
        if let Some(secret) = case.secrets.iter().position(|secret| attempt.fits(case, secret)) {
            let mut found = attempt.told(case, expected);
            (found.secret, found.tried) = (Some(secret + 1), tried);
            return found;
        }
    }
    let mut none = finding(
        "secret_or_forged",
        &format!("no client secret fits, with any of {tried} ways in which it may have been signed"),
        "compare the client secret with the one in the app's settings (Auth tab; after a rotation both count); if it is the \
         same, HubSpot did not send this",
        expected,
    );
    none.tried = tried;
    none
}

/// The address first, as it is the most frequent mistake; then the body at our own address; then both.
fn attempts(case: &Case<'_>) -> Vec<Attempt> {
    let addresses = addresses::variants(case.public, case.target, case.headers);
    let bodies = bodies::variants(case.body);
    let versions = [SignatureVersion::V3, SignatureVersion::V2];
    let mut attempts = Vec::new();
    for (body, body_as) in &bodies {
        for address in &addresses {
            attempts.extend(versions.map(|version| Attempt {
                version,
                address: address.clone(),
                body: body.clone(),
                body_as,
            }));
        }
        let address = String::new();
        attempts.push(Attempt { version: SignatureVersion::V1, address, body: body.clone(), body_as });
    }
    attempts
}

impl Attempt {
    fn fits(&self, case: &Case<'_>, secret: &Secret) -> bool {
        let given = |name: HeaderName| case.headers.get(name).and_then(|value| value.to_str().ok());
        let (name, signed) = match self.version {
            SignatureVersion::V1 => (SIGNATURE_HEADER, sign_v1(secret, &self.body)),
            SignatureVersion::V2 => {
                (SIGNATURE_HEADER, sign_v2(secret, case.method, &self.address, &self.body))
            }
            SignatureVersion::V3 => {
                let at = given(TIMESTAMP_HEADER).unwrap_or_default();
                (SIGNATURE_V3_HEADER, sign_v3(secret, case.method, &self.address, &self.body, at))
            }
        };
        given(name) == Some(&signed)
    }

    fn told(&self, case: &Case<'_>, expected: Vec<String>) -> Explanation {
        if self.body_as != bodies::AS_IT_CAME {
            let detail = format!(
                "the signature fits the body {}: something on the way reads it and writes it anew",
                self.body_as
            );
            let remedy = "let the proxy or framework before us pass the body on byte for byte";
            return finding("body", &detail, remedy, expected);
        }
        let has_v3 = case.headers.contains_key(SIGNATURE_V3_HEADER);
        if self.version == SignatureVersion::V1 && has_v3 {
            let remedy = "the secret is right. Compare webhooks.public_url with the target URL in the app's settings, and look \
                whether a proxy changes X-HubSpot-Request-Timestamp; an older signature never counts beside a newer one";
            return finding(
                "uri",
                "the older signature fits (it covers no address), the v3 one does not",
                remedy,
                expected,
            );
        }
        let claimed = case.headers.get(SIGNATURE_VERSION_HEADER).and_then(|value| value.to_str().ok());
        if expected.contains(&self.address) || self.version == SignatureVersion::V1 {
            let detail = format!(
                "it is signed as {:?}, and its header says {}",
                self.version,
                claimed.unwrap_or("nothing")
            );
            let remedy = "look whether a proxy changes X-HubSpot-Signature-Version";
            return finding("version", &detail, remedy, expected);
        }
        let detail = format!("it was signed for {}", self.address);
        let before_query = |address: &str| address.split('?').next().map(str::to_owned);
        if expected.iter().any(|ours| before_query(ours) == before_query(&self.address)) {
            let remedy =
                "webhooks.public_url is right. Look whether a proxy changes the query, or how it is escaped";
            let mut found = finding("uri", &detail, remedy, expected);
            found.signed_address = Some(self.address.clone());
            return found;
        }
        let origin = addresses::public_url_for(&self.address, case.target);
        let remedy = format!(
            "set webhooks.public_url = \"{origin}\", then `hubkeeper webhooks verify` takes what waits"
        );
        let mut found = finding("uri", &detail, &remedy, expected);
        found.signed_address = Some(self.address.clone());
        found
    }
}

fn finding(cause: &'static str, detail: &str, remedy: &str, expected_addresses: Vec<String>) -> Explanation {
    let (detail, remedy) = (detail.to_owned(), remedy.to_owned());
    Explanation {
        verifies: false,
        cause,
        detail,
        remedy,
        signed_address: None,
        expected_addresses,
        secret: None,
        tried: 0,
    }
}

#[cfg(test)]
mod tests;
