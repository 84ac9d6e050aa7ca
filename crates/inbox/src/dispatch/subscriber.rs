//! Who gets what, and how.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::filter::Filter;
use super::signing::SigningKey;

/// Events in one request at most, as HubSpot itself sends.
pub const BATCH_MAX: usize = 100;

/// Requests to one subscriber at a time.
pub const CONCURRENCY_MAX: usize = 256;

/// A subscriber, ready to be served.
#[derive(Debug, Clone)]
pub struct Subscriber {
    pub name: String,
    pub sink: Sink,
    pub filter: Filter,
    pub order: Order,
    /// Events in one request, 1 to [`BATCH_MAX`].
    pub batch: usize,
    /// Requests at a time, 1 to [`CONCURRENCY_MAX`].
    pub concurrency: usize,
    /// How long an event waits for earlier ones of its object that may come later.
    pub settle: Duration,
}

/// Where events go.
#[derive(Debug, Clone)]
pub enum Sink {
    Http(HttpSink),
    /// A JSON object a line on our own output.
    Stdout,
    /// The same at the end of a file.
    File(PathBuf),
}

#[derive(Debug, Clone)]
pub struct HttpSink {
    pub url: Uri,
    /// Each signs; during a rotation two.
    pub keys: Vec<SigningKey>,
    pub reach: Reach,
    /// For one request, its answer included.
    pub timeout: Duration,
}

/// Which addresses may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// Our own network too.
    Private,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Every event, those of one object one after the other.
    PerObject,
    /// Likewise, and none that is older than one of the same subject that has been delivered or waits.
    LatestWins,
}

impl Order {
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerObject => "per-object",
            Self::LatestWins => "latest-wins",
        }
    }
}

/// Without what may hold a credential: userinfo, path and query.
impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => {
                let scheme = http.url.scheme_str().unwrap_or("http");
                write!(f, "{scheme}://{}", http.url.authority().map_or("", http::uri::Authority::as_str))
            }
            Self::Stdout => f.write_str("stdout:"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}
