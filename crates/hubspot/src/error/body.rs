//! What a body holds, whatever the body is.
//!
//! HubSpot asks integrators to treat every field as optional (facts §2.1), and edges answer with HTML. So each
//! field is taken if it is there in a shape we can use, and left out otherwise; nothing here fails.

use http::{HeaderMap, header};
use serde_json::Value;

use super::CORRELATION_ID_LENGTH_MAX;

mod json;

/// The fields of an error body, of a throttle body, of an OAuth error body and of a 207, all in one.
#[derive(Debug, Default)]
pub(super) struct Body {
    pub category: Option<String>,
    pub sub_category: Option<String>,
    pub error_type: Option<String>,
    pub policy_name: Option<String>,
    pub group_name: Option<String>,
    pub codes: Vec<String>,
    pub message: Option<String>,
    pub correlation_id: Option<String>,
    pub required_scopes: Vec<String>,
    /// `status` of the body: `error`, or an OAuth code such as `BAD_REFRESH_TOKEN`.
    pub status: Option<String>,
    /// `error` of an OAuth body: `invalid_grant`.
    pub oauth_error: Option<String>,
    /// The first `context["expire time"]`.
    pub expire_time: Option<String>,
    /// An HTML page.
    pub html: bool,
    /// A JSON object with at least one field of HubSpot's error shape.
    pub is_hubspot: bool,
    error_count: u64,
    num_errors: Option<u64>,
}

/// Some servers put it before their text; it is not JSON.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Body {
    pub(super) fn read(headers: &HeaderMap, bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        if is_html(headers, bytes) {
            return Self { html: true, ..Self::default() };
        }
        let mut body = Self::default();
        json::each_field(bytes, &mut |name, value| body.take(name, value));
        if body.correlation_id.is_none() {
            body.correlation_id = embedded_correlation_id(bytes);
        }
        body.is_hubspot = body.has_hubspot_shape(bytes);
        body
    }

    pub(super) fn failed_items(&self) -> u64 {
        self.num_errors.unwrap_or(self.error_count)
    }

    fn take(&mut self, name: &str, value: Value) {
        match name {
            "category" => self.category = word(value),
            "subCategory" => self.sub_category = word_or_name(value),
            "errorType" => self.error_type = word(value),
            "policyName" => self.policy_name = word(value),
            "groupName" => self.group_name = word(value),
            "message" => self.message = text(value).or(self.message.take()),
            // Only where OAuth gives no `message`; which of the two comes first does not matter.
            "error_description" => self.message = self.message.take().or_else(|| text(value)),
            "correlationId" => self.correlation_id = text(value).filter(|id| is_correlation_id(id)),
            "error" => self.oauth_error = word(value),
            "status" => {
                self.status = word(value);
                let code = self.status.iter().filter(|status| status.starts_with("BAD_")).cloned();
                self.codes.extend(code);
            }
            "numErrors" => self.num_errors = count(&value),
            "context" => self.take_context(&value),
            "errors" => self.take_errors(&value),
            _ => {}
        }
    }

    fn take_errors(&mut self, errors: &Value) {
        let errors = errors.as_array().map(Vec::as_slice).unwrap_or_default();
        self.error_count = errors.len() as u64;
        for error in errors {
            if let Some(code) = error.get("code").and_then(Value::as_str).filter(|code| is_word(code)) {
                self.take_code(code);
            }
            if let Some(context) = error.get("context") {
                self.take_context(context);
            }
        }
    }

    /// A map of string to strings. `INVALID_OBJECT_IDS` is a code hidden among its keys (facts §2.2).
    fn take_context(&mut self, context: &Value) {
        for (name, values) in context.as_object().into_iter().flatten() {
            match name.as_str() {
                "requiredGranularScopes" | "requiredScopes" => {
                    for scope in strings(values) {
                        self.take_scope(scope);
                    }
                }
                "INVALID_OBJECT_IDS" => self.take_code(name),
                "expire time" if self.expire_time.is_none() => {
                    self.expire_time = strings(values).next().map(str::to_owned);
                }
                _ => {}
            }
        }
    }

    fn take_code(&mut self, code: &str) {
        if self.codes.len() < LIST_LENGTH_MAX {
            self.codes.push(code.to_owned());
        }
    }

    fn take_scope(&mut self, scope: &str) {
        let is_new = !self.required_scopes.iter().any(|known| known == scope);
        if is_new && is_word(scope) && self.required_scopes.len() < LIST_LENGTH_MAX {
            self.required_scopes.push(scope.to_owned());
        }
    }

    /// Is it HubSpot's API that speaks? A plain text `resource not found` is also on record (facts §2.2).
    fn has_hubspot_shape(&self, bytes: &[u8]) -> bool {
        self.category.is_some()
            || self.error_type.is_some()
            || self.correlation_id.is_some()
            || self.status.as_deref() == Some("error")
            || self.message.as_deref().is_some_and(|_| self.oauth_error.is_some())
            || bytes.trim_ascii().eq_ignore_ascii_case(b"resource not found")
    }
}

/// A batch holds 100 items, and HubSpot names about as many scopes where any one is enough; a list that is longer is
/// no list of ours to keep.
const LIST_LENGTH_MAX: usize = 200;

/// By its first byte, or by its type where that leaves it open: edges do not always name the type.
fn is_html(headers: &HeaderMap, bytes: &[u8]) -> bool {
    let named = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match bytes.trim_ascii_start().first() {
        None | Some(b'{' | b'[') => false,
        Some(b'<') => true,
        Some(_) => named.contains("text/html"),
    }
}

/// `"correlationId":"…"` anywhere in the text: in a nested item, in a message that quotes another answer, or
/// before the cut of a truncated body.
fn embedded_correlation_id(bytes: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"correlationId";
    let bytes = &bytes[..bytes.len().min(ID_SEARCHED_BYTES_MAX)];
    let at = bytes.windows(NAME.len()).position(|window| window == NAME)?;
    let rest = &bytes[at + NAME.len()..];
    let start = rest.iter().take(8).position(u8::is_ascii_hexdigit)?;
    let id: Vec<u8> = rest[start..]
        .iter()
        .copied()
        .take_while(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
        .take(37)
        .collect();
    let id = String::from_utf8(id).expect("hex digits and dashes are UTF-8");
    is_uuid(&id).then_some(id)
}

/// Error bodies are small; a batch answer of many megabytes is not searched to its end.
const ID_SEARCHED_BYTES_MAX: usize = 64 * 1024;

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

/// Letters, digits and dashes: an id is repeated in logs and must not carry anything else.
pub(super) fn is_correlation_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= CORRELATION_ID_LENGTH_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        // Numbers stand where strings belong now and then (facts §0).
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A name HubSpot has chosen. It goes into logs and labels of metrics, so sentences, which may hold personal data,
/// and anything long are left out.
fn word(value: Value) -> Option<String> {
    text(value).filter(|text| is_word(text))
}

fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    text.len() <= WORD_LENGTH_MAX && text.bytes().all(fits)
}

/// The longest name seen, a `groupName` with its ids, has about 60 characters.
const WORD_LENGTH_MAX: usize = 128;

/// `subCategory` is a string in samples and an object in the schema (facts §2.1).
fn word_or_name(value: Value) -> Option<String> {
    match value {
        Value::Object(mut fields) => {
            fields.remove("name").or_else(|| fields.remove("subCategory")).and_then(word)
        }
        other => word(other),
    }
}

fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn strings(values: &Value) -> impl Iterator<Item = &str> {
    let list = values.as_array().into_iter().flatten();
    list.chain(std::iter::once(values)).filter_map(Value::as_str)
}
