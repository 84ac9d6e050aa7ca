//! What an answer that is not a success means.

use http::{HeaderMap, StatusCode};
use std::time::Duration;

/// The closed list of what can be wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// 400 VALIDATION_ERROR and its like.
    Validation,
    /// 401 INVALID_AUTHENTICATION.
    InvalidAuthentication,
    /// 401 EXPIRED_AUTHENTICATION.
    ExpiredAuthentication,
    /// 403 MISSING_SCOPES.
    MissingScopes,
    /// 403 USER_DOES_NOT_HAVE_PERMISSIONS.
    UserPermissions,
    /// 403 otherwise, in HubSpot's shape.
    Forbidden,
    /// 404 in HubSpot's shape.
    NotFound,
    /// 404/410 with no HubSpot body: the path itself is not there.
    NoSuchEndpoint,
    MethodNotAllowed,
    /// 409.
    Conflict,
    /// 414: URL too long, or a merge past 250 identities.
    TooLong,
    /// 423: records locked for 2 s.
    Locked,
    /// 429 TEN_SECONDLY_ROLLING, or a burst of unknown policy.
    BurstLimit,
    /// 429 on search, "secondly".
    SearchLimit,
    /// 429 DAILY.
    DailyLimit,
    /// 429 of any other policy (imports, forms, token endpoint, …).
    OtherLimit,
    /// 477: the account is moving between data centres.
    Migrating,
    /// 500.
    Internal,
    /// 502, 504: processing limit or edge.
    Processing,
    /// 503.
    Unavailable,
    /// 521, 522, 523, 525, 526: the edge could not reach the origin.
    OriginUnreachable,
    /// 524: no answer within 100 s.
    EdgeTimeout,
    /// 403/52x/other HTML page by the edge or something in between: not HubSpot's API speaking.
    EdgeBlock,
    /// 407, or a proxy's page.
    Proxy,
    /// OAuth token endpoint: `BAD_REFRESH_TOKEN` / `invalid_grant`.
    BadRefreshToken,
    /// OAuth token endpoint: `invalid_client`, `BAD_CLIENT_ID`, `BAD_CLIENT_SECRET`.
    BadClient,
    /// OAuth token endpoint: anything else.
    OtherOauth,
    /// 207: some items of the batch failed.
    Partial,
    /// Any other 4xx.
    OtherClient,
    /// Any other 5xx.
    OtherServer,
}

/// Everything an error answer tells. Every field of HubSpot's body is optional, so every one here is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub kind: ErrorKind,
    pub status: StatusCode,
    pub category: Option<String>,
    pub sub_category: Option<String>,
    pub error_type: Option<String>,
    pub policy_name: Option<String>,
    /// `errors[].code` and OAuth `status`, in order.
    pub codes: Vec<String>,
    /// HubSpot's text. May hold personal data (an e-mail address in a 409): never log it.
    pub message: Option<String>,
    pub correlation_id: Option<String>,
    /// Scopes named by a 403; any one is enough.
    pub required_scopes: Vec<String>,
    pub retry_after: Option<Duration>,
    /// `numErrors` of a 207.
    pub failed_items: u64,
    /// The body was an HTML page.
    pub html: bool,
}

impl ApiError {
    /// Reads an answer. `None` where it is a plain success (a 2xx other than a 207 with errors, or 3xx).
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let _ = (status, headers, body);
        None
    }
}

impl ErrorKind {
    /// Its name in logs and metrics: `burst_limit`, …
    pub const fn name(self) -> &'static str {
        "other"
    }
}
