//! Which connections are kept, and what becomes of them.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_connection_is_used_again_and_again() {
    let line = Line::start().await;
    let mut served = line.answered(OK).await;
    for raw in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        OK,
    ] {
        let asked = line.get();
        served.hears_head().await;
        served.says(raw).await;
        read(asked.await.unwrap().unwrap()).await.unwrap();
    }
}

/// The answer to a HEAD has the length of what a GET would have brought, and no body.
#[tokio::test]
async fn after_a_head_the_connection_goes_on() {
    let line = Line::start().await;
    let mut served = line.answered(OK).await;
    let asked = line.send(Request::head("/").body(Body::Empty).unwrap());
    served.hears_head().await;
    served.says("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "");
    let asked = line.get();
    served.hears_head().await;
    served.says(OK).await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
}

/// What the server ends, and what it says more than it was asked, is not used again: the next request takes a new one.
#[tokio::test]
async fn a_connection_whose_end_shows_is_not_used_again() {
    for raw in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let line = Line::start().await;
        let mut first = line.answered(raw).await;
        assert_eq!(first.ends().await, 0, "nothing more was sent: {raw}");
        line.answered(OK).await;
    }
}

/// Closed while idle, or with a farewell that nobody asked for: nothing was sent, so another connection takes the request,
/// whatever it is.
#[tokio::test]
async fn a_request_is_not_sent_on_a_connection_that_has_been_closed() {
    for farewell in ["", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"] {
        let line = Line::start().await;
        let mut first = line.answered(OK).await;
        first.says(farewell).await;
        if farewell.is_empty() {
            drop(first);
        }
        settle().await;
        let asked = line.send(Request::post("/").body(Body::from(Bytes::from_static(b"{}"))).unwrap());
        let mut second = line.accept().await;
        second.hears_head().await;
        second.says(OK).await;
        assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
    }
}

/// A server that only takes connections to close them gets one of them for each request, not one after another.
#[tokio::test]
async fn a_new_connection_that_breaks_is_not_replaced() {
    let line = Line::start().await;
    let asked = line.get();
    drop(line.accept().await);
    let error = asked.await.unwrap().map(|_| ()).unwrap_err();
    assert!(matches!(error.fault, TransportFault::Connect | TransportFault::Reset), "{error}");
}

/// It broke when it was used again: at once after the last answer, after a while, and with an answer begun.
#[tokio::test]
async fn what_breaks_after_a_pause_had_most_likely_been_closed() {
    for (pause, said, expected) in [
        (Duration::from_millis(200), "", TransportFault::Reset),
        (Duration::from_millis(1_100), "", TransportFault::ResetAfterIdle),
        (Duration::from_millis(1_100), "HTTP/1.1 100 Continue\r\n\r\n", TransportFault::Reset),
        (Duration::from_millis(1_100), "HTTP/1.1 20", TransportFault::Reset),
    ] {
        let line = Line::start().await;
        let mut served = line.answered(OK).await;
        tokio::time::pause();
        tokio::time::advance(pause).await;
        tokio::time::resume();
        let asked = line.get();
        served.hears_head().await;
        served.says(said).await;
        drop(served);
        let error = asked.await.unwrap().map(|_| ()).unwrap_err();
        assert_eq!((error.fault, error.may_have_been_sent()), (expected, true), "{pause:?} {said}");
    }
}

#[tokio::test]
async fn connections_that_grow_old_are_closed() {
    let idle_timeout = Duration::from_secs(20);
    let line = Line::with(TransportSettings { idle_timeout, ..TransportSettings::default() }).await;
    let mut served = line.answered(OK).await;
    tokio::time::pause();
    tokio::time::advance(idle_timeout).await;
    assert_eq!(served.ends().await, 0);
    tokio::time::resume();
    // And again, once there is one to look after again.
    let mut served = line.answered(OK).await;
    tokio::time::pause();
    tokio::time::advance(idle_timeout).await;
    assert_eq!(served.ends().await, 0);
}

#[tokio::test]
async fn no_more_are_kept_than_may_be() {
    let line =
        Line::with(TransportSettings { idle_connections_max: 1, ..TransportSettings::default() }).await;
    let (one, other) = (line.get(), line.get());
    let (mut first, mut second) = (line.accept().await, line.accept().await);
    for served in [&mut first, &mut second] {
        served.hears_head().await;
        served.says(OK).await;
    }
    for asked in [one, other] {
        read(asked.await.unwrap().unwrap()).await.unwrap();
    }
    // One of them was closed.
    tokio::select! {
        ended = first.ends() => assert_eq!(ended, 0),
        ended = second.ends() => assert_eq!(ended, 0),
    }
}

/// Who asked is gone: what is left of the answer is nobody's, and neither is the connection.
#[tokio::test]
async fn a_call_that_is_given_up_ends_its_connection() {
    let line = Line::start().await;
    let asked = line.get();
    let mut served = line.accept().await;
    served.hears_head().await;
    asked.abort();
    assert_eq!(served.ends().await, 0);
    let asked = line.get();
    let mut served = line.accept().await;
    served.hears_head().await;
    served.says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na").await;
    drop(asked.await.unwrap().unwrap());
    assert_eq!(served.ends().await, 0);
}
