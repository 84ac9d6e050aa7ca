//! The page that people log in at.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use maud::{DOCTYPE, html};
use serde::Deserialize;

use super::Login;

/// Names are short.
const NAME_BYTES_MAX: usize = 100;

/// What its form says.
#[derive(Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    name: String,
    #[serde(default)]
    key: String,
}

impl Given {
    /// Who the audit log is to name; `None` where it could not.
    pub(super) fn name(&self) -> Option<&str> {
        let name = self.name.trim();
        let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control);
        is_name.then_some(name)
    }

    pub(super) fn key(&self) -> &[u8] {
        self.key.trim().as_bytes()
    }
}

pub(super) fn login_page(status: StatusCode, said: &str, login: &Login) -> Response {
    page(status, said, login, None)
}

/// The same, for somebody on the way to a page. A browser that was led here from another site has not shown whether
/// somebody is logged in; from a link of ours it does.
pub(super) fn going_on(login: &Login, to: &str) -> Response {
    page(StatusCode::OK, "", login, Some(to).filter(|to| *to != "/"))
}

fn page(status: StatusCode, said: &str, login: &Login, to: Option<&str>) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Log in · hubkeeper" }
                link rel="stylesheet" href="/console.css";
            }
            body { main {
                h1 { "hubkeeper" }
                @if !said.is_empty() { p role="alert" { (said) } }
                @if let Some(oidc) = login.oidc() {
                    p { a href="/login/oidc" { "Log in with " (oidc.name()) } }
                }
                @if login.has_keys() {
                    form method="post" action="/login" {
                        label { "Your name " input name="name" required maxlength=(NAME_BYTES_MAX) autocomplete="username"; }
                        " "
                        label { "Admin key " input type="password" name="key" required autocomplete="current-password"; }
                        " "
                        button { "Log in" }
                    }
                    p { "The name is what the audit log says of what you do." }
                }
                @if let Some(to) = to {
                    p { "Then you go on to " code { (to) } ". " a href=(to) { "I am logged in already" } "." }
                }
            } }
        }
    };
    (status, crate::console::HEADERS, Html(page.0)).into_response()
}

/// Whoever was led here from another site: only from a page of ours does the browser send what it has just been given.
pub(super) fn landing_page(to: &str) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="refresh" content={ "0;url=" (to) };
                title { "Logged in · hubkeeper" }
                link rel="stylesheet" href="/console.css";
            }
            body { main { p { "Logged in. " a href=(to) { "Go on" } "." } } }
        }
    };
    (StatusCode::OK, crate::console::HEADERS, Html(page.0)).into_response()
}
