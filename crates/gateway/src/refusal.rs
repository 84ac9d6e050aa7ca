//! Our own errors, in HubSpot's shape, so that any SDK understands them. The category always names us.

use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::call::{CallFailed, Failure};
use client::curbs::Curb;
use client::transport::{TransportError, TransportFault};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::LengthLimitError;
use hubspot::endpoint::Endpoint;
use hubspot::error::ApiError;
use serde_json::json;
use uuid::Uuid;

use crate::connection::{Refused, Violation};
use crate::headers;

mod of_connections;
mod of_keeping;
mod of_limits;
mod of_rights;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");

/// An answer that is ours and not HubSpot's.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    category: &'static str,
    /// By which support, and the audit log, know it.
    correlation_id: Uuid,
    /// What happened, and one hint.
    message: String,
    retry_after: Option<Duration>,
    policy_name: Option<&'static str>,
    lacks: Lacks,
    /// The client may still be sending; the connection ends with this answer.
    close: bool,
}

/// What would let the call through: told as HubSpot tells missing scopes.
#[derive(Debug)]
enum Lacks {
    Nothing,
    Right(String),
    /// Of which any one is enough.
    Scopes(&'static [&'static str]),
}

impl Refusal {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            category,
            correlation_id: Uuid::new_v4(),
            message: message.into(),
            retry_after: None,
            policy_name: None,
            lacks: Lacks::Nothing,
            close: false,
        }
    }

    fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    fn after(self, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..self }
    }

    pub(crate) fn body_too_large(max: u64) -> Self {
        let message = format!(
            "The request's body is larger than {max} bytes. Send it in parts, or raise gateway.body_bytes_max."
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "HUBKEEPER_BODY_TOO_LARGE", message).closing()
    }

    pub(crate) fn body_unreadable() -> Self {
        let message =
            "The request's body ended early, was malformed or came too slowly. HubSpot did not get it.";
        Self::new(StatusCode::BAD_REQUEST, "HUBKEEPER_BODY_UNREADABLE", message).closing()
    }

    pub(crate) fn bad_target() -> Self {
        let message = "The request's target is not a path. Use the gateway's address as the API's base URL.";
        Self::new(StatusCode::BAD_REQUEST, "HUBKEEPER_BAD_REQUEST", message).closing()
    }

    pub(crate) fn bad_header(name: &str, hint: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "HUBKEEPER_BAD_REQUEST",
            format!("The header {name} cannot be read. {hint}"),
        )
    }

    pub(crate) fn unknown_host() -> Self {
        let message = "The request names a host that is not this server's, as a web page does that points its own \
                       name here. Call it as localhost or by its IP address, or write the name into the configuration: \
                       gateway.public_url, or admin.names for the admin API.";
        Self::new(StatusCode::FORBIDDEN, "HUBKEEPER_UNKNOWN_HOST", message).closing()
    }

    pub(crate) fn cross_site() -> Self {
        let message = "A web page of another site made this request. Nothing was sent to HubSpot. Call from a \
                       program, without Origin and Sec-Fetch-Site, or serve the page from gateway.public_url.";
        Self::new(StatusCode::FORBIDDEN, "HUBKEEPER_CROSS_SITE", message).closing()
    }

    pub(crate) fn unknown_caller() -> Self {
        let message = "The gateway key is missing or unknown. Send it as `Authorization: Bearer KEY`; keys are listed \
                       under [[callers]] in the configuration.";
        Self::new(StatusCode::UNAUTHORIZED, "HUBKEEPER_UNKNOWN_CALLER", message)
    }

    pub(crate) fn answer_cut() -> Self {
        let message = "HubSpot's answer was cut off. It may have been applied: read the record back before sending it again.";
        Self::new(StatusCode::BAD_GATEWAY, "HUBKEEPER_ANSWER_CUT", message)
    }

    pub(crate) fn draining() -> Self {
        let message = "The gateway is shutting down. The request was not sent to HubSpot; send it again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_SHUTTING_DOWN", message)
            .after(Duration::from_secs(1))
            .closing()
    }

    /// As its body names it.
    pub(crate) fn category(&self) -> &'static str {
        self.category
    }

    /// As its body tells it.
    pub(crate) const fn correlation_id(&self) -> Uuid {
        self.correlation_id
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// As whoever reads HubSpot's errors understands it.
    pub(crate) fn as_error(&self) -> Option<ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, JSON);
        ApiError::read(self.status, &headers, self.body().as_bytes())
    }

    fn body(&self) -> String {
        let mut body = json!({
            "status": "error",
            "message": self.message,
            "correlationId": self.correlation_id.to_string(),
            "category": self.category,
        });
        if let Some(policy_name) = self.policy_name {
            body["errorType"] = json!("RATE_LIMIT");
            body["policyName"] = json!(policy_name);
        }
        match &self.lacks {
            Lacks::Nothing => {}
            Lacks::Right(right) => {
                body["errors"] =
                    json!([{"message": "missing right", "context": {"requiredRights": [right]}}]);
            }
            Lacks::Scopes(any_of) => {
                body["subCategory"] = json!(of_rights::FORESTALLED);
                body["errors"] = json!([{
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": any_of},
                }]);
                body["links"] = json!({"scopes": "https://developers.hubspot.com/scopes"});
            }
        }
        body.to_string()
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::Whole(Bytes::from(self.body())));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, JSON);
        if let Some(retry_after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(retry_after)));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(headers::ATTEMPTS, HeaderValue::from_static("0"));
        response
    }
}

