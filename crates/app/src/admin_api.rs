//! Asking a running gateway's admin API.

use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// A report is some kilobytes; more is no report.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the admin API at `admin` answers there.
///
/// # Errors
/// When nothing listens, or answers something else.
pub(crate) async fn get<T: DeserializeOwned>(
    admin: &Uri,
    path: &str,
) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
    let host = admin.host().ok_or("the admin address has no host")?;
    let port = admin.port_u16().unwrap_or(80);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, format!("{host}:{port}"))
        .body(Empty::<bytes::Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    if !answer.status().is_success() {
        return Err(format!("the admin API answered {}", answer.status()).into());
    }
    let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
    connection.abort();
    Ok(serde_json::from_slice(&body)?)
}
