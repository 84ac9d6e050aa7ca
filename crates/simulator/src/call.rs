//! One exchange with the simulated HubSpot: the call as it arrives, the reply as it leaves.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

/// A request as the simulated HubSpot sees it.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    /// Percent-decoded, without the query.
    pub path: String,
    /// Decoded pairs, in the order sent.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    /// A call without query, headers and body.
    pub fn bare(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The path cut at its slashes, empty parts left out.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// `http://host` as the caller addressed us, for links in answers.
    pub fn origin(&self) -> String {
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        format!("http://{}", host.unwrap_or("api.hubapi.com"))
    }
}

/// An answer as HubSpot would send it.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(status: StatusCode, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
        Self { status, headers, body: Bytes::from(body.to_string()) }
    }

    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() }
    }
}

/// One change that took effect, in order: what `/_sim/log` shows and what the laws are checked against.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    pub at: Timestamp,
    /// `create`, `update`, `upsert`, `archive`, `merge`, `gdpr_delete`, `associate`, `disassociate`, …
    pub action: &'static str,
    /// `contacts`, `2-123`, `contacts/companies` for associations.
    pub object_type: String,
    pub id: String,
    /// What the write set, a stamp included; an empty value clears. `None` where it sets no properties.
    pub properties: Option<BTreeMap<String, String>>,
    /// `objectWriteTraceId` where the write carried one.
    pub trace_id: Option<String>,
    /// The correlation id of the call that did it.
    pub correlation_id: String,
}
