//! The headers every answer carries, whoever made it.

use http::{HeaderName, HeaderValue, header};
use jiff::Timestamp;

use super::Simulator;
use super::serve::Answered;
use crate::arrival::Arrival;
use crate::call::Reply;
use crate::limits;
use crate::seed::Purpose;

impl Simulator {
    /// The headers of HubSpot and of the edge before it (facts §2.4, §1.3).
    pub(super) fn dress(&self, answered: Answered, arrival: &Arrival<'_>) -> Reply {
        let Answered { mut reply, standing } = answered;
        let headers = &mut reply.headers;
        let is_page =
            headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let ray = format!("{}-IAD", self.seed.hex(Purpose::CloudflareRay, arrival.number, 16));
        let mut put = |name, value| headers.insert(HeaderName::from_static(name), value);
        put("server", HeaderValue::from_static("cloudflare"));
        put("cf-ray", HeaderValue::try_from(ray).expect("hexadecimal digits"));
        put("cf-cache-status", HeaderValue::from_static("DYNAMIC"));
        // A page comes from the edge, which knows nothing of correlation ids.
        if !is_page {
            let id = HeaderValue::try_from(arrival.correlation_id.as_str()).expect("a uuid");
            put("x-hubspot-correlation-id", id);
            limits::headers::write(&standing, headers);
        }
        with_date(reply, arrival.now)
    }
}

/// `Date` as the simulated clock has it.
pub(super) fn with_date(mut reply: Reply, now: Timestamp) -> Reply {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        reply.headers.insert(header::DATE, date);
    }
    reply
}
