//! Large, slow and broken request bodies; large answers. Nothing is held that need not be.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::house::{Act, Conversation, Program, Start, Upstream, ask, json_answer};

const MIB: usize = 1024 * 1024;

/// What a large message may add to the gateway's memory at its peak: buffers, not bodies.
const GROWTH_KIB_MAX: u64 = 12 * 1024;

/// The peak of the program's memory since, over what it was before.
struct Growth {
    before_kib: u64,
}

impl Growth {
    fn since_now(up: &Program) -> Self {
        // The peak so far is what the next peak is held against.
        Self { before_kib: up.memory_kib("VmHWM") }
    }

    fn is_small(&self, up: &Program) {
        let grown = up.memory_kib("VmHWM").saturating_sub(self.before_kib);
        assert!(grown < GROWTH_KIB_MAX, "memory grew by {grown} KiB");
    }
}

#[tokio::test]
async fn a_large_download_flows_at_the_reader_s_pace() {
    let size = 64 * MIB;
    let held_back = Arc::new(Notify::new());
    let pour = held_back.clone();
    let upstream = Upstream::start(move |_| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        vec![Act::Say(head.into_bytes()), Act::Pour(size, pour.clone())]
    })
    .await;
    let up = Start::bare_up(&upstream.url).ready().await;
    ask(up.url(), "HEAD", "/warm", &[], "").await;
    let growth = Growth::since_now(&up);
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("GET /files/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // Nobody reads yet: a gateway that buffered would take it all now.
    held_back.notified().await;
    let answer = conversation.answer().await;
    assert_eq!(answer.body.len(), size);
    assert!(answer.body.iter().enumerate().all(|(at, byte)| *byte == at as u8), "bytes changed on the way");
    growth.is_small(&up);
    drop(conversation);
    up.stop().await;
}

#[tokio::test]
async fn a_large_upload_flows() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    ask(up.url(), "GET", "/warm", &[], "").await;
    let body: Vec<u8> = (0..20 * MIB).map(|at| (at % 251) as u8).collect();
    let growth = Growth::since_now(&up);
    let mut conversation = Conversation::open(up.url()).await;
    conversation
        .say(format!("POST /files/x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()))
        .await;
    conversation.say(&body).await;
    assert_eq!(conversation.answer().await.status, 200);
    conversation.say("POST /files/y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for piece in body.chunks(MIB) {
        conversation.say([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).await;
    }
    conversation.say("0\r\n\r\n").await;
    assert_eq!(conversation.answer().await.status, 200);
    growth.is_small(&up);
    let heard = upstream.heard();
    assert!(heard[1].body == body && heard[2].body == body, "bytes changed on the way");
    drop(conversation);
    up.stop().await;
}

/// The whole body is written before the answer is read, as many clients do: more of it than lies between two sockets.
#[tokio::test]
async fn a_body_over_the_limit_is_refused_readably() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("body_bytes_max", "1000000").ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    let size = 16 * MIB;
    conversation.say(format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")).await;
    let piece = vec![b'x'; MIB];
    for _ in 0..size / MIB {
        conversation.say(&piece).await;
    }
    let answer = conversation.answer().await;
    let message = answer.refusal(413, "HUBKEEPER_BODY_TOO_LARGE");
    assert!(message.contains("gateway.body_bytes_max"), "{message}");
    assert_eq!(answer.header("connection"), Some("close"));
    conversation.ends().await;
    drop(conversation);
    assert_eq!(upstream.heard().len(), 0);
    up.stop().await;
}

/// Its length is not told beforehand, so part of it is under way to HubSpot when it turns out too long.
#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_too() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("body_bytes_max", "1000000").ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let piece = vec![b'x'; 100_000];
    for _ in 0..12 {
        conversation.say([b"186a0\r\n", &piece[..], b"\r\n"].concat()).await;
    }
    conversation.say("0\r\n\r\n").await;
    conversation.answer().await.refusal(413, "HUBKEEPER_BODY_TOO_LARGE");
    assert_eq!(upstream.heard().len(), 0, "HubSpot never saw the end of it");
    drop(conversation);
    up.stop().await;
}

/// A small limit binds as a large one does, and a body that just fits is passed on.
#[tokio::test]
async fn a_small_chunked_body_over_a_small_limit_is_refused_too() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("body_bytes_max", "1000").ready().await;
    for (pieces, status) in [(9, 200), (10, 200), (11, 413), (50, 413)] {
        let mut conversation = Conversation::open(up.url()).await;
        let chunks = format!("64\r\n{}\r\n", "x".repeat(100)).repeat(pieces);
        conversation
            .say(format!(
                "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
            ))
            .await;
        assert_eq!(conversation.answer().await.status, status, "{pieces} pieces");
    }
    assert_eq!(upstream.heard().len(), 2, "HubSpot saw nothing of the others");
    up.stop().await;
}

/// A caller that breaks off is no fault of HubSpot's: nothing is sent whole, and nobody is blamed.
#[tokio::test]
async fn a_body_that_breaks_off_is_not_held_against_hubspot() {
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).ready().await;
    for size in [1_000, 1_000_000] {
        for _ in 0..6 {
            let mut conversation = Conversation::open(up.url()).await;
            conversation.say(format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n")).await;
            conversation.say(&vec![b'x'; size / 2]).await;
            drop(conversation);
        }
    }
    // The breaker would have opened after so many failures of HubSpot's.
    assert_eq!(ask(up.url(), "POST", "/x", &[], "{}").await.status, 200);
    assert_eq!(upstream.heard().len(), 1);
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.json();
    let blamed =
        traffic["groups"].as_array().unwrap().iter().flat_map(|g| g["transport"].as_array().unwrap());
    assert_eq!(blamed.count(), 0, "{traffic:#}");
    up.stop().await;
}
