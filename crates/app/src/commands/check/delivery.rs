//! A delivery as HubSpot would make it, without events: whether the public address leads to us, unchanged.

use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::transport::{HttpTransport, Transport, TransportSettings};
use http::{HeaderValue, Method, Request, Uri, header};
use hubspot::secret::Secret;
use hubspot::signature::sign_v3;
use inbox::address::PublicAddress;
use jiff::Timestamp;
use ops::check::facts::Delivered;
use rustls::ClientConfig;

use crate::webhooks::PATH;

/// HubSpot gives up on us after 5 s (hubspot-facts §6.5).
const PATIENCE: Duration = Duration::from_secs(5);

/// No events: what takes it has nothing to keep.
const NOTHING: &[u8] = b"[]";

/// What a signed delivery to the public address comes to.
pub(super) async fn deliver(public: &str, secret: &Secret, tls: &ClientConfig, now: Timestamp) -> Delivered {
    let delivering = tokio::time::timeout(PATIENCE, post(public, secret, tls, now));
    match delivering.await {
        Ok(Ok(status)) => Delivered::Answered(status),
        Ok(Err(why)) => Delivered::NotReached(why),
        Err(_late) => Delivered::NotReached(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn post(public: &str, secret: &Secret, tls: &ClientConfig, now: Timestamp) -> Result<u16, String> {
    let called = PublicAddress::new(public).map_err(|error| error.to_string())?.called(PATH);
    let called = called.into_iter().next().ok_or("it has no address")?;
    let uri: Uri = called.parse().map_err(|_| "it is no address".to_owned())?;
    let transport = HttpTransport::new(&uri, tls.clone(), TransportSettings::default());
    let transport = transport.map_err(|error| error.to_string())?;
    let timestamp = now.as_millisecond().to_string();
    let signature = sign_v3(secret, Method::POST.as_str(), &called, NOTHING, &timestamp);
    let mut request = Request::new(Body::from(Bytes::from_static(NOTHING)));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri.path_and_query().cloned().map(Uri::from).unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in [("x-hubspot-request-timestamp", timestamp), ("x-hubspot-signature-v3", signature)] {
        headers.insert(name, HeaderValue::from_str(&value).map_err(|error| error.to_string())?);
    }
    let answer = transport.send(request).await.map_err(|error| error.to_string())?;
    Ok(answer.status().as_u16())
}
