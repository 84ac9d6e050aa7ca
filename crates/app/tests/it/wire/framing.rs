//! A request that could be read in two ways reaches nobody: 400 in HubSpot's shape, and the connection ends. What came
//! before it on the connection is answered as ever.

use rstest::rstest;

use crate::house::{Conversation, Start, Upstream, ask};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const GOOD: &str = "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
const AMBIGUOUS: &str = "HUBKEEPER_AMBIGUOUS_REQUEST";

/// Sends `raw` alone, behind a good request in one write, and behind one that was answered.
async fn refused(raw: &str, status: u16, category: &str) {
    let upstream = Upstream::saying(OK).await;
    let up = Start::up(&upstream.url).ready().await;

    let mut alone = Conversation::open(up.url()).await;
    alone.say(raw).await;
    let answer = alone.answer().await;
    answer.refusal(status, category);
    assert_eq!(answer.header("connection"), Some("close"));
    alone.ends().await;

    let mut behind = Conversation::open(up.url()).await;
    behind.say(format!("{GOOD}{raw}")).await;
    assert_eq!(behind.answer().await.text(), "ok", "the request before it is answered");
    behind.answer().await.refusal(status, category);
    behind.ends().await;

    let mut later = Conversation::open(up.url()).await;
    later.say(GOOD).await;
    assert_eq!(later.answer().await.text(), "ok");
    // Cut in the middle, as a network does.
    let (first, second) = raw.as_bytes().split_at(raw.len() / 2);
    later.say(first).await;
    later.stream.writable().await.unwrap();
    later.say(second).await;
    later.answer().await.refusal(status, category);
    later.ends().await;
    drop((alone, behind, later));

    let heard = upstream.heard();
    assert_eq!(heard.len(), 2, "only the good ones reach HubSpot: {heard:#?}");
    assert!(heard.iter().all(|heard| heard.request_line() == "POST /good HTTP/1.1"));
    up.stop().await;
}

#[rstest]
#[case::length_then_encoding(
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
)]
#[case::encoding_then_length(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"
)]
#[case::two_lengths("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")]
#[case::negative_length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n")]
#[case::huge_length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n")]
#[case::greatest_length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n")]
#[case::empty_lines("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")]
#[case::space_after_the_version("GET / HTTP/1.1 \r\nHost: a\r\n\r\n")]
#[case::cr_after_a_value("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n")]
#[case::form_feed_before_a_value("GET / HTTP/1.1\r\nHost: a\r\nX: \x0ca\r\n\r\n")]
#[case::two_hosts("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")]
#[case::host_that_is_none("GET / HTTP/1.1\r\nHost: a\",\"b\r\n\r\n")]
#[case::host_with_a_path("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n")]
#[case::no_host("GET / HTTP/1.1\r\nAccept: */*\r\n\r\n")]
#[case::bare_line_feeds("GET / HTTP/1.1\nHost: a\n\n")]
#[case::one_bare_line_feed("GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\n\r\n")]
#[case::folded_header("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n")]
#[case::space_before_the_colon("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n")]
#[case::space_before_the_name("POST / HTTP/1.1\r\n Content-Length: 2\r\nHost: a\r\n\r\n")]
#[case::other_encoding("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
#[case::disguised_encoding("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, x\r\n\r\n")]
#[case::bare_cr_in_value("GET / HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n")]
#[case::nul_in_value("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n")]
#[case::no_version("GET /\r\nHost: a\r\n\r\n")]
#[case::http_0_9("GET /\r\n\r\n")]
#[case::http_2("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
#[case::rubbish("\x01\x02\x03 hello \r\n\r\n")]
#[tokio::test]
async fn what_can_be_read_two_ways_is_refused(#[case] raw: &str) {
    refused(raw, 400, AMBIGUOUS).await;
}

#[rstest]
#[case::another_scheme("GET ftp://evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n")]
#[case::tunnel("CONNECT api.hubapi.com:443 HTTP/1.1\r\nHost: a\r\n\r\n")]
#[case::star("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")]
#[tokio::test]
async fn a_target_that_is_no_path_is_refused(#[case] raw: &str) {
    refused(raw, 400, "HUBKEEPER_BAD_REQUEST").await;
}

#[tokio::test]
async fn heads_have_a_size() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(70_000));
    refused(&long, 431, "HUBKEEPER_HEAD_TOO_LARGE").await;
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(70_000));
    refused(&target, 431, "HUBKEEPER_HEAD_TOO_LARGE").await;
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
    refused(&many, 431, "HUBKEEPER_HEAD_TOO_LARGE").await;
}

#[rstest]
#[case::not_hex("xyz\r\nabc\r\n0\r\n\r\n")]
#[case::prefixed("0x3\r\nabc\r\n0\r\n\r\n")]
#[case::bare_line_feed("3\nabc\n0\n\n")]
#[case::too_long("2\r\nabc\r\n0\r\n\r\n")]
#[case::too_short("4\r\nabc\r\n0\r\n\r\n")]
#[case::overflow("fffffffffffffffff\r\nabc\r\n0\r\n\r\n")]
#[case::bad_second("3\r\nabc\r\nZ\r\n\r\n")]
#[tokio::test]
async fn bad_chunks_are_refused(#[case] chunks: &str) {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    refused(&format!("{head}{chunks}"), 400, "HUBKEEPER_BODY_UNREADABLE").await;
}

/// What a smuggler would have liked to come second never becomes a request.
#[tokio::test]
async fn nothing_behind_a_refused_request_is_read() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    conversation
        .say(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ))
        .await;
    conversation.answer().await.refusal(400, AMBIGUOUS);
    conversation.ends().await;
    drop(conversation);
    assert_eq!(upstream.heard().len(), 0);
    // The gateway goes on for everybody else.
    assert_eq!(ask(up.url(), "GET", "/x", &[], "").await.text(), "ok");
    up.stop().await;
}
