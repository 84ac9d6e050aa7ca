//! What is refused before a handler sees it (a body that is no JSON, a query that cannot be read, a method that is not there)
//! is told in the admin API's own shape. And no answer is kept on the way, or taken for something else than it says it is.

use axum::extract::Request;
use axum::http::{HeaderValue, Response, header};
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::{Json, body};
use serde_json::json;

/// The words of a refusal are a line.
const WORDS_BYTES_MAX: usize = 16 * 1024;

pub(super) async fn ours(request: Request, next: Next) -> Response<body::Body> {
    let answer = next.run(request).await;
    if !answer.status().is_client_error() || !is_bare(answer.headers().get(header::CONTENT_TYPE)) {
        return answer;
    }
    let (mut head, words) = answer.into_parts();
    let words = body::to_bytes(words, WORDS_BYTES_MAX).await.unwrap_or_default();
    let message = match String::from_utf8_lossy(&words).trim() {
        "" => head.status.to_string(),
        words => words.to_owned(),
    };
    let told = Json(json!({"status": "error", "message": message})).into_response();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(told.headers().clone());
    Response::from_parts(head, told.into_body())
}

/// Pages say so themselves, and more.
pub(super) async fn kept_nowhere(request: Request, next: Next) -> Response<body::Body> {
    let mut answer = next.run(request).await;
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")] {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

fn is_bare(kind: Option<&HeaderValue>) -> bool {
    kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"))
}
