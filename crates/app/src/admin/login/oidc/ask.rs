//! One request to the issuer.

use std::fmt::Display;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::body::Body;
use client::transport::{HttpTransport, Transport, TransportSettings};
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use hubspot::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::NotLetIn;

/// A person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an issuer says fits a page or two.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// RFC 3986's unreserved characters stand for themselves.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An OAuth error is a word (RFC 6749, 5.2).
const ERROR_BYTES_MAX: usize = 64;

/// Why there is no answer to go by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It is not there, or what it says is nothing that an issuer says. For people.
    Unreachable(String),
    /// It refuses, and names OAuth's word for why.
    Refused(String),
}

impl From<Unanswered> for NotLetIn {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Unreachable(why) => Self::Unreachable(why),
            Unanswered::Refused(word) => Self::Issuer(word),
        }
    }
}

fn unreachable(why: &(impl Display + ?Sized)) -> Unanswered {
    Unanswered::Unreachable(why.to_string())
}

/// A form is posted, nothing is got. The body of a 200.
///
/// # Errors
/// [`Unanswered`].
pub(super) async fn ask(
    tls: &ClientConfig,
    url: &str,
    form: Option<&str>,
    authorization: Option<&HeaderValue>,
) -> Result<Bytes, Unanswered> {
    let uri: Uri = url.parse().map_err(|_| unreachable("its address cannot be read"))?;
    let settings = TransportSettings { idle_connections_max: 0, ..TransportSettings::default() };
    let transport = HttpTransport::new(&uri, tls.clone(), settings).map_err(|error| unreachable(&error))?;
    let mut request = Request::new(Body::from(Bytes::copy_from_slice(form.unwrap_or_default().as_bytes())));
    *request.uri_mut() =
        Uri::from(uri.path_and_query().cloned().ok_or_else(|| unreachable("its address has no path"))?);
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if form.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.method_mut() = Method::POST;
    }
    if let Some(authorization) = authorization {
        request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
    }
    let exchange = async {
        let response = transport.send(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_cut| unreachable("its answer was cut off, or too long"))?.to_bytes();
        if status == StatusCode::OK {
            return Ok(body);
        }
        let word = error_of(&body).map(Unanswered::Refused);
        Err(word.unwrap_or_else(|| unreachable(&format_args!("it answered {}", status.as_u16()))))
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .map_err(|_late| unreachable("it does not answer in time"))?
}

/// The word of a refusal. What is said beside it may be about a person.
fn error_of(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    serde_json::from_slice::<Refusal>(body).ok().map(|refusal| refusal.error).filter(|word| is_word(word))
}

/// Whether it can be shown.
pub(super) fn is_word(said: &str) -> bool {
    said.len() <= ERROR_BYTES_MAX && said.bytes().all(|byte| byte.is_ascii_graphic())
}

/// # Errors
/// [`Unanswered::Unreachable`].
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unanswered> {
    serde_json::from_slice(body).map_err(|_| unreachable("its answer is not what OpenID Connect says"))
}

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, FORM).to_string();
    pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// RFC 6749, 2.3.1: each part is encoded as in a form first.
pub(super) fn basic(client_id: &str, secret: &Secret) -> HeaderValue {
    let encoded = |text: &str| utf8_percent_encode(text, FORM).to_string();
    let text = format!("{}:{}", encoded(client_id), encoded(secret.expose()));
    let value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(text)));
    let mut value = value.expect("base64 is plain visible text");
    value.set_sensitive(true);
    value
}

/// # Errors
/// A token that no header can hold.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, Unanswered> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
    let mut value = value.map_err(|_| unreachable("its access token is not one"))?;
    value.set_sensitive(true);
    Ok(value)
}
