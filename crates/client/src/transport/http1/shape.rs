//! What the heads of answers look like. A server gives the same status and the same names in the same order nearly always,
//! and reading a head line by line, each name checked, hashed and put in its place, costs several times as much as seeing
//! that it looks like the last one, copying that one's map and filling in what differs.

use std::cell::OnceCell;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use memchr::memchr;

use super::deciding::{Deciding, Role};
use super::familiar;
use super::head::{Asked, Found, Head};
use super::reader::Violation;
use crate::transport::Reason;

/// Shapes remembered: answers of a few endpoints, with and without what the edge adds.
const SHAPES_MAX: usize = 4;

/// The last shapes, the latest first.
#[derive(Default)]
pub(super) struct Shapes {
    known: Vec<Shape>,
    /// Where the values of the head being read stand in it, in the order in which they came.
    values: Vec<Range<usize>>,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin<'a> {
    pub(super) status: StatusCode,
    pub(super) version: Version,
    pub(super) reason: &'a str,
}

/// One status line, and one order of names.
struct Shape {
    status: StatusCode,
    version: Version,
    /// The server's own word for the status, where it has one.
    reason: Option<Bytes>,
    /// The lines as they came, letter by letter: that of the status whole, the others up to their colon.
    status_line: Box<[u8]>,
    names: Vec<Box<[u8]>>,
    /// The map, with values as they came before: those of most headers come again.
    usual: HeaderMap,
    /// Which of the names each of the map's values belongs to, and how often in a row it came as another one; in the map's own
    /// order.
    places: Vec<Place>,
    roles: Vec<Role>,
}

struct Place {
    name: u8,
    others: u8,
}

/// So often a value comes as another one until that is the usual one.
const OTHERS_MAX: u8 = 8;

/// A head whose shape is known.
pub(super) struct Recognised<'a> {
    shape: &'a mut Shape,
    values: &'a [Range<usize>],
    length: usize,
}

impl Shapes {
    /// A head that looks like one before it, letter by letter but for the values. `None` says nothing of it.
    pub(super) fn recognise(&mut self, bytes: &[u8]) -> Option<Recognised<'_>> {
        let Self { known, values } = self;
        let (place, length) =
            known.iter().enumerate().find_map(|(place, shape)| Some((place, shape.fits(bytes, values)?)))?;
        known[..=place].rotate_right(1);
        Some(Recognised { shape: &mut known[0], values, length })
    }

    /// A head that was read line by line.
    pub(super) fn remember<'a>(
        &mut self,
        begin: Begin<'_>,
        lines: impl ExactSizeIterator<Item = (&'a str, &'a [u8])> + Clone,
        bytes: &[u8],
        length: usize,
    ) -> Result<Recognised<'_>, Violation> {
        let shape = Shape::of(begin, lines.clone().map(|(name, _)| name))?;
        self.values.clear();
        self.values.extend(lines.map(|(_, value)| place_in(bytes, value)));
        // The same lines may be written in ways of which only one is recognised.
        self.known.retain(|known| known.status_line != shape.status_line || known.names != shape.names);
        self.known.truncate(SHAPES_MAX - 1);
        self.known.insert(0, shape);
        Ok(Recognised { shape: &mut self.known[0], values: &self.values, length })
    }
}

impl Shape {
    fn of<'a>(
        begin: Begin<'_>,
        names: impl ExactSizeIterator<Item = &'a str> + Clone,
    ) -> Result<Self, Violation> {
        let Begin { status, version, reason } = begin;
        let mut numbered = HeaderMap::with_capacity(names.len());
        let mut roles = Vec::with_capacity(names.len());
        for (number, name) in names.clone().enumerate() {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Violation::BAD_HEADER)?;
            let number = u8::try_from(number).map_err(|_| Violation::HeadTooLarge)?;
            roles.push(Role::of(&name));
            numbered.append(familiar::name(name), number);
        }
        let mut usual = HeaderMap::with_capacity(names.len());
        for (name, _) in &numbered {
            usual.append(name.clone(), HeaderValue::from_static(""));
        }
        let minor = u8::from(version == Version::HTTP_11);
        let is_own = Some(reason) != status.canonical_reason();
        Ok(Self {
            status,
            version,
            reason: is_own.then(|| Bytes::copy_from_slice(reason.as_bytes())),
            status_line: format!("HTTP/1.{minor} {} {reason}\r\n", status.as_str()).into_bytes().into(),
            names: names.map(|name| format!("{name}:").into_bytes().into()).collect(),
            usual,
            places: numbered.values().map(|name| Place { name: *name, others: 0 }).collect(),
            roles,
        })
    }

    /// The length of a head of this shape, whose values' places it notes.
    fn fits(&self, bytes: &[u8], values: &mut Vec<Range<usize>>) -> Option<usize> {
        values.clear();
        let mut rest = bytes.strip_prefix(&*self.status_line)?;
        for name in &self.names {
            let line = rest.strip_prefix(&**name)?;
            let end = memchr(b'\n', line)?;
            values.push(place_in(bytes, trimmed(line[..end].strip_suffix(b"\r")?)));
            rest = &line[end + 1..];
        }
        Some(bytes.len() - rest.strip_prefix(b"\r\n")?.len())
    }
}

