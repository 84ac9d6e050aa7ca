//! Who is told, and how each is reached. What is written is made in `incident::notify`; here it is sent.

use http::{Method, header};
use hubspot::secret::Secret;
use incident::code::Severity;
use incident::message::Message;
use incident::notify::{pagerduty, slack, statuspage, webhook};
use jiff::Timestamp;
use rustls::ClientConfig;
use serde_json::Value;
use store::incidents::Notice;

use crate::config::{Address, NotifySection, needed};
use crate::failure::Failure;

mod mail;
mod page;
mod post;
mod signature;

use mail::Mail;
use page::Page;
pub(super) use post::{Heard, Post};

/// How one try ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// With the name that the channel gave the incident, where it gives one.
    Arrived { handle: Option<String> },
    /// It may arrive later.
    Again { after_s: Option<u64>, why: String },
    /// It will never be taken as it is.
    Never { why: String },
}

/// What a channel may have heard of the incident before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before<'a> {
    Nothing,
    /// Something was sent, and no answer came that tells what became of it.
    Perhaps,
    /// It has it, under this name.
    Known(&'a str),
}

/// All of them, in the order in which one stands in for another.
#[derive(Default)]
pub(crate) struct Channels(Vec<Channel>);

struct Channel {
    name: &'static str,
    /// Milder incidents are not told here.
    mildest: Severity,
    way: Way,
}

enum Way {
    Slack(Post),
    PagerDuty { post: Post, routing_key: Secret },
    Statuspage(Page),
    Webhook { post: Post, secret: Secret },
    Email(Mail),
}

/// Read by customers: it stands in for nobody.
pub(super) const PUBLIC: &str = "statuspage";

impl Channels {
    /// As configured.
    ///
    /// # Errors
    /// A usage failure when an address is none, or a secret cannot be had.
    pub(crate) fn open(section: &NotifySection, tls: &ClientConfig) -> Result<Self, Failure> {
        let mut channels = Vec::new();
        let mut add = |name, mildest: Option<Severity>, default, way| {
            channels.push(Channel { name, mildest: mildest.unwrap_or(default), way });
        };
        if let Some(pager) = &section.pagerduty {
            let url = pager.url.as_ref().map_or(Ok(pagerduty::URL.to_owned()), Address::resolve)?;
            let post = Post::new("notify.pagerduty.url", &url, tls)?;
            let routing_key = needed("notify.pagerduty.routing_key", pager.routing_key.as_ref())?;
            let way = Way::PagerDuty { post, routing_key: routing_key.resolve()? };
            add("pagerduty", pager.mildest, Severity::P2, way);
        }
        if let Some(chat) = &section.slack {
            let url = needed("notify.slack.url", chat.url.as_ref())?.resolve()?;
            let post = Post::new("notify.slack.url", &url, tls)?;
            add("slack", chat.mildest, Severity::P4, Way::Slack(post));
        }
        if let Some(hook) = &section.webhook {
            let url = needed("notify.webhook.url", hook.url.as_ref())?.resolve()?;
            let post = Post::new("notify.webhook.url", &url, tls)?;
            let secret = needed("notify.webhook.secret", hook.secret.as_ref())?.resolve()?;
            let way = Way::Webhook { post, secret };
            add("webhook", hook.mildest, Severity::P4, way);
        }
        if let Some(public) = &section.statuspage {
            let url = public.url.as_ref().map_or(Ok(statuspage::URL.to_owned()), Address::resolve)?;
            let page = Page::new(&url, public, tls)?;
            add(PUBLIC, public.mildest, Severity::P1, Way::Statuspage(page));
        }
        if let Some(mail) = &section.email {
            add("email", mail.mildest, Severity::P2, Way::Email(Mail::new(mail, tls)?));
        }
        Ok(Self(channels))
    }

    /// Who hears of it: whoever takes its severity, and whoever has heard of the incident before.
    pub(super) fn for_message(&self, message: &Message, told: &[Notice]) -> Vec<String> {
        let knows = |name: &str| told.iter().any(|notice| notice.asked.channel == name);
        let hears = self.0.iter().filter(|it| message.severity <= it.mildest || knows(it.name));
        hears.map(|channel| channel.name.to_owned()).collect()
    }

    /// Who could stand in for those that do not answer.
    pub(super) fn stand_in(&self, tried: &[&str]) -> Option<String> {
        let others = self.0.iter().map(|channel| channel.name);
        others.filter(|name| *name != PUBLIC && !tried.contains(name)).map(String::from).next()
    }

    /// Sends it once.
    pub(super) async fn send(&self, notice: &Notice, before: Before<'_>, now: Timestamp) -> Sent {
        let Ok(message) = serde_json::from_slice::<Message>(&notice.asked.document) else {
            return Sent::Never { why: "it cannot be read back".into() };
        };
        let Some(channel) = self.0.iter().find(|channel| channel.name == notice.asked.channel) else {
            return Sent::Never { why: "the channel is not configured any more".into() };
        };
        match &channel.way {
            Way::Slack(post) => plain(post, &slack::body(&message)).await,
            Way::PagerDuty { post, routing_key } => {
                plain(post, &pagerduty::body(&message, routing_key)).await
            }
            Way::Webhook { post, secret } => {
                let body = webhook::body(&message).to_string();
                let id = notice.asked.id.to_string();
                // Of this try: receivers refuse what was signed more than five minutes ago, and by then it may be the tenth.
                let headers = signature::headers(secret, &id, now.as_second(), &body);
                post.send(Method::POST, None, &headers, body.into_bytes()).await.into_sent()
            }
            Way::Email(mail) => mail.tell(&message, &notice.asked.id.to_string()).await,
            Way::Statuspage(page) => page.tell(&message, before).await,
        }
    }
}

async fn plain(post: &Post, body: &Value) -> Sent {
    let json = [(header::CONTENT_TYPE, "application/json".to_owned())];
    post.send(Method::POST, None, &json, body.to_string().into_bytes()).await.into_sent()
}
