//! What is wrong, from status, headers and body.

use http::{HeaderMap, StatusCode};

use super::ErrorKind;
use super::body::Body;

impl ErrorKind {
    /// The kind of that [`name`](Self::name).
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name in logs and metrics: `burst_limit`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::InvalidAuthentication => "invalid_authentication",
            Self::ExpiredAuthentication => "expired_authentication",
            Self::MissingScopes => "missing_scopes",
            Self::UserPermissions => "user_permissions",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::NoSuchEndpoint => "no_such_endpoint",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Conflict => "conflict",
            Self::TooLong => "too_long",
            Self::Locked => "locked",
            Self::BurstLimit => "burst_limit",
            Self::SearchLimit => "search_limit",
            Self::DailyLimit => "daily_limit",
            Self::OtherLimit => "other_limit",
            Self::Migrating => "migrating",
            Self::Internal => "internal",
            Self::Processing => "processing",
            Self::Unavailable => "unavailable",
            Self::OriginUnreachable => "origin_unreachable",
            Self::EdgeTimeout => "edge_timeout",
            Self::EdgeBlock => "edge_block",
            Self::Proxy => "proxy",
            Self::BadRefreshToken => "bad_refresh_token",
            Self::BadClient => "bad_client",
            Self::OtherOauth => "other_oauth",
            Self::Partial => "partial",
            Self::OtherClient => "other_client",
            Self::OtherServer => "other_server",
        }
    }

    pub const ALL: [Self; 30] = [
        Self::Validation,
        Self::InvalidAuthentication,
        Self::ExpiredAuthentication,
        Self::MissingScopes,
        Self::UserPermissions,
        Self::Forbidden,
        Self::NotFound,
        Self::NoSuchEndpoint,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::TooLong,
        Self::Locked,
        Self::BurstLimit,
        Self::SearchLimit,
        Self::DailyLimit,
        Self::OtherLimit,
        Self::Migrating,
        Self::Internal,
        Self::Processing,
        Self::Unavailable,
        Self::OriginUnreachable,
        Self::EdgeTimeout,
        Self::EdgeBlock,
        Self::Proxy,
        Self::BadRefreshToken,
        Self::BadClient,
        Self::OtherOauth,
        Self::Partial,
        Self::OtherClient,
        Self::OtherServer,
    ];
}

/// The kind of an answer, `None` for a success. The order matters: a throttle may wear any status, a proxy's
/// page any too, and only then does the status say what it says.
pub(super) fn kind_of(status: StatusCode, headers: &HeaderMap, body: &Body) -> Option<ErrorKind> {
    if status.as_u16() < 400 {
        return (body.failed_items() > 0).then_some(ErrorKind::Partial);
    }
    Some(if is_throttle(status, body) {
        throttle(body)
    } else if is_proxy(status, headers, body) {
        ErrorKind::Proxy
    } else if status.is_client_error() {
        oauth(body).unwrap_or_else(|| client_error(status, body))
    } else {
        server_error(status)
    })
}

