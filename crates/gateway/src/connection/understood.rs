//! All that the bytes of a connection say, read in pieces of a length, as a network would bring them.

use http::{HeaderMap, Method, Uri};

use super::framing::{Framing, Step, Violation};

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Understood {
    heads: Vec<(Method, Uri, HeaderMap)>,
    /// The bytes of all bodies.
    bodies: Vec<u8>,
    /// Where what follows is incomplete, or must not be taken.
    taken: usize,
    violation: Option<Violation>,
}

pub(crate) fn understood(bytes: &[u8], length: usize) -> Understood {
    let mut understood = Understood::default();
    let mut framing = Framing::default();
    let mut come = 0;
    while come < bytes.len() && understood.violation.is_none() {
        come = (come + length).min(bytes.len());
        loop {
            let rest = &bytes[understood.taken..come];
            match framing.next(rest) {
                Ok(Step::Framing(count)) => understood.taken += count,
                Ok(Step::Data(count)) => {
                    understood.bodies.extend_from_slice(&rest[..count]);
                    understood.taken += count;
                }
                Ok(Step::Head(head, count)) => {
                    let (head, ()) = head.request.into_parts();
                    understood.heads.push((head.method, head.uri, head.headers));
                    understood.taken += count;
                }
                Ok(Step::Incomplete) => break,
                Err(violation) => {
                    understood.violation = Some(violation);
                    break;
                }
            }
        }
    }
    understood
}
