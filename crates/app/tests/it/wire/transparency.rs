//! L8: with every feature off, what goes in comes out, and what comes back goes back: method, target, headers, bytes.

use crate::house::{Act, Conversation, Start, Upstream, ask, json_answer};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Every octet there is, and framing characters on top.
fn binary() -> Vec<u8> {
    (0..=255).chain(*b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n").cycle().take(5_000).collect()
}

#[tokio::test]
async fn methods_and_targets_arrive_as_they_were_written() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let lines = [
        "GET /",
        "GET /crm/v3/objects/contacts/9007199254740993",
        "GET /crm/v3/objects/contacts/jane%40example.com?idProperty=email",
        "GET /x?a=%20b+c&d=%C3%BC&e=%2F&f[]=1&g={h}&i=a|b&empty=&flag&j=a=b&k=^`~",
        "GET /é?é=ü",
        "GET //double//slash/./../%2e%2e/%2F/%",
        "GET /x?",
        "GET /x??&&==",
        "GET /;a=b,c:d@e!f$g'h(i)*",
        "POST /crm/v3/objects/contacts",
        "PUT /x",
        "PATCH /x",
        "DELETE /x",
        "OPTIONS /x",
        "QUERY /x",
        "get /x",
    ];
    let mut conversation = Conversation::open(up.url()).await;
    for line in lines {
        conversation.say(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(conversation.answer().await.text(), "ok", "{line}");
    }
    let long = format!("GET /x?q={}", "a".repeat(8_000));
    conversation.say(format!("{long} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    conversation.answer().await;
    let heard: Vec<_> = upstream.heard().iter().map(|heard| heard.request_line().to_owned()).collect();
    let expected = lines.iter().copied().chain([&*long]).map(|line| format!("{line} HTTP/1.1"));
    assert_eq!(heard, expected.collect::<Vec<_>>());
    up.stop().await;
}

/// A 204 has no length (RFC 9110 §8.6): Java's client takes none of one that names it.
#[tokio::test]
async fn an_answer_without_content_names_no_length() {
    let upstream = Upstream::saying("HTTP/1.1 204 No Content\r\nContent-Length: 10\r\nX-A: b\r\n\r\n").await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    for _ in 0..2 {
        let answer = conversation.ask("DELETE", "/x", &[], "").await;
        assert_eq!(
            (answer.status, answer.header("content-length"), answer.header("x-a")),
            (204, None, Some("b"))
        );
    }
    up.stop().await;
}

/// As clients write it that take us for their proxy. Whom the URL names counts, and not `Host` (RFC 9112 §3.2.2): links
/// lead there, and HubSpot hears of neither.
#[tokio::test]
async fn a_whole_url_as_target_is_its_path() {
    let upstream = Upstream::start(|_| {
        let link = r#"{"paging":{"next":{"link":"https://api.hubapi.com/next"}}}"#;
        vec![json_answer("200 OK", link)]
    });
    let upstream = upstream.await;
    let up = Start::up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    for (url, path, link) in [
        (
            "http://gateway:8400/crm/v3/objects/contacts?a=b",
            "/crm/v3/objects/contacts?a=b",
            "http://gateway:8400/next",
        ),
        ("HTTPS://gateway/crm/v3/objects/contacts", "/crm/v3/objects/contacts", "http://gateway/next"),
        ("http://gateway/crm/v3/objects/contacts", "/crm/v3/objects/contacts", "http://gateway/next"),
    ] {
        conversation.say(format!("GET {url} HTTP/1.1\r\nHost: elsewhere\r\n\r\n")).await;
        assert_eq!(conversation.answer().await.json()["paging"]["next"]["link"], link, "{url}");
        let heard = upstream.heard().pop().unwrap();
        assert_eq!(heard.request_line(), format!("GET {path} HTTP/1.1"));
        assert_eq!(Some(heard.header("host").unwrap()), upstream.url.strip_prefix("http://"));
    }
    up.stop().await;
}

#[tokio::test]
async fn headers_arrive_untouched_and_none_is_added() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let end_to_end = [
        "accept: */*",
        "accept: text/html;q=0.1",
        "accept-encoding: gzip, br",
        "authorization: Bearer pat-na1-0",
        "cookie: a=1; b=2",
        "forwarded: for=1.2.3.4",
        "user-agent: hubspot-api-client-nodejs; 13.0.0",
        "via: 1.1 proxy",
        "x-empty:",
        "x-forwarded-for: 1.2.3.4, 5.6.7.8",
        "x-odd!#$%&'*+-.^_`|~9: \"quoted, \\\" text\"; a=b",
        "x-repeated: 1",
        "x-repeated: 1",
        "x-repeated: 2",
        "x-utf8: grün",
    ];
    let long = format!("x-long: {}", "y".repeat(20_000));
    let hop_by_hop = [
        "Connection: keep-alive, X-Named",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: trailers",
        "Upgrade: h2c",
        "X-Named: only for you",
        "Proxy-Authorization: Basic eDp5",
        "X-Hubkeeper-Lane: bulk",
        "X-Hubkeeper-Caller: import",
        "X-Hubkeeper-Deadline-Ms: 30000",
    ];
    let lines: Vec<&str> = hop_by_hop.iter().chain(&end_to_end).copied().chain([&*long]).collect();
    ask(up.url(), "PATCH", "/crm/v3/objects/contacts/1", &lines, "").await;
    let host = format!("host: {}", upstream.url.trim_start_matches("http://"));
    let mut expected: Vec<String> = end_to_end.iter().map(|line| (*line).to_owned()).collect();
    expected.extend([host, long]);
    let mut heard = upstream.only().headers();
    for line in &mut heard {
        *line = line.trim_end().to_owned();
    }
    expected.sort();
    assert!(
        heard == expected,
        "{:#?}",
        heard.iter().filter(|line| !expected.contains(line)).collect::<Vec<_>>()
    );
    up.stop().await;
}

#[tokio::test]
async fn bodies_arrive_byte_for_byte_whatever_their_framing() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let ids = br#"{"id":9007199254740993,"n":18446744073709551615,"f":1.10,"e":1E400}"#.to_vec();
    let large: Vec<u8> = binary().into_iter().cycle().take(700_000).collect();
    for body in [binary(), ids, b"x".to_vec(), large] {
        let mut conversation = Conversation::open(up.url()).await;
        let count = upstream.heard().len();
        conversation
            .say(format!("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()))
            .await;
        conversation.say(&body).await;
        conversation.answer().await;
        let heard = &upstream.heard()[count];
        assert_eq!(heard.header("content-length"), Some(&*body.len().to_string()));
        assert!(heard.body == body, "a body with a length changed");

        conversation.say("PATCH /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        for piece in body.chunks(1_000) {
            conversation
                .say([format!("{:X};ext=1\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
                .await;
        }
        conversation.say("0\r\nX-Trailer: 1\r\n\r\n").await;
        conversation.answer().await;
        assert!(upstream.heard()[count + 1].body == body, "a body in chunks changed");
    }
    up.stop().await;
}

#[tokio::test]
async fn an_empty_body_stays_one() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    conversation.answer().await;
    conversation.say("POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    conversation.answer().await;
    conversation.say("GET /c HTTP/1.1\r\nHost: a\r\n\r\n").await;
    conversation.answer().await;
    let heard = upstream.heard();
    assert!(heard.iter().all(|heard| heard.body.is_empty()));
    assert_eq!(heard[0].header("content-length"), Some("0"));
    assert_eq!(heard[2].header("content-length"), None);
    assert_eq!(heard[2].header("transfer-encoding"), None);
    up.stop().await;
}

/// Status, headers and body of one answer of HubSpot's, as bytes.
async fn passes(raw: &[u8], method: &str) {
    let shown = String::from_utf8_lossy(&raw[..raw.len().min(120)]).into_owned();
    let upstream = Upstream::start({
        let raw = raw.to_vec();
        move |_| vec![Act::Say(raw.clone()), Act::Close]
    })
    .await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut direct = Conversation::open(&upstream.url).await;
    let expected = direct.ask(method, "/x", &[], "").await;
    let got = ask(up.url(), method, "/x", &[], "").await;
    assert_eq!(got.status, expected.status, "{shown}");
    assert_eq!(got.end_to_end(), expected.end_to_end(), "{shown}");
    assert!(got.body == expected.body, "the body changed: {shown}");
    if expected.header("content-length").is_some() {
        assert_eq!(got.header("content-length"), expected.header("content-length"), "{shown}");
    }
    up.stop().await;
}

#[tokio::test]
async fn answers_come_back_as_they_were_given() {
    let gzip =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00";
    let plain = |head: &str, body: &[u8]| {
        [format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
    };
    for raw in [
        plain("200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip", gzip),
        plain("200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-HubSpot-RateLimit-Max: 190\r\nX-E:", b"{}"),
        plain("200 OK\r\nContent-Type: application/json", br#"{"id":9007199254740993, "f" : 1.10}"#),
        plain("201 Created\r\nLocation: https://elsewhere.example/x\r\nETag: W/\"1\"", &binary()),
        plain("207 Multi-Status", br#"{"numErrors":1}"#),
        plain("299 Odd", b"?"),
        plain("301 Moved Permanently\r\nLocation: /relative", b""),
        plain("400 Bad Request", b"no JSON"),
        plain("401 Unauthorized\r\nWWW-Authenticate: Bearer", br#"{"category":"INVALID_AUTHENTICATION"}"#),
        plain("414 URI Too Long\r\nContent-Type: text/html", b"<html>"),
        plain("503 Service Unavailable\r\nServer: cloudflare\r\nContent-Type: text/html", b"<!DOCTYPE html>"),
        plain("599 Strange", b"x"),
        plain("200 OK\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\nAge: 7\r\nX-Source: grün", &vec![7; 300_000]),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\n\r\n\r\n0\r\n\r\n"
            .to_vec(),
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\nold".to_vec(),
        b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n".to_vec(),
        b"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n".to_vec(),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
            .to_vec(),
    ] {
        passes(&raw, "GET").await;
    }
    passes(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: x\r\n\r\n", "HEAD").await;
    passes(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n", "HEAD").await;
}

#[tokio::test]
async fn hop_by_hop_headers_of_an_answer_stay_there() {
    let upstream = Upstream::saying(
        "HTTP/1.1 200 OK\r\nConnection: X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=1\r\nProxy-Connection: x\r\n\
         Trailer: X-T\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let answer = ask(up.url(), "GET", "/x", &[], "").await;
    assert_eq!(answer.end_to_end(), ["x-kept: 1"]);
    up.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation
        .say("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(conversation.head_only().await.status, 100);
    conversation.say("hello").await;
    assert_eq!(conversation.answer().await.text(), "ok");
    assert_eq!(upstream.only().body, b"hello");
    assert_eq!(upstream.only().header("expect"), None);
    up.stop().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_an_answer_that_it_understands() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let upstream = Upstream::saying(chunked).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    conversation.say("GET /x HTTP/1.0\r\n\r\n").await;
    let answer = conversation.answer().await;
    assert_eq!((answer.status, &*answer.text()), (200, "abc"));
    assert_eq!(answer.header("transfer-encoding"), None, "HTTP/1.0 knows no chunks");
    conversation.ends().await;
    up.stop().await;
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let upstream = Upstream::start(|heard| vec![json_answer("200 OK", heard.request_line())]).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    let requests: String = (0..20)
        .map(|n| match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
            _ => format!(
                "PUT /{n} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
            ),
        })
        .collect();
    conversation.say(requests).await;
    for n in 0..20 {
        let method = ["GET", "POST", "PUT"][n % 3];
        assert_eq!(conversation.answer().await.text(), format!("{method} /{n} HTTP/1.1"));
    }
    up.stop().await;
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let upstream = Upstream::saying(OK).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    for n in 0..25 {
        conversation.ask("POST", &format!("/{n}"), &[], "{}").await;
    }
    assert_eq!(upstream.heard().len(), 25);
    assert_eq!(upstream.connections(), 1);
    up.stop().await;
}
