//! Webhook signatures, versions 1, 2 and 3, as pure functions on raw bytes.
//!
//! | file | does |
//! |---|---|
//! | `digest` | computes a signature |
//! | `uri` | undoes the twelve escapes of v3 |
//!
//! Sign and verify the bytes as they came: a body that was parsed and written again does not verify. The URI is
//! the public one, exactly as HubSpot called it, query included; behind a proxy that is not the one we see.
//! Source: facts §6.6 [DOC validating-requests, request-validation].

use std::time::Duration;

use aws_lc_rs::constant_time;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

mod digest;
mod uri;

pub use digest::{ReadySecret, Signs, sign_v1, sign_v2, sign_v3};

/// The three ways HubSpot signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignatureVersion {
    /// Over secret and body: says nothing of the URI or the time.
    V1,
    /// Over secret, method, URI and body: says nothing of the time.
    V2,
    /// HMAC over method, URI, body and time.
    V3,
}

/// A request that claims to be HubSpot's.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    pub method: &'a str,
    /// Scheme, host, path and query as HubSpot called it.
    pub uri: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// What we ask of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Older versions are refused. By default none is, as HubSpot still sends v1 alone from some apps.
    pub oldest: SignatureVersion,
    /// How far a v3 timestamp may lie from now, before or after.
    pub tolerance: Duration,
}

/// Proof that a request is HubSpot's. Only [`verify`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    version: SignatureVersion,
    secret_index: usize,
    sent_at: Option<Timestamp>,
}

/// Why a request is not taken for HubSpot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no signature header")]
    Unsigned,
    #[error("a signature header stands there more than once")]
    Ambiguous,
    #[error("X-HubSpot-Signature-Version is missing or not one we know")]
    UnknownVersion,
    #[error("signed with {0:?}, which the configuration does not accept")]
    TooOldVersion(SignatureVersion),
    #[error("X-HubSpot-Request-Timestamp is missing or not a number of milliseconds")]
    NoTimestamp,
    #[error("signed {age_ms} ms ago, longer than accepted")]
    Stale { age_ms: u64 },
    #[error("signed {ahead_ms} ms in the future, further than accepted")]
    FromTheFuture { ahead_ms: u64 },
    #[error("no client secret is configured")]
    NoSecret,
    #[error("the {0:?} signature fits none of the client secrets")]
    Mismatch(SignatureVersion),
}

/// Verifies a request against every active secret; during a rotation there are two.
///
/// v3 is taken when its header is there, and then nothing older counts, or stripping would be worth trying with a
/// broken v3. Else `X-HubSpot-Signature-Version` says which of v1 and v2 it is; it is never guessed.
pub fn verify(
    request: &SignedRequest<'_>,
    secrets: &[impl Signs],
    now: Timestamp,
    rules: &Rules,
) -> Result<Verified, Refusal> {
    let (version, given) = claimed(request.headers)?;
    if version < rules.oldest {
        return Err(Refusal::TooOldVersion(version));
    }
    let SignedRequest { method, uri, headers, body } = *request;
    match version {
        SignatureVersion::V1 => {
            let secret_index = matching(secrets, given, version, |secret| sign_v1(secret, body))?;
            Ok(Verified { version, secret_index, sent_at: None })
        }
        SignatureVersion::V2 => {
            let secret_index =
                matching(secrets, given, version, |secret| sign_v2(secret, method, uri, body))?;
            Ok(Verified { version, secret_index, sent_at: None })
        }
        SignatureVersion::V3 => {
            let (text, sent_at) = timestamp(headers)?;
            // A forgery is a forgery at any age: the answer "stale" is for genuine requests that come late.
            let secret_index =
                matching(secrets, given, version, |secret| sign_v3(secret, method, uri, body, text))?;
            check_age(sent_at, now, rules.tolerance)?;
            Ok(Verified { version, secret_index, sent_at: Some(sent_at) })
        }
    }
}

impl Verified {
    pub const fn version(&self) -> SignatureVersion {
        self.version
    }

