//! What comes in on our listener and is no call to HubSpot: HubSpot's own deliveries.

use client::body::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// Takes requests that are not for HubSpot.
pub trait Intake: Send + Sync + 'static {
    /// Is this path its own?
    fn takes(&self, path: &str) -> bool;

    fn take(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}
