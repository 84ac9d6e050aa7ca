//! Refusals in HubSpot's own shape: the single error of facts §2.1 and the batch item error of facts §2.3.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Moment;
use crate::call::Reply;

/// Why a call, or one item of a batch, was turned down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    category: &'static str,
    message: String,
    sub_category: Option<&'static str>,
    context: Vec<(&'static str, Vec<String>)>,
    details: Vec<Detail>,
}

/// One entry of `errors[]`.
#[derive(Debug, Clone, PartialEq)]
struct Detail {
    message: String,
    code: Option<&'static str>,
    context: Vec<(&'static str, Vec<String>)>,
}

/// One property value HubSpot would not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadValue {
    pub(super) property: String,
    pub(super) message: String,
    pub(super) code: &'static str,
}

impl Refusal {
    fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            category,
            message: message.into(),
            sub_category: None,
            context: Vec::new(),
            details: Vec::new(),
        }
    }

    /// 400 `VALIDATION_ERROR`.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    /// 404 `OBJECT_NOT_FOUND`.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", message)
    }

    /// 409 `CONFLICT`, facts §2.2.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// 409 `OBJECT_ALREADY_EXISTS`, facts §2.2.
    pub(super) fn already_exists(message: impl Into<String>, sub_category: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, "OBJECT_ALREADY_EXISTS", message).under(sub_category)
    }

    /// 405, for a path that exists under another method.
    pub(super) fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "HTTP 405 Method Not Allowed")
    }

    /// 414, for a merge of records that carry too many identities, facts §3.3.
    pub(super) fn too_many_identities(limit: usize) -> Self {
        let message = format!("Unable to merge: the records have accumulated more than {limit} identities");
        Self::new(StatusCode::URI_TOO_LONG, "VALIDATION_ERROR", message)
    }

    /// 400 for a body that is not the JSON the call wants, facts §2.2.
    pub(super) fn bad_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line().max(1), error.column().max(1));
        Self::invalid(format!("Invalid input JSON on line {line}, column {column}: {error}"))
    }

    /// 400 for property values, with the JSON array embedded in the message, facts §2.1.
    pub(super) fn bad_values(values: &[BadValue], portal_id: u64) -> Self {
        let embedded: Vec<Value> = values.iter().map(|value| value.embedded(portal_id)).collect();
        let embedded = Value::Array(embedded);
        let mut refusal = Self::invalid(format!("Property values were not valid: {embedded}"));
        for value in values {
            refusal = refusal.detail(value.message.clone(), value.code, "propertyName", &value.property);
        }
        refusal
    }

    pub(super) fn under(mut self, sub_category: &'static str) -> Self {
        self.sub_category = Some(sub_category);
        self
    }

    pub(super) fn with(mut self, key: &'static str, values: Vec<String>) -> Self {
        self.context.push((key, values));
        self
    }

    pub(super) fn detail(
        mut self,
        message: impl Into<String>,
        code: &'static str,
        context_key: &'static str,
        context_value: &str,
    ) -> Self {
        let context = vec![(context_key, vec![context_value.to_owned()])];
        self.details.push(Detail { message: message.into(), code: Some(code), context });
        self
    }

    /// The whole answer of a call that was refused.
    pub(super) fn reply(&self, moment: &Moment) -> Reply {
        let mut body = Map::new();
        body.insert("status".into(), json!("error"));
        body.insert("message".into(), json!(self.message));
        body.insert("correlationId".into(), json!(moment.correlation_id));
        if !self.context.is_empty() {
            body.insert("context".into(), context_json(&self.context));
        }
        if !self.details.is_empty() {
            body.insert("errors".into(), self.details.iter().map(Detail::json).collect());
        }
        body.insert("category".into(), json!(self.category));
        if let Some(sub_category) = self.sub_category {
            body.insert("subCategory".into(), json!(sub_category));
        }
        Reply::json(self.status, &Value::Object(body))
    }

    /// The entry of `errors[]` in a 207, every required field of `StandardError` present.
    pub(super) fn batch_item(&self) -> Value {
        let mut item = Map::new();
        item.insert("status".into(), json!("error"));
        item.insert("category".into(), json!(self.category));
        if let Some(sub_category) = self.sub_category {
            item.insert("subCategory".into(), json!(sub_category));
        }
        item.insert("message".into(), json!(self.message));
        item.insert("errors".into(), self.details.iter().map(Detail::json).collect());
        item.insert("context".into(), context_json(&self.context));
        item.insert("links".into(), json!({}));
        Value::Object(item)
    }
}

impl BadValue {
    pub(super) fn new(property: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { property: property.to_owned(), message: message.into(), code }
    }

    fn embedded(&self, portal_id: u64) -> Value {
        json!({
            "isValid": false,
            "message": self.message,
            "error": self.code,
            "name": self.property,
            "localizedErrorMessage": self.message,
            "portalId": portal_id,
        })
    }
}

impl Detail {
    fn json(&self) -> Value {
        let mut detail = Map::new();
        detail.insert("message".into(), json!(self.message));
        if let Some(code) = self.code {
            detail.insert("code".into(), json!(code));
        }
        if !self.context.is_empty() {
            detail.insert("context".into(), context_json(&self.context));
        }
        Value::Object(detail)
    }
}

fn context_json(context: &[(&'static str, Vec<String>)]) -> Value {
    context.iter().map(|(key, values)| ((*key).to_owned(), json!(values))).collect()
}
