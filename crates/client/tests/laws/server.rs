//! A HubSpot just large enough for the laws, with books of its own: nothing here asks the client what it believes.
//!
//! A request is counted some time after it was sent, and answered some time after that; also when nobody listens any
//! more, as at HubSpot.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::transport::{Sending, Transport, TransportError, TransportFault};
use http::response::Builder;
use http::{Request, Response, header};
use parking_lot::Mutex;
use tokio::time::Instant;

/// The window of the burst and associations limits: facts §1.1 [DOC usage-guidelines].
pub(crate) const WINDOW: Duration = Duration::from_secs(10);

const DETAILS: &str = "/account-info/v3/details";

/// What one request is answered with, and when.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
    counted_after: Duration,
    answered_after: Duration,
    ending: Ending,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Answer,
    Reset,
    NoConnection,
}

/// One request, in the books.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Instant,
    pub(crate) token: String,
    pub(crate) path: String,
}

/// Decides about each request as it arrives; `None` is an ordinary good answer.
type Script = dyn FnMut(&Entry) -> Option<Reply> + Send;

pub(crate) struct Server {
    sent: Mutex<Vec<Entry>>,
    counted: Arc<Mutex<Vec<Entry>>>,
    script: Mutex<Box<Script>>,
    /// Per app and ten seconds, told in the headers.
    burst_max: u32,
    /// Per day, told in the headers and kept.
    daily_max: Option<usize>,
}

/// The way to the server.
pub(crate) struct Wire(pub(crate) Arc<Server>);

impl Reply {
    pub(crate) fn good() -> Self {
        Self::status(200, "{}")
    }

    /// The good answer to this request, whatever it asks.
    pub(crate) fn ordinary(entry: &Entry) -> Self {
        if entry.asks_details() { Self::status(200, r#"{"portalId":7}"#) } else { Self::good() }
    }

    pub(crate) fn status(status: u16, body: &'static str) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            counted_after: Duration::from_millis(1),
            answered_after: Duration::from_millis(2),
            ending: Ending::Answer,
        }
    }

    /// A 429 of a policy, as HubSpot words it: facts §1.5.
    pub(crate) fn limit(body: &'static str, retry_after_seconds: &str) -> Self {
        Self::status(429, body).header("retry-after", retry_after_seconds)
    }

    /// The connection breaks instead of an answer; the request counts all the same.
    pub(crate) fn reset() -> Self {
        Self { ending: Ending::Reset, ..Self::good() }
    }

    /// There is no connection to send it on: nothing to count.
    pub(crate) fn unreachable() -> Self {
        Self { ending: Ending::NoConnection, ..Self::good() }
    }

    /// With this header, in place of the server's own.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn counted_after(self, counted_after: Duration) -> Self {
        Self { counted_after, ..self }
    }

    pub(crate) fn answered_after(self, answered_after: Duration) -> Self {
        Self { answered_after, ..self }
    }
}

impl Entry {
    pub(crate) fn asks_details(&self) -> bool {
        self.path == DETAILS
    }

    pub(crate) fn asks(&self, part: &str) -> bool {
        self.path.contains(part)
    }

    /// Searches and association batches are exempt: facts §1.4.
    pub(crate) fn draws_on_burst(&self) -> bool {
        !self.asks("/search") && !self.asks("/batch/")
    }
}