impl Recognised<'_> {
    /// The head with its values. Those that are not as usual share a copy of it, of just its size.
    pub(super) fn head(self, bytes: &[u8], asked: Asked) -> Result<Found, Violation> {
        let Self { shape, values, length } = self;
        let copy = OnceCell::new();
        let mut headers = shape.usual.clone();
        let usual = shape.usual.values_mut();
        for ((value, usual), place) in headers.values_mut().zip(usual).zip(&mut shape.places) {
            let given = values[usize::from(place.name)].clone();
            if usual.as_bytes() == &bytes[given.clone()] {
                place.others = 0;
                continue;
            }
            let copy = copy.get_or_init(|| Bytes::copy_from_slice(&bytes[..length]));
            *value = HeaderValue::from_maybe_shared(copy.slice(given)).map_err(|_| Violation::BAD_HEADER)?;
            place.others += 1;
            if place.others == OTHERS_MAX {
                // Not this one: it would keep the whole of its head.
                *usual = familiar::value(value);
                place.others = 0;
            }
        }
        let mut deciding = Deciding::new(shape.version);
        for (role, value) in shape.roles.iter().zip(values) {
            deciding.note(*role, &bytes[value.clone()])?;
        }
        let (body, keep_alive) = deciding.body(shape.status, shape.version, asked)?;
        if deciding.encoded && deciding.length.is_some() {
            // The encoding counts (RFC 9112 §6.3), and a length that does not must not be passed on.
            headers.remove(header::CONTENT_LENGTH);
        }
        let mut response = Response::new(());
        *response.status_mut() = shape.status;
        *response.version_mut() = shape.version;
        *response.headers_mut() = headers;
        if let Some(reason) = &shape.reason {
            response.extensions_mut().insert(Reason(reason.clone()));
        }
        Ok(Found::Head(Head { response, body, keep_alive }, length))
    }
}

/// Where a part stands in the whole that it was cut from.
fn place_in(whole: &[u8], part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return 0..0; // it may stand anywhere
    }
    let at = part.as_ptr() as usize - whole.as_ptr() as usize;
    at..at + part.len()
}

/// Without the blanks around it: a space and a tab are the only ones (RFC 9110 §5.6.3).
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::head::{Asked, Found, read, read_by};
    use super::*;

    /// The headers of a head, as they are read and as they would be put together one by one.
    fn both(names: &[&str], round: usize) -> (HeaderMap, HeaderMap) {
        let mut head = "HTTP/1.1 200 OK\r\n".to_owned();
        let mut expected = HeaderMap::new();
        for (number, name) in names.iter().enumerate() {
            let value = format!("{round}-{number}");
            head.push_str(&format!("{name}: {value}\r\n"));
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            expected.append(name, HeaderValue::from_str(&value).expect("a value"));
        }
        head.push_str("\r\n");
        let Ok(Found::Head(read, _)) = read(head.as_bytes(), Asked::ForHead) else {
            panic!("a head: {head}")
        };
        (read.response.headers().clone(), expected)
    }

    fn verdict(shapes: &mut Shapes, head: &[u8]) -> String {
        match read_by(shapes, head, Asked::ForAll) {
            Ok(Found::Head(head, length)) => format!("{head:?}, {length}"),
            Ok(Found::Informational(length)) => format!("a word before, {length}"),
            Ok(Found::Incomplete) => "incomplete".to_owned(),
            Err(violation) => format!("{violation:?}"),
        }
    }

    /// It could be read in two ways further on, where another knows the header only with its blank.
    #[test]
    fn a_blank_before_a_colon_goes_no_further() {
        let said =
            b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length\t: 7\r\nTransfer-Encoding : chunked\r\n\r\n";
        let plain = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n";
        for _again in 0..2 {
            let head = |bytes: &[u8]| match read(bytes, Asked::ForAll) {
                Ok(Found::Head(head, length)) if length == bytes.len() => format!("{head:?}"),
                _ => panic!("a head: {}", String::from_utf8_lossy(bytes)),
            };
            assert_eq!(head(said), head(plain));
        }
    }

    /// Whichever byte differs: recognised or not, a head is read as the same.
    #[test]
    fn a_head_is_read_as_if_none_had_come_before_it() {
        let head = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length:\t7 \r\nEmpty:\r\nConnection: close\r\n\r\n{\"a\":1}";
        let mut shapes = Shapes::default();
        let plain = verdict(&mut shapes, head);
        assert_eq!(verdict(&mut shapes, head), plain);
        for at in 0..head.len() {
            for byte in 0..=u8::MAX {
                let inserted = [&head[..at], &[byte], &head[at..]].concat();
                let replaced = [&head[..at], &[byte], &head[at + 1..]].concat();
                for other in [&inserted[..], &replaced, &head[..at]] {
                    verdict(&mut shapes, head);
                    let expected = verdict(&mut Shapes::default(), other);
                    assert_eq!(verdict(&mut shapes, other), expected, "{}", String::from_utf8_lossy(other));
                }
            }
        }
    }

    proptest! {
        /// Whatever was read before, and however often a name stands in a head, all values are there, in their order.
        #[test]
        fn a_head_that_looks_like_another_is_read_as_its_own(
            heads in prop::collection::vec(
                prop::collection::vec(
                    prop::sample::select(vec!["Date", "date", "Set-Cookie", "X-HubSpot-A", "CF-Ray", "Via", "ETag"]),
                    0..9,
                ),
                1..9,
            ),
            order in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        ) {
            for (round, index) in order.iter().enumerate() {
                let names: &Vec<&str> = index.get(&heads);
                let (read, expected) = both(names, round);
                prop_assert_eq!(&read, &expected);
                for name in expected.keys() {
                    let values = |map: &HeaderMap| map.get_all(name).iter().cloned().collect::<Vec<_>>();
                    prop_assert_eq!(values(&read), values(&expected));
                }
            }
        }
    }
}
