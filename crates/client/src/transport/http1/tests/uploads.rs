//! Bodies on their way out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::Frame;
use tokio::sync::mpsc;

use super::*;
use crate::body::BodyError;

/// A body that comes as its other end gives it.
struct Given(mpsc::UnboundedReceiver<Result<Bytes, BodyError>>);

impl http_body::Body for Given {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

fn given() -> (mpsc::UnboundedSender<Result<Bytes, BodyError>>, Body) {
    let (giving, taking) = mpsc::unbounded_channel();
    (giving, Body::boxed(Given(taking)))
}

fn post(body: Body) -> Request<Body> {
    Request::post("/").body(body).unwrap()
}

#[tokio::test]
async fn a_whole_body_goes_with_its_length_whatever_its_size() {
    for length in [1, 100, 32_000, 33_000, 3_000_000] {
        let line = Line::start().await;
        let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let asked = line.send(post(Body::from(Bytes::from(body.clone()))));
        let mut served = line.accept().await;
        let head = served.hears_head().await;
        assert!(head.contains(&format!("\r\ncontent-length: {length}\r\n")), "{head}");
        assert!(served.hears(length).await == body, "the body changed");
        served.says(OK).await;
        assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
    }
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_goes_in_chunks() {
    let line = Line::start().await;
    let (giving, body) = given();
    let asked = line.send(post(body));
    let mut served = line.accept().await;
    let head = served.hears_head().await;
    assert!(head.ends_with("\r\ntransfer-encoding: chunked\r\n\r\n"), "{head}");
    giving.send(Ok(Bytes::from_static(b"hello"))).unwrap();
    assert_eq!(served.hears(8).await, b"5\r\nhello");
    giving.send(Ok(Bytes::new())).unwrap();
    giving.send(Ok(Bytes::from(vec![b'x'; 100_000]))).unwrap();
    assert_eq!(served.hears(9).await, b"\r\n186a0\r\n");
    assert_eq!(served.hears(100_000).await, vec![b'x'; 100_000]);
    drop(giving);
    assert_eq!(served.hears(7).await, b"\r\n0\r\n\r\n");
    served.says(OK).await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
}

/// The server never gets a body that looks whole and is not.
#[tokio::test]
async fn a_body_that_breaks_off_breaks_the_request() {
    for told in [None, Some("10")] {
        for end in [Some("it broke"), None] {
            let line = Line::start().await;
            let (giving, body) = given();
            let mut request = post(body);
            if let Some(length) = told {
                request.headers_mut().insert("content-length", length.parse().unwrap());
            } else if end.is_none() {
                continue; // in chunks, that is its end
            }
            let asked = line.send(request);
            let mut served = line.accept().await;
            served.hears_head().await;
            giving.send(Ok(Bytes::from_static(b"hello"))).unwrap();
            served.hears(5).await;
            if let Some(error) = end {
                giving.send(Err(error.into())).unwrap();
            }
            drop(giving);
            let error = asked.await.unwrap().map(|_| ()).unwrap_err();
            assert_eq!((error.fault, error.may_have_been_sent()), (TransportFault::RequestBody, true));
            served.ends().await;
        }
    }
}

#[tokio::test]
async fn a_body_that_is_longer_than_was_told_breaks_the_request() {
    let line = Line::start().await;
    let (giving, body) = given();
    let mut request = post(body);
    request.headers_mut().insert("content-length", "4".parse().unwrap());
    giving.send(Ok(Bytes::from_static(b"hello"))).unwrap();
    let error = line.send(request).await.unwrap().map(|_| ()).unwrap_err();
    assert_eq!(error.fault, TransportFault::RequestBody);
}

/// An answer may come while we still send. Then the server reads on or not; what it says is passed on, and the connection
/// is used again only if all of the request went out.
#[tokio::test]
async fn an_answer_before_the_end_of_the_request_counts() {
    let line = Line::start().await;
    let (giving, body) = given();
    let asked = line.send(post(body));
    let mut served = line.accept().await;
    served.hears_head().await;
    served.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
    let response = asked.await.unwrap().unwrap();
    assert_eq!(read(response).await.unwrap().1, "big");
    assert!(giving.send(Ok(Bytes::new())).is_err(), "nobody reads the rest of the request");
    served.ends().await;
}

/// Both ways at once: the rest of the request goes out while the answer is read.
#[tokio::test]
async fn a_request_goes_on_while_its_answer_comes() {
    let line = Line::start().await;
    let (giving, body) = given();
    let asked = line.send(post(body));
    let mut served = line.accept().await;
    served.hears_head().await;
    served.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let response = asked.await.unwrap().unwrap();
    let reading = tokio::spawn(read(response));
    for piece in [&b"one"[..], b"two"] {
        giving.send(Ok(Bytes::from_static(piece))).unwrap();
        let mut heard: VecDeque<u8> = VecDeque::new();
        while !heard.iter().copied().collect::<Vec<_>>().ends_with(piece) {
            heard.extend(served.hears(1).await);
        }
        served.says([b"3\r\n", piece, b"\r\n"].concat()).await;
    }
    drop(giving);
    assert_eq!(served.hears(7).await, b"\r\n0\r\n\r\n");
    served.says("0\r\n\r\n").await;
    assert_eq!(reading.await.unwrap().unwrap().1, "onetwo");
    // All went out, all came in: the connection goes on.
    let asked = line.get();
    served.hears_head().await;
    served.says(OK).await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
}

/// A server that refuses an upload and closes at once, with most of it unsent: its answer is worth more than the reset.
#[tokio::test]
async fn an_answer_that_came_before_the_connection_broke_counts() {
    let line = Line::start().await;
    let asked = line.send(post(Body::from(Bytes::from(vec![b'x'; 20_000_000]))));
    let mut served = line.accept().await;
    served.hears_head().await;
    served.says("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n").await;
    let response = asked.await.unwrap().unwrap();
    assert_eq!(response.status(), 401);
}
