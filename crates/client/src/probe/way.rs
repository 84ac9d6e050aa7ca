//! A way to a host: straight to an address, or through a proxy.

use std::net::SocketAddr;
use std::sync::Arc;

use hubspot::secret::Secret;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::pace::{TimedOut, ms_since};
use super::report::{Failure, FailureKind, Stage};
use super::terrain::Wire;
use super::{Run, tcp, tls};

/// A proxy's answer to CONNECT is read up to here.
const CONNECT_ANSWER_BYTES_MAX: usize = 16 * 1024;

/// How to reach one host.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) via: Via,
    /// Present exactly for HTTPS.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

#[derive(Debug, Clone)]
pub(super) enum Via {
    Address(SocketAddr),
    Proxy(ProxyServer),
}

#[derive(Debug, Clone)]
pub(super) struct ProxyServer {
    pub(super) address: SocketAddr,
    /// The whole value of `Proxy-Authorization`.
    pub(super) authorization: Option<Secret>,
}

impl Way {
    /// The host as `Host` and CONNECT want it.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Plain HTTP through a proxy asks the proxy itself, for the whole address.
    pub(super) const fn forwarding_proxy(&self) -> Option<&ProxyServer> {
        match (&self.via, &self.tls) {
            (Via::Proxy(proxy), None) => Some(proxy),
            (Via::Proxy(_), Some(_)) | (Via::Address(_), _) => None,
        }
    }

    /// Bytes to the host, before any TLS.
    pub(super) async fn open(&self, run: &Run<'_>) -> Result<Box<dyn Wire>, Failure> {
        match &self.via {
            Via::Address(address) => tcp::connect(*address, run.target, &run.pace).await,
            Via::Proxy(proxy) => {
                let stream = tcp::connect(proxy.address, run.target, &run.pace).await?;
                match self.tls {
                    Some(_) => self.tunnel(stream, proxy, run).await,
                    None => Ok(stream),
                }
            }
        }
    }

    /// Bytes to the host, which has proved who it is where the way is HTTPS.
    pub(super) async fn open_verified(&self, run: &Run<'_>) -> Result<Box<dyn Wire>, Failure> {
        let wire = self.open(run).await?;
        match &self.tls {
            Some(config) => Ok(Box::new(tls::handshake(wire, &self.host, config, run).await?)),
            None => Ok(wire),
        }
    }

    async fn tunnel(
        &self,
        mut stream: Box<dyn Wire>,
        proxy: &ProxyServer,
        run: &Run<'_>,
    ) -> Result<Box<dyn Wire>, Failure> {
        let began = Instant::now();
        let failure =
            |kind, detail: String| Failure { stage: Stage::Proxy, kind, ms: ms_since(began), detail };
        let authority = self.authority();
        let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n");
        if let Some(authorization) = &proxy.authorization {
            request.push_str("Proxy-Authorization: ");
            request.push_str(authorization.expose());
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let talk = async {
            stream.write_all(request.as_bytes()).await?;
            read_head(&mut stream).await
        };
        let head = match run.pace.within(run.target.timeouts.http, talk).await {
            Ok(Ok(head)) => head,
            Ok(Err(error)) => {
                let detail = format!("the proxy cut the connection: {}", error.kind());
                return Err(failure(FailureKind::Reset, detail));
            }
            Err(TimedOut) => {
                return Err(failure(FailureKind::TimedOut, "the proxy did not answer in time".to_owned()));
            }
        };
        match status_of(&head) {
            Some(200..=299) => Ok(stream),
            Some(status) => {
                Err(failure(FailureKind::ProxyRefused, format!("the proxy refused the way: {status}")))
            }
            None => Err(failure(FailureKind::NotUnderstood, "what is there is no HTTP proxy".to_owned())),
        }
    }
}

/// The status a proxy refused with, from the failure that says so.
pub(super) fn refused_status(failure: &Failure) -> Option<u16> {
    (failure.kind == FailureKind::ProxyRefused)
        .then(|| failure.detail.rsplit(' ').next()?.parse().ok())
        .flatten()
}

/// Up to the empty line, byte by byte: what follows belongs to the tunnel.
async fn read_head(stream: &mut Box<dyn Wire>) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < CONNECT_ANSWER_BYTES_MAX {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

fn status_of(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head).ok()?.lines().next()?;
    let mut words = line.split(' ');
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(b"HTTP/1.1 200 Connection established\r\n\r\n", Some(200))]
    #[case(b"HTTP/1.0 407 Proxy Authentication Required\r\n\r\n", Some(407))]
    #[case(b"SSH-2.0-OpenSSH_9.2\r\n", None)]
    #[case(b"", None)]
    fn reads_the_status_of_a_connect(#[case] head: &[u8], #[case] status: Option<u16>) {
        assert_eq!(status_of(head), status);
    }
}
