//! The drill page of `demo`: break the simulated HubSpot, see what hubkeeper makes of it, mend it.

use std::sync::Arc;

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};
use simulator::Shell;

use super::page::{Page, frame};
use super::{html as answer, now};
use crate::admin::{Admin, Right, csrf_field, may};

const FAULTS: &str = "/_sim/faults";
const KINDS: &str = "/_sim/faults/kinds";

/// The simulated HubSpot that a drill may break.
#[derive(Clone)]
pub(crate) struct Drill(Arc<Shell>);

/// What a form says: a kind to break, or nothing to mend it all.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    kind: String,
}

impl Drill {
    pub(crate) fn new(simulated: Arc<Shell>) -> Self {
        Self(simulated)
    }

    /// The simulator's control, as it is over HTTP.
    async fn ask(&self, method: &str, path: &str, body: Value) -> Result<Value, String> {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let request = http::Request::builder().method(method).uri(path).body(body);
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.0.exchange(request).await.map_err(|fault| fault.to_string())?;
        let is_success = answer.status().is_success();
        let body = answer.into_body();
        let text = String::from_utf8_lossy(&body).into_owned();
        if is_success { Ok(serde_json::from_str(&text).unwrap_or_default()) } else { Err(text) }
    }
}

pub(super) async fn show(State(admin): State<Admin>) -> Response {
    let Some(drill) = &admin.drill else { return nothing_to_break() };
    let kinds = drill.ask("GET", KINDS, Value::Null).await;
    let faults = drill.ask("GET", FAULTS, Value::Null).await;
    match (kinds, faults) {
        (Ok(kinds), Ok(faults)) => answer(page(&admin, &kinds, &faults)).into_response(),
        (Err(why), _) | (_, Err(why)) => (StatusCode::BAD_GATEWAY, why).into_response(),
    }
}

/// Breaks one thing, or mends everything.
pub(super) async fn change(State(admin): State<Admin>, Form(wish): Form<Wish>) -> Response {
    let Some(drill) = &admin.drill else { return nothing_to_break() };
    let changed = if wish.kind.is_empty() {
        drill.ask("DELETE", FAULTS, Value::Null).await
    } else {
        drill.ask("POST", FAULTS, json!({"kind": wish.kind})).await
    };
    match changed {
        Ok(_) => Redirect::to("/drill").into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

fn nothing_to_break() -> Response {
    let message = "Drills are for the demo: nothing here may be broken. Start `hubkeeper demo`.";
    (StatusCode::NOT_FOUND, message).into_response()
}

fn page(admin: &Admin, kinds: &Value, faults: &Value) -> Markup {
    let faults = faults["faults"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let kinds = kinds["kinds"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let content = html! {
        section {
            h2 { "Broken now" }
            @if faults.is_empty() {
                p { "Nothing. Break something below, then see what “Now” and " code { "hubkeeper triage" } " say." }
            } @else {
                ul { @for fault in faults { li { code { (text(&fault["kind"])) } } } }
                @if may(Right::Act) {
                    form method="post" action="/drill" { (csrf_field()) button { "Mend everything" } }
                }
            }
        }
        section {
            h2 { "Break something" }
            table {
                thead { tr { th { "Fault" } th { "What a caller sees" } th { "" } } }
                tbody { @for kind in kinds { (row(kind)) } }
            }
        }
    };
    frame(Page::Drill, now::menu(admin), &content)
}

fn row(kind: &Value) -> Markup {
    let code = text(&kind["kind"]);
    html! {
        tr {
            td { code { (code) } " " small { (text(&kind["id"])) } }
            td { (text(&kind["seen"])) }
            td {
                @if may(Right::Act) {
                    form method="post" action="/drill" { (csrf_field()) button name="kind" value=(code) { "Break" } }
                }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
