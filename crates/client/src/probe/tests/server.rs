//! A server that answers each connection's first request as it is told, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What a server was asked: head and body as text.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) whole: String,
}

/// What it does then.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// These bytes, then the end.
    Text(String),
    /// Nothing, for ever.
    Silence,
}

#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// HTTP or HTTPS.
pub(super) enum Speaks {
    Plain,
    Tls(Arc<rustls::ServerConfig>),
}

impl Asked {
    /// `Authorization: Bearer …` was sent.
    pub(super) fn authenticated(&self) -> bool {
        self.whole.to_ascii_lowercase().contains("\r\nauthorization: bearer ")
    }
}

impl Server {
    pub(super) async fn start(
        speaks: Speaks,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (server, answer) = (Self { address, asked: Arc::clone(&asked) }, Arc::new(answer));
        let acceptor = match speaks {
            Speaks::Plain => None,
            Speaks::Tls(config) => Some(TlsAcceptor::from(config)),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, asked, answer) = (acceptor.clone(), Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &asked, &*answer).await,
                        Some(acceptor) => {
                            // A client that only looks at the certificate leaves here.
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &asked, &*answer).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(super) async fn plain(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Speaks::Plain, answer).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

/// A port nobody listens on: it is bound until the process ends, so that nobody else comes by chance.
pub(super) async fn closed_port() -> SocketAddr {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    let address = socket.local_addr().expect("bound");
    std::mem::forget(socket);
    address
}

/// An answer with the headers every one of HubSpot's has.
pub(super) fn json(status: u16, headers: &str, body: &serde_json::Value) -> Reply {
    let body = body.to_string();
    Reply::Text(format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\n\
         cf-ray: 8f00-FRA\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

pub(super) fn html(status: u16, headers: &str) -> Reply {
    let body = "<html><body>blocked</body></html>";
    Reply::Text(format!(
        "HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    ))
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) {
    let Some(whole) = read_request(&mut stream).await else { return };
    let line = whole.lines().next().unwrap_or_default().to_owned();
    let request = Asked { line, whole };
    asked.lock().push(request.clone());
    match answer(&request) {
        Reply::Text(text) => {
            // The client may have gone; that is its right.
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Reply::Silence => std::future::pending().await,
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
    }
}

/// Says its piece as soon as somebody connects, and hangs up.
pub(super) async fn greeter(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // The client may have gone; that is its right.
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    address
}

/// Takes connections, and says not one word.
pub(super) async fn mute() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut held: Vec<TcpStream> = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    address
}
