//! What comes in on our listener and is no call to HubSpot: HubSpot's own deliveries.

use std::net::IpAddr;

use client::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// Takes requests that are not for HubSpot.
pub trait Intake: Send + Sync + 'static {
    /// Is this path its own?
    fn takes(&self, path: &str) -> bool;

    fn take(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}

/// Who connected, among a request's extensions: a proxy, mostly. Only requests for webhooks carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What the paths of HubSpot's deliveries begin with.
pub(crate) const WEBHOOKS: &str = "/webhooks/";
