//! An answer in its stored form: one piece of memory for the target, the headers' values and the body, so that keeping it
//! costs one allocation and one copy, and serving it costs none but the new head.
//!
//! The copy is the point: the bytes of a live answer are a window into the connection's read buffer, and a kept window
//! would hold the whole of that.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use tokio::time::Instant;

use super::key::{Key, Rights};
use super::marks::Moment;
use super::needs::Needs;
use crate::accounts::Account;
use crate::body::Body;

/// What an entry takes besides its bytes, about: its place, its index, its allocation.
const OVERHEAD_BYTES: usize = 256;

/// What a head made once takes for each of its headers, about.
const HEADER_BYTES: usize = 128;

/// One kept answer.
pub(crate) struct Kept {
    pub(crate) account: Arc<Account>,
    pub(crate) rights: Rights,
    pub(crate) variant: u64,
    pub(crate) hash: u64,
    pub(crate) needs: Needs,
    /// When its request began, among reads and writes.
    pub(crate) since: Moment,
    /// When it arrived.
    pub(crate) at: Instant,
    /// What it took to get, in milliseconds.
    pub(crate) took_ms: u32,
    use_of: Use,
    pub(crate) status: StatusCode,
    names: Names,
    /// The head as it is served, once it has been.
    head: OnceCell<HeaderMap>,
    /// Target, values (each behind its length, in two bytes), body.
    bytes: Bytes,
    target_length: u32,
    body_at: u32,
}

/// What is known of an answer besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) needs: Needs,
    pub(crate) since: Moment,
    pub(crate) at: Instant,
    pub(crate) took_ms: u32,
    pub(crate) use_of: Use,
}

/// What an answer is kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To be served while it is fresh, over and over: its head is made once.
    Fresh,
    /// For the case that HubSpot does not answer.
    Stale,
}

/// The names of an answer's headers, in order, as a map whose values are yet to be filled in: to copy it costs a fraction of
/// what making it does. HubSpot's answers have nearly always the same ones, which are then shared.
pub(crate) type Names = Arc<HeaderMap>;

impl Kept {
    /// Copies an answer. `None` if it cannot be kept: a value is too long for any header of HubSpot's.
    pub(crate) fn new(
        key: &Key<'_>,
        facts: Facts,
        answer: &Response<Body>,
        body: &[u8],
        names: Names,
    ) -> Option<Self> {
        let values = || lasting(answer.headers()).map(|(_, value)| value.as_bytes());
        let values_length: usize = values().map(|value| value.len() + 2).sum();
        let target_length = key.target.len();
        let body_at = target_length + values_length;
        let mut bytes = Vec::with_capacity(body_at + body.len());
        bytes.extend_from_slice(key.target.as_bytes());
        for value in values() {
            bytes.extend_from_slice(&u16::try_from(value.len()).ok()?.to_le_bytes());
            bytes.extend_from_slice(value);
        }
        bytes.extend_from_slice(body);
        Some(Self {
            account: key.account.clone(),
            rights: key.rights,
            variant: key.variant,
            hash: key.hash,
            needs: facts.needs,
            since: facts.since,
            at: facts.at,
            took_ms: facts.took_ms,
            use_of: facts.use_of,
            status: answer.status(),
            names,
            head: OnceCell::new(),
            bytes: Bytes::from(bytes),
            target_length: u32::try_from(target_length).ok()?,
            body_at: u32::try_from(body_at).ok()?,
        })
    }

    pub(crate) fn target(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.target_length as usize]).unwrap_or_default()
    }

    pub(crate) fn target_bytes(&self) -> &[u8] {
        &self.bytes[..self.target_length as usize]
    }

    /// Shares the memory of the entry.
    pub(crate) fn body(&self) -> Bytes {
        self.bytes.slice(self.body_at as usize..)
    }

    /// What it weighs against the budget.
    pub(crate) fn weight(&self) -> usize {
        let head = match self.use_of {
            Use::Fresh => self.names.len() * HEADER_BYTES,
            Use::Stale => 0,
        };
        self.bytes.len() + head + OVERHEAD_BYTES
    }

    /// The head as it came, with this body.
    pub(crate) fn response(&self, body: Bytes) -> Response<Body> {
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = match self.use_of {
            Use::Fresh => self.head.get_or_init(|| self.read_head()).clone(),
            Use::Stale => self.read_head(),
        };
        response
    }

    fn read_head(&self) -> HeaderMap {
        let mut headers = HeaderMap::clone(&self.names);
        let mut at = self.target_length as usize;
        for value in headers.values_mut() {
            let begins = at + 2;
            at = begins + usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]));
            let given = HeaderValue::from_maybe_shared(self.bytes.slice(begins..at));
            *value = given.expect("it was a header's value when it came");
        }
        headers
    }
}

/// The headers that are still true of a kept answer. Not those of one connection, not what was left of a limit then, and
/// no cookie: it was another caller's.
pub(crate) fn lasting(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    headers.iter().filter(|(name, _)| is_lasting(name))
}

fn is_lasting(name: &HeaderName) -> bool {
    match *name {
        header::CONNECTION
        | header::TRANSFER_ENCODING
        | header::SET_COOKIE
        | header::CONTENT_LENGTH
        | header::AGE => false,
        _ => !name.as_str().starts_with("x-hubspot-ratelimit-"),
    }
}