    /// Which of the secrets fitted. Not the first: HubSpot still signs with the old one, or already with the new.
    pub const fn secret_index(&self) -> usize {
        self.secret_index
    }

    /// When HubSpot signed it; v3 only.
    pub const fn sent_at(&self) -> Option<Timestamp> {
        self.sent_at
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { oldest: SignatureVersion::V1, tolerance: TIMESTAMP_TOLERANCE }
    }
}

/// HubSpot asks to refuse what is older than 300,000 ms; that the same holds for the future is our rule (facts
/// §6.6 [DOC request-validation]).
pub const TIMESTAMP_TOLERANCE: Duration = Duration::from_millis(300_000);

pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-hubspot-signature");
pub const SIGNATURE_VERSION_HEADER: HeaderName = HeaderName::from_static("x-hubspot-signature-version");
pub const SIGNATURE_V3_HEADER: HeaderName = HeaderName::from_static("x-hubspot-signature-v3");
pub const TIMESTAMP_HEADER: HeaderName = HeaderName::from_static("x-hubspot-request-timestamp");

/// The version the request must be judged by, and the signature it gives for it.
fn claimed(headers: &HeaderMap) -> Result<(SignatureVersion, &[u8]), Refusal> {
    if let Some(signature) = single(headers, &SIGNATURE_V3_HEADER)? {
        return Ok((SignatureVersion::V3, signature));
    }
    let signature = single(headers, &SIGNATURE_HEADER)?.ok_or(Refusal::Unsigned)?;
    match single(headers, &SIGNATURE_VERSION_HEADER)? {
        Some(b"v1") => Ok((SignatureVersion::V1, signature)),
        Some(b"v2") => Ok((SignatureVersion::V2, signature)),
        Some(_) | None => Err(Refusal::UnknownVersion),
    }
}

/// Two values of one header could be read as the first here and as the last elsewhere.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Refusal::Ambiguous),
        (first, None) => Ok(first.map(http::HeaderValue::as_bytes)),
    }
}

/// The index of the secret that signs as given. Signatures are compared as text, so that exactly one spelling
/// of each is right, and all secrets are tried, so that the time taken does not tell which one it was.
fn matching<S: Signs>(
    secrets: &[S],
    given: &[u8],
    version: SignatureVersion,
    sign: impl Fn(&S) -> String,
) -> Result<usize, Refusal> {
    if secrets.is_empty() {
        return Err(Refusal::NoSecret);
    }
    let mut found = None;
    for (index, secret) in secrets.iter().enumerate() {
        let fits = constant_time::verify_slices_are_equal(sign(secret).as_bytes(), given).is_ok();
        if fits && found.is_none() {
            found = Some(index);
        }
    }
    found.ok_or(Refusal::Mismatch(version))
}

/// The timestamp as text, which is what is signed, and as the moment it names.
fn timestamp(headers: &HeaderMap) -> Result<(&str, Timestamp), Refusal> {
    let read = |value: &'_ [u8]| {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let ms: i64 = str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?;
        Timestamp::from_millisecond(ms).ok()
    };
    let value = single(headers, &TIMESTAMP_HEADER)?.ok_or(Refusal::NoTimestamp)?;
    let moment = read(value).ok_or(Refusal::NoTimestamp)?;
    Ok((str::from_utf8(value).expect("digits are UTF-8"), moment))
}

fn check_age(sent_at: Timestamp, now: Timestamp, tolerance: Duration) -> Result<(), Refusal> {
    let age_ms = now.as_millisecond() - sent_at.as_millisecond();
    if u128::from(age_ms.unsigned_abs()) <= tolerance.as_millis() {
        Ok(())
    } else if age_ms > 0 {
        Err(Refusal::Stale { age_ms: age_ms.unsigned_abs() })
    } else {
        Err(Refusal::FromTheFuture { ahead_ms: age_ms.unsigned_abs() })
    }
}

#[cfg(test)]
mod tests;
