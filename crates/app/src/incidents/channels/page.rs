//! The company's own Statuspage: one incident there for one of ours, found again by its metadata when the answer to its
//! creation was lost.

use http::{HeaderName, Method, header};
use hubspot::secret::Secret;
use incident::message::{Message, Moment};
use incident::notify::statuspage;
use rustls::ClientConfig;
use serde_json::Value;

use super::post::{Heard, Post};
use super::{Before, Sent};
use crate::config::{StatuspageSection, needed};
use crate::failure::Failure;

pub(super) struct Page {
    post: Post,
    base: String,
    token: Secret,
    components: Vec<String>,
}

impl Page {
    pub(super) fn new(url: &str, section: &StatuspageSection, tls: &ClientConfig) -> Result<Self, Failure> {
        let post = Post::new("notify.statuspage.url", url, tls)?;
        let path = url.parse::<http::Uri>().map(|uri| uri.path().trim_end_matches('/').to_owned());
        let path = path.map_err(Failure::usage)?;
        let page_id = needed("notify.statuspage.page_id", section.page_id.as_ref())?;
        let base = format!("{path}/v1/pages/{page_id}/incidents");
        let token = needed("notify.statuspage.token", section.token.as_ref())?.resolve()?;
        Ok(Self { post, base, token, components: section.components.clone() })
    }

    /// Creates the incident, or changes it where it is there already.
    pub(super) async fn tell(&self, message: &Message, before: Before<'_>) -> Sent {
        let found = match before {
            Before::Known(handle) => Some(handle.to_owned()),
            Before::Perhaps => match self.find(&message.incident).await {
                Ok(found) => found,
                Err(sent) => return sent,
            },
            Before::Nothing => None,
        };
        let body = statuspage::body(message, &self.components).to_string().into_bytes();
        let heard = match &found {
            // What was never told need not be taken back.
            None if message.moment == Moment::Resolved => return Sent::Arrived { handle: None },
            None => self.post.send(Method::POST, Some(&self.base), &self.headers(), body).await,
            Some(id) => {
                let path = format!("{}/{id}", self.base);
                self.post.send(Method::PATCH, Some(&path), &self.headers(), body).await
            }
        };
        let id = match &heard {
            Heard::Answer { status, body, .. } if status.is_success() => {
                let created: Option<Value> = serde_json::from_slice(body).ok();
                created.and_then(|incident| incident["id"].as_str().map(String::from))
            }
            Heard::Answer { .. } | Heard::Nothing { .. } => None,
        };
        match heard.into_sent() {
            Sent::Arrived { .. } => Sent::Arrived { handle: id.or(found) },
            other @ (Sent::Again { .. } | Sent::Never { .. }) => other,
        }
    }

    /// The incident there that is ours.
    async fn find(&self, incident: &str) -> Result<Option<String>, Sent> {
        let path = format!("{}/unresolved", self.base);
        let heard = self.post.send(Method::GET, Some(&path), &self.headers(), Vec::new()).await;
        let Heard::Answer { status, body, .. } = &heard else { return Err(heard.into_sent()) };
        if !status.is_success() {
            return Err(heard.into_sent());
        }
        let all: Vec<Value> = serde_json::from_slice(body).unwrap_or_default();
        let ours = all.iter().find(|known| known["metadata"]["hubkeeper"]["incident"] == *incident);
        Ok(ours.and_then(|known| known["id"].as_str().map(String::from)))
    }

    fn headers(&self) -> [(HeaderName, String); 2] {
        [
            (header::AUTHORIZATION, format!("OAuth {}", self.token.expose())),
            (header::CONTENT_TYPE, "application/json".to_owned()),
        ]
    }
}
