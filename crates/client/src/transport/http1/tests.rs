//! Both ends of a connection, played by hand: what the transport sends, what it makes of what comes back, and what becomes
//! of the connection. The house's own wire tests say the same of the whole gateway.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{HttpTransport, TransportSettings};
use crate::body::Body;
use crate::transport::{Reason, Transport, TransportError, TransportFault, tls};

mod keeping;
mod secure;
mod uploads;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server's address, and a transport that knows it.
struct Line {
    listener: TcpListener,
    transport: Arc<HttpTransport>,
}

/// The server's end of a connection.
struct Served<S = TcpStream>(S);

impl Line {
    async fn start() -> Self {
        Self::with(TransportSettings::default()).await
    }

    async fn with(settings: TransportSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound")).parse().expect("an address");
        let tls = tls::client_config(Vec::new()).expect("roots");
        let transport = Arc::new(HttpTransport::new(&url, tls, settings).expect("an upstream"));
        Self { listener, transport }
    }

    /// Sends a request; the answer comes when the server gives it.
    fn send(&self, request: Request<Body>) -> JoinHandle<Result<Response<Body>, TransportError>> {
        let transport = self.transport.clone();
        tokio::spawn(async move { transport.send(request).await })
    }

    fn get(&self) -> JoinHandle<Result<Response<Body>, TransportError>> {
        self.send(Request::get("/a?b").header("x-c", "d").body(Body::Empty).expect("a request"))
    }

    /// The server's end of the next new connection.
    async fn accept(&self) -> Served {
        Served(self.listener.accept().await.expect("a connection").0)
    }

    /// One answer, whole, on a new connection, whose server's end comes back.
    async fn answered(&self, raw: &str) -> Served {
        let asked = self.get();
        let mut served = self.accept().await;
        served.hears_head().await;
        served.says(raw).await;
        read(asked.await.expect("no panic").expect("an answer")).await.expect("whole");
        served
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Served<S> {
    async fn hears_head(&mut self) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(b"\r\n\r\n") {
            heard.push(self.0.read_u8().await.expect("a head"));
        }
        String::from_utf8(heard).expect("text")
    }

    async fn hears(&mut self, length: usize) -> Vec<u8> {
        let mut heard = vec![0; length];
        self.0.read_exact(&mut heard).await.expect("so much");
        heard
    }

    async fn says(&mut self, raw: impl AsRef<[u8]>) {
        self.0.write_all(raw.as_ref()).await.expect("the client reads");
        self.0.flush().await.expect("the client reads");
    }

    /// The client has closed its end; how much it said before.
    async fn ends(&mut self) -> usize {
        let mut rest = Vec::new();
        let _reset_or_end = self.0.read_to_end(&mut rest).await;
        rest.len()
    }
}

/// Until the socket has heard what its other end did.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

async fn read(response: Response<Body>) -> Result<(StatusCode, String), crate::body::BodyError> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[tokio::test]
async fn a_request_goes_out_and_its_answer_comes_back() {
    let line = Line::start().await;
    let asked = line.get();
    let mut served = line.accept().await;
    let host = line.listener.local_addr().unwrap();
    assert_eq!(served.hears_head().await, format!("GET /a?b HTTP/1.1\r\nhost: {host}\r\nx-c: d\r\n\r\n"));
    served
        .says("HTTP/1.1 477 Migration in Progress\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    let response = asked.await.unwrap().unwrap();
    assert_eq!(response.extensions().get(), Some(&Reason(Bytes::from_static(b"Migration in Progress"))));
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert!(matches!(response.body(), Body::Whole(_)), "it was all there");
    assert_eq!(read(response).await.unwrap(), (StatusCode::from_u16(477).unwrap(), "abc".to_owned()));
}

/// An answer in pieces, as the network cuts them; each is sent when the one before has been read.
#[tokio::test]
async fn an_answer_may_come_in_pieces() {
    let line = Line::start().await;
    let asked = line.get();
    let mut served = line.accept().await;
    served.hears_head().await;
    for piece in [
        "HTTP/1.1 103 Early",
        " Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enc",
        "oding: chunked\r\n\r\n3\r\nab",
    ] {
        served.says(piece).await;
        tokio::task::yield_now().await;
    }
    let response = asked.await.unwrap().unwrap();
    assert!(matches!(response.body(), Body::Streamed(_)));
    served.says("c\r\n").await;
    served.says("2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n").await;
    assert_eq!(read(response).await.unwrap().1, "abcde");
    // The connection goes on.
    let asked = line.get();
    served.hears_head().await;
    served.says(OK).await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
}

/// What the server said and did, and what the request came to. `Ok` with a body that breaks is what a cut answer is.
#[tokio::test]
async fn faults_are_told_apart() {
    for (raw, expected) in [
        ("", Err(TransportFault::Reset)),
        ("HTTP/1.1 200 OK\r\nContent-", Err(TransportFault::Reset)),
        ("HTTP/1.1 100 Continue\r\n\r\n", Err(TransportFault::Reset)),
        ("SSH-2.0-OpenSSH_9.9\r\n", Err(TransportFault::Malformed)),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Err(TransportFault::Malformed)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", Ok(false)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", Ok(false)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", Ok(false)),
        ("HTTP/1.1 200 OK\r\n\r\nto the end", Ok(true)),
    ] {
        let line = Line::start().await;
        let asked = line.get();
        let mut served = line.accept().await;
        served.hears_head().await;
        served.says(raw).await;
        drop(served);
        let found = match asked.await.unwrap() {
            Ok(response) => Ok(read(response).await.is_ok()),
            Err(error) => Err(error.fault),
        };
        assert_eq!(found, expected, "{raw}");
    }
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let line = Line::start().await;
    let Line { listener, transport } = line;
    drop(listener);
    let error = transport.send(Request::new(Body::Empty)).await.map(|_| ()).unwrap_err();
    assert_eq!((error.fault, error.may_have_been_sent()), (TransportFault::Connect, false));
}

#[tokio::test]
async fn a_name_that_is_none_is_told() {
    let tls = tls::client_config(Vec::new()).unwrap();
    let url = "http://nobody.invalid".parse().unwrap();
    let transport = HttpTransport::new(&url, tls, TransportSettings::default()).unwrap();
    let error = transport.send(Request::new(Body::Empty)).await.map(|_| ()).unwrap_err();
    assert_eq!((error.fault, error.may_have_been_sent()), (TransportFault::Dns, false));
}

#[test]
fn an_upstream_has_a_scheme_and_a_host() {
    let upstream = |url: &str| {
        let tls = tls::client_config(Vec::new()).unwrap();
        HttpTransport::new(&url.parse().unwrap(), tls, TransportSettings::default()).is_ok()
    };
    for good in ["http://a", "https://api.hubapi.com", "https://127.0.0.1:1", "https://[::1]:1/x"] {
        assert!(upstream(good), "{good}");
    }
    for bad in ["/a", "ftp://a", "api.hubapi.com:443", "https://a..b"] {
        assert!(!upstream(bad), "{bad}");
    }
}
