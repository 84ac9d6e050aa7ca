//! A connection to an address that was looked at: after its name was resolved, and to that very address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::guard;
use super::subscriber::Reach;
use super::verdict::Reason;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// For a whole file.
const FILE_TIME_MAX: Duration = Duration::from_secs(60);

pub(super) type Sender = SendRequest<Full<Bytes>>;

#[derive(Clone)]
pub struct Dialler {
    pub reach: Reach,
    pub tls: Arc<rustls::ClientConfig>,
}

impl Dialler {
    pub(super) async fn connect(&self, url: &Uri) -> Result<Sender, Reason> {
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_tls = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let found = tokio::net::lookup_host((host, port)).await.map_err(|_| Reason::Name)?;
        let allowed: Vec<SocketAddr> =
            found.filter(|address| guard::allows(self.reach, address.ip())).collect();
        if allowed.is_empty() {
            return Err(Reason::Forbidden);
        }
        let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(&allowed[..])).await;
        let stream = stream.map_err(|_| Reason::Connect)?.map_err(|_| Reason::Connect)?;
        let _slower_at_worst = stream.set_nodelay(true);
        if !is_tls {
            return handshake(TokioIo::new(stream)).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Reason::Tls)?;
        let secured = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let secured = timeout(CONNECT_TIME_MAX, secured).await.map_err(|_| Reason::Tls)?;
        handshake(TokioIo::new(secured.map_err(|_| Reason::Tls)?)).await
    }

    /// A file, whole, without any credential; never in the clear.
    ///
    /// # Errors
    /// [`Reason`]; also where it is larger than `bytes_max`.
    pub async fn get(&self, url: &Uri, bytes_max: usize) -> Result<Bytes, Reason> {
        if url.scheme_str() != Some("https") {
            return Err(Reason::Tls);
        }
        timeout(FILE_TIME_MAX, self.fetch(url, bytes_max)).await.unwrap_or(Err(Reason::Late))
    }

    async fn fetch(&self, url: &Uri, bytes_max: usize) -> Result<Bytes, Reason> {
        let mut sender = self.connect(url).await?;
        let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let host = url.authority().map_or("", http::uri::Authority::as_str);
        let request = Request::get(path).header(header::HOST, host).body(Full::default());
        let answer =
            sender.send_request(request.map_err(|_| Reason::Name)?).await.map_err(|_| Reason::Broken)?;
        if !answer.status().is_success() {
            return Err(Reason::Status);
        }
        let body = Limited::new(answer.into_body(), bytes_max).collect().await;
        Ok(body.map_err(|_| Reason::Broken)?.to_bytes())
    }
}

async fn handshake<T>(io: T) -> Result<Sender, Reason>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(|_| Reason::Broken)?;
    tokio::spawn(async move {
        let _whoever_sends_hears_of_it = connection.await;
    });
    Ok(sender)
}