/// Whole seconds, never too early.
fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let why = match refused {
            Refused::HeadTimeout => {
                let message = "The request's head did not arrive in time. Nothing was sent to HubSpot.";
                return Self::new(StatusCode::REQUEST_TIMEOUT, "HUBKEEPER_HEAD_TIMEOUT", message).closing();
            }
            Refused::Framing(Violation::HeadTooLarge) => {
                let message = "The request line and headers are larger than 64 KiB.";
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Self::new(status, "HUBKEEPER_HEAD_TOO_LARGE", message).closing();
            }
            Refused::Framing(Violation::TooManyHeaders) => {
                let message = "The request has more than 100 headers.";
                let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
                return Self::new(status, "HUBKEEPER_HEAD_TOO_LARGE", message).closing();
            }
            Refused::Framing(Violation::SpeaksTls) => {
                let message = "This listener speaks plain HTTP. Call it by http://, or give it a certificate (gateway.tls_certificate).";
                return Self::new(StatusCode::BAD_REQUEST, "HUBKEEPER_BAD_REQUEST", message).closing();
            }
            Refused::Framing(Violation::TargetNotAPath) => return Self::bad_target(),
            Refused::Framing(Violation::BadRequestLine) => "its first line is not `METHOD /path HTTP/1.1`",
            Refused::Framing(Violation::BareLineFeed) => "a line ends without CR",
            Refused::Framing(Violation::LengthAndEncoding) => {
                "it has both Content-Length and Transfer-Encoding"
            }
            Refused::Framing(Violation::BadLength) => "its Content-Length is not one plain number",
            Refused::Framing(Violation::UnknownEncoding) => "its Transfer-Encoding is not just `chunked`",
            Refused::Framing(Violation::SeveralHosts) => "it has more than one Host",
            Refused::Framing(Violation::NoHost) => "it has no Host",
            Refused::Framing(Violation::BadHeaderLine) => "a header line is malformed",
            Refused::Framing(Violation::BadChunk) => "its chunks are malformed",
        };
        let message = format!(
            "The request is malformed or could be read in two ways: {why}. Check the HTTP client or the proxy before the gateway."
        );
        Self::new(StatusCode::BAD_REQUEST, "HUBKEEPER_AMBIGUOUS_REQUEST", message).closing()
    }
}

