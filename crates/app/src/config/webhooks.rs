//! `[webhooks]`: how HubSpot reaches us, and who gets what came.

use std::time::Duration;

use http::Uri;
use hubspot::event_type;
use inbox::dispatch::filter::{self, Filter};
use inbox::dispatch::signing::SigningKey;
use inbox::dispatch::subscriber::{BATCH_MAX, CONCURRENCY_MAX, HttpSink, Order, Reach, Sink, Subscriber};
use inbox::proxy::Network;
use serde::{Deserialize, Serialize};

use super::quote;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhooksSection {
    pub(crate) public_url: Option<String>,
    pub(crate) trusted_proxies: Vec<String>,
    pub(crate) keep_days: u64,
    pub(crate) keep_bytes_max: u64,
    pub(crate) journal_hold_seconds: u64,
    pub(crate) journal_seconds: u64,
    pub(crate) doorbell_seconds: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) subscribers: Vec<SubscriberSection>,
}

/// One subscriber, in the file or as the admin API takes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriberSection {
    /// Left out, it is called by its host and path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `https://…`, `stdout:` or `file:PATH`.
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) events: Vec<String>,
    #[serde(default)]
    pub(crate) portals: Vec<u64>,
    #[serde(default)]
    pub(crate) properties: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretReference>,
    /// Signs too, while a rotation lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_secret: Option<SecretReference>,
    #[serde(default = "one")]
    pub(crate) batch: usize,
    #[serde(default = "four")]
    pub(crate) concurrency: usize,
    #[serde(default)]
    pub(crate) order: OrderName,
    #[serde(default)]
    pub(crate) settle_ms: u64,
    #[serde(default = "timeout_ms")]
    pub(crate) timeout_ms: u64,
    #[serde(default)]
    pub(crate) allow_private: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OrderName {
    #[default]
    PerObject,
    LatestWins,
}

/// The longest that a request may take, and an event may wait for others.
const TIME_MS_MAX: u64 = 120_000;

/// HubSpot itself tries for a day, and its journal reaches back three.
const HOLD_SECONDS_MAX: u64 = 24 * 3600;

/// Whoever reads the journal holds a lease of 400 s: it has to be back before that is over.
const JOURNAL_SECONDS_MAX: u64 = 300;

const fn one() -> usize {
    1
}

const fn four() -> usize {
    4
}

const fn timeout_ms() -> u64 {
    15_000
}

impl Default for WebhooksSection {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            keep_days: 7,
            keep_bytes_max: 10 * 1024 * 1024 * 1024,
            journal_hold_seconds: 600,
            journal_seconds: 180,
            doorbell_seconds: 300,
            subscribers: Vec::new(),
        }
    }
}

impl WebhooksSection {
    /// # Errors
    /// A usage failure that names what is no network.
    pub(crate) fn trusted_proxies(&self) -> Result<Vec<Network>, Failure> {
        let parse = |text: &String| {
            let network = Network::parse(text);
            network.map_err(|error| {
                Failure::usage(format!("webhooks.trusted_proxies: {error}"))
                    .hint("names of hosts are not looked up")
            })
        };
        self.trusted_proxies.iter().map(parse).collect()
    }

    /// Patterns of subscribers that fit nothing which HubSpot is known to send. It may send something new one day, so they are no
    /// mistakes.
    pub(crate) fn unknown_events(&self) -> Vec<String> {
        let of = |subscriber: &SubscriberSection| {
            let fits_none = |pattern: &&String| !event_type::all().any(|name| filter::fits(pattern, &name));
            subscriber
                .events
                .iter()
                .filter(fits_none)
                .map(|pattern| format!("{}: {pattern}", subscriber.url))
                .collect::<Vec<_>>()
        };
        self.subscribers.iter().flat_map(of).collect()
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        self.trusted_proxies()?;
        if self.keep_days == 0 {
            return Err(Failure::usage("webhooks.keep_days is 0: nothing could be looked at or sent again")
                .hint("7 is usual; what is not delivered is kept however old it is"));
        }
        if self.journal_hold_seconds > HOLD_SECONDS_MAX {
            return Err(Failure::usage("webhooks.journal_hold_seconds is more than a day")
                .hint("600 is usual; HubSpot's journal reaches back three days"));
        }
        if !(1..=JOURNAL_SECONDS_MAX).contains(&self.journal_seconds) {
            return Err(Failure::usage("webhooks.journal_seconds is not between 1 and 300")
                .hint("180 is usual: one read each time, which draws on no limit of calls"));
        }
        self.subscribers.iter().try_for_each(SubscriberSection::check)?;
        if self.public_url.is_none() && !self.subscribers.is_empty() {
            return Err(Failure::usage(
                "[[webhooks.subscribers]] wait for webhooks, and webhooks.public_url is not set",
            )
            .hint("write what HubSpot calls, such as https://hooks.example.com"));
        }
        Ok(())
    }

    /// What the subscribers are called.
    pub(crate) fn names(&self) -> Vec<String> {
        self.subscribers.iter().map(SubscriberSection::name).collect()
    }
}

impl SubscriberSection {
    /// Its own name, or its host and path.
    pub(crate) fn name(&self) -> String {
        let url = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let bare = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches(['/', ':']);
        self.name.clone().unwrap_or_else(|| bare.to_owned())
    }

