//! What clients say again and again. All lines of a head but the first are nearly always those of a request before it, letter by
//! letter, and to see that costs a fraction of reading them.
//!
//! Only a memory of what was read: with it or without it, a head is read as the same. It holds callers' credentials, and is wiped
//! once a head is displaced and no request needs it any more.

use std::cell::RefCell;
use std::hash::BuildHasher;

use bytes::Bytes;
use foldhash::fast::RandomState;
use http::Version;
use memchr::memchr;
use zeroize::Zeroizing;

use super::framing::HEAD_BYTES_MAX;
use super::head::{self, Head, Lines};

/// Heads remembered: what a few programs say when they read, and when they write.
const KNOWN_MAX: usize = 8;

/// Longer lines are not remembered.
const LINES_BYTES_MAX: usize = 2048;

/// What was said lately.
#[derive(Default)]
struct Repeated {
    /// The latest first.
    known: Vec<Known>,
    /// What was said once, as hashes: many a head never comes again.
    once: [u64; KNOWN_MAX],
    next: usize,
    hasher: RandomState,
}

/// The lines of a proper head, from the second to the empty one.
struct Known {
    bytes: Bytes,
    version: Version,
    lines: Lines,
}

thread_local! {
    static REPEATED: RefCell<Repeated> = RefCell::default();
}

/// A whole head of which all but the first line is known, and its length. `None` says nothing of it.
pub(super) fn recognise(bytes: &[u8]) -> Option<(Head, usize)> {
    REPEATED.with_borrow_mut(|repeated| repeated.recognise(bytes))
}

/// A proper head that was read line by line.
pub(super) fn remember(head: &[u8], version: Version) {
    REPEATED.with_borrow_mut(|repeated| repeated.remember(head, version));
}

impl Repeated {
    fn recognise(&mut self, bytes: &[u8]) -> Option<(Head, usize)> {
        let begin = memchr(b'\n', bytes)? + 1;
        let (first, rest) = bytes.split_at(begin);
        let place = self.known.iter().position(|known| rest.starts_with(&known.bytes))?;
        self.known[..=place].rotate_right(1);
        let known = &self.known[0];
        let length = begin + known.bytes.len();
        if !first.ends_with(b"\r\n") || length > HEAD_BYTES_MAX {
            return None;
        }
        // One with something wrong in it is read as any other, which tells what.
        let (first, _) = head::first_line(&Bytes::copy_from_slice(first)).ok()?;
        (first.version() == known.version).then(|| (Head::of(first, known.lines.clone()), length))
    }

    fn remember(&mut self, head: &[u8], version: Version) {
        let begin = memchr(b'\n', head).map_or(head.len(), |end| end + 1);
        let bytes = &head[begin..];
        if bytes.is_empty() || bytes.len() > LINES_BYTES_MAX {
            return;
        }
        let hash = self.hasher.hash_one(bytes);
        if !self.once.contains(&hash) {
            self.once[self.next] = hash;
            self.next = (self.next + 1) % self.once.len();
            return;
        }
        // A copy of its own: a head's would keep somebody's path.
        let bytes = Bytes::from_owner(Zeroizing::new(bytes.to_vec()));
        let Ok(lines) = head::lines(&bytes, 0, version) else { return };
        self.known.retain(|known| known.bytes != bytes);
        self.known.truncate(KNOWN_MAX - 1);
        self.known.insert(0, Known { bytes, version, lines });
    }
}

#[cfg(test)]
mod tests {
    use super::super::framing::{Framing, Step};
    use super::*;

    const HEAD: &[u8] = b"POST /a HTTP/1.1\r\nHost: a\r\nX:\ty \r\nContent-Length: 3\r\n\r\nabc";

    /// What a connection makes of bytes that a thread with some memory sees first.
    fn read(repeated: Repeated, bytes: &[u8]) -> (String, Repeated) {
        REPEATED.set(repeated);
        let step = Framing::default().next(bytes);
        let said = match step {
            Ok(Step::Head(head, length)) => format!("{head:?}, {length}"),
            other => format!("{other:?}"),
        };
        (said, REPEATED.take())
    }

    fn after_it_came_twice() -> Repeated {
        let (_, once) = read(Repeated::default(), HEAD);
        assert!(once.known.is_empty(), "it may never come again");
        let (_, twice) = read(once, HEAD);
        assert_eq!(twice.known.len(), 1);
        twice
    }

    /// Whichever byte differs.
    #[test]
    fn a_head_is_read_as_if_none_had_come_before_it() {
        let mut repeated = after_it_came_twice();
        let mut recognised = 0;
        for at in 0..HEAD.len() {
            for byte in 0..=u8::MAX {
                let inserted = [&HEAD[..at], &[byte], &HEAD[at..]].concat();
                let replaced = [&HEAD[..at], &[byte], &HEAD[at + 1..]].concat();
                for other in [&inserted[..], &replaced, &HEAD[..at]] {
                    recognised += usize::from(repeated.recognise(other).is_some());
                    let (expected, _) = read(Repeated::default(), other);
                    let (said, after) = read(repeated, other);
                    assert_eq!(said, expected, "{}", String::from_utf8_lossy(other));
                    repeated = after;
                    // What came in between must not displace it.
                    (_, repeated) = read(repeated, HEAD);
                    (_, repeated) = read(repeated, HEAD);
                }
            }
        }
        assert!(recognised > 1_000, "{recognised}: paths may differ");
    }

    #[test]
    fn what_another_version_may_leave_out_is_asked_for() {
        let old = b"GET / HTTP/1.0\r\nX: y\r\n\r\n";
        let (_, repeated) = read(Repeated::default(), old);
        let (_, repeated) = read(repeated, old);
        assert_eq!(repeated.known.len(), 1);
        let (said, _) = read(repeated, b"GET / HTTP/1.1\r\nX: y\r\n\r\n");
        assert_eq!(said, "Err(NoHost)");
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let mut repeated = after_it_came_twice();
        for number in 0..2 * KNOWN_MAX {
            let other = format!("GET / HTTP/1.1\r\nHost: a{number}\r\n\r\n");
            (_, repeated) = read(repeated, other.as_bytes());
            (_, repeated) = read(repeated, other.as_bytes());
        }
        assert_eq!(repeated.known.len(), KNOWN_MAX);
        assert!(repeated.recognise(HEAD).is_none());
    }
}
