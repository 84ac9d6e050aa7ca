//! The console: what a person on call sees in a browser at the admin listener's `/`.
//!
//! Pages are made on the server from the same reports as the JSON API. They work without scripts; the only script keeps
//! an open page fresh. Who may ask is the admin listener's business (`OwnHosts`), not decided here.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use maud::Markup;

use crate::admin::Admin;

mod budgets;
mod calls;
mod drill;
mod headline;
mod incidents;
mod now;
mod one_incident;
mod page;
mod switches;
mod words;

pub(crate) use drill::Drill;

const STYLE: &str = include_str!("console/assets/console.css");
const SCRIPT: &str = include_str!("console/assets/console.js");

/// Nothing from elsewhere, nothing inline, in nobody's frame.
pub(crate) const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
             base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // With `no-referrer` a browser would hide the origin of our own forms, which is what tells them from foreign ones.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The console's pages, to be merged into the admin listener's.
pub(crate) fn routes() -> Router<Admin> {
    Router::new()
        .route("/", get(now))
        .route("/switches", post(switches::turn))
        .route("/incidents", get(incidents::list))
        .route("/incidents/{id}", get(incidents::show))
        .route("/incidents/{id}/{verb}", post(incidents::act))
        .route("/drill", get(drill::show).post(drill::change))
        .route("/console.css", get(|| async { ([(header::CONTENT_TYPE, "text/css")], STYLE) }))
        .route("/console.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript")], SCRIPT) }))
}

async fn now(State(admin): State<Admin>) -> impl IntoResponse {
    html(now::page(&admin))
}

/// A page with the headers that every page has.
fn html(page: Markup) -> impl IntoResponse {
    (HEADERS, axum::response::Html(page.0))
}
