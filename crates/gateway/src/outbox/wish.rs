//! Whether a call is to be kept, and how: by `Prefer: respond-async`, `Idempotency-Key` and the rule of its route.

use std::sync::Arc;

use client::accounts::{Connection, Credential, Holds};
use client::call::Call;
use http::{HeaderMap, HeaderName, header};

use super::{Outbox, write};
use crate::refusal::Refusal;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A UUID has 36 characters, and nobody's own scheme needs more than this.
const KEY_BYTES_MAX: usize = 255;

/// When a write is put into the outbox rather than sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queue {
    /// Only where its caller prefers it.
    #[default]
    Never,
    /// Only behind others on the same record that wait already.
    Behind,
    /// When HubSpot cannot be reached, or is not to be.
    OnOutage,
    Always,
}

/// Who makes a write.
#[derive(Clone)]
pub(crate) enum Writer {
    /// Its token is ours to use, also later.
    Connection(Arc<Connection>),
    /// The token was a connection's until it was replaced. Its keys count on; whether it may still do anything is HubSpot's to
    /// say, so that nothing is kept to be sent with the new token.
    Before(Arc<Connection>),
    /// Known by its token alone, which is never kept.
    Token,
}

/// What is to be done with a write besides sending it.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) queue: Queue,
    pub(crate) key: Option<Box<str>>,
    pub(crate) writer: Writer,
}

impl Outbox {
    /// What is wished for a call, if anything. `headers` are the caller's, `call` is what is left of it to be sent.
    ///
    /// # Errors
    /// The key is none.
    pub(crate) fn wish(&self, call: &Call, headers: &Wished, rule: Queue) -> Result<Option<Wish>, Refusal> {
        if !write::can_be_kept(&call.method, &call.target, &call.endpoint)
            || self.stack.is_for_memory_alone(call)
        {
            return Ok(None);
        }
        let Some(writer) = self.writer(&call.credential, &call.headers) else { return Ok(None) };
        let asked = if headers.respond_async { Queue::Always } else { rule };
        let queue = match &writer {
            Writer::Connection(connection) => {
                let family = call.endpoint.family;
                self.queueing.turn_to(asked, |scope| {
                    let account = || self.stack.account_for(call);
                    scope.holds_for(&connection.name, family)
                        || account().is_some_and(|account| scope.holds_for(&account.name, family))
                })
            }
            // Without the token it could not be sent later, so that the preference is not honoured.
            Writer::Before(_) | Writer::Token => Queue::Never,
        };
        let key = headers.key()?;
        let wished = queue != Queue::Never || key.is_some();
        Ok(wished.then_some(Wish { queue, key, writer }))
    }

    pub(crate) fn writer(&self, credential: &Credential, headers: &HeaderMap) -> Option<Writer> {
        match credential {
            Credential::Anonymous | Credential::App(_) => None,
            Credential::Connection(connection) => Some(Writer::Connection(connection.clone())),
            Credential::Passthrough => {
                let authorization = headers.get(header::AUTHORIZATION)?;
                Some(match self.connection_of(authorization) {
                    Some((connection, Holds::Now)) => Writer::Connection(connection.clone()),
                    Some((connection, Holds::Before)) => Writer::Before(connection.clone()),
                    Some((_, Holds::No)) | None => Writer::Token,
                })
            }
        }
    }
}

/// The two headers, taken off a request: they are for us.
#[derive(Default)]
pub(crate) struct Wished {
    respond_async: bool,
    /// As often as it was sent.
    keys: Vec<Vec<u8>>,
}

impl Wished {
    pub(crate) fn take(headers: &mut HeaderMap) -> Self {
        let respond_async = headers.get_all(PREFER).iter().any(|value| is_respond_async(value.as_bytes()));
        if respond_async {
            headers.remove(PREFER);
        }
        let keys = headers.get_all(IDEMPOTENCY_KEY).iter().map(|value| value.as_bytes().to_vec()).collect();
        headers.remove(IDEMPOTENCY_KEY);
        Self { respond_async, keys }
    }

    /// Two that differ are none: a write would count once under the one and again under the other.
    fn key(&self) -> Result<Option<Box<str>>, Refusal> {
        match &self.keys[..] {
            [] => Ok(None),
            [key, others @ ..] if others.iter().all(|other| other == key) => checked(key).map(Some),
            [..] => Err(Refusal::bad_header(IDEMPOTENCY_KEY.as_str(), "It is there twice; send one key.")),
        }
    }
}

/// RFC 7240: preferences in a list, each perhaps with parameters.
fn is_respond_async(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    text.split(',').any(|one| {
        let name = one.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

fn checked(key: &[u8]) -> Result<Box<str>, Refusal> {
    let text = std::str::from_utf8(key).ok().map(str::trim);
    let good = text.filter(|key| {
        (1..=KEY_BYTES_MAX).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
    });
    let hint = "It is 1 to 255 visible characters, new for each write, such as a UUID.";
    good.map(Box::from).ok_or_else(|| Refusal::bad_header(IDEMPOTENCY_KEY.as_str(), hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("respond-async", true)]
    #[case("Respond-Async, wait=10", true)]
    #[case("return=minimal, respond-async; foo=bar", true)]
    #[case("return=representation", false)]
    #[case("respond-asynchronously", false)]
    fn preferences(#[case] value: &str, #[case] is: bool) {
        assert_eq!(is_respond_async(value.as_bytes()), is);
    }

    #[rstest]
    #[case(&[], Some(None))]
    #[case(&["a"], Some(Some("a")))]
    #[case(&["a", "a"], Some(Some("a")))]
    #[case(&["a", "b"], None)]
    #[case(&["", "b"], None)]
    fn one_key_or_none(#[case] sent: &[&'static str], #[case] expected: Option<Option<&str>>) {
        let value = |text: &&'static str| (IDEMPOTENCY_KEY, http::HeaderValue::from_static(text));
        let mut headers = HeaderMap::new();
        headers.extend(sent.iter().map(value));
        let wished = Wished::take(&mut headers);
        assert_eq!(wished.key().ok().as_ref().map(|key| key.as_deref()), expected);
        assert!(headers.is_empty());
    }

    #[rstest]
    #[case("8e03978e-40d5-43e8-bc93-6894a57f9324", true)]
    #[case("", false)]
    #[case("a\tb", false)]
    fn keys(#[case] key: &str, #[case] good: bool) {
        assert_eq!(checked(key.as_bytes()).is_ok(), good);
        assert!(checked(&[b'a'; 256]).is_err());
    }
}
