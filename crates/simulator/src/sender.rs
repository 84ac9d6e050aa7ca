//! Sends webhook deliveries over real sockets, as many at a time as the apps' settings allow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::shell::Shell;
use crate::webhooks::workflow::{Action, Answer};
use crate::webhooks::{Outgoing, Way};

/// A receiver that has not answered by then has not taken it: facts §6.5 [DOC error-handling].
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The same for a workflow's action.
const WORKFLOW_ANSWER_MAX: Duration = Duration::from_secs(30);

/// Without anything due, how long until the clock may have been moved by hand.
const LOOK: Duration = Duration::from_millis(200);

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Sends for as long as the simulator lives.
pub(crate) async fn run(shell: Arc<Shell>) {
    let client: HttpClient = Client::builder(TokioExecutor::new()).build_http();
    loop {
        let (outgoing, wait) = shell.webhooks_due();
        for delivery in outgoing {
            tokio::spawn(send(shell.clone(), client.clone(), delivery));
        }
        for (action, headers) in shell.workflows_due() {
            tokio::spawn(act(shell.clone(), client.clone(), action, headers));
        }
        let _something_happened = timeout(wait.unwrap_or(LOOK).min(LOOK), shell.webhooks_changed()).await;
    }
}

async fn send(shell: Arc<Shell>, client: HttpClient, delivery: Outgoing) {
    let request = request(&shell, &delivery).filter(|_| delivery.way != Way::Closed);
    let Some(request) = request else { return shell.webhook_ended(delivery.number, None) };
    let mut answer = client.request(request);
    let answered = timeout(ANSWER_MAX, async {
        if delivery.way == Way::Slow {
            // It arrives, and nobody is left to hear the answer.
            tokio::time::sleep(ANSWER_MAX).await;
        }
        (&mut answer).await
    });
    let status = match answered.await {
        Ok(Ok(answer)) => Some(answer.status().as_u16()),
        Ok(Err(_)) | Err(_) => None,
    };
    shell.webhook_ended(delivery.number, status);
    if delivery.way == Way::Slow {
        let _heard_by_nobody = timeout(ANSWER_MAX, answer).await;
    }
}

async fn act(shell: Arc<Shell>, client: HttpClient, action: Action, headers: HeaderMap) {
    let request = post(action.method.clone(), &action.url, headers, action.body.clone());
    let answer = match request {
        Some(request) => {
            timeout(WORKFLOW_ANSWER_MAX, client.request(request)).await.ok().and_then(Result::ok)
        }
        None => None,
    };
    let answer = answer.map(|answer| Answer {
        status: answer.status().as_u16(),
        retry_after_ms: answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok()),
    });
    shell.workflow_ended(action, answer);
}

fn request(shell: &Shell, delivery: &Outgoing) -> Option<Request<Full<Bytes>>> {
    post(Method::POST, &delivery.url, shell.webhook_headers(delivery), delivery.body.clone())
}

fn post(method: Method, url: &str, signed: HeaderMap, body: Bytes) -> Option<Request<Full<Bytes>>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = url.parse::<Uri>().ok()?;
    *request.headers_mut() = signed;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static("HubSpot Connect 2.0 (http://dev.hubspot.com/) - simulated"),
    );
    Some(request)
}
