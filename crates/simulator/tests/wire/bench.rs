//! A simulator, a caller with a token, and short words for what tests say most.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use simulator::{Config, Shell, Simulator, TransportFault};

pub(crate) struct Bench {
    pub(crate) shell: Shell,
    pub(crate) token: String,
}

/// An answer, its body read as JSON where it is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    pub(crate) fn is_html(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// `category`, or `policyName` where there is none.
    pub(crate) fn category(&self) -> &str {
        let field = |name: &str| self.body.get(name).and_then(Value::as_str);
        field("category").or_else(|| field("policyName")).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or_default()
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Config { contacts: 20, ..Config::default() })
    }

    pub(crate) fn with(config: Config) -> Self {
        let simulator = Simulator::new(config);
        let token = simulator.default_token();
        Self { shell: Shell::new(simulator), token }
    }

    pub(crate) async fn try_send(
        &self,
        line: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, TransportFault> {
        let (method, path) = line.split_once(' ').expect("method and path");
        let mut request = Request::builder().method(method).uri(path).header("host", "sim.test");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Value::Null => Bytes::new(),
            Value::String(raw) => Bytes::from(raw.clone()),
            body => Bytes::from(body.to_string()),
        };
        let response = self.shell.exchange(request.body(body).expect("a request")).await?;
        let (parts, body) = response.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }

    /// Sends as the default token.
    pub(crate) async fn send(&self, line: &str, body: &Value) -> Answer {
        self.try_send(line, Some(&self.token), body).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &Value::Null).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.try_send(&format!("GET {path}"), Some(token), &Value::Null).await.expect("an answer")
    }

    pub(crate) async fn anonymous(&self, line: &str, body: &Value) -> Answer {
        self.try_send(line, None, body).await.expect("an answer")
    }

    pub(crate) async fn sim(&self, line: &str, body: &Value) -> Answer {
        let (method, path) = line.split_once(' ').expect("method and path");
        self.anonymous(&format!("{method} /_sim/{path}"), body).await
    }

    /// Breaks something and gives the fault's id.
    pub(crate) async fn fault(&self, fault: &Value) -> u64 {
        let answer = self.sim("POST faults", fault).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body["id"].as_u64().expect("an id")
    }

    /// Breaks something by its id alone.
    pub(crate) async fn break_by(&self, id: &str) -> u64 {
        self.fault(&json!({"kind": id})).await
    }

    pub(crate) async fn mend(&self, id: u64) {
        assert_eq!(self.sim(&format!("DELETE faults/{id}"), &Value::Null).await.status, 204);
    }

    /// A further token with what `asked` says; gives the whole answer of the control API.
    pub(crate) async fn register(&self, asked: &Value) -> Value {
        let answer = self.sim("POST tokens", asked).await;
        assert_eq!(answer.status, StatusCode::CREATED.as_u16(), "{}", answer.text);
        answer.body
    }

    pub(crate) async fn stats(&self) -> Value {
        self.sim("GET stats", &Value::Null).await.body
    }

    pub(crate) async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// The ids of a few records.
    pub(crate) async fn contact_ids(&self, count: usize) -> Vec<String> {
        let answer = self.get(&format!("/crm/v3/objects/contacts?limit={count}")).await;
        let results = answer.body["results"].as_array().expect("a list of records").clone();
        results.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)).collect()
    }
}

/// The body of a batch call.
pub(crate) fn batch(inputs: impl IntoIterator<Item = Value>) -> Value {
    json!({"inputs": inputs.into_iter().collect::<Vec<_>>()})
}
