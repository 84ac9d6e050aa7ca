//! One request to the issuer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use client::body::Body;
use client::transport::{HttpTransport, Transport, TransportSettings};
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Limited};
use hubspot::secret::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;

/// A person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an issuer says fits a page or two.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// RFC 3986's unreserved characters stand for themselves.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A form is posted, nothing is got. The body of a 200.
///
/// # Errors
/// Why there is none, for people.
pub(super) async fn ask(
    tls: &ClientConfig,
    url: &str,
    form: Option<&str>,
    basic: Option<&HeaderValue>,
) -> Result<Bytes, String> {
    let uri: Uri = url.parse().map_err(|_| "its address cannot be read".to_owned())?;
    let settings = TransportSettings { idle_connections_max: 0, ..TransportSettings::default() };
    let transport = HttpTransport::new(&uri, tls.clone(), settings).map_err(|error| error.to_string())?;
    let mut request = Request::new(Body::from(Bytes::copy_from_slice(form.unwrap_or_default().as_bytes())));
    *request.uri_mut() = Uri::from(uri.path_and_query().cloned().ok_or("its address has no path")?);
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if form.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        *request.method_mut() = Method::POST;
    }
    if let Some(basic) = basic {
        request.headers_mut().insert(header::AUTHORIZATION, basic.clone());
    }
    let exchange = async {
        let response = transport.send(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        if status != http::StatusCode::OK {
            return Err(format!("it answered {}", status.as_u16()));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok(body.map_err(|_cut| "its answer was cut off, or too long".to_owned())?.to_bytes())
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_late| "it does not answer in time".to_owned())?
}

/// # Errors
/// What is wrong with it, for people.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|_| "its answer is not what OpenID Connect says".to_owned())
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
