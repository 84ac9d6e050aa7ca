//! Two requests in one: whatever a server before us or behind us makes of it, HubSpot hears one or none.

use std::sync::Arc;

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{Conversation, Heard, Start, Upstream, ask};

mod behind;
mod shapes;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Behind each shape, so that a connection that is still good comes to its end.
const FAREWELL: &str = "\r\nGET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// How a sender tells that there is no more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Farewell,
    HalfClose,
}

/// Sends each on a connection of its own, and reads until the server ends it.
async fn send_all(url: &str, ending: Ending) -> usize {
    let shapes = shapes::shapes();
    for (_, raw) in &shapes {
        let mut conversation = Conversation::open(url).await;
        match ending {
            Ending::Farewell => conversation.say([raw, FAREWELL.as_bytes()].concat()).await,
            Ending::HalfClose => {
                conversation.say(raw).await;
                let _ended = conversation.stream.shutdown().await;
            }
        }
        conversation.rest().await;
    }
    shapes.len()
}

/// The names of the shapes whose hidden request was heard.
fn smuggled(heard: &[Heard]) -> Vec<String> {
    smuggled_in(heard.iter().map(Heard::request_line))
}

fn smuggled_in<'a>(request_lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let shapes = shapes::shapes();
    let numbers = request_lines.filter_map(|line| {
        let (_, number) = line.split_once("/smuggled-")?;
        number.get(..3)?.parse::<usize>().ok()
    });
    numbers.map(|number| shapes[number].0.clone()).collect()
}

/// Some of these end in a whole request behind one that was refused or without a body: it may be read by nobody.
#[tokio::test]
async fn no_second_request_is_executed() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::up(&upstream.url).ready().await;
    let sent = send_all(up.url(), Ending::Farewell).await;
    assert!(sent >= 200, "{sent}");
    assert_eq!(smuggled(&upstream.heard()), Vec::<String>::new());
    // It goes on for everybody else.
    assert_eq!(ask(up.url(), "GET", "/x", &[], "").await.text(), "ok");
    up.stop().await;
}

/// The control: with a mere relay in the gateway's place, a server that reads one of the ways is smuggled to.
#[tokio::test]
async fn through_a_relay_it_would_be() {
    let upstream = Arc::new(Upstream::saying(OK).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let behind = upstream.url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut front, _)) = listener.accept().await {
            let behind = behind.clone();
            tokio::spawn(async move {
                let mut back = TcpStream::connect(behind).await.unwrap();
                let _closed = copy_bidirectional(&mut front, &mut back).await;
            });
        }
    });
    send_all(&url, Ending::HalfClose).await;
    assert!(smuggled(&upstream.heard()).len() >= 10, "{:?}", upstream.heard());
}
