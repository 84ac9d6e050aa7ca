//! A caller's key: whose it is, and what it was sent with. Only digests are kept, so that neither a key nor a token lies on
//! the disk.

use aws_lc_rs::digest::{Context, SHA256};
use client::call::Call;
use http::header;
use store::idempotency::{Fingerprint, KeyDigest};

use super::wish::Writer;

/// One caller's key is nobody else's: the digest is over both.
pub(crate) fn digest(key: &str, writer: &Writer, call: &Call) -> KeyDigest {
    let whose: [&[u8]; 2] = match writer {
        Writer::Connection(connection) | Writer::Before(connection) => {
            [connection.name.as_bytes(), call.caller.as_bytes()]
        }
        Writer::Token => {
            [b"\0token", call.headers.get(header::AUTHORIZATION).map_or(&[], |value| value.as_bytes())]
        }
    };
    of([whose[0], whose[1], key.as_bytes()])
}

/// What makes two writes the same.
pub(crate) fn fingerprint(call: &Call, body: &[u8]) -> Fingerprint {
    of([call.method.as_str().as_bytes(), call.target.as_str().as_bytes(), body])
}

/// Each part with its length before it, so that bytes do not move between them.
fn of(parts: [&[u8]; 3]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    context.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}