impl Server {
    pub(crate) fn new(
        burst_max: u32,
        script: impl FnMut(&Entry) -> Option<Reply> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self::bare(burst_max, None, script))
    }

    /// A server that also keeps, and tells, how much is left of the day.
    pub(crate) fn with_daily(
        burst_max: u32,
        daily_max: usize,
        script: impl FnMut(&Entry) -> Option<Reply> + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(Self::bare(burst_max, Some(daily_max), script))
    }

    fn bare(
        burst_max: u32,
        daily_max: Option<usize>,
        script: impl FnMut(&Entry) -> Option<Reply> + Send + 'static,
    ) -> Self {
        Self {
            sent: Mutex::default(),
            counted: Arc::default(),
            script: Mutex::new(Box::new(script)),
            burst_max,
            daily_max,
        }
    }

    /// From now on it behaves like this.
    pub(crate) fn becomes(&self, script: impl FnMut(&Entry) -> Option<Reply> + Send + 'static) {
        *self.script.lock() = Box::new(script);
    }

    /// Requests sent to it so far, of those picked.
    pub(crate) fn sent(&self, pick: impl Fn(&Entry) -> bool) -> usize {
        self.sent.lock().iter().filter(|entry| pick(entry)).count()
    }

    /// Different paths among them.
    pub(crate) fn paths(&self, pick: impl Fn(&Entry) -> bool) -> usize {
        let sent = self.sent.lock();
        let paths: std::collections::BTreeSet<&str> =
            sent.iter().filter(|entry| pick(entry)).map(|entry| entry.path.as_str()).collect();
        paths.len()
    }

    /// The most it counted in any rolling window, of those picked.
    pub(crate) fn worst(&self, window: Duration, pick: impl Fn(&Entry) -> bool) -> usize {
        let mut at: Vec<Instant> =
            self.counted.lock().iter().filter(|entry| pick(entry)).map(|entry| entry.at).collect();
        at.sort();
        let in_window = |(index, first): (usize, &Instant)| {
            at[index..].iter().take_while(|other| **other - *first < window).count()
        };
        at.iter().enumerate().map(in_window).max().unwrap_or(0)
    }

    fn decide(&self, entry: &Entry) -> Reply {
        self.sent.lock().push(entry.clone());
        (self.script.lock())(entry).unwrap_or_else(|| Reply::ordinary(entry))
    }

    fn answer(&self, entry: &Entry, mut reply: Reply, day_before: usize) -> Response<Body> {
        if self.daily_max.is_some_and(|max| day_before >= max) {
            reply = Reply::status(429, r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY"}"#);
        }
        let mut response = Response::builder().status(reply.status);
        if reply.status == 200 && entry.draws_on_burst() {
            response = self.tell_limits(response, entry, day_before + 1);
        }
        let body = Body::from(Bytes::from_static(reply.body.as_bytes()));
        let mut response = response.body(body).expect("plain headers");
        for (name, value) in reply.headers {
            response.headers_mut().insert(name, value.parse().expect("a plain header"));
        }
        response
    }

    fn tell_limits(&self, response: Builder, entry: &Entry, day: usize) -> Builder {
        let now = Instant::now();
        let counts = |other: &&Entry| other.token == entry.token && other.draws_on_burst();
        let counted = self.counted.lock();
        let in_window = counted.iter().rev().take_while(|other| now - other.at < WINDOW);
        let used = u32::try_from(in_window.filter(counts).count()).expect("few requests");
        let response = response
            .header("x-hubspot-ratelimit-max", self.burst_max)
            .header("x-hubspot-ratelimit-remaining", self.burst_max.saturating_sub(used))
            .header("x-hubspot-ratelimit-interval-milliseconds", WINDOW.as_millis().to_string());
        match self.daily_max {
            Some(max) => response
                .header("x-hubspot-ratelimit-daily", max)
                .header("x-hubspot-ratelimit-daily-remaining", max.saturating_sub(day)),
            None => response,
        }
    }
}

impl Transport for Wire {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(async move {
            let server = &self.0;
            let entry = read(&request);
            let reply = server.decide(&entry);
            if reply.ending == Ending::NoConnection {
                tokio::time::sleep(reply.answered_after).await;
                return Err(TransportError::new(TransportFault::Connect, "refused by the script"));
            }
            let counting = tokio::spawn(count(server.counted.clone(), entry.clone(), reply.counted_after));
            tokio::time::sleep(reply.answered_after).await;
            let day_before = counting.await.expect("counting cannot fail");
            if reply.ending == Ending::Reset {
                return Err(TransportError::new(TransportFault::Reset, "cut by the script"));
            }
            Ok(server.answer(&entry, reply, day_before))
        })
    }
}

/// Writes a request into the books when its time has come, and tells how many stood there before.
async fn count(books: Arc<Mutex<Vec<Entry>>>, entry: Entry, after: Duration) -> usize {
    tokio::time::sleep(after).await;
    let mut books = books.lock();
    books.push(Entry { at: Instant::now(), ..entry });
    books.len() - 1
}

/// The scheme's name is free in its letter case, so only what follows it is the token.
fn read(request: &Request<Body>) -> Entry {
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = authorization.split_once(' ').map_or(authorization, |(_scheme, token)| token);
    Entry { at: Instant::now(), token: token.to_owned(), path: request.uri().path().to_owned() }
}
