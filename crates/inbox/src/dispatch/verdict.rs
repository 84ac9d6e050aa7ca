//! What a subscriber's answer means.

use std::fmt;

use http::{HeaderMap, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use super::schedule;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Failed(Failed),
    /// 410: it wants nothing any more.
    Gone,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    pub status: Option<u16>,
    pub reason: Reason,
    /// How long it asks us to wait.
    pub wait: Option<SignedDuration>,
}

/// Why it was not delivered; tells nothing of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Status,
    /// It sends us elsewhere, where nobody has checked the address.
    Redirect,
    Name,
    /// The address is in a network that may not be called.
    Forbidden,
    Connect,
    Tls,
    Broken,
    Late,
    /// A file or a pipe that cannot be written.
    Unwritable,
}

impl Reason {
    pub const fn told(self) -> &'static str {
        match self {
            Self::Status => "answered with an error",
            Self::Redirect => "answered with a redirect, which is not followed",
            Self::Name => "the name does not resolve",
            Self::Forbidden => "the address is not public, and allow_private is not set",
            Self::Connect => "no connection",
            Self::Tls => "no TLS connection",
            Self::Broken => "the connection broke",
            Self::Late => "no answer in time",
            Self::Unwritable => "cannot be written",
        }
    }
}

impl Verdict {
    /// Of an answer.
    pub fn of(status: StatusCode, headers: &HeaderMap, now: Timestamp) -> Self {
        if status.is_success() {
            return Self::Delivered;
        }
        if status == StatusCode::GONE {
            return Self::Gone;
        }
        let reason = if status.is_redirection() { Reason::Redirect } else { Reason::Status };
        let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let after = headers.get(header::RETRY_AFTER).filter(|_| asks).and_then(|value| value.to_str().ok());
        let wait = after.and_then(|after| schedule::asked(after, now));
        Self::Failed(Failed { status: Some(status.as_u16()), reason, wait })
    }

    /// Without an answer.
    pub const fn none(reason: Reason) -> Self {
        Self::Failed(Failed { status: None, reason, wait: None })
    }
}

impl Failed {
    /// It may be this request's own fault, so that its events go one by one.
    pub fn may_be_the_content(&self) -> bool {
        self.status.is_some_and(|status| (400..500).contains(&status) && !matches!(status, 408 | 425 | 429))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.told())?;
        self.status.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of(status: u16, after: Option<&str>) -> Verdict {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
        }
        Verdict::of(StatusCode::from_u16(status).unwrap(), &headers, Timestamp::UNIX_EPOCH)
    }

    #[rstest]
    #[case(200, Verdict::Delivered)]
    #[case(204, Verdict::Delivered)]
    #[case(410, Verdict::Gone)]
    fn an_end(#[case] status: u16, #[case] verdict: Verdict) {
        assert_eq!(of(status, None), verdict);
    }

    #[rstest]
    #[case(302, Some("9"), Reason::Redirect, None)]
    #[case(429, Some("9"), Reason::Status, Some(9))]
    #[case(503, Some("9"), Reason::Status, Some(9))]
    #[case(500, Some("9"), Reason::Status, None)]
    #[case(404, None, Reason::Status, None)]
    fn a_failure(
        #[case] status: u16,
        #[case] after: Option<&str>,
        #[case] reason: Reason,
        #[case] wait: Option<i64>,
    ) {
        let wait = wait.map(SignedDuration::from_secs);
        assert_eq!(of(status, after), Verdict::Failed(Failed { status: Some(status), reason, wait }));
    }
}
