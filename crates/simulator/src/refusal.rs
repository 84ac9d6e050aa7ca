//! An error in HubSpot's shape (facts §2.1, https://developers.hubspot.com/docs/api-reference/error-handling).

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::call::Reply;

/// An error answer before it has its correlation id. Every field but the message may be absent, as on the wire.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    message: String,
    category: Option<&'static str>,
    /// Boxed: a refusal travels as the `Err` of many results.
    fields: Box<Map<String, Value>>,
    retry_after_s: Option<u64>,
}

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), category: None, fields: Box::default(), retry_after_s: None }
    }

    /// 400 VALIDATION_ERROR with one detail.
    pub fn validation(message: impl Into<String>, detail: &Value) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
            .category("VALIDATION_ERROR")
            .field("errors", json!([detail]))
    }

    /// 404 for a path HubSpot does not have.
    pub fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource not found")
    }

    #[must_use]
    pub fn category(mut self, category: &'static str) -> Self {
        self.category = Some(category);
        self
    }

    /// One more top-level field.
    #[must_use]
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Whole seconds; HubSpot promises the header only where the facts say so (§1.6).
    #[must_use]
    pub fn retry_after_s(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub fn reply(self, correlation_id: &str) -> Reply {
        let mut body = json!({"status": "error", "message": self.message, "correlationId": correlation_id});
        let fields = body.as_object_mut().expect("written as an object just above");
        if let Some(category) = self.category {
            fields.insert("category".to_owned(), category.into());
        }
        fields.extend(*self.fields);
        let mut reply = Reply::json(self.status, &body);
        if let Some(seconds) = self.retry_after_s {
            reply.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }
}

/// An HTML page, as edges and proxies write them.
pub fn page(status: StatusCode, title: &str, text: &str) -> Reply {
    let body = format!(
        "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
    );
    let mut headers = http::HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=UTF-8"));
    Reply { status, headers, body: Bytes::from(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_hubspots_shape() {
        let refusal =
            Refusal::validation("Property values were not valid", &json!({"message": "m", "code": "C"}));
        let reply = refusal.retry_after_s(3).reply("id-1");
        assert_eq!(reply.headers[header::RETRY_AFTER], "3");
        insta::assert_snapshot!(String::from_utf8_lossy(&reply.body), @r#"{"status":"error","message":"Property values were not valid","correlationId":"id-1","category":"VALIDATION_ERROR","errors":[{"message":"m","code":"C"}]}"#);
    }
}