impl Refusal {
    /// A call that got no answer.
    pub(crate) fn of_call(failed: &CallFailed, endpoint: &Endpoint, body_bytes_max: u64) -> Self {
        let outcome = outcome(failed, endpoint);
        match &failed.why {
            Failure::Refused(refusal) => of_limits::refused(refusal),
            Failure::BreakerOpen { family, retry_after } => {
                let message = format!(
                    "HubSpot's {} API has been failing and is left alone for a moment. {outcome} `hubkeeper triage` says more.",
                    family.name()
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_BREAKER_OPEN", message)
                    .after(*retry_after)
            }
            Failure::Congested { family, retry_after } => {
                let message = format!(
                    "HubSpot's {} API is slow or overloaded, and there is no room for one more request before the deadline. {outcome}",
                    family.name()
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_CONGESTED", message).after(*retry_after)
            }
            Failure::Degraded { family, reason, retry_after } => {
                let message = format!(
                    "Degraded mode is on for HubSpot's {} API: {reason}. Only what is kept is answered. {outcome}",
                    family.name()
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_DEGRADED", message).after(*retry_after)
            }
            Failure::Held { curb, reason, retry_after } => held(*curb, reason, outcome).after(*retry_after),
            Failure::RetriesSpent { retry_after } => {
                let message = format!(
                    "HubSpot has just failed this same request, and retries are a tenth of all requests already. {outcome}"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_RETRY_BUDGET", message)
                    .after(*retry_after)
            }
            Failure::NotKept => {
                let message = format!(
                    "Nothing is kept that answers this, and `Cache-Control: only-if-cached` says not to ask HubSpot. {outcome}"
                );
                Self::new(StatusCode::GATEWAY_TIMEOUT, "HUBKEEPER_NOT_KEPT", message)
            }
            Failure::TooManyCredentials => {
                let message =
                    format!("More different tokens are in use than the gateway tells apart. {outcome}");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_TOO_MANY_CREDENTIALS", message)
                    .after(Duration::from_secs(60))
            }
            Failure::NoToken { connection, lack } => Self::no_token(connection, lack, outcome),
            Failure::PortalPaused { retry_after, asked_again_in: _ } => {
                let message = format!("HubSpot is moving this account to another data centre. {outcome}");
                let status = StatusCode::from_u16(477).expect("477 is a number of three digits");
                Self::new(status, "HUBKEEPER_PORTAL_MIGRATING", message).after(*retry_after)
            }
            Failure::Transport(error) if error.fault == TransportFault::RequestBody => {
                if is_too_large(error) {
                    Self::body_too_large(body_bytes_max)
                } else {
                    Self::body_unreadable()
                }
            }
            Failure::Transport(error) => {
                let (category, hint) = match error.fault {
                    TransportFault::Truncated => ("HUBKEEPER_ANSWER_CUT", "HubSpot's answer was cut off."),
                    TransportFault::Malformed => {
                        ("HUBKEEPER_ANSWER_MALFORMED", "What answered does not speak HTTP.")
                    }
                    TransportFault::Reset | TransportFault::ResetAfterIdle | TransportFault::RequestBody => {
                        ("HUBKEEPER_CONNECTION_LOST", "The connection to HubSpot broke.")
                    }
                    TransportFault::Dns | TransportFault::Connect | TransportFault::Tls => {
                        ("HUBKEEPER_UPSTREAM_UNREACHABLE", "HubSpot cannot be reached.")
                    }
                };
                let message = format!("{hint} {outcome} `hubkeeper triage` finds out why. ({error})");
                Self::new(StatusCode::BAD_GATEWAY, category, message)
            }
            Failure::TimedOut { after } => {
                let message =
                    format!("HubSpot did not answer within {:.1} s. {outcome}", after.as_secs_f64());
                Self::new(StatusCode::GATEWAY_TIMEOUT, "HUBKEEPER_TIMEOUT", message)
            }
        }
    }
}

/// The body's limit was reached while it streamed.
fn is_too_large(error: &TransportError) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What has become of the call. An earlier attempt may have arrived where the last one was not even sent.
fn outcome(failed: &CallFailed, endpoint: &Endpoint) -> &'static str {
    let unknown = failed.why.may_have_been_applied();
    if endpoint.idempotent && (unknown || failed.effort.attempts > 1) {
        "Sending it again is safe."
    } else if unknown {
        "It may have been applied: read the record back before sending it again."
    } else {
        "It was not sent to HubSpot."
    }
}

/// Something is wrong, and calls like this wait until it is not.
fn held(curb: Curb, reason: &str, outcome: &str) -> Refusal {
    let (status, category, what) = match curb {
        Curb::Shed => (StatusCode::TOO_MANY_REQUESTS, "HUBKEEPER_SHED", "Bulk calls are held back"),
        Curb::Parked | Curb::Slowed | Curb::NoRetries => {
            (StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_PARKED", "Writes and background calls are held back")
        }
    };
    Refusal::new(status, category, format!("{what}: {reason}. {outcome}"))
}
