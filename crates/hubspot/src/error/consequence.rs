//! What a kind of error means for retries, breakers and writes.

use super::{ApiError, ErrorKind};

impl ErrorKind {
    /// A limit was hit: wait for its window, the call itself was not looked at.
    pub const fn is_throttle(self) -> bool {
        matches!(self, Self::BurstLimit | Self::SearchLimit | Self::DailyLimit | Self::OtherLimit)
    }

    /// The credential was refused: a 401, or the token endpoint's no. Missing rights (403) are not this: that
    /// credential is genuine.
    pub const fn is_auth(self) -> bool {
        matches!(
            self,
            Self::InvalidAuthentication
                | Self::ExpiredAuthentication
                | Self::BadRefreshToken
                | Self::BadClient
                | Self::OtherOauth
        )
    }

    /// An everyday answer to the program that asked: not there, there already, a value refused. Everything else is
    /// the operator's business.
    pub const fn is_everyday(self) -> bool {
        matches!(
            self,
            Self::Validation
                | Self::NotFound
                | Self::Conflict
                | Self::TooLong
                | Self::MethodNotAllowed
                | Self::OtherClient
        )
    }

    /// HubSpot failed: 5xx, never a 4xx or a throttle. Those are answers of a service that works; opening a
    /// breaker on them would turn one caller's mistake into everybody's outage.
    ///
    /// [`ApiError::counts_against_breaker`] also counts pages of a proxy or an edge with a 5xx status.
    pub const fn counts_against_breaker(self) -> bool {
        matches!(
            self,
            Self::Internal
                | Self::Processing
                | Self::Unavailable
                | Self::OriginUnreachable
                | Self::EdgeTimeout
                | Self::OtherServer
        )
    }

    /// May HubSpot have done the work although it answered so? Without the status this is the careful answer:
    /// `true` wherever one of the statuses behind the kind allows it. See [`ApiError::may_have_been_applied`].
    pub const fn may_have_been_applied(self) -> bool {
        self.counts_against_breaker() || matches!(self, Self::Partial | Self::Proxy)
    }
}

impl ApiError {
    /// [`ErrorKind::counts_against_breaker`], or a proxy's or edge's page that says 5xx: HubSpot was not
    /// reached, which is for the breaker the same.
    pub fn counts_against_breaker(&self) -> bool {
        match self.kind {
            ErrorKind::Proxy | ErrorKind::EdgeBlock => self.status.is_server_error(),
            kind => kind.counts_against_breaker(),
        }
    }

    /// May HubSpot have done the work although it answered so? If so, a call that is not idempotent has an
    /// unknown outcome (law L2) and must not simply be sent again.
    ///
    /// * 4xx and throttles: no. The call was looked at and refused, or not looked at.
    /// * 521, 523, 525, 526: no. The edge opened no connection to the origin (refused, unreachable, TLS failed), so
    ///   it passed nothing on.
    /// * 522: yes. The edge reports so both when it could not connect and when the origin did not acknowledge a
    ///   request it had been sent.
    /// * 503: yes. A balancer that says so passed nothing on, but a service whose dependency failed half-way
    ///   says the same, and the two cannot be told apart.
    /// * 500, 502, 504, 524 and other 5xx: yes. The call had been handed on.
    /// * 207: yes. Some items were.
    pub fn may_have_been_applied(&self) -> bool {
        match self.kind {
            ErrorKind::OriginUnreachable => self.status.as_u16() == 522,
            ErrorKind::Proxy => self.status.is_server_error(),
            kind => kind.may_have_been_applied(),
        }
    }
}
