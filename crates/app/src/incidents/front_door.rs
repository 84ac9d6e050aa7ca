//! HubSpot's front door, knocked at now and then without a credential: does it answer, and what time is it there? It counts
//! against no limit, and notices an outage in a quiet night.

use std::time::Duration;

use client::body::Body;
use client::clock::WallClock;
use client::transport::{HttpTransport, Transport, TransportSettings};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use incident::detector::HUBSPOT;
use incident::signal::{Place, Seen, Signal, Wellness};
use jiff::Timestamp;
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Asked;
use crate::failure::Failure;

/// The cheapest read; without a token it is answered 401, by HubSpot itself.
const PATH: &str = "/account-info/v3/details";

const PATIENCE: Duration = Duration::from_secs(10);

/// Once nobody has answered: several in a row are needed to believe it.
const AGAIN: Duration = Duration::from_secs(10);

/// An answer that took longer says too little about the time there.
const PROMPT: Duration = Duration::from_secs(2);

/// Where to knock, and how often.
pub(crate) struct FrontDoor {
    transport: HttpTransport,
    every: Duration,
}

impl FrontDoor {
    /// `None` where nobody wants it.
    ///
    /// # Errors
    /// A usage failure when the address cannot be called.
    pub(crate) fn new(upstream: &Uri, every: Duration, tls: &ClientConfig) -> Result<Option<Self>, Failure> {
        if every.is_zero() {
            return Ok(None);
        }
        let settings = TransportSettings { idle_connections_max: 0, ..TransportSettings::default() };
        let transport = HttpTransport::new(upstream, tls.clone(), settings).map_err(Failure::usage)?;
        Ok(Some(Self { transport, every }))
    }

    /// Knocks for as long as it is polled.
    pub(super) async fn run(&self, found: &mpsc::Sender<Asked>, clock: &WallClock) {
        let mut pause = self.every;
        loop {
            tokio::time::sleep(pause).await;
            let heard = self.knock(clock).await;
            let ill = heard.iter().any(|seen| matches!(seen, Seen::Health { well: Wellness::Ill, .. }));
            pause = if ill { AGAIN.min(self.every) } else { self.every };
            for seen in heard {
                let signal = Signal { at: clock.now(), place: Place::default(), seen };
                if found.send(Asked::Signal(signal)).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn knock(&self, clock: &WallClock) -> Vec<Seen> {
        let mut request = Request::new(Body::Empty);
        *request.uri_mut() = Uri::from_static(PATH);
        let agent = HeaderValue::from_static(concat!("hubkeeper/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let began = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, self.transport.send(request)).await;
        let health = |well| Seen::Health { name: HUBSPOT.to_owned(), well };
        match answer {
            Ok(Ok(answer)) if !answer.status().is_server_error() && !is_page(answer.headers()) => {
                let offset = (began.elapsed() < PROMPT).then(|| offset_ms(answer.headers(), clock.now()));
                let offset = offset.flatten().map(|offset_ms| Seen::Clock { offset_ms });
                [health(Wellness::Well)].into_iter().chain(offset).collect()
            }
            Ok(Ok(_) | Err(_)) | Err(_) => vec![health(Wellness::Ill)],
        }
    }
}

/// HubSpot's API never answers with a page; whoever does stands before it.
fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

/// Our clock minus theirs; a Date has no fractions, so half a second is added.
fn offset_ms(headers: &HeaderMap, now: Timestamp) -> Option<i64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let theirs = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(now.as_millisecond() - theirs.as_millisecond() - 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_not_hubspots_answer() {
        let of = |kind: &'static str| {
            is_page(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]))
        };
        assert!(of("text/html; charset=utf-8") && of("Text/HTML"));
        assert!(!of("application/json;charset=utf-8") && !is_page(&HeaderMap::new()));
    }

    #[test]
    fn the_time_there_is_read_off_the_date() {
        let headers =
            HeaderMap::from_iter([(header::DATE, HeaderValue::from_static("Sun, 01 Mar 2026 12:00:00 GMT"))]);
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(offset_ms(&headers, at("2026-03-01T12:00:00.5Z")), Some(0));
        assert_eq!(offset_ms(&headers, at("2026-03-01T11:58:00.5Z")), Some(-120_000));
        assert_eq!(offset_ms(&HeaderMap::new(), at("2026-03-01T12:00:00Z")), None);
    }
}