/// 429, or the words for it under another status, 500 for one (facts §1.5).
fn is_throttle(status: StatusCode, body: &Body) -> bool {
    let says = |field: &Option<String>, word: &str| {
        field.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    status == StatusCode::TOO_MANY_REQUESTS
        || says(&body.error_type, "RATE_LIMIT")
        || says(&body.category, "RATE_LIMITS")
}

/// Which limit was hit: by `policyName`, else by the words of the message or the group (facts §1.5).
fn throttle(body: &Body) -> ErrorKind {
    let policy = lower(body.policy_name.as_deref());
    let message = lower(body.message.as_deref());
    let group = lower(body.group_name.as_deref());
    let said = |words: &[&str]| {
        words.iter().any(|word| policy.contains(word) || message.contains(word) || group.contains(word))
    };
    // "ten_secondly" holds "secondly", so it is asked first.
    if said(&["ten_secondly", "ten-secondly"]) {
        ErrorKind::BurstLimit
    } else if policy == "daily" || (policy.is_empty() && said(&["daily limit", "calls-daily"])) {
        ErrorKind::DailyLimit
    } else if policy == "secondly" || (policy.is_empty() && said(&["secondly limit", "-secondly:"])) {
        ErrorKind::SearchLimit
    } else if policy.is_empty() && !body.html && !is_other_limit(body, &message) {
        ErrorKind::BurstLimit
    } else {
        ErrorKind::OtherLimit
    }
}

/// The token endpoint says `You have reached your rate limit.` (facts §1.5), an import over its size carries an
/// ordinary error body (facts §1.9).
fn is_other_limit(body: &Body, message: &str) -> bool {
    let ordinary =
        body.category.as_deref().is_some_and(|category| !category.to_ascii_uppercase().contains("RATE"));
    message.contains("reached your rate limit") || ordinary
}

/// A proxy between us and HubSpot answered. HubSpot's own edge leaves `CF-Ray` and no `Via`.
fn is_proxy(status: StatusCode, headers: &HeaderMap, body: &Body) -> bool {
    let has = |name: &str| headers.contains_key(name);
    let asks = status == StatusCode::PROXY_AUTHENTICATION_REQUIRED || has("proxy-authenticate");
    let signed = has("x-squid-error") || has("proxy-status") || has("via");
    asks || (signed && !has("cf-ray") && !body.is_hubspot)
}

/// The token endpoint's words (facts §5.2). `status` is the precise one, `error` the standard one.
fn oauth(body: &Body) -> Option<ErrorKind> {
    let status = body.status.as_deref().unwrap_or_default();
    let error = body.oauth_error.as_deref().unwrap_or_default();
    let message = lower(body.message.as_deref());
    match (status, error) {
        ("BAD_REFRESH_TOKEN", _) => Some(ErrorKind::BadRefreshToken),
        ("BAD_CLIENT_ID" | "BAD_CLIENT_SECRET", _) => Some(ErrorKind::BadClient),
        (status, _) if status.starts_with("BAD_") => Some(ErrorKind::OtherOauth),
        (_, "invalid_client") => Some(ErrorKind::BadClient),
        (_, "invalid_grant") => Some(ErrorKind::BadRefreshToken),
        (_, error) if OAUTH_ERRORS.contains(&error) => Some(ErrorKind::OtherOauth),
        // The text before January 2026, without either word.
        _ if message.contains("missing or invalid refresh token") => Some(ErrorKind::BadRefreshToken),
        _ => None,
    }
}

/// RFC 6749 §5.2 and §4.1.2.1, without the two that have a kind of their own.
const OAUTH_ERRORS: [&str; 6] = [
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_response_type",
    "access_denied",
];

/// facts §1.7 and §2.2. Where the status has one meaning only, the body is not asked.
fn client_error(status: StatusCode, body: &Body) -> ErrorKind {
    let page = |kind| if body.html { ErrorKind::EdgeBlock } else { kind };
    match status.as_u16() {
        400 => page(ErrorKind::Validation),
        401 => page(unauthenticated(body)),
        403 => forbidden(body),
        404 | 410 if body.is_hubspot => ErrorKind::NotFound,
        404 | 410 => ErrorKind::NoSuchEndpoint,
        405 => ErrorKind::MethodNotAllowed,
        409 => page(ErrorKind::Conflict),
        414 => ErrorKind::TooLong,
        423 => page(ErrorKind::Locked),
        477 => ErrorKind::Migrating,
        _ => page(ErrorKind::OtherClient),
    }
}

fn unauthenticated(body: &Body) -> ErrorKind {
    let expired = body.category.as_deref() == Some("EXPIRED_AUTHENTICATION");
    let never_valid = body.expire_time.as_deref().is_some_and(|time| time.starts_with("1970-01-01"));
    if expired && !never_valid { ErrorKind::ExpiredAuthentication } else { ErrorKind::InvalidAuthentication }
}

fn forbidden(body: &Body) -> ErrorKind {
    match body.category.as_deref() {
        Some("MISSING_SCOPES") => ErrorKind::MissingScopes,
        Some("USER_DOES_NOT_HAVE_PERMISSIONS") => ErrorKind::UserPermissions,
        _ if !body.required_scopes.is_empty() => ErrorKind::MissingScopes,
        _ if body.is_hubspot => ErrorKind::Forbidden,
        _ => ErrorKind::EdgeBlock,
    }
}

/// facts §1.7. These say the same with a page of the edge as with JSON.
fn server_error(status: StatusCode) -> ErrorKind {
    match status.as_u16() {
        500 => ErrorKind::Internal,
        502 | 504 => ErrorKind::Processing,
        503 => ErrorKind::Unavailable,
        521 | 522 | 523 | 525 | 526 => ErrorKind::OriginUnreachable,
        524 => ErrorKind::EdgeTimeout,
        _ => ErrorKind::OtherServer,
    }
}

fn lower(text: Option<&str>) -> String {
    text.unwrap_or_default().to_ascii_lowercase()
}
