//! The names in the heads of answers. A server gives the same ones in the same order nearly always, and making a header map
//! anew, each name checked, hashed and put in its place, costs several times as much as copying one and filling it in.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::head::Raw;
use super::reader::Violation;

/// Shapes remembered: answers of a few endpoints, with and without what the edge adds.
const SHAPES_MAX: usize = 4;

/// The last shapes, the latest first.
#[derive(Default)]
pub(super) struct Shapes(Vec<Shape>);

/// One order of names.
struct Shape {
    /// As they came, letter by letter.
    names: Vec<Box<str>>,
    /// The map, its values yet to be filled in.
    blank: HeaderMap,
    /// Which of the names each of the map's values belongs to, in the map's own order.
    places: Vec<u8>,
}

impl Shapes {
    /// The headers of a head.
    pub(super) fn headers(
        &mut self,
        lines: &[httparse::Header<'_>],
        raw: &Raw<'_>,
    ) -> Result<HeaderMap, Violation> {
        let place = match self.0.iter().position(|shape| shape.fits(lines)) {
            Some(0) => 0,
            Some(place) => {
                self.0[..=place].rotate_right(1);
                0
            }
            None => {
                let shape = Shape::of(lines)?;
                self.0.truncate(SHAPES_MAX - 1);
                self.0.insert(0, shape);
                0
            }
        };
        self.0[place].fill(lines, raw)
    }
}

impl Shape {
    fn of(lines: &[httparse::Header<'_>]) -> Result<Self, Violation> {
        let mut numbered = HeaderMap::with_capacity(lines.len());
        for (number, line) in lines.iter().enumerate() {
            let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Violation::BAD_HEADER)?;
            let number = u8::try_from(number).map_err(|_| Violation::HeadTooLarge)?;
            numbered.append(name, number);
        }
        let mut blank = HeaderMap::with_capacity(lines.len());
        for (name, _) in &numbered {
            blank.append(name.clone(), HeaderValue::from_static(""));
        }
        let names = lines.iter().map(|line| Box::from(line.name)).collect();
        Ok(Self { names, blank, places: numbered.values().copied().collect() })
    }

    fn fits(&self, lines: &[httparse::Header<'_>]) -> bool {
        self.names.len() == lines.len()
            && self.names.iter().zip(lines).all(|(name, line)| **name == *line.name)
    }

    fn fill(&self, lines: &[httparse::Header<'_>], raw: &Raw<'_>) -> Result<HeaderMap, Violation> {
        let mut headers = self.blank.clone();
        for (value, place) in headers.values_mut().zip(&self.places) {
            let given = HeaderValue::from_maybe_shared(raw.slice(lines[usize::from(*place)].value));
            *value = given.map_err(|_| Violation::BAD_HEADER)?;
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::head::{Asked, Found, read};
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
