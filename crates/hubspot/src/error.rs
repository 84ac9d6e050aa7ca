//! What an answer that is not a success means.
//!
//! | file | does |
//! |---|---|
//! | `body` | takes from a body what it holds, whatever the body is |
//! | `kind` | names what is wrong, from status, headers and body |
//! | `consequence` | what a kind means for retries, breakers and lost writes |
//! | `retry_after` | how long HubSpot asks to wait |

use http::{HeaderMap, StatusCode};
use std::time::Duration;

mod body;
mod consequence;
mod kind;
mod retry_after;

use body::{Body, is_correlation_id};

/// The closed list of what can be wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// 400 VALIDATION_ERROR and its like.
    Validation,
    /// 401 INVALID_AUTHENTICATION, or an EXPIRED_AUTHENTICATION that says "expired in 1970": such a string never
    /// was a token (facts §2.2, trap).
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
    /// 429 TEN_SECONDLY_ROLLING, or a burst of unknown policy. On a call that draws on associations it may be that
    /// budget: how HubSpot words it there is unconfirmed (facts §1.5).
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
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    pub kind: ErrorKind,
    pub status: StatusCode,
    /// This and the names below are single words of at most 128 characters, fit for logs and labels.
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
    ///
    /// Survives any body: truncated JSON yields what stood before the cut, anything else is told by its status.
    pub fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if !is_worth_reading(status) {
            return None;
        }
        let body = Body::read(headers, body);
        let kind = kind::kind_of(status, headers, &body)?;
        Some(Self {
            kind,
            status,
            retry_after: retry_after::retry_after(headers),
            failed_items: if kind == ErrorKind::Partial { body.failed_items() } else { 0 },
            correlation_id: body.correlation_id.or_else(|| correlation_header(headers).map(str::to_owned)),
            category: body.category,
            sub_category: body.sub_category,
            error_type: body.error_type,
            policy_name: body.policy_name,
            codes: body.codes,
            message: body.message,
            required_scopes: body.required_scopes,
            html: body.html,
        })
    }
}

/// Without the message, which may hold personal data.
impl std::fmt::Debug for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiError")
            .field("kind", &self.kind)
            .field("status", &self.status)
            .field("category", &self.category)
            .field("sub_category", &self.sub_category)
            .field("error_type", &self.error_type)
            .field("policy_name", &self.policy_name)
            .field("codes", &self.codes)
            .field("message", &self.message.as_ref().map(|_| "***"))
            .field("correlation_id", &self.correlation_id)
            .field("required_scopes", &self.required_scopes)
            .field("retry_after", &self.retry_after)
            .field("failed_items", &self.failed_items)
            .field("html", &self.html)
            .finish()
    }
}

/// Only a 207 of the successes can hold errors.
fn is_worth_reading(status: StatusCode) -> bool {
    status == StatusCode::MULTI_STATUS || status.as_u16() >= 400
}

/// `X-HubSpot-Correlation-Id`: read by many clients, in no document of HubSpot's (facts §2.4, unconfirmed), so
/// it stands in only where the body has none.
pub fn correlation_header(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("x-hubspot-correlation-id")?.to_str().ok()?.trim();
    is_correlation_id(value).then_some(value)
}

/// A correlation id is a UUID of 36 characters; what is much longer is something else and is not repeated.
const CORRELATION_ID_LENGTH_MAX: usize = 64;

#[cfg(test)]
mod tests;
