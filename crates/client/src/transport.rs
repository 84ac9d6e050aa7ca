//! The way to the wire, behind one seam: HTTP/1.1 in service, the simulator itself in virtual-time tests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

use crate::body::{Body, BodyError};

pub mod body_reader;
mod http1;
pub mod tls;

pub use http1::{Arriving, HttpTransport, TransportSettings};

/// Sends one request and waits for the head of its answer. No retries, no waiting for slots.
pub trait Transport: Send + Sync + 'static {
    fn send(&self, request: Request<Body>) -> Sending<'_>;
}

/// The server's own word for an answer's status, among its extensions where it is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub Bytes);

/// The future of [`Transport::send`].
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send + 'a>>;

/// Where on the way it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TransportFault {
    Dns,
    Connect,
    Tls,
    /// The connection broke after we had written to it.
    Reset,
    /// Likewise, on its first request after it had been idle: it had most likely been closed before.
    ResetAfterIdle,
    /// The answer ended before its end.
    Truncated,
    /// What came back was not HTTP.
    Malformed,
    /// The request's own body failed while it was being sent: HubSpot never got the whole of it.
    RequestBody,
}

impl TransportFault {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ResetAfterIdle => "reset_after_idle",
            Self::Reset => "reset",
            Self::Truncated => "truncated",
            Self::Malformed => "malformed",
            Self::RequestBody => "request_body",
        }
    }

    /// Can HubSpot have seen the request?
    pub const fn may_have_been_sent(self) -> bool {
        match self {
            Self::Dns | Self::Connect | Self::Tls => false,
            Self::Reset | Self::ResetAfterIdle | Self::Truncated | Self::Malformed | Self::RequestBody => {
                true
            }
        }
    }
}

/// The connection failed.
#[derive(Debug)]
pub struct TransportError {
    pub fault: TransportFault,
    source: BodyError,
}

impl TransportError {
    pub fn new(fault: TransportFault, source: impl Into<BodyError>) -> Self {
        Self { fault, source: source.into() }
    }

    /// The same, for another: its cause as text.
    pub(crate) fn again(&self) -> Self {
        let mut cause: &(dyn std::error::Error + 'static) = &*self.source;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::new(self.fault, cause.to_string())
    }

    pub fn may_have_been_sent(&self) -> bool {
        self.fault.may_have_been_sent()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.fault {
            TransportFault::Dns => "the name could not be resolved",
            TransportFault::Connect => "no connection",
            TransportFault::Tls => "the TLS handshake failed",
            TransportFault::ResetAfterIdle => "the kept connection broke when it was used again",
            TransportFault::Reset => "the connection broke before the answer",
            TransportFault::Truncated => "the answer was cut off",
            TransportFault::Malformed => "the answer was not HTTP",
            TransportFault::RequestBody => "the request's body broke off",
        })?;
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&*self.source);
        while let Some(error) = source {
            if error.source().is_none() {
                write!(f, ": {error}")?;
            }
            source = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
