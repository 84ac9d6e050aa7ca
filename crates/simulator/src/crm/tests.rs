//! What the CRM answers, call by call: behaviour as an SDK would see it.

mod associations;
mod batches;
mod definitions;
mod merging;
mod objects;
mod search;
mod seeds;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Crm, Moment};
use crate::call::Call;

const PORTAL_ID: u64 = 4242;

/// A portal with a clock that only moves when told to.
pub(super) struct Portal {
    pub(super) crm: Crm,
    pub(super) now: Timestamp,
    calls: u32,
}

impl Portal {
    pub(super) fn new() -> Self {
        let now = "2026-09-01T10:00:00Z".parse().unwrap();
        Self { crm: Crm::new(7, PORTAL_ID), now, calls: 0 }
    }

    pub(super) fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn call(&mut self, method: Method, target: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.raw(method, target, body).expect("a CRM path")
    }

    pub(super) fn raw(&mut self, method: Method, target: &str, body: Bytes) -> Option<(u16, Value)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("sim.test"));
        let call = Call {
            method,
            path: path.to_owned(),
            query: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            headers,
            body,
        };
        self.calls += 1;
        let correlation_id = format!("call-{}", self.calls);
        let moment = Moment { now: self.now, portal_id: PORTAL_ID, correlation_id };
        let reply = self.crm.handle(&call, &moment)?;
        let answer = if reply.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&reply.body).expect("answers are JSON")
        };
        Some((reply.status.as_u16(), answer))
    }

    pub(super) fn get(&mut self, target: &str) -> (u16, Value) {
        self.call(Method::GET, target, None)
    }

    pub(super) fn post(&mut self, target: &str, body: &Value) -> (u16, Value) {
        self.call(Method::POST, target, Some(body))
    }

    pub(super) fn put(&mut self, target: &str, body: &Value) -> (u16, Value) {
        self.call(Method::PUT, target, Some(body))
    }

    pub(super) fn patch(&mut self, target: &str, body: &Value) -> (u16, Value) {
        self.call(Method::PATCH, target, Some(body))
    }

    pub(super) fn delete(&mut self, target: &str) -> (u16, Value) {
        self.call(Method::DELETE, target, None)
    }

    /// Makes a record and gives its id.
    pub(super) fn made(&mut self, kind: &str, properties: &Value) -> String {
        let body = serde_json::json!({"properties": properties});
        let (status, answer) = self.post(&format!("/crm/v3/objects/{kind}"), &body);
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }
}

/// The whole answer, readable.
pub(super) fn whole((status, answer): (u16, Value)) -> String {
    format!("{status}\n{answer:#}")
}

/// The whole answer on one line.
pub(super) fn line((status, answer): (u16, Value)) -> String {
    format!("{status} {answer}")
}
