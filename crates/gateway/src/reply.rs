//! What goes back to a client: an answer, and what we say of it ourselves.
//!
//! Our own headers stand beside the answer's and not among them: its map has room for just what HubSpot sent, and would have
//! to move house for three more. What concerns HubSpot's connection alone is left out as the answer is written.

use client::body::Body;
use client::call::{Effort, Source};
use http::{HeaderName, HeaderValue, Response, header};

use crate::headers;

/// An answer on its way to a client.
pub(crate) struct Reply {
    pub(crate) response: Response<Body>,
    /// Of an answer of HubSpot's. One of our own has all it says among its headers.
    pub(crate) told: Option<Told>,
}

/// What we say of an answer of HubSpot's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) source: Source,
    pub(crate) effort: Effort,
}

impl From<Response<Body>> for Reply {
    fn from(response: Response<Body>) -> Self {
        Self { response, told: None }
    }
}

impl Reply {
    /// With everything among its headers, to be looked at or kept.
    pub(crate) fn into_response(self) -> Response<Body> {
        let Self { mut response, told } = self;
        if let Some(told) = told {
            headers::strip_from_answer(response.headers_mut());
            told.each(|name, value| insert(&mut response, name, value));
        }
        response
    }
}

impl Told {
    /// Where it comes from, its age where that is not HubSpot, now, and what it took.
    pub(crate) fn each(self, mut tell: impl FnMut(HeaderName, &str)) {
        tell(headers::SOURCE, self.source.name());
        match self.source {
            Source::Live | Source::Packed => {}
            Source::Cache { age } | Source::Stale { age } => {
                tell(header::AGE, digits(age.as_secs(), &mut [0; DIGITS_MAX]));
            }
        }
        each_effort(self.effort, tell);
    }
}

/// Puts an effort among the headers of an answer of our own.
pub(crate) fn insert_effort(response: &mut Response<Body>, effort: Effort) {
    each_effort(effort, |name, value| insert(response, name, value));
}

fn insert(response: &mut Response<Body>, name: HeaderName, value: &str) {
    let value = HeaderValue::from_str(value).expect("letters and digits");
    response.headers_mut().insert(name, value);
}

/// What a call took.
fn each_effort(effort: Effort, mut tell: impl FnMut(HeaderName, &str)) {
    let waited_ms = u64::try_from(effort.waited.as_millis()).unwrap_or(u64::MAX);
    tell(headers::WAIT_MS, digits(waited_ms, &mut [0; DIGITS_MAX]));
    tell(headers::ATTEMPTS, digits(effort.attempts.into(), &mut [0; DIGITS_MAX]));
}

pub(crate) const DIGITS_MAX: usize = 20;

/// A number as it is written, without memory of its own.
pub(crate) fn digits(mut number: u64, room: &mut [u8; DIGITS_MAX]) -> &str {
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        room[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            return std::str::from_utf8(&room[at..]).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_ever() {
        for number in [0, 1, 9, 10, 1_500, u64::MAX] {
            assert_eq!(digits(number, &mut [0; DIGITS_MAX]), number.to_string());
        }
    }
}
