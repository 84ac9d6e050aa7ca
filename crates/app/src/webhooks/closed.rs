//! The webhook address of a hubkeeper that takes none. HubSpot has no path of this name, and what it delivers is about people:
//! it is not passed on to anybody, and HubSpot comes again for a day, by which time somebody may have set the address.

use client::body::Body;
use futures_util::future::BoxFuture;
use gateway::Intake;
use http::{Request, Response, StatusCode};

use super::{answer, is_ours};

pub(super) struct Closed;

impl Intake for Closed {
    fn takes(&self, path: &str) -> bool {
        is_ours(path)
    }

    fn take(&self, _request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        tracing::warn!(
            "a webhook came, and none are taken: set [webhooks] public_url, and the app's client secret"
        );
        let message = "webhooks are not taken here: public_url is not set under [webhooks]";
        Box::pin(std::future::ready(answer(StatusCode::SERVICE_UNAVAILABLE, message)))
    }
}