    /// What can be checked without its secret.
    ///
    /// # Errors
    /// A usage failure that names the subscriber, with one hint.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let bad = |what: &str, hint: &str| {
            Failure::usage(format!("subscriber {}: {what}", quote::quoted(&self.name()))).hint(hint)
        };
        if !(1..=BATCH_MAX).contains(&self.batch) {
            return Err(bad("batch is not from 1 to 100", "1 is usual; 100 catches up fastest"));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            return Err(bad(
                "concurrency is not from 1 to 256",
                "it is how many requests may be under way at once",
            ));
        }
        if self.timeout_ms == 0 || self.timeout_ms > TIME_MS_MAX || self.settle_ms > TIME_MS_MAX {
            return Err(bad(
                "timeout_ms or settle_ms is out of bounds",
                "timeout_ms: 1 to 120000, settle_ms: 0 to 120000",
            ));
        }
        let Some(url) = self.http()? else { return Ok(()) };
        if self.secret.is_none() {
            return Err(bad(
                "it has no secret to sign with",
                "add secret = \"env:NAME\"; a secret is `whsec_` and base64",
            ));
        }
        if url.scheme_str() == Some("http") && !self.allow_private {
            return Err(bad(
                "http:// would send what is personal in the clear",
                "use https://, or set allow_private = true for an address of your own network",
            ));
        }
        Ok(())
    }

    /// A name stands in logs and metrics, where everyone may read.
    ///
    /// # Errors
    /// A usage failure.
    pub(crate) fn presentable(&self) -> Result<(), Failure> {
        super::check::presentable("webhooks.subscribers", &self.name())
    }

    /// With its secrets.
    ///
    /// # Errors
    /// A usage failure.
    pub(crate) fn subscriber(&self) -> Result<Subscriber, Failure> {
        self.check()?;
        Ok(Subscriber {
            name: self.name(),
            sink: self.sink()?,
            filter: Filter {
                events: self.events.clone(),
                portals: self.portals.clone(),
                properties: self.properties.clone(),
            },
            order: match self.order {
                OrderName::PerObject => Order::PerObject,
                OrderName::LatestWins => Order::LatestWins,
            },
            batch: self.batch,
            concurrency: self.concurrency,
            settle: Duration::from_millis(self.settle_ms),
        })
    }

    fn sink(&self) -> Result<Sink, Failure> {
        let Some(url) = self.http()? else {
            return Ok(match self.url.strip_prefix("file:") {
                Some(path) => Sink::File(path.into()),
                None => Sink::Stdout,
            });
        };
        let mut keys = Vec::new();
        for secret in self.secret.iter().chain(&self.previous_secret) {
            let key = SigningKey::parse(&secret.resolve()?);
            keys.push(key.map_err(|error| {
                Failure::usage(format!(
                    "subscriber {}: the secret at `{secret}` is none",
                    quote::quoted(&self.name())
                ))
                .hint(error)
            })?);
        }
        let reach = if self.allow_private { Reach::Private } else { Reach::Public };
        Ok(Sink::Http(HttpSink { url, keys, reach, timeout: Duration::from_millis(self.timeout_ms) }))
    }

    /// `None` for a file or our own output.
    fn http(&self) -> Result<Option<Uri>, Failure> {
        if self.url == "stdout:" || self.url.strip_prefix("file:").is_some_and(|path| !path.is_empty()) {
            return Ok(None);
        }
        let url: Option<Uri> = self.url.parse().ok();
        let fits = |url: &Uri| {
            let plain = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            matches!(url.scheme_str(), Some("http" | "https")) && plain
        };
        url.filter(fits).map(Some).ok_or_else(|| {
            let name = quote::quoted(&self.name());
            Failure::usage(format!(
                "subscriber {name}: `{}` is nowhere to send events",
                quote::quoted(&self.url)
            ))
            .hint("write https://HOST/PATH, file:PATH or stdout:")
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn section(text: &str) -> SubscriberSection {
        toml::from_str(text).unwrap()
    }

    #[rstest]
    #[case("url = 'https://x.example/in?key=1'", "x.example/in")]
    #[case("url = 'stdout:'", "stdout")]
    #[case("url = 'file:/var/log/e.jsonl'", "file:/var/log/e.jsonl")]
    #[case("name = 'n'\nurl = 'https://x.example/'", "n")]
    fn names(#[case] text: &str, #[case] name: &str) {
        assert_eq!(section(text).name(), name);
    }

    #[rstest]
    #[case("url = 'https://x.example/'", false)]
    #[case("url = 'https://x.example/'\nsecret = 'env:X'", true)]
    #[case("url = 'https://u:p@x.example/'\nsecret = 'env:X'", false)]
    #[case("url = 'http://x.example/'\nsecret = 'env:X'", false)]
    #[case("url = 'http://x.example/'\nsecret = 'env:X'\nallow_private = true", true)]
    #[case("url = 'stdout:'", true)]
    #[case("url = 'file:'", false)]
    #[case("url = 'file:/x'\nbatch = 0", false)]
    #[case("url = 'file:/x'\nconcurrency = 1000", false)]
    #[case("url = 'file:/x'\ntimeout_ms = 0", false)]
    fn what_is_accepted(#[case] text: &str, #[case] good: bool) {
        assert_eq!(section(text).check().is_ok(), good);
    }
}
