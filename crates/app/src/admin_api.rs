//! Asking a running gateway's admin API.

use bytes::Bytes;
use client::transport::tls;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::commands::certificates;
use crate::process;

/// A report is some kilobytes; more is no report.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The key of the admin listener, where it has one.
pub(crate) const KEY_VARIABLE: &str = "HUBKEEPER_ADMIN_KEY";

/// Authorities to believe besides the machine's, where it has TLS.
const CA_VARIABLE: &str = "HUBKEEPER_ADMIN_CA_FILE";

/// Why there is no answer.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// What the admin API at `admin` answers there.
///
/// # Errors
/// When nothing listens, or answers something else.
pub(crate) async fn get<T: DeserializeOwned>(admin: &Uri, path: &str) -> Result<T, Error> {
    let (status, body) = ask(admin, Method::GET, path, None).await?;
    if status == StatusCode::UNAUTHORIZED {
        tracing::warn!("the admin API at {admin} wants its key: set {KEY_VARIABLE}");
    }
    if !status.is_success() {
        return Err(format!("the admin API answered {status}").into());
    }
    Ok(serde_json::from_slice(&body)?)
}

/// One request, and whatever is answered.
///
/// # Errors
/// When nothing listens, or what it says is no HTTP.
pub(crate) async fn ask(
    admin: &Uri,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(StatusCode, Bytes), Error> {
    let host = admin.host().ok_or("the admin address has no host")?;
    let is_https = admin.scheme_str() == Some("https");
    let port = admin.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let name = host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((name, port)).await?;
    let stream: Box<dyn Stream> =
        if is_https { Box::new(secured(name, stream).await?) } else { Box::new(stream) };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::HOST, format!("{host}:{port}"));
    if let Some(key) = process::environment(KEY_VARIABLE) {
        let mut bearer = HeaderValue::from_str(&format!("Bearer {key}"))?;
        bearer.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, bearer);
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    let text = body.map(Value::to_string).unwrap_or_default();
    let answer = sender.send_request(request.body(Full::<Bytes>::from(text))?).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok((status, body))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn secured(name: &str, stream: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let file = process::environment(CA_VARIABLE).map(PathBuf::from);
    let roots = certificates(file.as_deref()).map_err(|failure| failure.to_string())?;
    let config = tls::client_config(roots)?;
    let name = ServerName::try_from(name.to_owned())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    Ok(connected.map_err(|error| format!("{error}; {CA_VARIABLE} names an authority to believe"))?)
}

/// The JSON that is answered, in time.
///
/// # Errors
/// When nobody answers, or the answer is no; then in the gateway's own words.
pub(crate) async fn ask_json(
    admin: &Uri,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Refused> {
    let answered = tokio::time::timeout(PATIENCE, ask(admin, method, path, body)).await;
    let (status, body) = answered
        .map_err(|_| Refused::Nobody("no answer in time".into()))?
        .map_err(|error| Refused::Nobody(error.to_string()))?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let message =
        value["message"].as_str().map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
    Err(match value["hint"].as_str() {
        Some(hint) => Refused::NotSetUp { message, hint: hint.to_owned() },
        None if status == StatusCode::BAD_REQUEST => Refused::Misunderstood(message),
        None => Refused::Said(message),
    })
}

/// Why there is no answer to work with.
#[derive(Debug)]
pub(crate) enum Refused {
    Nobody(String),
    /// What was asked makes no sense to it.
    Misunderstood(String),
    /// The gateway is there, and says no.
    Said(String),
    /// It is not set up for what is asked.
    NotSetUp {
        message: String,
        hint: String,
    },
}

/// The gateway is near; a long list from its disk takes a moment.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
